"""Why a shuttle takes no new riders."""

from dataclasses import dataclass
from enum import StrEnum

from dispatcher.domain.shuttles import DriveMode, FaultLevel
from dispatcher.engine.routes import load_after_release
from dispatcher.engine.state import ServiceState, Shuttle


class NotTaking(StrEnum):
    """What keeps a shuttle from taking riders. The console has words for each, by its name."""

    SILENT = "silent"
    MODE = "mode"
    FAULT = "fault"
    HELD = "held"
    PAUSED = "paused"
    WITHDRAWN = "withdrawn"
    LOW_BATTERY = "low_battery"
    REFUSES_PLANS = "refuses_plans"
    OVERFULL = "overfull"
    NO_WAY_ON = "no_way_on"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Unavailability:
    """One reason. What its kind has not is left empty."""

    kind: NotTaking
    number: int | None = None  # seconds of silence, per cent of battery, refusals
    reserve_pct: int | None = None  # below which a battery is low
    mode: DriveMode | None = None
    faults: tuple[str, ...] = ()


def why_unavailable(state: ServiceState, shuttle: Shuttle) -> tuple[Unavailability, ...]:
    """Every reason that holds."""
    rules = state.site.rules
    reasons = []
    if shuttle.silent:
        silent_s = state.now_s - shuttle.last_heard_s
        reasons.append(Unavailability(NotTaking.SILENT, silent_s))
    if shuttle.mode is not DriveMode.AUTOMATIC:
        reasons.append(Unavailability(NotTaking.MODE, mode=shuttle.mode))
    fatal = tuple(fault.kind for fault in shuttle.faults if fault.level is FaultLevel.FATAL)
    if fatal:
        reasons.append(Unavailability(NotTaking.FAULT, faults=fatal))
    if shuttle.held:
        reasons.append(Unavailability(NotTaking.HELD))
    elif shuttle.paused:
        reasons.append(Unavailability(NotTaking.PAUSED))
    if shuttle.withdrawn:
        reasons.append(Unavailability(NotTaking.WITHDRAWN))
    if shuttle.battery_pct < rules.battery_reserve_pct:
        pct, reserve_pct = round(shuttle.battery_pct), rules.battery_reserve_pct
        reasons.append(Unavailability(NotTaking.LOW_BATTERY, pct, reserve_pct))
    if shuttle.refusals >= rules.max_plan_refusals:
        reasons.append(Unavailability(NotTaking.REFUSES_PLANS, shuttle.refusals))
    seats, places = load_after_release(state, shuttle)
    if seats > shuttle.capacity.seats or places > shuttle.capacity.wheelchairs:
        reasons.append(Unavailability(NotTaking.OVERFULL))
    if not reasons and len(shuttle.times.begin_s) != len(shuttle.row.visits):
        reasons.append(Unavailability(NotTaking.NO_WAY_ON))
    return tuple(reasons) or (Unavailability(NotTaking.OTHER),)


def unavailable_in_words(reason: Unavailability) -> str:
    """It goes on from "it is not available because ..."."""
    match reason.kind:
        case NotTaking.SILENT:
            return f"nothing has been heard of it for {reason.number} s"
        case NotTaking.MODE:
            return f"it drives in mode {reason.mode}, not automatic"
        case NotTaking.FAULT:
            return f"it reports a fault: {', '.join(reason.faults)}"
        case NotTaking.HELD:
            return "an operator holds it"
        case NotTaking.PAUSED:
            return "it is paused"
        case NotTaking.WITHDRAWN:
            return "an operator took it out of service"
        case NotTaking.LOW_BATTERY:
            reserve_pct = reason.reserve_pct
            return f"its battery is at {reason.number} %, below the reserve of {reserve_pct} %"
        case NotTaking.REFUSES_PLANS:
            return f"it has refused its plan {reason.number} times"
        case NotTaking.OVERFULL:
            return "more riders are aboard than it has places"
        case NotTaking.NO_WAY_ON:
            return "no open street leads on from where it is"
        case NotTaking.OTHER:
            return "it takes no new riders just now"
