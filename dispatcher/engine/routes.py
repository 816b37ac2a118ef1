"""A shuttle's route: its row for planning, when its visits happen, and whether promises hold."""

from dataclasses import replace

from dispatcher.domain.ids import BookingId
from dispatcher.domain.shuttles import DriveMode, FaultLevel
from dispatcher.engine.battery import ready_s, within_range
from dispatcher.engine.berths import at_free_berths, note_berths
from dispatcher.engine.by_hand import obeys
from dispatcher.engine.learning import guard_s
from dispatcher.engine.state import Booking, ReleasedVisit, ServiceState, Shuttle
from dispatcher.planning.berths import unheld
from dispatcher.planning.broken import loosen
from dispatcher.planning.edits import remove_ride
from dispatcher.planning.rows import FOREVER_S, Load, RowPlan, RowRide, spans
from dispatcher.planning.schedule import Infeasible, Schedule, schedule


def may_drive(shuttle: Shuttle) -> bool:
    """The shuttle can be sent on: it listens, drives itself and nothing holds it."""
    return (
        obeys(shuttle)
        and not shuttle.silent
        and not shuttle.held
        and not shuttle.paused
        and not is_faulted(shuttle)
    )


def is_faulted(shuttle: Shuttle) -> bool:
    return any(fault.level is FaultLevel.FATAL for fault in shuttle.faults)


def is_stuck(state: ServiceState, shuttle: Shuttle) -> bool:
    """It cannot go on by itself: a fault, or plans refused so often that it counts as one."""
    return is_faulted(shuttle) or shuttle.refusals >= state.site.rules.max_plan_refusals


def nearest_open_stop(state: ServiceState, shuttle: Shuttle) -> int | None:
    """Where riders who get out of it now can be fetched."""
    zone, streets = state.site.zone, state.streets
    distances = [
        ((stop.x_m - shuttle.x_m) ** 2 + (stop.y_m - shuttle.y_m) ** 2, index)
        for index, stop in enumerate(zone.stops)
        if streets.open_stops[index]
    ]
    return min(distances)[1] if distances else None


def takes_riders(state: ServiceState, shuttle: Shuttle) -> bool:
    """The shuttle may be given new riders: it can be sent on, as fast as was reckoned with."""
    return (
        may_drive(shuttle)
        and shuttle.mode is DriveMode.AUTOMATIC
        and not shuttle.withdrawn
        and shuttle.battery_pct >= state.site.rules.battery_reserve_pct
        and not is_stuck(state, shuttle)
    )


def release_end_s(shuttle: Shuttle, now_s: int) -> int:
    """When the released part ends at the latest, as far as is known; now where there is none.

    While a rider has yet to board, the whole of the boarding's longest dwell is counted: a rider
    who comes late, or not at all, must not cost those further along their promise.
    """
    released = shuttle.released
    if released is None:
        return now_s
    if released.arrived_s is None:
        arrive_s = max(released.eta_s, now_s)
    else:
        arrive_s = released.arrived_s
    begin_s = max([arrive_s, *(task.not_before_s for task in released.visit.boards)])
    depart_s = begin_s + released.dwell_s
    if released.boards:
        patience_s = max(task.max_dwell_s for task in released.visit.boards)
        depart_s = max(depart_s, begin_s + patience_s)
    return max(depart_s, now_s)


def expected_begin_s(released: ReleasedVisit, now_s: int) -> int:
    """When boarding at the released visit is expected to begin, or began."""
    arrive_s = released.arrived_s
    if arrive_s is None:
        arrive_s = max(released.eta_s, now_s)
    return max([arrive_s, *(task.not_before_s for task in released.visit.boards)])


