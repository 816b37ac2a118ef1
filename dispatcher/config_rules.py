"""The service rules as settings: defaults come from the domain, bounds and words from here."""

from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, create_model

from dispatcher.domain.energy import EnergyRule
from dispatcher.domain.pace import PaceRule
from dispatcher.domain.policy import DwellRule, Objective
from dispatcher.domain.rules import ServiceRules

_DAY_S: Final = 24 * 3600
# A test sees to it that no rule needs this for long.
_ANY: Final = (0, 1_000_000_000, "")

# Smallest and largest sensible value: outside of them it is a slip of the pen.
OBJECTIVE_BOUNDS: Final[dict[str, tuple[int, int, str]]] = {
    "driving": (0, 1_000_000, "milli-cost of a second driven"),
    "waiting": (0, 1_000_000, "of a second a person waits"),
    "riding": (0, 1_000_000, "of a second a person rides"),
    "walking": (0, 1_000_000, "of a second a person walks"),
}
DWELL_BOUNDS: Final[dict[str, tuple[int, int, str]]] = {
    "stop_dwell_s": (1, 600, "standing at a visit"),
    "ramp_dwell_s": (0, 600, "more, where a wheelchair boards or alights"),
}
ENERGY_BOUNDS: Final[dict[str, tuple[int, int, str]]] = {
    "battery_wh": (1_000, 1_000_000, "what a shuttle's battery holds, in watt-hours"),
    "driving_w": (100, 200_000, "watts a driving shuttle takes, on the high side"),
    "standing_w": (0, 50_000, "watts a standing shuttle takes"),
    "floor_pct": (0, 90, "riders who would take it below this are given to others"),
    "call_off_pct": (0, 100, "a charging shuttle may be given riders from here on"),
    "least_charge_pct": (0, 100, "but not before it has gained so much"),
    "lookahead_s": (0, 4 * 3600, "standing allowed for, beyond what is planned"),
    "gap_s": (600, _DAY_S, "a pause before a timed pickup in which a shuttle can charge"),
    "charge_slack_s": (0, 599, "riders may make a planned charge so much later"),
    "plug_retry_s": (60, _DAY_S, "a plug that gave nothing is tried again after this"),
    "peak_keep_pct": (0, 100, "of the fleet stays out when the most is asked for"),
}
PACE_BOUNDS: Final[dict[str, tuple[int, int, str]]] = {
    "learning": (0, 1, "1: what shuttles report changes the pace; 0: the profile alone does"),
    "least_pm": (300, 1_000, "reports make drives no shorter, in thousandths of the map's times"),
    "most_pm": (1_000, 5_000, "and no longer"),
    "step_pm": (1, 1_000, "the pace in force changes only by so much or more"),
    "ahead_s": (0, 4 * 3600, "the pace in force is the slowest expected from now to then"),
    "every_s": (30, 3600, "and is thought over so often"),
}
# Plain text for the table; pydantic shows the bounds of the list's numbers itself.
HourlyPaces = Annotated[
    tuple[Annotated[int, Field(ge=300, le=5_000)], ...],
    Field(description="the map's times in thousandths, local hours from midnight; none: 1000"),
]
RULE_BOUNDS: Final[dict[str, tuple[int, int, str]]] = {
    "max_wait_s": (60, 4 * 3600, "from being at the stop to the planned pickup"),
    "ride_percent": (100, 1_000, "longest ride, in percent of the direct drive"),
    "ride_extra_s": (0, 3600, "and so much more"),
    "window_before_s": (0, 1800, "the pickup window opens so long before the planned pickup"),
    "window_after_s": (0, 1800, "and closes at least so long after it"),
    "window_most_s": (0, 3600, "or later, up to this, where past pickups were that late"),
    "arrival_slack_s": (0, 3600, "latest drop-off at least so long after the planned one"),
    "arrival_slack_most_s": (0, 7200, "or later, up to this, where past arrivals were that late"),
    "promise_level_pct": (50, 99, "so many in a hundred come by the end of their window"),
    "offer_ttl_s": (5, 600, "an offer holds its seat so long"),
    "stop_candidates": (1, 20, "nearest stops considered at either end"),
    "book_ahead_s": (0, 30 * _DAY_S, "how far ahead a trip can be asked for"),
    "arrive_early_s": (0, 3600, "arrive_by: arrives at most so long before"),
    "later_offer_s": (60, 4 * 3600, "the later alternative leaves so much later"),
    "guard_s": (0, 600, "planning stays at least so far inside what was promised"),
    "guard_most_s": (0, 1200, "or further, up to this, where drives and dwells vary more"),
    "notify_shift_s": (10, 1800, "riders are told when their pickup moves by this"),
    "no_show_wait_s": (0, 1800, "a shuttle waits so long for a rider"),
    "early_start_s": (0, 600, "leave so much earlier than needed"),
    "overdue_step_s": (1, 300, "an overdue arrival is expected so much later"),
    "plan_validity_s": (10, 3600, "out of contact so long, a shuttle boards nobody"),
    "validity_margin_s": (0, 600, "and so much later its riders may be given away"),
    "rescue_after_s": (0, 3600, "riders aboard a faulted shuttle get another"),
    "replan_every_s": (5, 600, "riders without a shuttle are tried again"),
    "abandon_after_s": (60, _DAY_S, "and given up after this"),
    "max_plan_refusals": (1, 100, "plans refused in a row that make a fault"),
    "park_after_s": (0, _DAY_S, "idle so long before it moves to where it is needed"),
    "park_again_s": (1, _DAY_S, "and thinks again after this"),
    "rebalance_every_s": (1, 3600, "idle shuttles are placed together, at most so often"),
    "rebalance_horizon_s": (60, 4 * 3600, "for the requests expected within this"),
    "rebalance_gain_pct": (0, 1_000_000, "where waits saved are worth so much of the drive"),
    "onward_requests": (0, 1_000, "plans end near one of so many expected requests; 0: anywhere"),
    "fair_wait_multiple_pct": (0, 10_000, "stops that wait so much of the median count for more"),
    "battery_reserve_pct": (0, 90, "below this a shuttle takes no new rider"),
    "charge_below_pct": (0, 100, "below this a plug is reserved for it"),
    "charge_to_pct": (1, 100, "and stays until so full"),
    "forget_after_s": (60, 30 * _DAY_S, "ended trips leave the memory after this"),
}


