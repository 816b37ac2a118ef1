"""Berths at stops: who is planned to stand where, when, and how a route yields to the others.

A stop has so many berths, and each shuttle that stands there takes one from when it arrives until
it leaves. A route whose visit would find no berth waits where it is: the visit begins later, as
far as every promise allows.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

from dispatcher.planning.occupancy import most_at_once, soonest_free_s
from dispatcher.planning.rows import RowPlan, RowVisit
from dispatcher.planning.schedule import Schedule, TravelTimes, schedule

SHORT_WAIT_S = 120
"""A shuttle that leaves within this stays at its berth; one that waits longer can be moved on."""

_ROUNDS_PER_VISIT = 3  # of putting visits off, before a route counts as one that cannot yield


@dataclass(frozen=True, slots=True)
class Standing:
    """A berth in use from ``from_s`` until before ``to_s``, UTC seconds."""

    stop: int
    from_s: int
    to_s: int

    def within(self, other: "Standing") -> bool:
        return self.stop == other.stop and self.from_s >= other.from_s and self.to_s <= other.to_s


class BerthBook:
    """All standings of the fleet by stop. Rows number shuttles as in `FleetArrays`."""

    def __init__(self, berths: Sequence[int | None]) -> None:
        self.berths = tuple(berths)  # of each stop; None where there is room for everyone
        self._at: list[dict[int, list[Standing]]] = [{} for _ in berths]
        self._parked: list[dict[int, None]] = [{} for _ in berths]
        self._of: dict[int, tuple[tuple[Standing, ...], int | None]] = {}

    def copy(self) -> "BerthBook":
        """The same standings in a book of its own."""
        made = BerthBook(self.berths)
        made._at = [{row: list(held) for row, held in at.items()} for at in self._at]
        made._parked = [dict(parked) for parked in self._parked]
        made._of = dict(self._of)
        return made

    def set_row(self, row: int, standings: Sequence[Standing], parked_at: int | None) -> None:
        """Replace what is known of a shuttle. ``parked_at`` is where it stands, but could leave."""
        before, parked_before = self._of.get(row, ((), None))
        for standing in before:
            self._at[standing.stop].pop(row, None)
        if parked_before is not None:
            self._parked[parked_before].pop(row, None)
        kept = tuple(s for s in standings if self.berths[s.stop] is not None)
        for standing in kept:
            self._at[standing.stop].setdefault(row, []).append(standing)
        if parked_at is not None:
            self._parked[parked_at][row] = None
        self._of[row] = (kept, parked_at)

    def of(self, row: int) -> tuple[Standing, ...]:
        """The standings of a shuttle at stops whose berths are counted."""
        return self._of.get(row, ((), None))[0]

    def parked(self, stop: int) -> tuple[int, ...]:
        """Shuttles that stand at a stop, or are about to, with nothing to do there."""
        return tuple(self._parked[stop])

    def parked_at(self, row: int) -> int | None:
        return self._of.get(row, ((), None))[1]

    def others(self, stop: int, but: Container[int]) -> list[Standing]:
        """Standings at a stop, those of some shuttles left out."""
        return [s for row, held in self._at[stop].items() if row not in but for s in held]

    def rivals(self, row: int) -> list[int]:
        """Shuttles planned at one of this one's stops while it stands there."""
        found: dict[int, None] = {}
        for mine in self.of(row):
            for other, held in self._at[mine.stop].items():
                if other != row and any(_overlap(mine, theirs) for theirs in held):
                    found[other] = None
        return sorted(found)

    def most_at_once(self, stop: int, from_s: int, to_s: int, but: Container[int] = ()) -> int:
        """Most shuttles planned at a stop at any one time of ``from_s`` to before ``to_s``."""
        return most_at_once(self.others(stop, but), from_s, to_s)


