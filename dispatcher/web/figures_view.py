"""The figures that operators watch."""

from datetime import datetime

from prometheus_client import Histogram
from pydantic import Field

from dispatcher.engine.state import ServiceState
from dispatcher.improving import ImproverLoop
from dispatcher.riders.status import Document, instant
from dispatcher.telemetry.metrics import Metrics
from dispatcher.web.figures_book import FiguresBook


class WaitsView(Document):
    """From the wished departure to boarding; of the newest 2,000."""

    boardings: int
    mean_s: float
    p50_s: int
    p95_s: int


class PunctualityView(Document):
    """Of all pickups that the journal knows of."""

    windows_promised: int
    windows_kept: int
    kept_pct: float | None = None
    broken_by_cause: dict[str, int] = Field(description="Since this dispatcher began to serve.")


class FleetFigures(Document):
    people_carried: int
    shuttle_hours: float
    people_per_shuttle_hour: float | None = None
    shared_pct: float | None = Field(
        default=None, description="Of the rides, those that met another trip aboard."
    )
    km: float = Field(description="Of the legs driven to the stop they led to.")
    empty_km: float


class TimesView(Document):
    """How long computing takes, in milliseconds; from when this process started."""

    decisions: int
    decision_mean_ms: float
    decision_p99_below_ms: float | None = Field(
        default=None, description="99 in a hundred took no longer; the bound of a histogram."
    )
    searches: int = Field(description="For better plans.")
    searches_improved: int
    searches_failed: int = Field(description="The last ones in a row; 3 are an alert.")
    last_search: str


class FiguresDocument(Document):
    """Counted since this dispatcher began to serve, where nothing else is said."""

    at: datetime
    since: datetime | None = None
    requests: int
    ended: dict[str, int] = Field(description="By the state that they ended in.")
    refused: dict[str, int] = Field(description="By reason.")
    trips_now: dict[str, int] = Field(description="Trips remembered, by state.")
    waits: WaitsView
    punctuality: PunctualityView
    fleet: FleetFigures
    times: TimesView


def figures_document(
    book: FiguresBook,
    state: ServiceState,
    metrics: Metrics,
    improver: ImproverLoop | None,
    now_s: int,
) -> FiguresDocument:
    trips_now: dict[str, int] = {}
    for trip in state.trips.values():
        trips_now[trip.state.value] = trips_now.get(trip.state.value, 0) + 1
    return FiguresDocument(
        at=instant(now_s),
        since=None if book.since_s is None else instant(book.since_s),
        requests=book.requests,
        ended={state.value: count for state, count in book.ends.items()},
        refused=dict(book.refused),
        trips_now=trips_now,
        waits=_waits(book.waits_s),
        punctuality=PunctualityView(
            windows_promised=state.learnt.windows,
            windows_kept=state.learnt.windows_kept,
            kept_pct=_percent(state.learnt.windows_kept, state.learnt.windows),
            broken_by_cause=dict(book.breaches),
        ),
        fleet=FleetFigures(
            people_carried=book.carried,
            shuttle_hours=round(book.shuttle_hours, 2),
            people_per_shuttle_hour=(
                round(book.carried / book.shuttle_hours, 2) if book.shuttle_hours else None
            ),
            shared_pct=_percent(book.shared_rides, book.rides),
            km=round(book.km, 2),
            empty_km=round(book.empty_km, 2),
        ),
        times=_times(metrics, improver),
    )


def _waits(waits_s: list[int]) -> WaitsView:
    ordered = sorted(waits_s)
    count = len(ordered)
    return WaitsView(
        boardings=count,
        mean_s=round(sum(ordered) / count, 1) if count else 0.0,
        p50_s=ordered[(count - 1) // 2] if count else 0,
        p95_s=ordered[min(count - 1, count * 95 // 100)] if count else 0,
    )


def _times(metrics: Metrics, improver: ImproverLoop | None) -> TimesView:
    count, mean_s, p99_s = _histogram(metrics.decision_s)
    return TimesView(
        decisions=count,
        decision_mean_ms=round(1000.0 * mean_s, 2),
        decision_p99_below_ms=None if p99_s is None else 1000.0 * p99_s,
        searches=improver.health.asked if improver else 0,
        searches_improved=improver.health.improved if improver else 0,
        searches_failed=improver.health.failed_in_a_row if improver else 0,
        last_search=improver.health.last if improver else "switched off",
    )


def _histogram(histogram: Histogram) -> tuple[int, float, float | None]:
    """How many there were, their mean, and the least bound that 99 in a hundred are below."""
    count, total, below = 0.0, 0.0, list[tuple[float, float]]()
    for metric in histogram.collect():
        for sample in metric.samples:
            if sample.name.endswith("_count"):
                count = sample.value
            elif sample.name.endswith("_sum"):
                total = sample.value
            elif sample.name.endswith("_bucket"):
                below.append((float(sample.labels["le"]), sample.value))
    p99 = next((le for le, number in below if count and number >= 0.99 * count), None)
    if p99 == float("inf"):
        p99 = None
    return int(count), total / count if count else 0.0, p99


def _percent(part: int, whole: int) -> float | None:
    return round(100.0 * part / whole, 1) if whole else None
