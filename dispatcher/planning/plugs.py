"""Who has a plug when: a charger with two plugs never has three shuttles at it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlugUse:
    """One plug of a charger taken from ``from_s`` until just before ``until_s``."""

    from_s: int
    until_s: int


def most_at_once(uses: Iterable[PlugUse], from_s: int, until_s: int) -> int:
    """The most plugs taken at any one time within the given span."""
    within = [use for use in uses if use.from_s < until_s and use.until_s > from_s]
    moments = [from_s, *(use.from_s for use in within if use.from_s > from_s)]
    return max(sum(1 for u in within if u.from_s <= at_s < u.until_s) for at_s in moments)


def soonest_free_s(uses: Sequence[PlugUse], plugs: int, from_s: int, for_s: int) -> int | None:
    """The first time from ``from_s`` on at which a plug is free for so long; None without plugs.

    A plug becomes free only when a use ends, so nothing but those moments need be tried.
    """
    if plugs <= 0:
        return None
    moments = sorted({from_s, *(use.until_s for use in uses if use.until_s > from_s)})
    for at_s in moments:
        if most_at_once(uses, at_s, at_s + for_s) < plugs:
            return at_s
    return None
