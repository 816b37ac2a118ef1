"""A happening as one sentence for an operator."""

from typing import Final

from dispatcher.domain.events import OperatorEvent
from dispatcher.domain.shuttles import Fault
from dispatcher.explaining.happenings import Happened, Happening, ordered

# What is in braces: `_parts`.
_SENTENCES: Final = {
    Happened.ASKED: "The rider asked for the trip.",
    Happened.OFFER_ACCEPTED: "The rider of {trip} accepted an offer.",
    Happened.OFFER_DECLINED: "The rider of {trip} declined.",
    Happened.CANCELLED_BY_RIDER: "{Trip} was cancelled by its rider{because}.",
    Happened.CANCELLED: "{Trip} was cancelled by an operator{because}.",
    Happened.CANCELLED_BY_OPERATOR: "{Trip} was cancelled by {operator}{because}.",
    Happened.STREETS_CLOSED: "{operator} closed {places}{because}.",
    Happened.STREETS_OPENED: "{operator} opened {places} again{because}.",
    Happened.SHUTTLE_HELD: "{operator} stopped {shuttle}{because}.",
    Happened.SHUTTLE_RELEASED: "{operator} let {shuttle} drive on{because}.",
    Happened.SHUTTLE_WITHDRAWN: "{operator} took {shuttle} out of service{because}.",
    Happened.SHUTTLE_RETURNED: "{operator} put {shuttle} back into service{because}.",
    Happened.SHUTTLE_SENT: "{operator} sent {shuttle} to stop {stop}{because}.",
    Happened.TRIP_MOVED: "{operator} moved {trip} to {shuttle}{because}.",
    Happened.TRIP_MOVED_ANYWHERE: "{operator} moved {trip} to another shuttle{because}.",
    Happened.BOARDED: "{Shuttle} reported that the riders of {trip} boarded.",
    Happened.NOT_THERE: "{Shuttle} waited for {trip}, but nobody came.",
    Happened.BOARDING_FAILED: "{Shuttle} could not let the riders of {trip} in{because}.",
    Happened.BOARDING_EXPIRED: "{Shuttle} could not let the riders of {trip} in{because}.",
    Happened.GOT_OUT: "{Shuttle} could not let the riders of {trip} in{because}.",
    Happened.ALIGHTED: "{Shuttle} reported that the riders of {trip} got off.",
    Happened.JOINED: "{Shuttle} joined.",
    Happened.JOINED_WITHOUT_ORDER: "{Shuttle} joined without an order.",
    Happened.REPORTED: "{Shuttle} reported where it is.",
    Happened.PAUSED: "{Shuttle} reported that it is paused.",
    Happened.FAULTED: "{Shuttle} reported that it cannot drive: {faults}.",
    Happened.FELL_SILENT: "{Shuttle} has not been heard for {number} s.",
    Happened.PLAN_CONFIRMED: "{Shuttle} confirmed plan {number}.",
    Happened.PLAN_REFUSED: "{Shuttle} refused plan {number}{because}.",
    Happened.ARRIVED: "{Shuttle} arrived at a stop.",
    Happened.LEFT: "{Shuttle} left a stop.",
    Happened.NEWER_EPOCH: "{Shuttle} had heard of a dispatcher with epoch {number}.",
    Happened.TIME_PASSED: "Time passed.",
    Happened.NOT_ARRIVED: "Time passed; {shuttle} had not arrived at its next stop.",
    Happened.STILL_STANDING: "Time passed; {shuttle} still stood at a stop.",
    Happened.ROUTES_PROPOSED: "The improver proposed cheaper routes for {number} shuttles.",
    Happened.CHARGING_PLANNED: "Charging planned.",
    Happened.EPOCH_BEGAN: "A dispatcher took over (epoch {number}).",
    Happened.HEARING_LOST: "No shuttle could be heard for {number} s.",
    Happened.HEARING_REGAINED: "Shuttles could be heard again.",
}


def happening_in_words(happened: Happening) -> str:
    if happened.kind is Happened.ASKED and happened.trip_id is not None:
        return f"Another trip, {happened.trip_id}, was asked for and planned."
    return _SENTENCES[happened.kind].format_map(_parts(happened))


def ordered_in_words(event: OperatorEvent) -> str:
    """What an operator ordered, seen from no trip."""
    return happening_in_words(ordered(event))


def _parts(happened: Happening) -> dict[str, object]:
    trip = "this trip" if happened.trip_id is None else f"trip {happened.trip_id}"
    shuttle = f"shuttle {happened.shuttle_id}"
    return {
        "trip": trip,
        "Trip": f"{trip[0].upper()}{trip[1:]}",
        "shuttle": shuttle,
        "Shuttle": f"S{shuttle[1:]}",
        "operator": happened.operator_id,
        "because": _because(happened.reason),
        "stop": happened.stop_id,
        "places": _places(happened.streets, happened.stops),
        "faults": ", ".join(_fault(fault) for fault in happened.faults),
        "number": happened.number,
    }


def _because(reason: str) -> str:
    return f" ({reason})" if reason else ""


def _fault(fault: Fault) -> str:
    return f"{fault.kind}{_because(fault.text)}"


def _places(n_edges: int, stops: tuple[str, ...]) -> str:
    parts = []
    if n_edges:
        parts.append(f"{n_edges} street direction{'s' if n_edges > 1 else ''}")
    if stops:
        parts.append(f"stop{'s' if len(stops) > 1 else ''} {', '.join(stops)}")
    return " and ".join(parts) or "nothing"
