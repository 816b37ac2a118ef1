"""Better plans from outside: handed a snapshot, checked in full when they come back."""

from dataclasses import dataclass, replace

from dispatcher.domain.events import PlanProposed, ProposedRoute, ProposedVisit
from dispatcher.domain.ids import BookingId, ShuttleId
from dispatcher.domain.trips import TripState
from dispatcher.engine.battery import is_errand
from dispatcher.engine.berths import rows_at_berths
from dispatcher.engine.idle import expected_onward
from dispatcher.engine.judging import route_faults
from dispatcher.engine.routes import keys_of, ride_of, takes_riders
from dispatcher.engine.state import Booking, Hold, ServiceState, Shuttle
from dispatcher.engine.turn import Turn
from dispatcher.planning.berths import unheld
from dispatcher.planning.improver import ImproveProblem, ImproveResult
from dispatcher.planning.improver.problem import total_cost
from dispatcher.planning.onward import Ints
from dispatcher.planning.rows import RowPlan, RowVisit

# Riders about to be picked up keep the shuttle they have been told to look for.
_KEEP_SHUTTLE_S = 120
# So many routes are decided on at once, and no more unless they exchange riders.
_TOGETHER = 8


@dataclass(frozen=True, slots=True)
class ImproveAsk:
    """A question for the improver, and what its answer must still find unchanged."""

    problem: ImproveProblem
    shuttles: tuple[tuple[ShuttleId, int], ...]  # id and route version of each of its rows


def improve_ask(state: ServiceState) -> ImproveAsk | None:
    """The unreleased part of all routes that may be improved; None if there is nothing to do."""
    rows, shuttles, bound = [], [], set()
    for shuttle in state.shuttles.values():
        if not takes_riders(state, shuttle):
            continue
        if len(shuttle.times.begin_s) != len(shuttle.row.visits):
            continue  # no open street leads on
        rows.append(unheld(shuttle.row))  # who waits for a berth is found anew
        shuttles.append((shuttle.id, shuttle.route_version))
        bound |= _bound_keys(state, shuttle)
    waiting = sum(len(visit.boards) for row in rows for visit in row.visits)
    if waiting < 2:
        return None
    problem = ImproveProblem(
        plan_version=state.position,
        row_ids=tuple(state.row_of[shuttle_id] for shuttle_id, _ in shuttles),
        rows=tuple(rows),
        travel_s=state.streets.stop_times_s,
        objective=state.site.rules.objective,
        now_s=state.now_s,
        bound_keys=frozenset(bound),
        onward_s=expected_onward(state),
    )
    return ImproveAsk(problem, tuple(shuttles))


def proposals_of(
    state: ServiceState, ask: ImproveAsk, result: ImproveResult, at_s: int
) -> tuple[PlanProposed, ...]:
    """The improver's answer as events, naming the versions it was made from.

    Routes that exchange riders are in one event, and few others with them: deciding about a whole
    fleet at once would keep everybody else waiting. Each has the costs of the whole answer.
    """
    routes = _proposed(ask, result)
    together: list[tuple[ProposedRoute, ...]] = []
    for part in _parts(state, routes):
        if together and len(together[-1]) + len(part) <= _TOGETHER:
            together[-1] += part
        else:
            together.append(part)
    costs = (result.cost_before, result.cost_after)
    return tuple(PlanProposed(at_s, some, *costs) for some in together)


def _proposed(ask: ImproveAsk, result: ImproveResult) -> tuple[ProposedRoute, ...]:
    by_row = dict(zip(ask.problem.row_ids, ask.shuttles, strict=True))
    routes = []
    for row_id, row in result.rows:
        shuttle_id, version = by_row[row_id]
        visits = tuple(
            ProposedVisit(
                visit.stop,
                tuple(BookingId(key) for key in visit.boards),
                tuple(BookingId(key) for key in visit.alights),
            )
            for visit in row.visits
        )
        routes.append(ProposedRoute(shuttle_id, version, visits))
    return tuple(routes)


def adopt_if_current(turn: Turn, event: PlanProposed) -> None:
    """Adopt what still fits of a proposal, keeps every promise and costs less.

    Routes that exchange riders stand or fall together; others do not wait for them, for while
    the search went on some shuttles have been released to a visit, or taken riders.
    """
    if len({route.shuttle_id for route in event.routes}) == len(event.routes):
        onward_s = expected_onward(turn.state)
        for routes in _parts(turn.state, event.routes):
            _adopt_part(turn, routes, onward_s)


def _parts(
    state: ServiceState, routes: tuple[ProposedRoute, ...]
) -> list[tuple[ProposedRoute, ...]]:
    """The routes in groups that exchange riders with each other, in the order proposed."""
    number_of = {route.shuttle_id: number for number, route in enumerate(routes)}
    joined_to = list(range(len(routes)))  # an earlier route of the same part, or itself

    def first_of(number: int) -> int:
        while joined_to[number] != number:
            joined_to[number] = joined_to[joined_to[number]]
            number = joined_to[number]
        return number

    for number, route in enumerate(routes):
        for key in (key for visit in route.visits for key in visit.boards):
            booking = state.bookings.get(key)
            other = None if booking is None else number_of.get(booking.shuttle_id)
            if other is not None:
                mine, theirs = first_of(number), first_of(other)
                joined_to[max(mine, theirs)] = min(mine, theirs)
    parts: dict[int, list[ProposedRoute]] = {}
    for number, route in enumerate(routes):
        parts.setdefault(first_of(number), []).append(route)
    return [tuple(part) for part in parts.values()]


