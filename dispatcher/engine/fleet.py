"""Shuttles come, report, fall silent, break down, are held and withdrawn."""

from dispatcher.domain.decisions import AlertKind, ShuttleCommand
from dispatcher.domain.events import (
    NewerEpochSeen,
    PlanRefused,
    ShuttleFellSilent,
    ShuttleHeld,
    ShuttleJoined,
    ShuttleReleased,
    ShuttleReported,
    ShuttleReturned,
    ShuttleWithdrawn,
)
from dispatcher.domain.ids import NodeId
from dispatcher.domain.plans import StartNode
from dispatcher.domain.trips import ENDS, BreachCause
from dispatcher.engine.aboard import reconcile, take_in
from dispatcher.engine.battery import learn_drain, within_range
from dispatcher.engine.by_hand import obeys
from dispatcher.engine.disrupt import clear_waiting
from dispatcher.engine.lapse import await_no_word, take_back_order
from dispatcher.engine.orders import begin_order, lay_down_order
from dispatcher.engine.paces import begin_pace
from dispatcher.engine.rescue import call_off_rescues, take_heart
from dispatcher.engine.routes import is_faulted, is_stuck
from dispatcher.engine.state import ServiceState, Shuttle, TimerKind
from dispatcher.engine.turn import Turn
from dispatcher.engine.visits import carries
from dispatcher.planning.rows import RowPlan

_ETA_STEP_S = 10  # an expected arrival is corrected when it is off by this much


def join(turn: Turn, event: ShuttleJoined) -> None:
    """A shuttle is there with its places; it gets an order from where it stands."""
    state = turn.state
    shuttle = state.shuttles.get(event.shuttle_id)
    if shuttle is None:
        shuttle = _new_shuttle(state, event)
        begin_pace(turn)
    known_order = shuttle.order_id != "" and event.order_id == shuttle.order_id
    obeyed = obeys(shuttle)
    shuttle.capacity = event.capacity
    shuttle.x_m, shuttle.y_m = event.x_m, event.y_m
    shuttle.battery_pct, shuttle.mode = event.battery_pct, event.mode
    was_silent, shuttle.silent = shuttle.silent, False
    shuttle.last_heard_s, shuttle.needs_word = turn.now_s, event.needs_word
    shuttle.revision = max(shuttle.revision, event.revision)
    for trip_id in event.aboard:  # before the new order: what is to be done follows from it
        if not carries(turn.state, shuttle, trip_id):
            take_in(turn, shuttle, trip_id)
    shuttle.reported_aboard = event.aboard
    if shuttle.held:
        turn.command(shuttle, ShuttleCommand.PAUSE, "held by the operator")
    if not known_order:
        if event.order_id:
            reason = "it works on an order that is not ours"
            turn.command(shuttle, ShuttleCommand.CANCEL_ORDER, reason)
        begin_order(turn, shuttle)
        if not obeys(shuttle):
            await_no_word(turn, shuttle)
    elif obeys(shuttle) is not obeyed:
        _change_hands(turn, shuttle)
    elif was_silent:
        take_back_order(turn, shuttle)
    turn.touch(shuttle)


def report(turn: Turn, event: ShuttleReported) -> None:
    """Take over what a shuttle says of itself, and act on what changed."""
    shuttle = turn.state.shuttles.get(event.shuttle_id)
    if shuttle is None:
        return
    was_faulted, obeyed = is_faulted(shuttle), obeys(shuttle)
    was_silent, shuttle.silent = shuttle.silent, False
    shuttle.last_heard_s = turn.now_s
    shuttle.x_m, shuttle.y_m = event.x_m, event.y_m
    shuttle.battery_pct, shuttle.charging = event.battery_pct, event.charging
    shuttle.mode, shuttle.paused, shuttle.faults = event.mode, event.paused, event.faults
    shuttle.needs_word = event.needs_word
    reconcile(turn, shuttle, event.aboard)
    if obeys(shuttle) is not obeyed:
        _change_hands(turn, shuttle)
    elif was_silent:
        take_back_order(turn, shuttle)
    if shuttle.paused and not shuttle.held:
        # The word that ends a pause may have been lost with the dispatcher that gave it.
        turn.command(shuttle, ShuttleCommand.RESUME, "nobody holds it")
    learn_drain(turn.state, shuttle)
    _warn_of_battery(turn, shuttle)
    if event.left_m is not None:
        _correct_eta(turn, shuttle, event.left_m)
    if is_faulted(shuttle) and not was_faulted:
        _break_down(turn, shuttle)
    elif was_faulted and not is_stuck(turn.state, shuttle):
        shuttle.faulted_since_s = None
        call_off_rescues(turn, shuttle)
    turn.touch(shuttle)


