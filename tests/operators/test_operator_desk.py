"""Every command is durable, done once, answered once and kept for whoever asks later."""

import asyncio

import pytest
from operator_post import OLGA, OperatorPost, open_post
from service_fakes import until

from dispatcher.domain.commands import CommandProblem
from dispatcher.domain.events import (
    ClockTicked,
    OperatorEvent,
    ShuttleHeld,
    StreetsClosed,
    TripCancelled,
    TripMoved,
)
from dispatcher.domain.ids import CommandId, EdgeId, OperatorId, ShuttleId, StopId, TripId
from dispatcher.domain.trips import TripState
from dispatcher.domain.zone import Point
from dispatcher.engine.commands import COMMANDS_KEPT
from dispatcher.intake import TooBusyError
from dispatcher.journal import StoreUnavailable, UnknownOutcome
from dispatcher.operators import (
    CancelTrip,
    CloseStreets,
    Command,
    CommandError,
    DeskProblem,
    HoldShuttle,
    MoveTrip,
    OpenStreets,
    ReleaseShuttle,
    ReturnShuttle,
    SendShuttle,
    WithdrawShuttle,
)
from dispatcher.replay import replay
from dispatcher.streets import Drawing
from dispatcher.zone_engine import ZoneEngine


async def journaled(post: OperatorPost) -> list[OperatorEvent]:
    page = await post.desk.list_commands()
    return [entry.event for entry in page.entries]


async def test_every_command_does_what_it_says() -> None:
    async with open_post() as post:
        near, far = await post.shuttle("P"), await post.shuttle("T")
        trip = await post.trip("Q", "S")
        shuttle = post.service.core.state.shuttles[near]
        assert (await post.order(HoldShuttle(near))).accepted
        assert shuttle.held
        assert (await post.order(ReleaseShuttle(near))).accepted
        assert not shuttle.held
        assert (await post.order(MoveTrip(trip, far))).accepted
        assert post.now_of(trip).shuttle_id == far
        assert (await post.order(WithdrawShuttle(near))).accepted
        assert shuttle.withdrawn
        assert (await post.order(ReturnShuttle(near))).accepted
        assert not shuttle.withdrawn
        assert (await post.order(CloseStreets(stops=(StopId("R"),)))).accepted
        assert post.service.core.state.closed_stops == ("R",)
        assert (await post.order(OpenStreets(stops=(StopId("R"),)))).accepted
        assert post.service.core.state.closed_stops == ()
        assert (await post.order(CancelTrip(trip), reason="A flood.")).accepted
        assert post.now_of(trip).state is TripState.CANCELLED_BY_OPERATOR


async def test_a_refused_command_says_why_and_what_to_do() -> None:
    async with open_post() as post:
        outcome = await post.order(HoldShuttle(ShuttleId("s9")))
    assert outcome.refusal is not None
    assert outcome.refusal.problem is CommandProblem.UNKNOWN_SHUTTLE
    assert outcome.refusal.text == "There is no shuttle s9."
    assert outcome.refusal.remedy == "Name one that has joined the zone."


async def test_the_same_command_again_is_answered_alike_and_written_once() -> None:
    async with open_post() as post:
        near = await post.shuttle("P")
        first = await post.order(HoldShuttle(near), "c1")
        await post.order(ReleaseShuttle(near))
        post.clock.at_s += 60
        written = await post.journal.last_position()
        assert await post.order(HoldShuttle(near), "c1") == first
        assert await post.journal.last_position() == written
        assert not post.service.core.state.shuttles[near].held


async def test_the_same_command_twice_at_once_is_written_once() -> None:
    async with open_post() as post:
        near = await post.shuttle("P")
        before = await post.journal.last_position()
        both = await asyncio.gather(*(post.order(HoldShuttle(near), "c1") for _ in range(2)))
        assert both[0] == both[1]
        assert await post.journal.last_position() == before + 1


async def test_an_id_given_to_another_command_is_an_error() -> None:
    async with open_post() as post:
        near = await post.shuttle("P")
        await post.order(HoldShuttle(near), "c1")
        with pytest.raises(CommandError) as reused:
            await post.order(ReleaseShuttle(near), "c1")
        assert reused.value.problem is DeskProblem.COMMAND_ID_REUSED
        # At once, before the first is known, it is no different.
        both = await asyncio.gather(
            post.order(WithdrawShuttle(near), "c2"),
            post.order(ReturnShuttle(near), "c2"),
            return_exceptions=True,
        )
        assert [isinstance(each, CommandError) for each in both] == [False, True]
        # What another operator calls c1 is another command.
        other = await post.desk.submit(
            OperatorId("pia"), CommandId("c1"), ReleaseShuttle(near), "mine"
        )
        assert other.accepted


