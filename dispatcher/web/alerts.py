"""The newest alerts to the operator, as long as this process runs."""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from pydantic import Field

from dispatcher.core import Applied
from dispatcher.domain.decisions import AlertKind, OperatorAlerted
from dispatcher.domain.ids import StopId
from dispatcher.engine import ServiceState, berth_of, crowds
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
    stop: str | None = Field(default=None, description="Of `stop_crowded`: the stop.")
    over: bool | None = Field(
        default=None,
        description="Of `stop_crowded`: there are no more shuttles than berths now. Whether other"
        " alerts still hold is to be seen from the shuttle, the trip or the figures.",
    )


class AlertBook:
    """A listener; the newest `MOST_ALERTS` are kept. ``now_s`` is the zone's clock.

    ``on_alert`` hears of each alert, and once more of one that is over now.
    """

    def __init__(self, now_s: Callable[[], int], state: Callable[[], ServiceState]) -> None:
        self.on_alert: Callable[[AlertView], None] = lambda alert: None
        self._now_s = now_s
        self._state = state
        self._count = 0
        self._crowded: set[StopId] = set()  # stops of which there are alerts that are not over
        self._kept: deque[AlertView] = deque(maxlen=MOST_ALERTS)

    def on_applied(self, applied: Applied) -> None:
        for decision in applied.decisions:
            if isinstance(decision, OperatorAlerted):
                self._add(decision)

    def newest(self, most: int, *, before: int | None = None) -> Sequence[AlertView]:
        """The newest first."""
        self.look()
        found = [a for a in reversed(self._kept) if before is None or a.number < before]
        return found[:most]

    def look(self) -> None:
        """Say of stops that are over their berths no more that they are not.

        Nothing tells of that by itself: shuttles leave one by one, for whatever reason.
        """
        if not self._crowded:
            return
        ended = self._crowded - self._still_crowded()
        self._crowded -= ended
        if not ended:
            return
        for place, alert in enumerate(self._kept):
            if alert.over is False and alert.stop in ended:
                self._kept[place] = over = alert.model_copy(update={"over": True})
                self.on_alert(over)

    def _add(self, alerted: OperatorAlerted) -> None:
        self._count += 1
        stop = self._crowd(alerted)
        alert = AlertView(
            number=self._count,
            at=instant(self._now_s()),
            kind=alerted.kind,
            text=alerted.text,
            shuttle=alerted.shuttle_id,
            trip=alerted.trip_id,
            stop=stop,
            over=None if stop is None else False,
        )
        self._kept.append(alert)
        self.on_alert(alert)

    def _still_crowded(self) -> set[StopId]:
        state = self._state()
        return {state.site.zone.stops[at].id for at in crowds(state)}

    def _crowd(self, alerted: OperatorAlerted) -> StopId | None:
        """The stop that has become too full; the shuttle has just arrived there."""
        if alerted.kind is not AlertKind.STOP_CROWDED or alerted.shuttle_id is None:
            return None
        state = self._state()
        shuttle = state.shuttles[alerted.shuttle_id]
        # It may have been sent on at once: its way begins there.
        at = berth_of(state, shuttle)
        stop = state.site.zone.stops[shuttle.anchor if at is None else at].id
        self._crowded.add(stop)
        return stop
