"""How many of a few places, berths of a stop or plugs of a charger, are taken when."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from dispatcher.planning.rows import FOREVER_S


class Taken(Protocol):
    """One place in use from ``from_s`` until just before ``to_s``, UTC seconds."""

    @property
    def from_s(self) -> int: ...
    @property
    def to_s(self) -> int: ...


@dataclass(frozen=True, slots=True)
class PlugUse:
    """One plug of a charger taken from ``from_s`` until just before ``to_s``."""

    from_s: int
    to_s: int


def most_at_once(taken: Iterable[Taken], from_s: int, to_s: int) -> int:
    """The most places taken at any one time of ``from_s`` to before ``to_s``."""
    most = now = 0
    for _, change in _changes([one for one in taken if one.from_s < to_s and one.to_s > from_s]):
        now += change
        most = max(most, now)
    return most


def soonest_free_s(taken: Iterable[Taken], places: int, from_s: int, for_s: int) -> int | None:
    """From when on a place is free for so long, ``from_s`` at the soonest; None if never."""
    if places <= 0:
        return None
    for_s = max(for_s, 1)
    later = [one for one in taken if one.to_s > from_s]
    until_s = from_s + for_s
    if sum(1 for one in later if one.from_s < until_s) < places:
        return from_s
    free_s: int | None = from_s
    now = 0
    for at_s, change in _changes(later):
        if free_s is not None and at_s >= free_s + for_s:
            return free_s
        now += change
        if now >= places:
            free_s = None
        elif free_s is None:
            free_s = max(at_s, from_s)
    return free_s if free_s is None or free_s < FOREVER_S else None


def _changes(taken: list[Taken]) -> list[tuple[int, int]]:
    """(when, one more or one fewer taken from then on), in order of time; fewer before more."""
    return sorted([(one.from_s, 1) for one in taken] + [(one.to_s, -1) for one in taken])
