"""What one client saw of the wire, line by line in a file: the raw material of a judgement.

Each line is one JSON object: ``at`` (real seconds since the epoch), ``way`` and what it is about.
A line is handed to the system whole before anything comes of it, so it outlives the process.
"""

import json
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dispatcher.domain.ids import ShuttleId, TripId
from simulator.concourse import Place


class WireRecord:
    """Appends to a file, which may have been written by a process that was killed."""

    def __init__(self, path: Path) -> None:
        """Raises ``OSError`` where the file cannot be written."""
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def message(self, way: str, topic: str, body: bytes) -> None:
        """One message, ``sent`` or ``got`` by this client."""
        self._write({"way": way, "topic": topic, "body": body.decode(errors="replace")})

    def door(self, way: str, trip_id: TripId, shuttle_id: ShuttleId, begins_s: float) -> None:
        """A party steps ``in`` or ``out``, from ``begins_s`` of the zone's clock on."""
        self._write({"way": way, "trip": trip_id, "shuttle": shuttle_id, "begins_s": begins_s})

    def close(self) -> None:
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, line: dict[str, Any]) -> None:
        text = json.dumps({"at": round(time.time(), 4), **line}, ensure_ascii=False)
        # With the break in front, a line torn by a kill spoils no other.
        os.write(self._file, f"\n{text}".encode())


class RecordedPlace:
    """A place whose doors are recorded, too."""

    def __init__(self, place: Place, record: WireRecord) -> None:
        self._place = place
        self._record = record

    def waits(self, trip_id: TripId, shuttle_id: ShuttleId, x_m: float, y_m: float) -> bool:
        return self._place.waits(trip_id, shuttle_id, x_m, y_m)

    def takes(self, trip_id: TripId, shuttle_id: ShuttleId) -> None:
        self._place.takes(trip_id, shuttle_id)

    def settled(
        self, trip_id: TripId, shuttle_id: ShuttleId, begins_s: float, ends_s: float
    ) -> None:
        self._record.door("in", trip_id, shuttle_id, begins_s)
        self._place.settled(trip_id, shuttle_id, begins_s, ends_s)

    def sets_down(
        self, trip_id: TripId, shuttle_id: ShuttleId, x_m: float, y_m: float, out_s: float
    ) -> None:
        self._record.door("out", trip_id, shuttle_id, out_s)
        self._place.sets_down(trip_id, shuttle_id, x_m, y_m, out_s)

    def is_in(self, trip_id: TripId, shuttle_id: ShuttleId) -> bool:
        return self._place.is_in(trip_id, shuttle_id)

    def has_walked_off(self, trip_id: TripId, shuttle_id: ShuttleId) -> bool:
        return self._place.has_walked_off(trip_id, shuttle_id)
