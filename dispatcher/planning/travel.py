"""Drive times as the kernels read them: forth, and back to front.

A scan asks for the drives to one stop from all over the zone. In a matrix turned round these lie
side by side.
"""

import weakref
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatcher.planning.rows import NO_PATH_S
from dispatcher.planning.schedule import TravelTimes


class TravelView(NamedTuple):
    """Drive times that nobody changes any more."""

    travel_s: TravelTimes  # [from, to]
    back_s: NDArray[np.int32]  # [to, from]; no path is NO_PATH_S


_known: dict[int, tuple[weakref.ref[TravelTimes], TravelView]] = {}


def travel_view(travel_s: TravelTimes) -> TravelView:
    """The view of a matrix; the same one for the same matrix as long as that is read-only.

    Turning a matrix round takes milliseconds in a large zone, so hand in one that cannot be
    written to. A matrix that can be is looked at anew each time.
    """
    assert travel_s.dtype == np.int64, "travel times are int64 seconds"
    assert travel_s.ndim == 2
    assert travel_s.shape[0] == travel_s.shape[1]
    key = id(travel_s)
    known = _known.get(key)
    if known is not None and known[0]() is travel_s:
        return known[1]
    if travel_s.flags.writeable:
        return _viewed(travel_s.copy())
    view = _viewed(travel_s)

    def forget(gone: weakref.ref[TravelTimes]) -> None:
        # Another matrix may have taken the place in memory, and in here, by now.
        if key in _known and _known[key][0] is gone:
            del _known[key]

    _known[key] = (weakref.ref(travel_s, forget), view)
    return view


def _viewed(travel_s: TravelTimes) -> TravelView:
    # Read-only arrays are a type of their own to the compiler: one kind means one compilation.
    forth_s = np.ascontiguousarray(travel_s).view()
    forth_s.flags.writeable = False
    back_s = np.ascontiguousarray(np.minimum(travel_s, NO_PATH_S).T.astype(np.int32))
    back_s.flags.writeable = False
    return TravelView(forth_s, back_s)