def fall_silent(turn: Turn, event: ShuttleFellSilent) -> None:
    """Nothing is heard: those waiting are moved, those aboard keep their drop-off."""
    shuttle = turn.state.shuttles.get(event.shuttle_id)
    if shuttle is None or shuttle.silent:
        return
    shuttle.silent = True
    shuttle.last_heard_s = min(event.last_heard_s, turn.now_s)
    turn.cause = BreachCause.SHUTTLE_SILENT
    turn.cause_text = "We lost contact with your shuttle."
    turn.alert(
        AlertKind.SHUTTLE_SILENT, f"{shuttle.id} has not been heard; its plan runs out.", shuttle.id
    )
    clear_waiting(turn, shuttle, released_too=True)
    await_no_word(turn, shuttle)
    _tell_aboard(turn, shuttle, "We lost contact with your shuttle; it takes you to your stop.")
    given_up_s = shuttle.last_heard_s + turn.state.site.rules.abandon_after_s
    turn.state.wake(given_up_s, TimerKind.RESCUE, shuttle.id)


def refuse_plan(turn: Turn, event: PlanRefused) -> None:
    """The shuttle will not work by this plan: a fresh order, and an operator who knows.

    One that refuses again and again, or while it is broken, gets it a while later.
    """
    shuttle = turn.state.shuttles.get(event.shuttle_id)
    if shuttle is None or event.revision != shuttle.revision:
        return
    shuttle.refusals += 1
    turn.cause = BreachCause.PLAN_REFUSED
    turn.cause_text = "Your shuttle could not take the trip on."
    turn.alert(
        AlertKind.PLAN_REFUSED,
        f"{shuttle.id} refused plan {event.revision}: {event.reason}",
        shuttle.id,
    )
    if is_stuck(turn.state, shuttle):
        _give_up_on(turn, shuttle)
        await_no_word(turn, shuttle)
        order_s = turn.now_s + turn.state.site.rules.rescue_after_s
        turn.state.wake(order_s, TimerKind.ORDER, shuttle.id)
        return
    order_again(turn, shuttle)
    turn.touch(shuttle)


def order_again(turn: Turn, shuttle: Shuttle) -> None:
    """A fresh order from where the shuttle stands now, if it has not taken its plan yet.

    It may have refused the last one for being elsewhere, and no update of that changes where it
    begins.
    """
    if shuttle.refusals and not shuttle.silent:
        turn.command(shuttle, ShuttleCommand.CANCEL_ORDER, "it refused its plan")
        begin_order(turn, shuttle)


def hold(turn: Turn, event: ShuttleHeld) -> None:
    shuttle = turn.state.shuttles.get(event.shuttle_id)
    if shuttle is None or shuttle.held:
        return
    shuttle.held = True
    turn.command(shuttle, ShuttleCommand.PAUSE, event.reason or "held by the operator")
    turn.touch(shuttle)


def release(turn: Turn, event: ShuttleReleased) -> None:
    """The operator lets a held shuttle drive on, or one that had refused its plans try again."""
    shuttle = turn.state.shuttles.get(event.shuttle_id)
    if shuttle is None:
        return
    if shuttle.held:
        turn.command(shuttle, ShuttleCommand.RESUME, "released by the operator")
    shuttle.held = False
    if event.returns:
        shuttle.withdrawn = False
    if shuttle.refusals >= turn.state.site.rules.max_plan_refusals:
        turn.command(shuttle, ShuttleCommand.CANCEL_ORDER, "it is to start afresh")
        begin_order(turn, shuttle)
    take_heart(turn, shuttle)
    turn.touch(shuttle)


def withdraw(turn: Turn, event: ShuttleWithdrawn) -> None:
    """No new riders: those waiting are moved, but for those it is already driving to."""
    shuttle = turn.state.shuttles.get(event.shuttle_id)
    if shuttle is None or shuttle.withdrawn:
        return
    shuttle.withdrawn = True
    turn.cause = BreachCause.SHUTTLE_WITHDRAWN
    turn.cause_text = "Your shuttle was taken out of service."
    clear_waiting(turn, shuttle, released_too=False)


def take_back(turn: Turn, event: ShuttleReturned) -> None:
    """Out of service no more: it takes new riders again."""
    shuttle = turn.state.shuttles.get(event.shuttle_id)
    if shuttle is not None:
        shuttle.withdrawn = False
        turn.touch(shuttle)


def note_newer_epoch(turn: Turn, event: NewerEpochSeen) -> None:
    """A shuttle obeys a dispatcher of a higher epoch, and takes no plan of ours."""
    text = (
        f"{event.shuttle_id} has heard of epoch {event.epoch} and refuses plans of this "
        f"dispatcher's, {turn.state.epoch}. If another dispatcher serves the zone, stop one of "
        "them. If the store was put back to an older copy, raise the zone's epoch above "
        f"{event.epoch} and start this dispatcher again; see operations, Epochs."
    )
    turn.alert(AlertKind.EPOCH_BEHIND, text, event.shuttle_id)


