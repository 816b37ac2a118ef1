"""One word for what a shuttle is doing, for operators and metrics."""

from dispatcher.domain.shuttles import DriveMode, ShuttleStatus
from dispatcher.engine.routes import is_faulted
from dispatcher.engine.state import Shuttle


def shuttle_status(shuttle: Shuttle) -> ShuttleStatus:
    """The most telling of the states that hold: silence hides all others."""
    if shuttle.silent:
        return ShuttleStatus.OFFLINE
    if is_faulted(shuttle):
        return ShuttleStatus.FAULTED
    if shuttle.mode is not DriveMode.AUTOMATIC:
        return ShuttleStatus.MANUAL
    if shuttle.held or shuttle.paused:
        return ShuttleStatus.HELD
    if shuttle.charging:
        return ShuttleStatus.CHARGING
    if shuttle.released is None:
        return ShuttleStatus.IDLE
    if shuttle.released.arrived_s is not None:
        return ShuttleStatus.DWELLING
    return ShuttleStatus.DRIVING
