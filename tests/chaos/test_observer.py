"""When a fleet counts as being right again, by what was heard of it."""

import asyncio
import json

from simulator.chaos.observer import FleetWatch

ONE, TWO, RIDER = "uagv/v2/sim/S1", "uagv/v2/sim/S2", "ringmaster/v1/z/rider/r1/trip/t1"


class Wire:
    def __init__(self) -> None:
        self.watch = FleetWatch(port=0)

    def order(self, shuttle: str, update: int, at_s: float) -> None:
        self._hear(f"{shuttle}/order", {"orderId": "o", "orderUpdateId": update}, at_s)

    def state(self, shuttle: str, update: int, at_s: float) -> None:
        self._hear(f"{shuttle}/state", {"orderId": "o", "orderUpdateId": update}, at_s)

    def told(self, at_s: float) -> None:
        self._hear(RIDER, {}, at_s)

    def _hear(self, topic: str, body: dict[str, object], at_s: float) -> None:
        self.watch._hear(topic, json.dumps(body).encode(), at_s)


async def asked(wire: Wire, since_s: float) -> "asyncio.Task[float]":
    right = asyncio.create_task(wire.watch.all_right_after(since_s))
    await asyncio.sleep(0)
    return right


async def is_over(right: "asyncio.Task[float]") -> bool:
    for _ in range(5):
        await asyncio.sleep(0)
    return right.done()


async def test_each_shuttle_must_show_the_newest_order_after_the_first_word() -> None:
    wire = Wire()
    wire.order(ONE, 1, 1.0)
    wire.order(TWO, 1, 1.0)
    right = await asked(wire, 10.0)
    # Both say that they have it, but nobody knows yet whether it is still the newest.
    wire.state(ONE, 1, 11.0)
    wire.state(TWO, 1, 11.0)
    assert not await is_over(right)
    wire.order(ONE, 2, 12.0)
    wire.state(ONE, 1, 12.5)
    wire.state(TWO, 1, 13.0)
    assert not await is_over(right)
    wire.state(ONE, 2, 14.0)
    assert await right == 14.0


async def test_a_word_to_a_rider_counts_where_no_shuttle_is_spoken_to() -> None:
    wire = Wire()
    wire.order(ONE, 1, 1.0)
    right = await asked(wire, 10.0)
    wire.told(12.0)
    wire.state(ONE, 1, 12.5)
    assert not await is_over(right)  # for a second more an order might come
    wire.state(ONE, 1, 13.0)
    assert await right == 13.0


async def test_a_fleet_settles_once_no_new_order_is_sent() -> None:
    wire = Wire()
    wire.order(ONE, 1, 1.0)
    settled = asyncio.create_task(wire.watch.settled(0.0))
    await asyncio.sleep(0)
    assert not settled.done()
    wire.state(ONE, 1, 2.0)
    async with asyncio.timeout(5.0):
        await settled
