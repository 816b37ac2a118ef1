"""How wrong the forecast has been, beside a naive one: mean error, bias and pinball loss.

Figures are sums in thousandths of a request over places and slots, so that any mean follows from
them and nothing is lost by rounding.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isqrt

_LATELY_PCT = 99  # of the recent figures, kept per slot: a memory of about a day
_QUANTILE_PCT = 90
_SIGMAS_MILLI = 1282  # the normal 90 % quantile, in thousandths of a standard deviation


@dataclass(slots=True)
class ErrorSums:
    """Sums over everything judged, in thousandths of a request."""

    absolute: int = 0  # by place
    signed: int = 0  # forecast minus what came
    pinball: int = 0  # of the 90 % quantile, by place
    zone_absolute: int = 0  # of whole slots, all places together

    def add(self, forecast_milli: Sequence[int], came: Sequence[int]) -> None:
        total = 0
        for expected, n in zip(forecast_milli, came, strict=True):
            error = expected - 1000 * n
            total += error
            self.absolute += abs(error)
            self.pinball += _pinball(_quantile_milli(expected), 1000 * n)
        self.signed += total
        self.zone_absolute += abs(total)

    def fade(self, keep_pct: int) -> None:
        self.absolute = self.absolute * keep_pct // 100
        # Towards zero from both sides: floor division alone would never forget a debt of one.
        self.signed = abs(self.signed) * keep_pct // 100 * (1 if self.signed >= 0 else -1)
        self.pinball = self.pinball * keep_pct // 100
        self.zone_absolute = self.zone_absolute * keep_pct // 100


@dataclass(slots=True)
class ForecastScore:
    """The forecast's errors and those of the naive one (the same slot a day before, or the mean).

    Only slots in which anybody asked, or was expected to, are judged: quiet nights would flatter.
    """

    slots: int = 0
    came: int = 0  # requests in the slots judged
    forecast: ErrorSums = field(default_factory=ErrorSums)
    naive: ErrorSums = field(default_factory=ErrorSums)
    lately_came_milli: int = 0
    lately: ErrorSums = field(default_factory=ErrorSums)  # the forecast's, about the last day
    lately_naive: ErrorSums = field(default_factory=ErrorSums)

    def add(
        self, forecast_milli: Sequence[int], naive_milli: Sequence[int], came: Sequence[int]
    ) -> None:
        """Judge one slot."""
        self.slots += 1
        self.came += sum(came)
        self.lately_came_milli = self.lately_came_milli * _LATELY_PCT // 100 + 1000 * sum(came)
        self.lately.fade(_LATELY_PCT)
        self.lately_naive.fade(_LATELY_PCT)
        for sums in (self.forecast, self.lately):
            sums.add(forecast_milli, came)
        for sums in (self.naive, self.lately_naive):
            sums.add(naive_milli, came)

    def figures(self) -> dict[str, float]:
        """Errors in percent of the requests that came; 0 while nothing was judged.

        ``mae_pct`` is by stop and slot, ``zone_mae_pct`` by slot, ``bias_pct`` above 0 where too
        much is expected, ``pinball_pct`` that of the 90 % quantile.
        """
        return {
            "slots": self.slots,
            "requests": self.came,
            **_named("", self.forecast, 1000 * self.came),
            **_named("naive_", self.naive, 1000 * self.came),
            **_named("lately_", self.lately, self.lately_came_milli),
            **_named("lately_naive_", self.lately_naive, self.lately_came_milli),
        }


def _named(prefix: str, sums: ErrorSums, came_milli: int) -> dict[str, float]:
    def percent(milli: int) -> float:
        return round(100.0 * milli / came_milli, 1) if came_milli else 0.0

    return {
        f"{prefix}mae_pct": percent(sums.absolute),
        f"{prefix}zone_mae_pct": percent(sums.zone_absolute),
        f"{prefix}bias_pct": percent(sums.signed),
        f"{prefix}pinball_pct": percent(sums.pinball),
    }


def _quantile_milli(expected_milli: int) -> int:
    """The 90 % quantile of a count with this mean, by the normal law: ``m + 1.282 sqrt(m)``.

    ``isqrt(1000 m)`` is the root of the mean in thousandths, as ``m`` itself is given in them.
    """
    return expected_milli + _SIGMAS_MILLI * isqrt(1000 * expected_milli) // 1000


def _pinball(quantile_milli: int, came_milli: int) -> int:
    short = came_milli - quantile_milli
    return (_QUANTILE_PCT * short if short > 0 else (_QUANTILE_PCT - 100) * short) // 100
