"""Sending a shuttle on, and saying so: the release of the next visit, and the plan as sent."""

from dataclasses import replace

from dispatcher.domain.decisions import PlanPublished
from dispatcher.domain.ids import BookingId, NodeId, VisitId
from dispatcher.domain.plans import (
    AlightTask,
    BoardTask,
    LegPath,
    PathEdge,
    PathNode,
    PlannedVisit,
    ShuttlePlan,
    StartNode,
    sequence_span,
)
from dispatcher.engine.routes import keys_of, may_drive, refresh, ride_of
from dispatcher.engine.state import Booking, Hold, ReleasedVisit, ServiceState, Shuttle, TimerKind
from dispatcher.engine.turn import Turn
from dispatcher.planning.rows import RowVisit
from dispatcher.planning.schedule import Schedule, schedule
from dispatcher.streets import UNREACHABLE_S, EdgePoint, Path, Streets

_AT_STOP_M = 15.0  # a shuttle this near to a stop stands at it


def release_next(turn: Turn, shuttle: Shuttle) -> None:
    """Release the first unreleased visit if it is time to leave for it.

    A visit for riders who are still deciding, or who have not been let go by another shuttle,
    is not released; it stays first in line and the shuttle waits for it.
    """
    state = turn.state
    if shuttle.released is not None or not may_drive(shuttle) or not shuttle.row.visits:
        return
    visit = shuttle.row.visits[0]
    firm_boards = _firm(state, visit.boards)
    firm_alights = _firm(state, visit.alights)
    errand = not visit.boards and not visit.alights
    if not (firm_boards or firm_alights or errand) or not shuttle.times.begin_s:
        return
    travel_s = int(state.streets.stop_times_s[shuttle.anchor, visit.stop])
    leave_s = shuttle.times.begin_s[0] - travel_s - state.site.rules.early_start_s
    if not firm_alights and turn.now_s < leave_s:
        state.wake(leave_s, TimerKind.LEAVE, shuttle.id)
        return
    _release(turn, shuttle, visit, firm_boards, firm_alights, travel_s)


def release_errand(turn: Turn, shuttle: Shuttle, stop: int, charge_to_pct: int | None) -> None:
    """Send an empty shuttle to a stop, to stand there or to charge."""
    travel_s = int(turn.state.streets.stop_times_s[shuttle.anchor, stop])
    _release(turn, shuttle, RowVisit(stop), [], [], travel_s, charge_to_pct)


def _firm(state: ServiceState, keys: tuple[str, ...]) -> list[BookingId]:
    return [BookingId(key) for key in keys if state.bookings[BookingId(key)].hold is Hold.FIRM]


def _release(
    turn: Turn,
    shuttle: Shuttle,
    visit: RowVisit,
    boards: list[BookingId],
    alights: list[BookingId],
    travel_s: int,
    charge_to_pct: int | None = None,
    place: EdgePoint | None = None,
) -> None:
    state = turn.state
    bookings = [state.bookings[booking_id] for booking_id in (*boards, *alights)]
    dwell_s = max((booking.dwell_s for booking in bookings), default=0)
    from_place = shuttle.anchor if place is None else place
    path = state.streets.path(from_place, visit.stop)
    arrive_s = turn.now_s + travel_s
    not_before_s = max(
        (state.bookings[b].promise.pickup_earliest_s for b in boards), default=arrive_s
    )
    planned_begin_s = shuttle.times.begin_s[0] if shuttle.times.begin_s else arrive_s
    if boards and planned_begin_s > max(arrive_s, not_before_s):
        not_before_s = planned_begin_s  # held back so that a ride does not become too long
    begin_s = max(arrive_s, not_before_s) if boards else arrive_s

    shuttle.visits_made += 1
    stop = state.site.zone.stops[visit.stop]
    shuttle.released = ReleasedVisit(
        visit=PlannedVisit(
            id=VisitId(f"{shuttle.id}-{shuttle.visits_made}"),
            stop_id=stop.id,
            x_m=stop.x_m,
            y_m=stop.y_m,
            arrive_s=arrive_s,
            begin_s=begin_s,
            depart_s=begin_s + dwell_s,
            boards=tuple(_board_task(state.bookings[b], not_before_s, dwell_s) for b in boards),
            alights=tuple(_alight_task(state.bookings[b]) for b in alights),
            charge_to_pct=charge_to_pct,
        ),
        stop=visit.stop,
        path=leg_path(state.streets, path),
        leg_s=travel_s,
        length_m=path.length_m,
        dwell_s=dwell_s,
        boards=boards,
        alights=alights,
        eta_s=arrive_s,
    )
    _drop_released(shuttle, boards, alights)
    shuttle.route_version += 1
    if boards:
        _allow_patience(state, shuttle, begin_s, dwell_s)
    shuttle.idle_since_s = None
    state.wake(arrive_s + state.site.rules.overdue_step_s, TimerKind.OVERDUE, shuttle.id)