async def test_commands_are_known_after_a_restart_and_after_an_answer_was_lost() -> None:
    async with open_post() as post:
        near = await post.shuttle("P")
        post.journal.fail_next(UnknownOutcome("the line was cut"), written_first=True)
        first = await post.order(HoldShuttle(near), "c1")
        assert first.accepted
    async with open_post(OperatorPost(post.journal)) as later:
        later.clock.at_s += 600
        assert await later.order(HoldShuttle(near), "c1") == first
        assert len(await journaled(later)) == 1


async def test_a_command_given_again_long_after_is_not_done_again() -> None:
    async with open_post() as post:
        near = await post.shuttle("P")
        await post.order(HoldShuttle(near), "c1")
        await post.order(ReleaseShuttle(near))
        # As if so many commands had come since: see `COMMANDS_KEPT`.
        assert len(post.service.core.state.commands) < COMMANDS_KEPT
        post.service.core.state.commands.clear()
        with pytest.raises(CommandError) as forgotten:
            await post.order(HoldShuttle(near), "c1")
        assert forgotten.value.problem is DeskProblem.FORGOTTEN
        with pytest.raises(CommandError) as reused:
            await post.order(WithdrawShuttle(near), "c1")
        assert reused.value.problem is DeskProblem.COMMAND_ID_REUSED
        assert not post.service.core.state.shuttles[near].held


async def test_while_the_journal_cannot_be_written_the_operator_is_told_and_nothing_is_done() -> (
    None
):
    async with open_post() as post:
        near = await post.shuttle("P")
        post.journal.down = StoreUnavailable("no store")
        with pytest.raises(CommandError) as refused:
            await post.order(HoldShuttle(near), "c1")
        assert refused.value.problem is DeskProblem.NOT_AVAILABLE
        assert refused.value.retry_after_s
        post.journal.down = None
        await until(lambda: post.service.health.store_reachable)
        assert not post.service.core.state.shuttles[near].held
        assert (await post.order(HoldShuttle(near), "c1")).accepted


async def test_operators_are_heard_while_riders_are_refused() -> None:
    async with open_post(OperatorPost(refuse_above=0)) as post:  # too much waits, always
        near = await post.shuttle("P")
        with pytest.raises(TooBusyError):
            await post.service.submit(ClockTicked, refusable=True)
        assert (await post.order(HoldShuttle(near))).accepted
        assert (await post.order(ReleaseShuttle(near))).accepted
        post.service.note_store_faults(("it could lose events",))
        assert (await post.order(HoldShuttle(near))).accepted


@pytest.mark.parametrize(
    ("command_id", "reason", "command"),
    [
        ("", "r", HoldShuttle(ShuttleId("s1"))),
        ("a b", "r", HoldShuttle(ShuttleId("s1"))),
        ("c" * 65, "r", HoldShuttle(ShuttleId("s1"))),
        ("c", "  ", HoldShuttle(ShuttleId("s1"))),
        ("c", "r" * 201, HoldShuttle(ShuttleId("s1"))),
        ("c", "two\nlines", HoldShuttle(ShuttleId("s1"))),
        ("c", "r", CloseStreets()),
        ("c", "r", CloseStreets(stops=(StopId("nowhere"),))),
        ("c", "r", OpenStreets(edges=(EdgeId("nowhere"),))),
        ("c", "r", CloseStreets(drawn=Drawing((Point(36.5, 127.3),)))),
        ("c", "r", CloseStreets(drawn=Drawing((Point(36.5, 127.3), Point(99.0, 127.3))))),
        ("c", "r", CloseStreets(drawn=Drawing((Point(40.0, 127.3), Point(40.1, 127.3))))),
    ],
)
async def test_nonsense_is_stopped_before_the_journal(
    command_id: str, reason: str, command: Command
) -> None:
    async with open_post() as post:
        await post.shuttle("P")
        before = await post.journal.last_position()
        with pytest.raises(CommandError) as refused:
            await post.desk.submit(OLGA, CommandId(command_id), command, reason)
        assert refused.value.problem in (DeskProblem.INVALID, DeskProblem.UNKNOWN_PLACE)
        assert refused.value.remedy
        assert await post.journal.last_position() == before


