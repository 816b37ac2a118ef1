"""What a command costs is said beforehand, and nothing is changed by saying it."""

import asyncio
from collections.abc import Callable

import pytest
from operator_post import OLGA, OperatorPost, open_post
from sketched_service import drive_s

from dispatcher.domain.commands import CommandProblem
from dispatcher.domain.events import (
    ClockTicked,
)
from dispatcher.domain.ids import ShuttleId, StopId
from dispatcher.domain.trips import BreachCause
from dispatcher.engine import state_digest
from dispatcher.operators import (
    CancelTrip,
    CloseStreets,
    CommandCost,
    CommandError,
    CostChangedError,
    DeskProblem,
    Harm,
    HoldShuttle,
    MoveTrip,
    SendShuttle,
    WithdrawShuttle,
)
from dispatcher.operators.desk import MOST_COSTS, OperatorDesk


async def test_moving_a_trip_says_who_takes_it_and_what_is_driven_for_it() -> None:
    async with open_post() as post:
        near, far = await post.shuttle("P"), await post.shuttle("T")
        trip = await post.trip("Q", "S")
        digest = state_digest(post.service.core.state)
        cost = await post.desk.preview(OLGA, MoveTrip(trip, far))
        assert cost.position == post.service.core.position
        (moved,) = cost.trips
        assert (moved.trip_id, moved.harm, moved.moves) == (trip, None, True)
        assert (moved.before.shuttle_id, moved.after.shuttle_id) == (near, far)
        assert moved.told == "Another shuttle takes you, as promised."
        assert (moved.pickup_later_s, moved.dropoff_later_s) == (0, 0)
        assert set(cost.shuttles) == {near}  # the other is told once this one has let go
        # From T it is two stops further to Q than from P.
        assert cost.driven_s == drive_s(3) - drive_s(1)
        assert cost.driven_m == 1000
        assert state_digest(post.service.core.state) == digest


async def test_a_command_that_would_be_refused_says_so_beforehand() -> None:
    async with open_post() as post:
        near = await post.shuttle("P")
        trip = await post.trip("Q", "S")
        cost = await post.desk.preview(OLGA, MoveTrip(trip, near))
        assert cost.refusal is not None
        assert cost.refusal.problem is CommandProblem.ALREADY_SO
        assert (cost.trips, cost.shuttles) == ((), ())


async def test_a_promise_that_would_break_is_shown_with_its_cause_and_the_new_one() -> None:
    async with open_post() as post:
        near = await post.shuttle("P")
        trip = await post.trip("Q", "S")
        cost = await post.desk.preview(OLGA, WithdrawShuttle(near))
        (left,) = cost.trips
        assert (left.harm, left.cause) == (Harm.WITHOUT_SHUTTLE, BreachCause.SHUTTLE_WITHDRAWN)
        assert left.after.shuttle_id is None
        closing = await post.desk.preview(OLGA, CloseStreets(stops=(StopId("S"),)))
        (changed,) = closing.trips
        assert changed.trip_id == trip
        assert changed.harm in (Harm.NEW_PROMISE, Harm.WITHOUT_SHUTTLE)
        assert changed.cause is BreachCause.CLOSURE
        cancelled = await post.desk.preview(OLGA, CancelTrip(trip))
        assert [(each.trip_id, each.harm) for each in cancelled.trips] == [(trip, Harm.ENDED)]
        assert cancelled.driven_s == -(drive_s(1) + drive_s(2))


async def test_holding_a_shuttle_says_how_long_it_may_stand() -> None:
    async with open_post() as post:
        near = await post.shuttle("P")
        trip = await post.trip("Q", "S")
        cost = await post.desk.preview(OLGA, HoldShuttle(near))
        promise = post.now_of(trip).promise
        assert promise is not None
        # It may set out so late that it is at Q when the window closes.
        assert cost.stands_s == promise.pickup_latest_s - post.clock.at_s - drive_s(1)
        idle = await post.shuttle("T")
        assert (await post.desk.preview(OLGA, HoldShuttle(idle))).stands_s is None


async def test_sending_a_shuttle_costs_its_drive() -> None:
    async with open_post() as post:
        near = await post.shuttle("P")
        cost = await post.desk.preview(OLGA, SendShuttle(near, StopId("Q")))
        assert (cost.driven_s, cost.driven_m, cost.shuttles) == (drive_s(1), 500, (near,))
        assert cost.trips == ()


async def test_what_was_agreed_to_is_done_although_time_has_passed() -> None:
    async with open_post() as post:
        near, far = await post.shuttle("P"), await post.shuttle("T")
        trip = await post.trip("Q", "S")
        cost = await post.desk.preview(OLGA, MoveTrip(trip, far))
        await post.tell(ClockTicked(0))
        assert post.service.core.position != cost.position
        outcome = await post.order(MoveTrip(trip, far), expected=cost.expected)
        assert outcome.accepted
        assert near != far


async def test_where_more_promises_would_break_than_were_shown_nothing_is_done() -> None:
    async with open_post() as post:
        near = await post.shuttle("P")
        first = await post.trip("Q", "S")
        cost = await post.desk.preview(OLGA, WithdrawShuttle(near))
        second = await post.trip("Q", "T")
        with pytest.raises(CostChangedError) as changed:
            await post.order(WithdrawShuttle(near), "c1", expected=cost.expected)
        new = changed.value.cost
        assert {trip.trip_id for trip in new.trips if trip.harm} == {first, second}
        assert not post.service.core.state.shuttles[near].withdrawn
        # The same command may be given again, with what it costs now agreed to.
        assert (await post.order(WithdrawShuttle(near), "c1", expected=new.expected)).accepted


async def test_fewer_broken_promises_than_shown_need_no_new_word() -> None:
    async with open_post() as post:
        near = await post.shuttle("P")
        await post.trip("Q", "S")
        cost = await post.desk.preview(OLGA, WithdrawShuttle(near))
        await post.shuttle("T")  # who can take the trip over
        assert (await post.order(WithdrawShuttle(near), expected=cost.expected)).accepted


async def test_only_so_many_costs_are_worked_out_at_once() -> None:
    class Slow(OperatorPost):
        def __init__(self) -> None:
            super().__init__()
            self.gate = asyncio.Event()
            self.desk = OperatorDesk(self.service, self.site, self.journal, aside=self._wait)

        async def _wait(self, work: Callable[[], CommandCost]) -> CommandCost:
            await self.gate.wait()
            return work()

    post = Slow()
    async with open_post(post):
        near = await post.shuttle("P")
        asked = [
            asyncio.create_task(post.desk.preview(OLGA, HoldShuttle(near)))
            for _ in range(MOST_COSTS)
        ]
        await asyncio.sleep(0)
        with pytest.raises(CommandError) as refused:
            await post.desk.preview(OLGA, HoldShuttle(near))
        assert refused.value.problem is DeskProblem.TOO_BUSY
        post.gate.set()
        assert {cost.refusal for cost in await asyncio.gather(*asked)} == {None}


async def test_before_the_state_stands_nothing_can_be_said() -> None:
    post = OperatorPost()
    with pytest.raises(CommandError) as refused:
        await post.desk.preview(OLGA, HoldShuttle(ShuttleId("s1")))
    assert refused.value.problem is DeskProblem.NOT_AVAILABLE
