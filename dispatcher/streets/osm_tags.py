"""What OpenStreetMap's tags say about driving a shuttle along a way.

A shuttle counts as a bus: where several access tags apply, the most specific one decides.
Source of meanings and defaults: wiki.openstreetmap.org, pages Key:access, Key:oneway,
Key:maxspeed and Key:restriction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

Tags = Mapping[str, str]

# Assumed speeds where a way has no maxspeed, in km/h. Motorways are no place for these shuttles.
_DEFAULT_KMH = {
    "trunk": 60.0, "trunk_link": 40.0, "primary": 50.0, "primary_link": 40.0,
    "secondary": 50.0, "secondary_link": 40.0, "tertiary": 40.0, "tertiary_link": 30.0,
    "unclassified": 40.0, "residential": 30.0, "living_street": 10.0, "service": 15.0,
    "busway": 40.0, "road": 30.0,
}  # fmt: skip
# Ways for people on foot; a shuttle may use one only where a tag says so.
_ON_INVITATION_KMH = {"pedestrian": 10.0, "footway": 10.0}
LARGE_STREETS = frozenset({"trunk", "primary", "secondary"})

_ACCESS_KEYS = ("bus", "psv", "motor_vehicle", "vehicle", "access")
_NO_ACCESS = frozenset(
    {"no", "private", "agricultural", "forestry", "delivery", "customers", "permit", "military",
     "emergency", "use_sidepath"}
)  # fmt: skip
_INVITING = frozenset({"yes", "designated", "permissive", "destination"})
_NO_THROUGH_SERVICE = frozenset({"parking_aisle", "driveway", "drive-through", "emergency_access"})
_EXEMPT = frozenset({"bus", "psv"})

_SPEED = re.compile(r"^(\d+(?:\.\d+)?)\s*(mph|km/h|kmh|kph)?$")
_KMH_PER_MPH = 1.609344
_LANGUAGE = re.compile(r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
_LONGEST_NAME = 120


def is_drivable(tags: Tags) -> bool:
    """May a shuttle use this way?"""
    highway = tags.get("highway", "")
    if tags.get("area") == "yes":
        return False
    access = next((tags[key] for key in _ACCESS_KEYS if key in tags), None)
    if highway in _ON_INVITATION_KMH:
        invited = next((tags[key] for key in _ACCESS_KEYS[:3] if key in tags), None)
        return invited in _INVITING
    if highway not in _DEFAULT_KMH or tags.get("service") in _NO_THROUGH_SERVICE:
        return False
    return access not in _NO_ACCESS


def directions(tags: Tags) -> tuple[bool, bool]:
    """May it be driven along the way's nodes, and against them?"""
    oneway = next(
        (tags[key] for key in ("oneway:bus", "oneway:psv", "oneway") if key in tags), None
    )
    if oneway is None and tags.get("junction") in ("roundabout", "circular"):
        oneway = "yes"
    if oneway in ("yes", "true", "1"):
        return (True, False)
    if oneway in ("-1", "reverse"):
        return (False, True)
    return (True, True)


def speed_mps(tags: Tags, most_kmh: float) -> float:
    """The lower of the posted or assumed speed and what the shuttle drives at most."""
    posted_kmh = _posted_kmh(tags.get("maxspeed:bus") or tags.get("maxspeed") or "")
    if posted_kmh is None:
        highway = tags.get("highway", "")
        posted_kmh = _DEFAULT_KMH.get(highway) or _ON_INVITATION_KMH.get(highway, 20.0)
    # Below walking pace is a slip of the keyboard.
    return round(min(max(posted_kmh, 5.0), most_kmh) / 3.6, 3)


def _posted_kmh(text: str) -> float | None:
    if text == "walk":
        return 5.0
    match = _SPEED.match(text.strip().lower())
    if match is None:
        return None
    value = float(match[1])
    return value * _KMH_PER_MPH if match[2] == "mph" else value


def names(tags: Tags, language: str) -> dict[str, str]:
    """Names by language; the plain ``name`` stands under ``language``."""
    found = {language: tags["name"]} if tags.get("name") else {}
    for key, value in sorted(tags.items()):
        if key.startswith("name:") and value and _LANGUAGE.match(key[5:]):
            found[key[5:]] = value
    return {tag: name[:_LONGEST_NAME] for tag, name in found.items()}


def is_station(tags: Tags) -> bool:
    """A place where riders change to other public transport."""
    return (
        tags.get("amenity") == "bus_station"
        or tags.get("public_transport") == "station"
        or tags.get("railway") == "station"
    )


def turn_rule(tags: Tags) -> str | None:
    """``no_left_turn``, ``only_straight_on`` and so on, where it binds a bus; else None.

    Rules bound to hours are taken as always in force: a detour is better than a wrong turn.
    """
    if _EXEMPT & {part.strip() for part in tags.get("except", "").split(";")}:
        return None
    for key in ("restriction:bus", "restriction:psv", "restriction:motor_vehicle", "restriction"):
        value = tags.get(key) or tags.get(f"{key}:conditional")
        if value:
            rule = value.split("@")[0].strip()
            return rule if rule.startswith(("no_", "only_")) else None
    return None
