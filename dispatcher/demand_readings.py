"""How requests are foreseen and whose stops wait longest, for health."""

from dispatcher.engine import ServiceState
from dispatcher.telemetry.health import DemandHealth


def demand_health(state: ServiceState) -> DemandHealth:
    """The forecast's own errors, and the stops that now count for more."""
    multiple_pct = state.site.rules.fair_wait_multiple_pct
    neglected = tuple(
        stop.id
        for stop, ratio in zip(state.site.zone.stops, state.waits.ratios_pct(), strict=True)
        if 0 < multiple_pct < ratio
    )
    return DemandHealth(
        forecast=state.forecast.score.figures(),
        median_stop_wait_s=state.waits.median_s(),
        neglected_stops=neglected,
    )
