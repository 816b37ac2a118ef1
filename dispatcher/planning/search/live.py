"""Improving live rows: a bounded number of rounds on a snapshot, the same for the same seed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dispatcher.domain.policy import Objective
from dispatcher.planning.kernels.ruining import EXCHANGE
from dispatcher.planning.rows import RowPlan
from dispatcher.planning.schedule import TravelTimes
from dispatcher.planning.search.descent import RUINS
from dispatcher.planning.search.neighbourhood import NeighbourhoodSearch
from dispatcher.planning.search.rows import row_problem

_SLICE = 50  # rounds between looks at the clock

# How often each operator is drawn, as on static instances, but without exchanges: among many
# routes that are half driven already they take time and find little.
_RUINS = (*RUINS[:EXCHANGE], 0.0)
_RECREATES = (1.0, 1.0, 0.2, 1.0, 0.2, 0.2, 0.2, 1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class LiveEffort:
    """How hard to search: ``rounds``, and at least ``rounds_per_ride`` where there are many rides.

    ``heat`` and ``chill`` are the first and last temperature as a share of what a ride costs on
    average: plans that much dearer are accepted on the way.
    """

    rounds: int = 1000
    rounds_per_ride: int = 3
    fewest: int = 1
    most: int = 10
    heat: float = 0.05
    chill: float = 0.001


def improve_rows(
    rows: Sequence[RowPlan],
    travel_s: TravelTimes,
    objective: Objective,
    now_s: int,
    seed: int,
    effort: LiveEffort,
    *,
    stays: Callable[[str], bool] = lambda key: False,
    spent: Callable[[int], float] | None = None,
    onward_s: NDArray[np.int64] | None = None,
) -> tuple[tuple[int, RowPlan], ...]:
    """Rows that together cost less, by position; those not named stay as they are.

    What was promised is kept: every ride is served in its windows, riders aboard and those for
    whom ``stays`` on their own shuttle. ``spent`` tells, from the rounds done, what share of the
    effort has been spent; by default it is that of the rounds, otherwise their number is free.
    ``onward_s`` prices where routes end (`dispatcher.planning.onward`).

    Raises
    ------
    ValueError
        A row breaks a rule as it stands.
    """
    made = row_problem(rows, travel_s, objective, now_s, stays, onward_s)
    rides = len(made.problem.rides)
    if rides == 0:
        return ()
    search = NeighbourhoodSearch(made.problem, seed, pool=1)
    search.weigh(_RUINS, _RECREATES)
    before = search.best_cost
    typical = before / rides
    most_rounds = max(effort.rounds, effort.rounds_per_ride * rides)
    done = 0
    while (share := done / most_rounds if spent is None else spent(done)) < 1.0:
        temperature = typical * effort.heat * (effort.chill / effort.heat) ** share
        search.run(_SLICE, temperature, effort.fewest, effort.most, -1.0)
        done += _SLICE
    if search.best_cost >= before:
        return ()
    return made.rows_of(search.best().routes)