def push_eta(turn: Turn, shuttle: Shuttle) -> None:
    """An arrival that is overdue is expected a little later; its riders' promises are checked."""
    released = shuttle.released
    if released is None or released.arrived_s is not None or turn.now_s < released.eta_s:
        return
    released.eta_s = turn.now_s + turn.state.site.rules.overdue_step_s


def _new_shuttle(state: ServiceState, event: ShuttleJoined) -> Shuttle:
    capacity = (event.capacity.seats, event.capacity.wheelchairs)
    row = RowPlan(0, state.now_s, (0, 0), capacity, False, (), ())
    shuttle = Shuttle(
        id=event.shuttle_id,
        capacity=event.capacity,
        x_m=event.x_m,
        y_m=event.y_m,
        battery_pct=event.battery_pct,
        mode=event.mode,
        last_heard_s=state.now_s,
        row=row,
        start=StartNode(NodeId("start"), event.x_m, event.y_m, 0),
        anchor=0,
        revision=event.revision,
        confirmed_revision=event.revision,
    )
    state.shuttles[shuttle.id] = shuttle
    state.row_of[shuttle.id] = state.fleet.add_row(row)
    state.shuttle_of_row.append(shuttle.id)
    return shuttle


def _correct_eta(turn: Turn, shuttle: Shuttle, left_m: float) -> None:
    released = shuttle.released
    if released is None or released.arrived_s is not None or released.length_m <= 0.0:
        return
    share = min(1.0, left_m / released.length_m)
    eta_s = turn.now_s + round(released.leg_s * share)
    if abs(eta_s - released.eta_s) >= _ETA_STEP_S:
        released.eta_s = eta_s


def _warn_of_battery(turn: Turn, shuttle: Shuttle) -> None:
    """Say once that a battery does not last for what was planned; its riders are moved."""
    _, beyond = within_range(turn.state, shuttle, shuttle.row, shuttle.times)
    if beyond:
        turn.cause = BreachCause.LOW_BATTERY
        turn.cause_text = "Your shuttle's battery does not last for your trip."
        if not shuttle.short_of_range:
            shuttle.short_of_range = True
            text = (
                f"{shuttle.id} has {shuttle.battery_pct:.0f} % left, too little for its route; "
                f"{len(beyond)} trips are given to others."
            )
            turn.alert(AlertKind.LOW_BATTERY, text, shuttle.id)
    elif shuttle.battery_pct >= turn.state.site.rules.battery_reserve_pct:
        shuttle.short_of_range = False


def _change_hands(turn: Turn, shuttle: Shuttle) -> None:
    """A person drives it from now on, or it drives itself again: either way its order is gone.

    Whoever waits for it or sits in it stays with it as long as their promise can be kept.
    """
    if obeys(shuttle):
        # It should have none, but of some modes the standard does not say so.
        turn.command(shuttle, ShuttleCommand.CANCEL_ORDER, "it was driven by hand")
        begin_order(turn, shuttle)
    else:
        lay_down_order(turn, shuttle)
        await_no_word(turn, shuttle)


def _break_down(turn: Turn, shuttle: Shuttle) -> None:
    text = ", ".join(fault.kind for fault in shuttle.faults)
    turn.cause = BreachCause.SHUTTLE_FAULT
    turn.cause_text = "Your shuttle broke down."
    turn.alert(AlertKind.SHUTTLE_FAULT, f"{shuttle.id} cannot drive on: {text}", shuttle.id)
    if shuttle.released is not None and shuttle.released.boards:
        # What is released cannot be changed, only given up with the whole order; else the shuttle
        # would still fetch, once repaired, riders whom another one has.
        turn.command(shuttle, ShuttleCommand.CANCEL_ORDER, "its riders are given to others")
        begin_order(turn, shuttle)
    _give_up_on(turn, shuttle)
    if shuttle.needs_word:
        await_no_word(turn, shuttle)  # its old order is not renewed any more


def _give_up_on(turn: Turn, shuttle: Shuttle) -> None:
    """It does not drive on: others take those who wait for it, and soon those who sit in it."""
    if shuttle.faulted_since_s is None:
        shuttle.faulted_since_s = turn.now_s
    clear_waiting(turn, shuttle, released_too=True)
    _tell_aboard(turn, shuttle, "Your shuttle has stopped; help is on its way.")
    rules = turn.state.site.rules
    turn.state.wake(turn.now_s + rules.rescue_after_s, TimerKind.RESCUE, shuttle.id)


def _tell_aboard(turn: Turn, shuttle: Shuttle, text: str) -> None:
    state = turn.state
    for booking_id in shuttle.aboard:
        trip = state.trips[state.bookings[booking_id].trip_id]
        if trip.state not in ENDS and trip.booking_id == booking_id:
            turn.tell(trip.request.trip_id, text)