def _adopt_part(turn: Turn, routes: tuple[ProposedRoute, ...], onward_s: Ints | None) -> None:
    state = turn.state
    shuttles = []
    for route in routes:
        shuttle = state.shuttles.get(route.shuttle_id)
        if (
            shuttle is None
            or shuttle.route_version != route.route_version
            or not takes_riders(state, shuttle)
        ):
            return
        shuttles.append(shuttle)
    rows = _rows(state, shuttles, routes)
    rows = None if rows is None else rows_at_berths(state, shuttles, rows)
    if rows is None or not _is_better(state, shuttles, rows, onward_s):
        return
    for shuttle, row in zip(shuttles, rows, strict=True):
        if route_faults(state, shuttle, row):
            return
    if turn.witness is not None:
        turn.witness.improving(state, tuple(shuttle.id for shuttle in shuttles), tuple(rows))
    for shuttle, row in zip(shuttles, rows, strict=True):
        _adopt(turn, shuttle, row)


def _rows(
    state: ServiceState, shuttles: list[Shuttle], routes: tuple[ProposedRoute, ...]
) -> list[RowPlan] | None:
    """The proposed rows, if they serve exactly the riders that the present ones do."""
    present = {key for shuttle in shuttles for key in keys_of(shuttle.row)}
    n_stops = len(state.site.zone.stops)
    rows = []
    for shuttle, route in zip(shuttles, routes, strict=True):
        if any(not 0 <= visit.stop < n_stops for visit in route.visits):
            return None
        visits = _with_errands(shuttle, route)
        if visits is None:
            return None
        keys = [key for visit in route.visits for key in visit.alights]
        boards = [key for visit in route.visits for key in visit.boards]
        if not present.issuperset(keys) or not set(boards) <= set(keys):
            return None
        if any(_boards_before(shuttle, key) for key in boards):
            return None
        kept = {ride.key: ride for ride in shuttle.row.rides}
        rides = tuple(kept.get(key) or ride_of(state, state.bookings[key]) for key in keys)
        rows.append(replace(shuttle.row, visits=visits, rides=rides))
        for key in keys:
            booking = state.bookings[key]
            stays = booking.shuttle_id == shuttle.id
            if key not in boards and not (stays and _boards_before(shuttle, key)):
                return None
            if not stays and (
                booking.hold is not Hold.FIRM or booking.by_operator or key not in boards
            ):
                return None
        if any(_boards_before(shuttle, key) and key not in keys for key in keys_of(shuttle.row)):
            return None
    served = [ride.key for row in rows for ride in row.rides]
    return rows if sorted(served) == sorted(present) else None


def _with_errands(shuttle: Shuttle, route: ProposedRoute) -> tuple[RowVisit, ...] | None:
    """The proposed visits, the shuttle's errands among them with their own bounds.

    An errand is proposed as a call at which nobody boards or alights. None if one is missing,
    elsewhere than it was, or made up.
    """
    errands = [visit for visit in shuttle.row.visits if is_errand(visit)]
    visits = []
    for proposed in route.visits:
        visit = RowVisit(proposed.stop, tuple(proposed.boards), tuple(proposed.alights))
        if errands and visit == RowVisit(errands[0].stop):
            visit = errands.pop(0)
        visits.append(visit)
    return None if errands else tuple(visits)


def _is_better(
    state: ServiceState,
    shuttles: list[Shuttle],
    rows: list[RowPlan],
    onward_s: Ints | None,
) -> bool:
    """Whether the rows cost less than those that stand, ends of routes included."""
    of_plan = (
        state.streets.stop_times_s,
        state.site.rules.objective,
        state.now_s,
        onward_s,
    )
    before = total_cost([shuttle.row for shuttle in shuttles], *of_plan)
    after = total_cost(rows, *of_plan)
    return before is not None and after is not None and after < before


def _adopt(turn: Turn, shuttle: Shuttle, row: RowPlan) -> None:
    state = turn.state
    for ride in row.rides:
        booking = state.bookings[BookingId(ride.key)]
        if booking.shuttle_id != shuttle.id:
            _move(turn, booking, shuttle)
    shuttle.row = row
    shuttle.route_version += 1
    turn.touch(shuttle)


def _move(turn: Turn, booking: Booking, shuttle: Shuttle) -> None:
    """Hand a booking over: the new shuttle is told once the old one has let go."""
    state = turn.state
    old = state.shuttles[booking.shuttle_id]
    booking.shuttle_id = shuttle.id
    if booking.published_revision > 0:
        booking.hold = Hold.MOVING
        booking.old_shuttle, booking.old_revision = old.id, old.revision + 1
        booking.published_revision = 0
        state.moving.append(booking.id)
    trip = state.trips[booking.trip_id]
    trip.shuttle_id = shuttle.id
    if trip.state is TripState.ASSIGNED:
        trip.state = TripState.ACCEPTED
    turn.tell(booking.trip_id, "Another shuttle takes you, as promised.")


def _bound_keys(state: ServiceState, shuttle: Shuttle) -> set[str]:
    """Rides that keep their shuttle: not firm, put there by an operator, or picked up soon."""
    bound: set[str] = {
        key
        for key in keys_of(shuttle.row)
        if state.bookings[key].hold is not Hold.FIRM or state.bookings[key].by_operator
    }
    for visit, begin_s in zip(shuttle.row.visits, shuttle.times.begin_s, strict=True):
        if begin_s < state.now_s + _KEEP_SHUTTLE_S:
            bound |= set(visit.boards)
    return bound


def _boards_before(shuttle: Shuttle, key: BookingId) -> bool:
    """The riders are aboard, or board in the released part."""
    released = shuttle.released
    return key in shuttle.aboard or (released is not None and key in released.boards)
