"""An explanation as operators may read it: all that was weighed, but not where the rider is."""

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
    checked: dict[str, Any] = Field(description="How far the journal's digests confirm it.")
    stop_names: dict[str, str]


def why_json(explained: dict[str, Any], most_shuttles: int) -> bytes:
    """A `WhyDocument`; of each search at most so many shuttles' answers, the nearest first."""
    shown = _without_riders(explained)
    for step in shown["steps"]:
        for search in step["searches"]:
            search["considered"] = len(search["answers"])
            search["answers"] = search["answers"][:most_shuttles]
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()


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
