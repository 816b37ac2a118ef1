"""Reading ahead gives paho every byte in order, and leaves nothing lying in memory."""

import asyncio
import itertools
from typing import Any

from paho.mqtt.enums import MQTTErrorCode
from service_fakes import turns

from dispatcher.mqtt_socket import AT_A_STRETCH, QuickSocket

SUCCESS = MQTTErrorCode.MQTT_ERR_SUCCESS


class FakePaho:
    """Packets of one byte of length and a body, read as paho does: byte by byte."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = list(chunks)
        self.packets: list[bytes] = []
        self.calls = 0
        self.queued: list[bytes] = []
        self.acked: list[tuple[int, int]] = []
        self.connected = True
        self.left_to_write = 0
        self.fails: Exception | None = None
        self._partial = b""

    def _sock_recv(self, bufsize: int) -> bytes:
        self.calls += 1
        if not self.chunks:
            raise BlockingIOError
        return self.chunks.pop(0)

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        if self.fails is not None:
            raise self.fails
        try:
            while not self._partial or len(self._partial) <= self._partial[0]:
                wanted = self._partial[0] + 1 - len(self._partial) if self._partial else 1
                self._partial += self._sock_recv(wanted)
        except BlockingIOError:
            return SUCCESS
        self.packets.append(self._partial[1:])
        self._partial = b""
        return SUCCESS

    def loop_write(self) -> MQTTErrorCode:
        if self.fails is not None:
            raise self.fails
        return SUCCESS

    def want_write(self) -> bool:
        return self.left_to_write > 0

    def is_connected(self) -> bool:
        return self.connected

    def ack(self, mid: int, qos: int) -> None:
        self.acked.append((mid, qos))

    def _packet_queue(self, command: int, packet: bytes, mid: int, qos: int) -> None:
        self.queued.append(packet)


def quick(paho: FakePaho, errors: list[Exception] | None = None) -> QuickSocket:
    client: Any = paho
    note = (errors if errors is not None else []).append
    return QuickSocket(client, asyncio.get_running_loop(), note)


def packet(number: int) -> bytes:
    body = str(number).encode()
    return bytes([len(body)]) + body


async def test_all_that_has_arrived_is_read_at_once_and_in_turn() -> None:
    stream = b"".join(packet(n) for n in range(5 * AT_A_STRETCH))
    paho = FakePaho(stream[:7], stream[7:-1], stream[-1:])
    quick(paho)
    paho.loop_read()
    first = len(paho.packets)
    assert 0 < first <= 2 * AT_A_STRETCH
    # Nothing tells the loop of what lies in memory; it comes back to it by itself.
    await turns(10)
    assert len(paho.packets) >= 4 * AT_A_STRETCH
    paho.loop_read()
    await turns(10)
    assert paho.packets == [str(n).encode() for n in range(5 * AT_A_STRETCH)]
    assert paho.calls <= 8


async def test_others_have_their_turn_in_between() -> None:
    paho = FakePaho(b"".join(packet(n) for n in range(10 * AT_A_STRETCH)))
    quick(paho)
    seen: list[int] = []
    paho.loop_read()
    for _ in range(5):
        seen.append(len(paho.packets))
        await asyncio.sleep(0)
    assert all(after - before <= AT_A_STRETCH for before, after in itertools.pairwise(seen))


async def test_what_goes_wrong_while_reading_on_is_told() -> None:
    paho = FakePaho(b"".join(packet(n) for n in range(5 * AT_A_STRETCH)))
    errors: list[Exception] = []
    quick(paho, errors)
    paho.loop_read()
    paho.fails = ConnectionResetError("gone")
    await turns(3)
    assert errors == [paho.fails]


async def test_acknowledgements_of_one_turn_go_out_together() -> None:
    paho = FakePaho()
    sock = quick(paho)
    for mid in (1, 2, 515):
        sock.acknowledge(mid, 1)
    assert paho.queued == []
    await turns(2)
    assert paho.queued == [bytes.fromhex("40020001 40020002 40020203")]
    sock.acknowledge(9, 2)
    assert paho.acked == [(9, 2)]
    paho.connected = False
    sock.acknowledge(3, 1)
    await turns(2)
    assert len(paho.queued) == 1


async def test_what_the_socket_does_not_take_waits_for_room() -> None:
    paho = FakePaho()
    errors: list[Exception] = []
    sock = quick(paho, errors)
    waits: list[int] = []
    sock.write_soon(lambda: waits.append(1))
    await turns(2)
    assert waits == []
    paho.left_to_write = 1
    sock.write_soon(lambda: waits.append(2))
    await turns(2)
    assert waits == [2]
    paho.fails = BrokenPipeError("gone")
    sock.write_soon(lambda: waits.append(3))
    await turns(2)
    assert (waits, errors) == ([2], [paho.fails])
