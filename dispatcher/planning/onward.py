"""What it costs to end a route somewhere: the drive expected from there to the next rider.

A plan that saves a minute but leaves its shuttle ten minutes from where anybody asks has saved
nothing. So a route pays for where it ends as if it went on to the nearest of the next few requests,
and is paid for where its shuttle would otherwise have stood. The expectation differs between two
places by no more than the drive between them: it never pays to drive about for its own sake.

References
----------
.. [1] Powell (2011), Approximate Dynamic Programming, 2nd ed., ch. 14: the value of a resource
   by where an assignment leaves it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dispatcher.domain.policy import Objective
from dispatcher.planning.rows import RowPlan

_UNIT = 1 << 20  # a probability of one; whole numbers, so that every machine finds the same

Ints = NDArray[np.int64]


def onward_drive(from_s: Ints, demand_milli: Sequence[int], of_next: int) -> Ints | None:
    """Expected drive from each place to the nearest of the next requests.

    Parameters
    ----------
    from_s : int64[places, areas]
        Drives from each place to where requests start; bounded, also where no path is open.
    demand_milli
        Requests expected in each area, in any unit.
    of_next
        How many of the next requests a shuttle chooses from; with 1 it is the mean drive to all.

    Returns
    -------
    int64[places] or None
        In the unit of ``from_s``; None if nothing is expected, or of no request.
    """
    total = sum(demand_milli)
    if of_next < 1 or total <= 0:
        return None
    order = np.argsort(from_s, axis=1, kind="stable")
    share = np.asarray(demand_milli, dtype=np.int64)[order].cumsum(axis=1) * _UNIT // total
    beyond = _power(_UNIT - share, of_next)  # that all of them lie farther than the first k areas
    before = np.concatenate([np.full((len(from_s), 1), _UNIT), beyond[:, :-1]], axis=1)
    drives = np.take_along_axis(from_s, order, axis=1)
    expected: Ints = (drives * (before - beyond)).sum(axis=1) // _UNIT
    return expected


def _power(chance: Ints, times: int) -> Ints:
    """``chance`` to the power of ``times``, both as parts of `_UNIT`."""
    result = np.full_like(chance, _UNIT)
    while times:
        if times & 1:
            result = result * chance // _UNIT
        chance = chance * chance // _UNIT
        times >>= 1
    return result


def ending_price(row: RowPlan, onward_s: Ints | None, objective: Objective) -> int:
    """Milli-cost of where a row leaves its shuttle, beside where it is; 0 if it stays there."""
    visits = [visit for visit in row.visits if not visit.is_idle]
    if onward_s is None or not visits:
        return 0
    return objective.driving * int(onward_s[visits[-1].stop] - onward_s[row.start_stop])