def standings_of(
    plan: RowPlan, times: Schedule, travel_s: TravelTimes, early_s: int, here_s: int
) -> list[tuple[int, Standing]]:
    """Where and when a row's shuttle stands, each with the visit it arrives for.

    It waits for a visit where it was before, not where it goes, and sets out ``early_s`` before
    it has to; with riders who alight it sets out at once, unless it waits for a berth.
    A wait longer than `SHORT_WAIT_S` counts as parked and is left out, and so is an errand: who
    charges stands at a plug. The stop that the row starts from, where it stands since ``here_s``,
    is visit -1.
    """
    found = []
    at, stop, from_s, free_s = -1, plan.start_stop, here_s, plan.start_s
    for i, visit in enumerate(plan.visits):
        if visit.stop != stop:  # from a visit to another at the same stop nobody leaves the berth
            drive_s = int(travel_s[stop, visit.stop])
            leave_s = free_s
            if is_held(visit):
                leave_s = max(free_s, times.begin_s[i] - drive_s)
            elif not visit.alights:
                leave_s = max(free_s, times.begin_s[i] - drive_s - early_s)
            stays_s = leave_s if leave_s - free_s <= SHORT_WAIT_S else free_s
            if stays_s > from_s and (at < 0 or _has_riders(plan.visits[at])):
                found.append((at, Standing(stop, from_s, stays_s)))
            at, stop, from_s = i, visit.stop, leave_s + drive_s
        elif _has_riders(visit) and at >= 0 and not _has_riders(plan.visits[at]):
            at, from_s = i, times.arrive_s[i]  # from the plug to a berth of the same stop
        free_s = times.depart_s[i]
    if free_s > from_s and (at < 0 or _has_riders(plan.visits[at])):
        found.append((at, Standing(stop, from_s, free_s)))
    return found


def is_held(visit: RowVisit) -> bool:
    """It waits for a berth. Only then has a visit with riders a bound of its own."""
    return visit.earliest_s > 0 and _has_riders(visit)


def unheld(plan: RowPlan) -> RowPlan:
    """The row without waits for berths."""
    if not any(is_held(visit) for visit in plan.visits):
        return plan
    visits = tuple(replace(v, earliest_s=0) if is_held(v) else v for v in plan.visits)
    return replace(plan, visits=visits)


def yielding(
    plan: RowPlan,
    travel_s: TravelTimes,
    now_s: int,
    early_s: int,
    book: BerthBook,
    but: Container[int],
    times: Schedule | None = None,
) -> tuple[RowPlan, Schedule] | None:
    """The row with visits put off until there is a berth for each; None if a promise forbids it.

    ``but`` are the rows whose standings do not count: the shuttle's own, and any planned anew
    together with it. The stop that the row starts from is taken as it is. ``times`` are those of a
    row that waits for no berth, where they are known.
    """
    plan = unheld(plan)
    for _ in range(_ROUNDS_PER_VISIT * len(plan.visits) + 1):
        if times is None:
            found = schedule(plan, travel_s, now_s)
            if not isinstance(found, Schedule):
                return None
            times = found
        clash = _first_clash(plan, times, (travel_s, early_s), book, but)
        if clash is None:
            return plan, times
        at, free_s = clash
        if free_s is None or plan.visits[at].earliest_s >= free_s:
            return None
        held = replace(plan.visits[at], earliest_s=free_s)
        plan = replace(plan, visits=(*plan.visits[:at], held, *plan.visits[at + 1 :]))
        times = None
    return None


def _first_clash(
    plan: RowPlan,
    times: Schedule,
    drives: tuple[TravelTimes, int],
    book: BerthBook,
    but: Container[int],
) -> tuple[int, int | None] | None:
    """The first visit that finds no berth, with the time from which on there is one, if any."""
    travel_s, early_s = drives
    for at, standing in standings_of(plan, times, travel_s, early_s, plan.start_s):
        berths = book.berths[standing.stop]
        if at < 0 or berths is None:
            continue
        others = book.others(standing.stop, but)
        for_s = standing.to_s - standing.from_s
        free_s = soonest_free_s(others, berths, standing.from_s, for_s)
        if free_s != standing.from_s:
            return at, free_s
    return None


def _has_riders(visit: RowVisit) -> bool:
    return bool(visit.boards or visit.alights)


def _overlap(a: Standing, b: Standing) -> bool:
    return a.stop == b.stop and a.from_s < b.to_s and b.from_s < a.to_s
