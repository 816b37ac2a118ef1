"""Berths in service: every route is put into the book of berths, and yields where there is none.

A promise goes before a berth. A route that cannot wait without breaking one keeps its times and
is marked (`Shuttle.crowds`); the others it meets then wait, if they can.
"""

from dataclasses import replace

from dispatcher.domain.zone import StopKind
from dispatcher.engine.by_hand import idle_stop
from dispatcher.engine.site import Site
from dispatcher.engine.state import ServiceState, Shuttle
from dispatcher.planning.berths import BerthBook, Standing, standings_of, yielding
from dispatcher.planning.edits import apply_insertion
from dispatcher.planning.request import Insertion, InsertionRequest
from dispatcher.planning.rows import FOREVER_S, RowPlan
from dispatcher.planning.schedule import Schedule


def new_book(site: Site) -> BerthBook:
    """The zone's berths. At a depot there is room for the whole fleet."""
    return BerthBook(
        [None if stop.kind is StopKind.DEPOT else stop.berths for stop in site.zone.stops]
    )


def at_free_berths(
    state: ServiceState, shuttle: Shuttle, plan: RowPlan, times: Schedule
) -> tuple[RowPlan, Schedule]:
    """A row that waits for no berth yet, its visits put off until there are berths for them.

    It stays as it is where that cannot be.
    """
    fitted = _yielding(state, plan, {state.row_of[shuttle.id]}, times)
    shuttle.crowds = fitted is None
    return (plan, times) if fitted is None else fitted


def insertion_at_berths(
    state: ServiceState, shuttle: Shuttle, found: Insertion, asked: InsertionRequest
) -> Insertion | None:
    """The insertion with the times at which there are berths for it; None if there are not."""
    plan = apply_insertion(shuttle.row, found, asked, "asked")
    fitted = _yielding(state, plan, {found.row})
    if fitted is None:
        return None
    return replace(found, begin_s=fitted[1].begin_s)


def rows_at_berths(
    state: ServiceState, shuttles: list[Shuttle], rows: list[RowPlan]
) -> list[RowPlan] | None:
    """Rows proposed together, each yielding to those before it; None if one cannot.

    The shuttles are such as take riders.
    """
    left = {state.row_of[shuttle.id] for shuttle in shuttles}
    found: list[RowPlan] = []
    for shuttle, row in zip(shuttles, rows, strict=True):
        fitted = _yielding(state, row, left)
        if fitted is None:
            break
        found.append(fitted[0])
        number = state.row_of[shuttle.id]
        left.discard(number)
        made = tuple(standing for _, standing in _planned(state, shuttle, *fitted))
        state.berths.set_row(number, made, None)
    for shuttle in shuttles:
        note_berths(state, shuttle, drives=True)  # nothing is adopted yet
    return found if len(found) == len(rows) else None


def asked_to_wait(state: ServiceState, shuttle: Shuttle) -> list[Shuttle]:
    """Those that a shuttle which cannot wait meets at stops, unless they have been asked before.

    Where a stop is hopelessly full, everyone there crowds: who has been asked for the same room
    once is not asked again, or one rider's trip would have half of a large fleet planned anew.
    """
    number = state.row_of[shuttle.id]
    wanted = state.berths.of(number) if shuttle.crowds else ()
    asked_before = all(any(one.within(room) for room in shuttle.room_asked) for one in wanted)
    shuttle.room_asked = wanted
    if asked_before:
        return []
    return [state.shuttles[state.shuttle_of_row[row]] for row in state.berths.rivals(number)]


def note_berths(state: ServiceState, shuttle: Shuttle, drives: bool) -> None:
    """Put a shuttle's route, as it is planned now, into the book."""
    state.berths.set_row(state.row_of[shuttle.id], *standings(state, shuttle, drives))


def standings(
    state: ServiceState, shuttle: Shuttle, drives: bool
) -> tuple[tuple[Standing, ...], int | None]:
    """Where a shuttle is planned to stand, and the stop at which it stands with nothing to do.

    One that cannot drive (``drives``) stands where it is, for all anybody knows, for good. Who
    charges stands at a plug, not at a berth.
    """
    released = shuttle.released
    idles_at, for_good = None, False
    if released is None and not shuttle.charging:
        idles_at = idle_stop(state, shuttle)
        for_good = idles_at is not None and not drives
    elif released is not None and not (released.boards or released.alights):
        at_plug = released.visit.charge_to_pct is not None
        idles_at = None if at_plug else released.stop
    planned: list[tuple[int, Standing]] = []
    if len(shuttle.times.begin_s) == len(shuttle.row.visits):
        planned = _planned(state, shuttle, shuttle.row, shuttle.times)
    if for_good and idles_at is not None:
        planned = [(-1, Standing(idles_at, 0, FOREVER_S)), *planned]
    serves_here = bool(planned) and planned[0][0] < 0
    return tuple(standing for _, standing in planned), None if serves_here else idles_at


def _planned(
    state: ServiceState, shuttle: Shuttle, row: RowPlan, times: Schedule
) -> list[tuple[int, Standing]]:
    released = shuttle.released
    here_s = row.start_s
    if released is not None and (released.boards or released.alights):
        here_s = released.eta_s if released.arrived_s is None else released.arrived_s
    early_s = state.site.rules.early_start_s
    return standings_of(row, times, state.streets.stop_times_s, early_s, here_s)


def _yielding(
    state: ServiceState, plan: RowPlan, but: set[int], times: Schedule | None = None
) -> tuple[RowPlan, Schedule] | None:
    return yielding(
        plan,
        state.streets.stop_times_s,
        state.now_s,
        state.site.rules.early_start_s,
        state.berths,
        but,
        times,
    )
