"""Saying what a shuttle is to do: the plan as sent, whenever it says anything new."""

from dataclasses import replace

from dispatcher.domain.decisions import PlanPublished
from dispatcher.domain.ids import VisitId
from dispatcher.domain.plans import PlannedVisit, ShuttlePlan
from dispatcher.engine.release import alight_task, board_task, firm
from dispatcher.engine.routes import keys_of
from dispatcher.engine.state import Booking, Hold, ServiceState, Shuttle
from dispatcher.engine.turn import Turn


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


def _plan(turn: Turn, shuttle: Shuttle) -> ShuttlePlan:
    state = turn.state
    released = shuttle.released
    visits = [] if released is None else [released.visit]
    number = shuttle.visits_made
    for i, visit in enumerate(shuttle.row.visits):
        boards, alights = firm(state, visit.boards), firm(state, visit.alights)
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
                    board_task(booking, booking.promise.pickup_earliest_s, booking.dwell_s)
                    for booking in (state.bookings[b] for b in boards)
                ),
                alights=tuple(alight_task(state.bookings[b]) for b in alights),
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
        plan.epoch,  # what a dispatcher that was replaced says must find the shuttle warned
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