def _drop_released(shuttle: Shuttle, boards: list[BookingId], alights: list[BookingId]) -> None:
    """Take the released visit's tasks out of the row; what is not firm stays there."""
    if not shuttle.row.visits or not (boards or alights):
        return
    first = shuttle.row.visits[0]
    rest = replace(
        first,
        boards=tuple(key for key in first.boards if key not in boards),
        alights=tuple(key for key in first.alights if key not in alights),
    )
    visits = shuttle.row.visits[1:] if rest.is_idle else (rest, *shuttle.row.visits[1:])
    rides = tuple(ride for ride in shuttle.row.rides if ride.key not in alights)
    shuttle.row = replace(shuttle.row, visits=visits, rides=rides)


def _allow_patience(state: ServiceState, shuttle: Shuttle, begin_s: int, dwell_s: int) -> None:
    """Let the shuttle wait for its riders as long as nobody further along pays for it."""
    released = shuttle.released
    assert released is not None
    broken = refresh(state, shuttle)
    row = shuttle.row
    low_s, high_s = dwell_s, max(dwell_s, state.site.rules.no_show_wait_s)
    if broken:
        high_s = low_s
    while low_s < high_s:
        middle_s = (low_s + high_s + 1) // 2
        later = replace(row, start_s=begin_s + middle_s)
        if isinstance(schedule(later, state.streets.stop_times_s, state.now_s), Schedule):
            low_s = middle_s
        else:
            high_s = middle_s - 1
    tasks = tuple(replace(task, max_dwell_s=low_s) for task in released.visit.boards)
    released.visit = replace(released.visit, boards=tasks)


def _board_task(booking: Booking, not_before_s: int, max_dwell_s: int) -> BoardTask:
    return BoardTask(booking.trip_id, booking.promise.party, not_before_s, max_dwell_s)


def _alight_task(booking: Booking) -> AlightTask:
    return AlightTask(booking.trip_id, booking.promise.party)


def leg_path(streets: Streets, path: Path) -> LegPath:
    """The street nodes and edges of a drive to a stop. Within a stop, one edge of no length."""
    if not path.steps:
        return LegPath((), (PathEdge(None, 0.0, 1.0),))
    zone = streets.zone
    nodes, edges = [], []
    for i, step in enumerate(path.steps):
        street = zone.edges[streets.edge_index[step.edge_id]]
        length_m = step.to_offset_m - step.from_offset_m
        edges.append(PathEdge(step.edge_id, length_m, street.speed_mps))
        if i + 1 == len(path.steps):
            break
        if step.to_offset_m >= street.length_m - 0.01:
            node_id = street.end
        else:  # turning at a stop in passing
            node_id = NodeId(f"{step.edge_id}@{step.to_offset_m:.0f}")
        x_m, y_m = streets.position_m(EdgePoint(step.edge_id, step.to_offset_m))
        nodes.append(PathNode(node_id, round(x_m, 2), round(y_m, 2)))
    return LegPath(tuple(nodes), tuple(edges))


def publish(turn: Turn, shuttle: Shuttle) -> None:
    """Send the plan if it says anything else than the last one sent, or if a reply is needed."""
    plan = _plan(turn, shuttle)
    last = shuttle.published
    nothing_new = not plan.visits if last is None else _content(last) == _content(plan)
    if nothing_new and not _is_awaited(turn.state, shuttle):
        return
    shuttle.revision += 1
    plan = replace(plan, revision=shuttle.revision)
    shuttle.published = plan
    for booking in _bookings_of(turn.state, shuttle):
        if booking.published_revision == 0 and booking.hold is Hold.FIRM:
            booking.published_revision = plan.revision
    turn.decisions.append(PlanPublished(plan))


def _is_awaited(state: ServiceState, shuttle: Shuttle) -> bool:
    """Riders taken off this shuttle wait for its word, and no plan that it has can give it."""
    sent = 0 if shuttle.published is None else shuttle.published.revision
    return any(
        booking.old_shuttle == shuttle.id
        and booking.old_revision > sent
        and booking.free_at_s is None
        for booking in (state.bookings[booking_id] for booking_id in state.moving)
    )


def _bookings_of(state: ServiceState, shuttle: Shuttle) -> list[Booking]:
    released = shuttle.released
    ids = [] if released is None else [*released.boards, *released.alights]
    return [
        state.bookings[booking_id] for booking_id in dict.fromkeys([*ids, *keys_of(shuttle.row)])
    ]


