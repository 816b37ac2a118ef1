"""Sending a shuttle on: the next visit is released, and from then on never changed."""

from dataclasses import replace

from dispatcher.domain.ids import BookingId, NodeId, VisitId
from dispatcher.domain.plans import (
    AlightTask,
    BoardTask,
    LegPath,
    PathEdge,
    PathNode,
    PlannedVisit,
    StartNode,
    hold_node_id,
    sequence_span,
)
from dispatcher.engine.battery import is_errand
from dispatcher.engine.routes import may_drive, refresh
from dispatcher.engine.state import Booking, Hold, ReleasedVisit, ServiceState, Shuttle, TimerKind
from dispatcher.engine.turn import Turn
from dispatcher.planning.berths import is_held
from dispatcher.planning.rows import RowVisit
from dispatcher.planning.schedule import Schedule, schedule
from dispatcher.streets import EdgePoint, Path, Streets


def release_next(turn: Turn, shuttle: Shuttle) -> None:
    """Release the first unreleased visit if it is time to leave for it.

    A visit for riders who are still deciding, or who have not been let go by another shuttle,
    is not released; it stays first in line and the shuttle waits for it.
    """
    state = turn.state
    if shuttle.released is not None or not may_drive(shuttle) or not shuttle.row.visits:
        return
    visit = shuttle.row.visits[0]
    if is_errand(visit):
        return  # charging sees to it
    firm_boards = firm(state, visit.boards)
    firm_alights = firm(state, visit.alights)
    errand = not visit.boards and not visit.alights
    if not (firm_boards or firm_alights or errand) or not shuttle.times.begin_s:
        return
    travel_s = int(state.streets.stop_times_s[shuttle.anchor, visit.stop])
    leave_s = shuttle.times.begin_s[0] - travel_s
    if not is_held(visit):
        leave_s -= state.site.rules.early_start_s
    if (is_held(visit) or not firm_alights) and turn.now_s < leave_s:
        state.wake(leave_s, TimerKind.LEAVE, shuttle.id)
        return
    release_visit(turn, shuttle, visit, firm_boards, firm_alights, travel_s)


def release_errand(turn: Turn, shuttle: Shuttle, stop: int, charge_to_pct: int | None) -> None:
    """Send an empty shuttle to a stop, to stand there or to charge."""
    travel_s = int(turn.state.streets.stop_times_s[shuttle.anchor, stop])
    release_visit(turn, shuttle, RowVisit(stop), [], [], travel_s, charge_to_pct)


def release_visit(
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

    if boards or alights or charge_to_pct is not None:
        shuttle.stationed_at = None  # it has something better to do
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
            boards=tuple(board_task(state.bookings[b], not_before_s, dwell_s) for b in boards),
            alights=tuple(alight_task(state.bookings[b]) for b in alights),
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
        sent_s=turn.now_s,
        # From somewhere along a street the map's time holds for a rolling shuttle only.
        map_s=path.drive_s if place is None else 0,
    )
    _drop_released(shuttle, boards, alights)
    shuttle.route_version += 1
    if boards:
        _allow_patience(state, shuttle, begin_s, dwell_s)
    shuttle.idle_since_s = None
    state.wake(arrive_s + state.site.rules.overdue_step_s, TimerKind.OVERDUE, shuttle.id)


def complete_released(shuttle: Shuttle) -> None:
    """Move the start of the plan past the released visit, which is over."""
    released = shuttle.released
    assert released is not None
    shuttle.driven_s += released.leg_s
    shuttle.anchor = released.stop
    shuttle.start = StartNode(
        node_id=hold_node_id(released.visit.stop_id),
        x_m=released.visit.x_m,
        y_m=released.visit.y_m,
        sequence=shuttle.start.sequence + sequence_span(released.path),
    )
    shuttle.released = None
    shuttle.route_version += 1


def firm(state: ServiceState, keys: tuple[str, ...]) -> list[BookingId]:
    return [BookingId(key) for key in keys if state.bookings[BookingId(key)].hold is Hold.FIRM]


def board_task(booking: Booking, not_before_s: int, max_dwell_s: int) -> BoardTask:
    return BoardTask(booking.trip_id, booking.promise.party, not_before_s, max_dwell_s)


def alight_task(booking: Booking) -> AlightTask:
    return AlightTask(booking.trip_id, booking.promise.party)


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
