"""Drive times as the kernels read them: forth, and back to front.

A scan asks for the drives to one stop from all over the zone. In a matrix turned round these lie
side by side.
"""

import threading
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatcher.planning.rows import NO_PATH_S
from dispatcher.planning.schedule import TravelTimes

_KEPT = 4  # matrices: those in force, and a few for whoever compares


class TravelView(NamedTuple):
    """Drive times that nobody changes any more."""

    travel_s: TravelTimes  # [from, to]
    back_s: NDArray[np.int32]  # [to, from]; no path is NO_PATH_S


_known: dict[int, tuple[TravelTimes, TravelView]] = {}
"""By identity of the matrix, which is held here so that no other can take its place."""
_keeping = threading.Lock()  # a command's cost is worked out in a thread of its own


def travel_view(travel_s: TravelTimes) -> TravelView:
    """The view of a matrix; the same one for the same matrix if that is read-only.

    Turning a matrix round takes milliseconds in a large zone, so hand in one that cannot be
    written to. A matrix that can be is looked at anew each time.
    """
    known = _known.get(id(travel_s))
    if known is not None:
        return known[1]
    assert travel_s.dtype == np.int64, "travel times are int64 seconds"
    assert travel_s.ndim == 2
    assert travel_s.shape[0] == travel_s.shape[1]
    if travel_s.flags.writeable:
        return _viewed(travel_s.copy())
    view = _viewed(travel_s)
    with _keeping:
        while len(_known) >= _KEPT:
            del _known[next(iter(_known))]
        _known[id(travel_s)] = (travel_s, view)
    return view


def _viewed(travel_s: TravelTimes) -> TravelView:
    # Read-only arrays are a type of their own to the compiler: one kind means one compilation.
    forth_s = np.ascontiguousarray(travel_s).view()
    forth_s.flags.writeable = False
    back_s = np.ascontiguousarray(np.minimum(travel_s, NO_PATH_S).T.astype(np.int32))
    back_s.flags.writeable = False
    return TravelView(forth_s, back_s)
