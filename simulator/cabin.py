"""A shuttle's doors and places, as the on-board agent sees them.

Parties go through the door one after another: doors open, everybody steps in or out, a
wheelchair over the ramp, doors close.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from dispatcher.domain.ids import ShuttleId, TripId
from dispatcher.domain.trips import Party
from simulator.concourse import Place
from simulator.noise import NOISES, Noise
from vehicles.agent_hardware import Boarding

_KEPT = 64  # passages remembered, more than any shuttle has places


@dataclass(frozen=True, slots=True)
class DoorModel:
    """How long people take, in seconds. Planning counts 20 for a stop and 40 more for the ramp."""

    doors_s: float = 2.0  # to open, and as long to close
    step_s: float = 2.5  # per person
    ramp_s: float = 30.0  # per wheelchair, in or out

    def passage_s(self, party: Party) -> float:
        """Where nobody dawdles."""
        return party.seats * self.step_s + party.wheelchairs * self.ramp_s


@dataclass(slots=True)
class SimulatedCabin:
    """Implements the agent's ``Cabin``. ``where`` gives the shuttle's position."""

    shuttle_id: ShuttleId
    place: Place
    where: Callable[[float], tuple[float, float]]
    doors: DoorModel = field(default_factory=DoorModel)
    noise: Noise = NOISES["calm"]
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    _boardings: dict[TripId, Boarding] = field(default_factory=dict)  # of those aboard
    _alightings: dict[TripId, float] = field(default_factory=dict)  # done, newest last
    _door_free_s: float = 0.0

    def board(self, trip_id: TripId, party: Party, now: float) -> Boarding | None:
        boarding = self._boardings.get(trip_id)
        if boarding is None:
            x_m, y_m = self.where(now)
            if not self.place.waits(trip_id, self.shuttle_id, x_m, y_m):
                return None
            begins_s = self._turn_at_door(now)
            if begins_s > now:
                # Until it steps in the party stands outside, and may be left there.
                self._door_free_s = begins_s
                ends_s = begins_s + self.doors.passage_s(party)
                return Boarding(begins_s, ends_s + self.doors.doors_s)
            self.place.takes(trip_id, self.shuttle_id)
            self._alightings.pop(trip_id, None)
            ends_s = begins_s + self._passage_s(party)
            self._door_free_s = ends_s
            boarding = Boarding(begins_s, ends_s + self.doors.doors_s)
            self._boardings[trip_id] = boarding
            self.place.settled(trip_id, self.shuttle_id, begins_s, ends_s)
        return boarding

    def alight(self, trip_id: TripId, party: Party, now: float) -> float | None:
        out_s = self._alightings.get(trip_id)
        if out_s is None:
            out_s = now
            if self.place.is_in(trip_id, self.shuttle_id):
                x_m, y_m = self.where(now)
                out_s = self._turn_at_door(now) + self._passage_s(party)
                self._door_free_s = out_s
                self.place.sets_down(trip_id, self.shuttle_id, x_m, y_m, out_s)
            self._boardings.pop(trip_id, None)
            self._alightings[trip_id] = out_s
            self._forget_old()
        return out_s

    def has_left(self, trip_id: TripId, now: float) -> bool:
        if trip_id in self._alightings:
            return False
        if not self.place.has_walked_off(trip_id, self.shuttle_id):
            return False
        self._boardings.pop(trip_id, None)
        return True

    def next_change(self, now: float) -> float | None:
        moments = [boarding.ends_s for boarding in self._boardings.values()]
        moments += self._alightings.values()
        return min((moment for moment in moments if moment > now), default=None)

    def _passage_s(self, party: Party) -> float:
        doors = self.doors
        steps_s, ramps_s = party.seats * doors.step_s, party.wheelchairs * doors.ramp_s
        return self.noise.passage_s(self.rng, steps_s, ramps_s)

    def _turn_at_door(self, now: float) -> float:
        """When the next party can step through: the doors are open, or open now."""
        if now < self._door_free_s + self.doors.doors_s:
            return max(now, self._door_free_s)
        return now + self.doors.doors_s

    def _forget_old(self) -> None:
        for kept in (self._alightings, self._boardings):
            while len(kept) > _KEPT:
                del kept[next(iter(kept))]