def ride_of(
    state: ServiceState, booking: Booking, pickup_legs: int = 1, dropoff_legs: int = 1
) -> RowRide:
    """A booking as planning sees it, with its promise guarded.

    The more legs lead to a visit, the less is known of when it will be, and the wider the guard.
    """
    promise = booking.promise
    dropoff_latest_s = promise.dropoff_latest_s - guard_s(state, dropoff_legs)
    if booking.boarded_s is not None:
        dropoff_latest_s = min(
            dropoff_latest_s, booking.boarded_s + booking.dwell_s + booking.max_ride_s
        )
    return RowRide(
        key=booking.id,
        load=load_of(booking),
        pickup_earliest_s=promise.pickup_earliest_s,
        pickup_latest_s=promise.pickup_latest_s - guard_s(state, pickup_legs),
        dropoff_latest_s=dropoff_latest_s,
        max_ride_s=booking.max_ride_s,
        dwell_s=booking.dwell_s,
    )


def load_of(booking: Booking) -> Load:
    return (booking.promise.party.seats, booking.promise.party.wheelchairs)


def load_after_release(state: ServiceState, shuttle: Shuttle) -> Load:
    """Places in use when the shuttle leaves the released part."""
    leaving = list(shuttle.aboard)
    if shuttle.released is not None:
        leaving += [b for b in shuttle.released.boards if b not in shuttle.aboard]
        leaving = [b for b in leaving if b not in shuttle.released.alights]
    loads = [load_of(state.bookings[booking_id]) for booking_id in leaving]
    return (sum(load[0] for load in loads), sum(load[1] for load in loads))


def keys_of(row: RowPlan) -> list[BookingId]:
    return [BookingId(ride.key) for ride in row.rides]


def refresh(state: ServiceState, shuttle: Shuttle) -> list[BookingId]:
    """Bring a row and its times up to date; return the bookings whose promise cannot hold.

    A row that is later than its guard allows, but not later than promised, is pinned to where it
    is: nothing more may delay those riders. So every row handed to planning is feasible, unless
    a street is closed.
    """
    now_s = state.now_s
    load = load_after_release(state, shuttle)
    places = (shuttle.capacity.seats, shuttle.capacity.wheelchairs)
    overfull = load[0] > places[0] or load[1] > places[1]
    guarded = replace(
        unheld(shuttle.row),
        start_stop=shuttle.anchor if shuttle.released is None else shuttle.released.stop,
        start_s=max(release_end_s(shuttle, now_s), ready_s(state, shuttle)),
        start_load=load,
        drive_limit_s=FOREVER_S,
        # Who sits in it sits in it, even if a later factsheet knows fewer places: it still drives.
        capacity=(max(load[0], places[0]), max(load[1], places[1])),
        available=takes_riders(state, shuttle) and not overfull,
        rides=_guarded_rides(state, shuttle),
    )
    travel_s = state.streets.stop_times_s
    times = schedule(guarded, travel_s, now_s)
    if not isinstance(times, Schedule):
        # Riders whom it has already do not wait for its battery; only new ones do.
        guarded = replace(guarded, start_s=release_end_s(shuttle, now_s))
        times = schedule(guarded, travel_s, now_s)
    broken = _late_in_release(state, shuttle)
    shuttle.crowds = True
    if isinstance(times, Schedule):
        shuttle.row, times = at_free_berths(state, shuttle, guarded, times)
    else:
        times, late = _pin(state, shuttle, guarded)
        broken += late
    if overfull:
        broken += [BookingId(key) for visit in guarded.visits for key in visit.boards]
    shuttle.times = times
    shuttle.row, beyond = within_range(state, shuttle, shuttle.row, times)
    broken += beyond
    state.fleet.set_row(state.row_of[shuttle.id], shuttle.row)
    note_berths(state, shuttle, may_drive(shuttle))
    return list(dict.fromkeys(broken))


def _guarded_rides(state: ServiceState, shuttle: Shuttle) -> tuple[RowRide, ...]:
    """The rides of a row, each guarded by how many legs lead to its visits."""
    released = shuttle.released
    under_way = 1 if released is not None and released.arrived_s is None else 0
    boards_after: dict[str, int] = {}
    alights_after: dict[str, int] = {}
    for legs, visit in enumerate(shuttle.row.visits, start=1 + under_way):
        boards_after.update(dict.fromkeys(visit.boards, legs))
        alights_after.update(dict.fromkeys(visit.alights, legs))
    return tuple(
        ride_of(state, state.bookings[key], boards_after.get(key, 1), alights_after.get(key, 1))
        for key in keys_of(shuttle.row)
    )


