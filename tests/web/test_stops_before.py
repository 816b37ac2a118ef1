"""How many stops come before a rider's own, as the rider is told."""

from web_town import SHUTTLE, Town, a_town

from dispatcher.domain.ids import ShuttleId, TripId
from dispatcher.web.shuttle_view import stops_before


def before(town: Town, trip: str, *, aboard: bool = False) -> int | None:
    shuttle = town.dispatcher.service.core.state.shuttles[ShuttleId(SHUTTLE)]
    return stops_before(shuttle, TripId(trip), aboard=aboard)


async def test_each_stop_on_the_way_counts_once_and_ones_own_does_not() -> None:
    async with a_town() as town:
        await town.shuttle_at("P")
        ana = (await town.ask("ana", accept="auto", **{"from": "Q", "to": "T"}))["trip"]
        assert before(town, ana) == 0
        assert before(town, ana, aboard=True) == 1  # Q itself, while she waits there
        ben = (await town.ask("ben", accept="auto", **{"from": "R", "to": "S"}))["trip"]
        # The shuttle goes along the street: Q (ana), R (ben), S, T.
        assert before(town, ana) == 0
        assert before(town, ben) == 1
        assert before(town, ben, aboard=True) == 2
        assert before(town, ana, aboard=True) == 3


async def test_of_a_trip_that_is_not_planned_nothing_is_said() -> None:
    async with a_town() as town:
        await town.shuttle_at("P")
        assert before(town, "no-such-trip") is None
