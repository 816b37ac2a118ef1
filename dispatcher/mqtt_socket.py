"""Fewer system calls between paho and its socket.

paho reads a packet's head byte by byte and one packet at a time, and each packet it writes
goes through the loop's wake-up pipe. With a thousand messages a second that is most of the
work. Here what has arrived is read at once and taken from memory, what is to be written goes out
in the loop's next turn, and acknowledgements that fall together go out together.
"""

import asyncio
import struct
import threading
from collections.abc import Callable
from typing import Final

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode

READ_AHEAD_BYTES: Final = 64 * 1024
AT_A_STRETCH: Final = 4
"""Packets read before everything else in the process has its turn."""
_PUBACK: Final = 0x40


class QuickSocket:
    """Reads ahead for one paho client. ``on_error`` hears of errors that nobody else would."""

    def __init__(
        self,
        client: paho.Client,
        loop: asyncio.AbstractEventLoop,
        on_error: Callable[[Exception], None],
    ) -> None:
        self._client = client
        self._loop = loop
        self._on_error = on_error
        self._thread = threading.get_ident()
        self._ahead = memoryview(b"")
        self._to_acknowledge: list[int] = []
        # paho offers no other place to come in between.
        self._receive = client._sock_recv  # noqa: SLF001
        self._read_some = client.loop_read
        client._sock_recv = self._take  # type: ignore[method-assign]  # noqa: SLF001
        client.loop_read = self._read  # type: ignore[method-assign]

    @property
    def is_ours(self) -> bool:
        """Whether this is the loop's thread; paho connects in another."""
        return threading.get_ident() == self._thread

    def acknowledge(self, mid: int, qos: int) -> None:
        """Acknowledge a message, together with others of this turn of the loop."""
        if qos != 1:
            self._client.ack(mid, qos)
            return
        if not self._to_acknowledge:
            self._loop.call_soon(self.send_acknowledgements)
        self._to_acknowledge.append(mid)

    def send_acknowledgements(self) -> None:
        mids, self._to_acknowledge = self._to_acknowledge, []
        if mids and self._client.is_connected():
            packets = b"".join(struct.pack("!BBH", _PUBACK, 2, mid) for mid in mids)
            self._client._packet_queue(_PUBACK, packets, mids[-1], 1)  # noqa: SLF001

    def write_soon(self, wait_for_room: Callable[[], None]) -> None:
        """Write in the loop's next turn; ``wait_for_room`` if the socket does not take all."""
        self._loop.call_soon(self._write, wait_for_room)

    def _write(self, wait_for_room: Callable[[], None]) -> None:
        try:
            self._client.loop_write()
        except Exception as error:
            self._on_error(error)
            return
        if self._client.want_write():
            wait_for_room()

    def _take(self, bufsize: int) -> bytes:
        if not self._ahead:
            self._ahead = memoryview(self._receive(READ_AHEAD_BYTES))
        taken, self._ahead = self._ahead[:bufsize], self._ahead[bufsize:]
        return taken.tobytes()

    def _read(self, max_packets: int = 1) -> MQTTErrorCode:
        code = self._read_some(max_packets)
        for _ in range(AT_A_STRETCH - 1):
            if not self._ahead or code != MQTTErrorCode.MQTT_ERR_SUCCESS:
                break
            code = self._read_some(max_packets)
        if self._ahead and code == MQTTErrorCode.MQTT_ERR_SUCCESS:
            # The socket has nothing more to say, so that nobody else would come back to this.
            self._loop.call_soon(self._read_on)
        return code

    def _read_on(self) -> None:
        try:
            self._read()
        except Exception as error:
            self._on_error(error)
