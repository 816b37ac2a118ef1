"""How much is asked for where: recent requests per stop, fading with age."""

from dataclasses import dataclass, field

_UNIT = 1 << 20  # one request, so that fading in whole numbers stays smooth


@dataclass(slots=True)
class DemandCounts:
    """Requests by pickup stop. Whole numbers throughout: a replay sees the same demand.

    Each ``period_s`` the count fades to ``keep_pct`` of itself, so that 15 minutes and 75 % half
    the memory in about 36 minutes. A uniform prior keeps stops in sight where nobody asked yet.
    """

    n_stops: int
    period_s: int = 900
    keep_pct: int = 75
    prior_milli_per_hour: int = 100  # of each stop
    units: list[int] = field(default_factory=list)
    period: int = 0  # number of the period the units belong to, since the epoch

    def __post_init__(self) -> None:
        assert 0 < self.keep_pct < 100
        if not self.units:
            self.units = [0] * self.n_stops

    def count(self, stop: int, at_s: int) -> None:
        """One more request at this stop. Times may not run backwards by more than a period."""
        self._fade(at_s)
        self.units[stop] += _UNIT

    def hourly_milli(self, at_s: int) -> tuple[int, ...]:
        """Expected requests at each stop, in thousandths per hour.

        ``c`` requests in every period add up to ``c / (1 - keep)``; the expectation is the way
        back from there.
        """
        self._fade(at_s)
        fading_pct = 100 - self.keep_pct
        per_hour = 1000 * 3600 * fading_pct
        per_unit = _UNIT * self.period_s * 100
        return tuple(
            self.prior_milli_per_hour + units * per_hour // per_unit for units in self.units
        )

    def _fade(self, at_s: int) -> None:
        period = at_s // self.period_s
        gone = period - self.period
        if gone <= 0:
            return
        self.period = period
        # After so many periods even a crowd is forgotten: 0.99 ** 5000 is below one unit.
        for _ in range(min(gone, 5000)):
            if not any(self.units):
                return
            self.units = [units * self.keep_pct // 100 for units in self.units]
