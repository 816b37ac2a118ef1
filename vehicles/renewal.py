"""The dispatcher's word to one vehicle between orders: its validity renewed, its events had. Pure.

Only vehicles that show the profile's ``onboard`` extension are spoken to. A word is only ever an
answer to a fresh state, and names it: the vehicle counts the validity from when it sent that
state. So whoever knows when the vehicle was heard last knows what it can still do.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from vehicles.messages import (
    VERSION,
    Acknowledged,
    InstantActions,
    Onboard,
    State,
    moment_of,
)
from vehicles.topics import VehicleName

# Six words in the usual validity of 60 s, of which any one is enough.
RENEW_EVERY_S: Final = 10.0
SHORTEST_GAP_S: Final = 2.0
# After a silence, and after our own restart, the engine may have given riders away whom the
# vehicle's order still has. It hears of the vehicle's return by the very state that a word would
# answer; what it decides then reaches this conversation within a few seconds.
HELD_BACK_S: Final = 5.0
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Renewal:
    """``heard`` is what an order may name: the newest state that renews, or one long past."""

    vehicle: VehicleName
    epoch: int | None = None
    heard: datetime = _NEVER
    acknowledged: Acknowledged | None = None
    onboard: Onboard | None = None  # None: a plain vehicle
    _held_back_until: float = 0.0
    _said_s: float | None = None
    _said_number: int = -1

    def begin_order(self) -> None:
        """Another order is in force; no state has shown it yet."""
        self.heard = _NEVER

    def hold_back(self, now: float) -> None:
        """Renew nothing for a while; what is on its way must come first."""
        self._held_back_until = now + HELD_BACK_S

    def hear(self, state: State, now: float, *, renewable: bool) -> None:
        """Take up a fresh state. ``renewable``: it works by the order that is in force."""
        self.onboard = state.onboard
        if renewable and now >= self._held_back_until:
            self.heard = state.timestamp

    def due(self, state: State, now: float, *, awaits_boarding: bool) -> InstantActions | None:
        """The word that this state asks for, if it does."""
        onboard = self.onboard
        if onboard is None:
            return None
        renews = self.heard == state.timestamp
        fresh_events = self._unacknowledged(onboard)
        old_epoch = self.epoch is not None and onboard.epoch < self.epoch
        wanted = old_epoch or fresh_events or bool(onboard.events)
        wanted = wanted or (renews and awaits_boarding and _is_old(onboard, state))
        too_soon = self._said_s is not None and 0 <= now - self._said_s < SHORTEST_GAP_S
        if not wanted or (too_soon and not fresh_events):
            return None
        self._said_s = now
        if self.acknowledged is not None:
            self._said_number = self.acknowledged.number
        return InstantActions(
            header_id=0,  # whoever sends it numbers it
            timestamp=moment_of(now),
            version=VERSION,
            manufacturer=self.vehicle.manufacturer,
            serial_number=self.vehicle.serial_number,
            actions=(),
            epoch=self.epoch,
            order_id=state.order_id if renews else None,
            heard=self.heard if renews else None,
            acknowledged=self.acknowledged,
        )

    def _unacknowledged(self, onboard: Onboard) -> bool:
        """Whether there is something to acknowledge that was not acknowledged before."""
        had = self.acknowledged
        return (
            had is not None
            and had.series == onboard.series
            and bool(onboard.events)
            and had.number > self._said_number
        )


def _is_old(onboard: Onboard, state: State) -> bool:
    """How old the last word is, both ends of the time being the vehicle's own stamps."""
    if onboard.valid_from is None:
        return True
    age_s = (state.timestamp - onboard.valid_from).total_seconds()
    return not 0 <= age_s < RENEW_EVERY_S
