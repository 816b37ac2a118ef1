"""Why a shuttle takes no new riders, in words."""

from dispatcher.domain.shuttles import DriveMode, FaultLevel
from dispatcher.engine.routes import load_after_release
from dispatcher.engine.state import ServiceState, Shuttle


def why_unavailable(state: ServiceState, shuttle: Shuttle) -> tuple[str, ...]:
    """Every reason that holds; each goes on from "it is not available because ..."."""
    rules = state.site.rules
    reasons = []
    if shuttle.silent:
        reasons.append(f"nothing has been heard of it for {state.now_s - shuttle.last_heard_s} s")
    if shuttle.mode is not DriveMode.AUTOMATIC:
        reasons.append(f"it drives in mode {shuttle.mode}, not automatic")
    fatal = [fault.kind for fault in shuttle.faults if fault.level is FaultLevel.FATAL]
    if fatal:
        reasons.append(f"it reports a fault: {', '.join(fatal)}")
    if shuttle.held:
        reasons.append("an operator holds it")
    elif shuttle.paused:
        reasons.append("it is paused")
    if shuttle.withdrawn:
        reasons.append("an operator took it out of service")
    if shuttle.battery_pct < rules.battery_reserve_pct:
        reasons.append(
            f"its battery is at {shuttle.battery_pct:.0f} %, below the reserve of"
            f" {rules.battery_reserve_pct} %"
        )
    if shuttle.refusals >= rules.max_plan_refusals:
        reasons.append(f"it has refused its plan {shuttle.refusals} times")
    seats, places = load_after_release(state, shuttle)
    if seats > shuttle.capacity.seats or places > shuttle.capacity.wheelchairs:
        reasons.append("more riders are aboard than it has places")
    if not reasons and len(shuttle.times.begin_s) != len(shuttle.row.visits):
        reasons.append("no open street leads on from where it is")
    return tuple(reasons) or ("it takes no new riders just now",)