def begin_order(turn: Turn, shuttle: Shuttle) -> None:
    """Start a new order from where the shuttle is; what was released becomes open again.

    A shuttle between stops is first sent to the stop that it reaches soonest.
    """
    state = turn.state
    released = shuttle.released
    if released is not None:
        _reopen(state, shuttle, released)
    shuttle.released = None
    shuttle.published = None
    shuttle.order_number += 1
    shuttle.order_id = f"{shuttle.id}-{turn.now_s}-{shuttle.order_number}"
    shuttle.revision += 1  # what an older order's plans confirm must not count for this one
    shuttle.route_version += 1
    stops = state.site.zone.stops
    at_stop = _stop_here(state, shuttle)
    if at_stop is not None:
        shuttle.anchor = at_stop
        stop = stops[at_stop]
        shuttle.start = StartNode(NodeId(f"{stop.id}.hold"), stop.x_m, stop.y_m, 0)
        return
    place = state.streets.nearest_point(shuttle.x_m, shuttle.y_m)
    times_s = state.streets.times_from_s(place.edge_id, place.offset_m)
    stop_index = int(times_s.argmin())
    shuttle.anchor = stop_index
    shuttle.start = StartNode(NodeId("start"), shuttle.x_m, shuttle.y_m, 0)
    travel_s = int(times_s[stop_index])
    if travel_s < UNREACHABLE_S:
        _release(turn, shuttle, RowVisit(stop_index), [], [], travel_s, place=place)


def _stop_here(state: ServiceState, shuttle: Shuttle) -> int | None:
    """The stop that the shuttle stands at, by its reported position."""
    near = [
        ((stop.x_m - shuttle.x_m) ** 2 + (stop.y_m - shuttle.y_m) ** 2, index)
        for index, stop in enumerate(state.site.zone.stops)
    ]
    square_m, index = min(near)
    return index if square_m <= _AT_STOP_M**2 else None


def _reopen(state: ServiceState, shuttle: Shuttle, released: ReleasedVisit) -> None:
    """Put what is left to do at a visit that was released back to the front of the row."""
    if not released.boards and not released.alights:
        return
    visit = RowVisit(released.stop, tuple(released.boards), tuple(released.alights))
    known = keys_of(shuttle.row)
    rides = tuple(
        ride_of(state, state.bookings[booking_id])
        for booking_id in (*released.boards, *released.alights)
        if booking_id not in known
    )
    shuttle.row = replace(
        shuttle.row, visits=(visit, *shuttle.row.visits), rides=(*shuttle.row.rides, *rides)
    )


def complete_released(shuttle: Shuttle) -> None:
    """Move the start of the plan past the released visit, which is over."""
    released = shuttle.released
    assert released is not None
    shuttle.anchor = released.stop
    shuttle.start = StartNode(
        node_id=NodeId(f"{released.visit.stop_id}.hold"),
        x_m=released.visit.x_m,
        y_m=released.visit.y_m,
        sequence=shuttle.start.sequence + sequence_span(released.path),
    )
    shuttle.released = None
    shuttle.route_version += 1


def _plan(turn: Turn, shuttle: Shuttle) -> ShuttlePlan:
    state = turn.state
    released = shuttle.released
    visits = [] if released is None else [released.visit]
    number = shuttle.visits_made
    for i, visit in enumerate(shuttle.row.visits):
        boards, alights = _firm(state, visit.boards), _firm(state, visit.alights)
        if not boards and not alights:
            continue
        number += 1
        stop = state.site.zone.stops[visit.stop]
        timed = i < len(shuttle.times.begin_s)
        begin_s = shuttle.times.begin_s[i] if timed else turn.now_s
        visits.append(
            PlannedVisit(
                id=VisitId(f"{shuttle.id}-{number}"),
                stop_id=stop.id,
                x_m=stop.x_m,
                y_m=stop.y_m,
                arrive_s=shuttle.times.arrive_s[i] if timed else turn.now_s,
                begin_s=begin_s,
                depart_s=shuttle.times.depart_s[i] if timed else turn.now_s,
                boards=tuple(
                    _board_task(booking, booking.promise.pickup_earliest_s, booking.dwell_s)
                    for booking in (state.bookings[b] for b in boards)
                ),
                alights=tuple(_alight_task(state.bookings[b]) for b in alights),
            )
        )
    return ShuttlePlan(
        shuttle_id=shuttle.id,
        order_id=shuttle.order_id,
        revision=shuttle.revision,
        epoch=state.epoch,
        made_s=turn.now_s,
        start=shuttle.start,
        visits=tuple(visits),
        released=0 if released is None else 1,
        paths=() if released is None else (released.path,),
    )


def _content(plan: ShuttlePlan) -> tuple[object, ...]:
    """What a plan says, without the times that merely drift."""
    return (
        plan.order_id,
        plan.start,
        plan.released,
        plan.paths,
        tuple(
            (
                visit.id,
                visit.stop_id,
                tuple((task.trip_id, task.party) for task in visit.boards),
                tuple((task.trip_id, task.party) for task in visit.alights),
                visit.charge_to_pct,
            )
            for visit in plan.visits
        ),
    )
