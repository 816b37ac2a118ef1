"""How quoted times have held, for health and metrics: the service's own reliability diagram."""

from collections.abc import Callable

from dispatcher.domain.quotes import LEVELS_PCT
from dispatcher.engine import ServiceState
from dispatcher.engine.learning import guard_s
from dispatcher.planning.reliability import Reliability
from dispatcher.telemetry.health import PromiseHealth, QuoteHealth
from dispatcher.telemetry.metrics import Reading


def promise_health(state: ServiceState) -> PromiseHealth:
    """Over all of the journal, and lately."""
    learnt = state.learnt
    return PromiseHealth(
        pickups=_quote_health(learnt.pickups_kept),
        dropoffs=_quote_health(learnt.dropoffs_kept),
        windows=learnt.windows,
        windows_kept_pct=round(100.0 * learnt.windows_kept / max(1, learnt.windows), 2),
        pace_pm=learnt.pace_pm,
        leg_guard_s=guard_s(state, 1),
    )


def promise_readings(state: Callable[[], ServiceState]) -> list[Reading]:
    """The same for the metrics page."""

    def windows() -> dict[str, float]:
        learnt = state().learnt
        return {"promised": learnt.windows, "kept": learnt.windows_kept}

    return [
        Reading(
            "pickups_by_quote_percent",
            "Of the last 1,000 pickups, those by the quoted time, by its level",
            lambda: _by_level(state().learnt.pickups_kept.recent_shares_pct()),
            "level",
        ),
        Reading(
            "dropoffs_by_quote_percent",
            "Of the last 1,000 drop-offs, those by the quoted time, by its level",
            lambda: _by_level(state().learnt.dropoffs_kept.recent_shares_pct()),
            "level",
        ),
        Reading("pickup_windows", "Windows promised, and kept", windows, "what", total=True),
        Reading(
            "pace_per_mille",
            "How long drives are planned, of the map's times",
            lambda: {"": state().learnt.pace_pm},
        ),
    ]


def _quote_health(kept: Reliability) -> QuoteHealth:
    return QuoteHealth(
        outcomes=kept.outcomes,
        came_by_pct=_by_level(kept.shares_pct()),
        recent_came_by_pct=_by_level(kept.recent_shares_pct()),
    )


def _by_level(shares_pct: tuple[float, ...]) -> dict[str, float]:
    return {str(level): share for level, share in zip(LEVELS_PCT, shares_pct, strict=True)}
