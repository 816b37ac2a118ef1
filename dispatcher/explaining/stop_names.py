"""What a stop is called in an explanation."""

from dispatcher.domain.ids import StopId
from dispatcher.domain.zone import Stop, Zone


def stop_name(stop: Stop) -> str:
    """The English name and the id, which plans and messages use; the id alone if there is none."""
    name = stop.names.get("en")
    return stop.id if name is None or name == stop.id else f"{name} ({stop.id})"


def stop_names(zone: Zone) -> dict[StopId, str]:
    return {stop.id: stop_name(stop) for stop in zone.stops}