def _late_in_release(state: ServiceState, shuttle: Shuttle) -> list[BookingId]:
    """Those at the visit under way who are, by now, expected to board or alight too late.

    Once the shuttle has arrived, what happens there is told as it happens.
    """
    released = shuttle.released
    if released is None or released.arrived_s is not None:
        return []
    begin_s = expected_begin_s(released, state.now_s)
    promises = state.bookings
    late = [b for b in released.boards if begin_s > promises[b].promise.pickup_latest_s]
    return late + [b for b in released.alights if begin_s > promises[b].promise.dropoff_latest_s]


def _pin(
    state: ServiceState, shuttle: Shuttle, guarded: RowPlan
) -> tuple[Schedule, list[BookingId]]:
    """The row as late as it is, and those whose promise that breaks, guard or no guard."""
    travel_s = state.streets.stop_times_s
    loosened = loosen(guarded, travel_s, state.now_s)
    if isinstance(loosened, Infeasible):
        # No way leads there, or there are more riders than places: no times can be given.
        shuttle.row = replace(guarded, available=False)
        stranded = [
            BookingId(key)
            for visit in guarded.visits[loosened.visit :]
            for key in (*visit.boards, *visit.alights)
        ]
        return Schedule((), (), ()), list(dict.fromkeys(stranded))
    shuttle.row = loosened.plan
    times = schedule(shuttle.row, travel_s, state.now_s)
    assert isinstance(times, Schedule), "a loosened row is feasible"
    broken = []
    for span in spans(shuttle.row):
        booking_id = BookingId(span.ride.key)
        promise = state.bookings[booking_id].promise
        late = times.begin_s[span.dropoff] > promise.dropoff_latest_s
        if span.pickup >= 0:
            late = late or times.begin_s[span.pickup] > promise.pickup_latest_s
        if late:
            broken.append(booking_id)
    return times, broken


def take_off(state: ServiceState, shuttle: Shuttle, booking_id: BookingId) -> None:
    """Remove a booking from the unreleased part of a route, if it stands there."""
    if booking_id in keys_of(shuttle.row):
        shuttle.row = remove_ride(shuttle.row, booking_id)
        shuttle.route_version += 1


def forget_pickup(shuttle: Shuttle, booking_id: BookingId) -> None:
    """The riders are aboard already: no unreleased visit is to pick them up."""
    if not any(booking_id in visit.boards for visit in shuttle.row.visits):
        return
    visits = [
        replace(visit, boards=tuple(key for key in visit.boards if key != booking_id))
        for visit in shuttle.row.visits
    ]
    left = tuple(visit for visit in visits if not visit.is_idle)
    shuttle.row = replace(shuttle.row, visits=left)
    shuttle.route_version += 1


def is_released(shuttle: Shuttle, booking_id: BookingId) -> bool:
    """Its pickup lies in the released visit and has not happened."""
    return shuttle.released is not None and booking_id in shuttle.released.boards


def find_visit_s(
    shuttle: Shuttle, booking_id: BookingId, now_s: int
) -> tuple[int | None, int | None]:
    """Expected pickup and drop-off of a booking; None for what is over or has no time."""
    pickup_s = dropoff_s = None
    released = shuttle.released
    if released is not None:
        if booking_id in released.boards:
            pickup_s = expected_begin_s(released, now_s)
        if booking_id in released.alights:
            dropoff_s = expected_begin_s(released, now_s)
    for visit, begin_s in zip(shuttle.row.visits, shuttle.times.begin_s, strict=False):
        if booking_id in visit.boards:
            pickup_s = begin_s
        if booking_id in visit.alights:
            dropoff_s = begin_s
    return pickup_s, dropoff_s
