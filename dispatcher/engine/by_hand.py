"""A shuttle that a person drives: it has no order, and where it stands only its position tells.

By the standard a vehicle that enters or leaves mode MANUAL clears all its orders at once (VDA 5050
2.1.0, 6.10.1). Of SERVICE and TEACHIN the standard says only that we are not in control; they are
taken for the same. Until it drives itself again it is told nothing, then it gets a new order from
where it has been left.
"""

from typing import Final

from dispatcher.engine.state import ServiceState, Shuttle

AT_STOP_M: Final = 15.0  # a shuttle this near to a stop stands at it


def obeys(shuttle: Shuttle) -> bool:
    """It drives itself, by our orders."""
    return shuttle.mode.drives_itself


def stop_here(state: ServiceState, shuttle: Shuttle) -> int | None:
    """The stop that the shuttle stands at, by its reported position."""
    near = [
        ((stop.x_m - shuttle.x_m) ** 2 + (stop.y_m - shuttle.y_m) ** 2, index)
        for index, stop in enumerate(state.site.zone.stops)
    ]
    square_m, index = min(near)
    return index if square_m <= AT_STOP_M**2 else None


def idle_stop(state: ServiceState, shuttle: Shuttle) -> int | None:
    """Where one with nothing released stands: where its route ended, or a person has left it."""
    if not obeys(shuttle):
        return stop_here(state, shuttle)
    return shuttle.anchor if shuttle.order_id else None