def across(post: OperatorPost, x_m: float) -> Drawing:
    """A line across the street, so many metres along it."""
    frame = post.site.streets.frame
    return Drawing((frame.to_point(x_m, -50.0), frame.to_point(x_m, 50.0)))


async def test_a_line_drawn_across_a_street_closes_both_its_directions() -> None:
    async with open_post() as post:
        await post.shuttle("P")
        assert (await post.order(CloseStreets(drawn=across(post, 1000.0)))).accepted
        (closed,) = await journaled(post)
        assert isinstance(closed, StreetsClosed)
        assert (set(closed.edges), closed.stops) == ({"A>Z", "Z>A"}, ())
        assert (await post.order(OpenStreets(drawn=across(post, 1500.0)))).accepted
        assert post.service.core.state.closed_edges == ()


async def test_a_drawn_area_closes_the_stops_inside_it() -> None:
    async with open_post() as post:
        frame = post.site.streets.frame
        # Q is at 700 m, R at 1200 m.
        corners = [(600, -50), (1300, -50), (1300, 50), (600, 50)]
        area = Drawing(tuple(frame.to_point(float(x), float(y)) for x, y in corners), is_area=True)
        assert (await post.order(CloseStreets(drawn=area))).accepted
        (closed,) = await journaled(post)
        assert isinstance(closed, StreetsClosed)
        assert closed.stops == ("Q", "R")
        crossed = Drawing((area.points[0], area.points[2], area.points[1], area.points[3]), True)
        with pytest.raises(CommandError, match="crosses itself"):
            await post.order(CloseStreets(drawn=crossed))


async def test_the_audit_says_who_ordered_what_when_why_and_what_came_of_it() -> None:
    async with open_post() as post:
        near, far = await post.shuttle("P"), await post.shuttle("T")
        trip = await post.trip("Q", "S")
        await post.order(HoldShuttle(far), reason="a child on the road")
        post.clock.at_s += 60
        await post.order(MoveTrip(trip, far), reason="a wheelchair is to follow")
        await post.order(SendShuttle(near, StopId("P")), reason="the game ends")
        page = await post.desk.list_commands()
        told = [(entry.text, entry.outcome and entry.outcome.accepted) for entry in page.entries]
        assert told == [
            ("olga sent shuttle s1 to stop P (the game ends).", False),
            (
                "olga moved trip t1 to shuttle s2 (a wheelchair is to follow).",
                False,
            ),
            ("olga stopped shuttle s2 (a child on the road).", True),
        ]
        moved, held = page.entries[1].event, page.entries[2].event
        assert isinstance(moved, TripMoved)
        assert isinstance(held, ShuttleHeld)
        assert (moved.operator_id, moved.at_s - held.at_s) == ("olga", 60)
        assert page.before is None


async def test_the_audit_is_read_page_by_page_and_riders_words_are_not_in_it() -> None:
    async with open_post() as post:
        near = await post.shuttle("P")
        trip = await post.trip("Q", "S")
        await post.tell(
            TripCancelled(0, trip, post.now_of(trip).request.rider_id, reason='"operator_id":"x"')
        )
        for _ in range(3):
            await post.order(HoldShuttle(near))
            await post.order(ReleaseShuttle(near))
        first = await post.desk.list_commands(limit=4)
        assert first.before is not None
        rest = await post.desk.list_commands(before=first.before, limit=4)
        kinds = [type(entry.event).__name__ for entry in (*first.entries, *rest.entries)]
        assert kinds == ["ShuttleReleased", "ShuttleHeld"] * 3
        with pytest.raises(CommandError):
            await post.desk.list_commands(limit=0)


async def test_commands_are_decided_alike_in_a_replay() -> None:
    async with open_post() as post:
        _, far = await post.shuttle("P"), await post.shuttle("T")
        trip = await post.trip("Q", "S")
        await post.order(MoveTrip(trip, far))
        await post.order(SendShuttle(ShuttleId("s1"), StopId("R")))
        await post.order(CancelTrip(TripId("t9")))
    records = [record async for record in post.journal.read()]
    result = replay(ZoneEngine(post.site), records)
    assert result.same
    assert not result.set_aside
