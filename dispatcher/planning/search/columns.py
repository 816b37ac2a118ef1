"""Routes met during a search, as tables: what set partitioning chooses from."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatcher.planning.search.model import RouteOrder


class Columns(NamedTuple):
    """Routes to choose from: C of them, L long."""

    cost: NDArray[np.int64]  # [C]
    alike: NDArray[np.int64]  # [C] first of the vehicles it is for, by likeness
    n: NDArray[np.int32]  # [C]
    seq: NDArray[np.int16]  # [C, L] ends as `RouteOrder` has them, -1 behind the last
    joined: NDArray[np.int8]  # [C, L]

    def order(self, column: int) -> RouteOrder:
        """The route of one column."""
        n = int(self.n[column])
        return RouteOrder(
            tuple(int(end) for end in self.seq[column, :n]),
            tuple(bool(joins) for joins in self.joined[column, :n]),
        )

    def trimmed(self) -> "Columns":
        """No wider than the longest route."""
        longest = int(self.n.max(initial=1))
        return self._replace(seq=self.seq[:, :longest], joined=self.joined[:, :longest])

    def subset(self, columns: NDArray[np.int64]) -> "Columns":
        """Only some of them."""
        return Columns._make(table[columns] for table in self)


def together(pools: list[Columns]) -> Columns:
    """All columns of several searches of one problem, each set of rides once at its cheapest."""
    longest = max(pool.seq.shape[1] for pool in pools)
    wide = [
        pool._replace(
            seq=np.pad(pool.seq, ((0, 0), (0, longest - pool.seq.shape[1])), constant_values=-1),
            joined=np.pad(pool.joined, ((0, 0), (0, longest - pool.joined.shape[1]))),
        )
        for pool in pools
    ]
    every = Columns._make(np.concatenate(tables) for tables in zip(*wide, strict=True))
    served = np.sort(every.seq, axis=1)
    order = np.lexsort((every.cost, every.alike, *served.T))
    same = (served[order][1:] == served[order][:-1]).all(axis=1)
    same &= every.alike[order][1:] == every.alike[order][:-1]
    first = np.concatenate([[True], ~same]) if len(order) else np.zeros(0, dtype=bool)
    return every.subset(order[first])