def _section(name: str, kind: type, bounds: dict[str, tuple[int, int, str]], **nested: Any) -> Any:
    """A settings model for a dataclass of whole numbers."""
    known: dict[str, Any] = {}
    for field in fields(kind):
        if field.name in nested:
            kind_of = nested[field.name]
            known[field.name] = (kind_of, kind_of() if isinstance(kind_of, type) else ())
            continue
        assert field.default is not MISSING, f"{field.name} has no default"
        low, high, text = bounds.get(field.name, _ANY)
        limits = Field(ge=low, le=high, description=text)
        known[field.name] = (Annotated[int, limits], field.default)
    return create_model(name, __config__=ConfigDict(extra="forbid", frozen=True), **known)


if TYPE_CHECKING:

    class RuleSettings(BaseModel):
        """Made from ``ServiceRules`` when run; a type checker only needs its name."""

else:
    RuleSettings = _section(
        "RuleSettings",
        ServiceRules,
        RULE_BOUNDS,
        objective=_section("ObjectiveSettings", Objective, OBJECTIVE_BOUNDS),
        dwell=_section("DwellSettings", DwellRule, DWELL_BOUNDS),
        energy=_section("EnergySettings", EnergyRule, ENERGY_BOUNDS),
        pace=_section("PaceSettings", PaceRule, PACE_BOUNDS, by_hour_pm=HourlyPaces),
    )


def service_rules(settings: RuleSettings) -> ServiceRules:
    """The rules as the engine takes them.

    Raises
    ------
    ValueError
        The rules contradict each other.
    """
    values = settings.model_dump()
    objective = Objective(**values.pop("objective"))
    dwell = DwellRule(**values.pop("dwell"))
    energy = EnergyRule(**values.pop("energy"))
    pace = PaceRule(**values.pop("pace"))
    return ServiceRules(objective=objective, dwell=dwell, energy=energy, pace=pace, **values)
