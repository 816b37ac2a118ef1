"""An explanation as operators may read it: all that was weighed, but not where the rider is.

Of a trip that was asked for from a place on the map even the stops in question, and when the rider
could be there, tell where that is: the walks to three stops give a place to the metre. That is for
those only who may look it up, and written down; others read what became of each shuttle.
"""

import json
from typing import Any, Final

from pydantic import ConfigDict, Field

from dispatcher.riders.status import Document

# Who asked, from where, and how far that is from this or that stop.
_OF_RIDERS: Final = frozenset(
    {
        "rider_id",
        "origin",
        "destination",
        "walk_s",
        "walk_to_s",
        "walk_from_s",
        "walk_to_pickup_m",
        "walk_from_dropoff_m",
    }
)


class WhyDocument(Document):
    """Times are UTC seconds, costs thousandths of a point; docs/explanations.md says what is what.

    The first of the ``steps`` is the request.
    """

    model_config = ConfigDict(extra="allow")

    zone_id: str
    timezone: str
    request: dict[str, Any]
    offers: list[dict[str, Any]]
    refusal: dict[str, Any] | None = None
    steps: list[dict[str, Any]] = Field(
        description="Each with `cause`, by name `happened`, `before`, `after`, `searches` and what"
        " the rider was told."
    )
    blurred: bool = Field(
        default=False,
        description="What tells where the rider is was left out: stops, times and costs.",
    )
    checked: dict[str, Any] = Field(description="How far the journal's digests confirm it.")
    stop_names: dict[str, str]


def is_from_map(explained: dict[str, Any]) -> bool:
    """Whether the trip was asked for with a place of the rider's own, and not by stops alone."""
    request = explained["request"]
    return not all(isinstance(request[end], str) for end in ("origin", "destination"))


def why_json(explained: dict[str, Any], most_shuttles: int, *, blurred: bool = False) -> bytes:
    """A `WhyDocument`; of each search at most so many shuttles' answers, the nearest first."""
    shown = _without_riders(explained)
    shown["blurred"] = blurred
    if blurred:
        shown["offers"] = [{"kind": offer["kind"]} for offer in shown["offers"]]
        if shown["refusal"] is not None:
            shown["refusal"]["nearest"] = None
        shown["request"].pop("walk_limit_m")
    for step in shown["steps"]:
        for search in step["searches"]:
            if blurred:
                _blur(search)
            search["considered"] = len(search["answers"])
            search["answers"] = search["answers"][:most_shuttles]
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()


def _blur(search: dict[str, Any]) -> None:
    """What became of each shuttle stays, and why; not where and when it could have come."""
    for name in ("pickups", "dropoffs"):
        search[name] = []
    for name in ("nearest_pickup_s", "nearest_ride_s", "at_berths_pickup_s", "at_berths_dropoff_s"):
        search[name] = None
    for answer in search["answers"]:
        answer.update(
            placement=None, over_best_milli=None, nearest_pickup_s=None, nearest_ride_s=None
        )


def _without_riders(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _without_riders(inside)
            for name, inside in value.items()
            if name not in _OF_RIDERS
        }
    if isinstance(value, list):
        return [_without_riders(inside) for inside in value]
    return value
