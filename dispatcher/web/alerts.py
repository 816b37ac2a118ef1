"""The newest alerts to the operator, as long as this process runs."""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from pydantic import Field

from dispatcher.core import Applied
from dispatcher.domain.decisions import AlertKind, OperatorAlerted
from dispatcher.riders.status import Document, instant

MOST_ALERTS: Final = 500


class AlertView(Document):
    """Something an operator should know."""

    number: int = Field(description="Rises with each alert since this dispatcher started.")
    at: datetime
    kind: AlertKind
    text: str
    shuttle: str | None = None
    trip: str | None = None


class AlertBook:
    """A listener; the newest `MOST_ALERTS` are kept. ``now_s`` is the zone's clock."""

    def __init__(self, now_s: Callable[[], int]) -> None:
        self.on_alert: Callable[[AlertView], None] = lambda alert: None
        self._now_s = now_s
        self._count = 0
        self._kept: deque[AlertView] = deque(maxlen=MOST_ALERTS)

    def on_applied(self, applied: Applied) -> None:
        for decision in applied.decisions:
            if isinstance(decision, OperatorAlerted):
                self._add(decision)

    def newest(self, most: int, *, before: int | None = None) -> Sequence[AlertView]:
        """The newest first."""
        found = [a for a in reversed(self._kept) if before is None or a.number < before]
        return found[:most]

    def _add(self, alerted: OperatorAlerted) -> None:
        self._count += 1
        alert = AlertView(
            number=self._count,
            at=instant(self._now_s()),
            kind=alerted.kind,
            text=alerted.text,
            shuttle=alerted.shuttle_id,
            trip=alerted.trip_id,
        )
        self._kept.append(alert)
        self.on_alert(alert)
