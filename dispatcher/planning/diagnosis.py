"""Why nobody can serve a request, and the nearest thing that would work."""

from collections.abc import Callable
from dataclasses import replace

from dispatcher.planning.kernels.lines import Allowance, Prices
from dispatcher.planning.request import (
    Binding,
    DropoffChoice,
    Insertion,
    InsertionRequest,
    NoInsertion,
    PickupChoice,
)
from dispatcher.planning.rows import FOREVER_S

_AMPLE = 1_000_000  # seats or places: more than any fleet has
_SOONEST = Prices(driving=0, waiting=1, riding=0, walking=0, others=0)
_SHORTEST = Prices(driving=0, waiting=0, riding=1, walking=0, others=0)

Find = Callable[[InsertionRequest, Prices, Allowance], Insertion | None]
"""Search the same rows with other limits and prices."""


def diagnose(
    request: InsertionRequest,
    anyone_available: bool,
    anyone_on_time: Callable[[], bool],
    find: Find,
) -> NoInsertion:
    """Name the constraint that stands in the way of a request that found no place.

    The request's own limits are relaxed one by one, and then together with a longer wait;
    nobody else's promise ever is. The first that makes the request feasible gives the name:

    1. FLEET_DOWN: no shuttle is available at all.
    2. NO_WHEELCHAIR_PLACE, NO_SEAT: more places of this kind.
    3. RIDE_TOO_LONG: a longer ride with a later drop-off.
    4. WAIT_TOO_LONG: a later pickup with a later drop-off.
    5. NO_WHEELCHAIR_PLACE, NO_SEAT: a later pickup and more places of this kind.
    6. OUTSIDE_HOURS: a later pickup and a later end of every shift.
    7. NO_RANGE: a later pickup and batteries that last for ever.
    8. WAIT_TOO_LONG: all of them together.
    9. FLEET_DOWN: every available shuttle is behind its own promises and takes nobody.
    10. NO_PATH: no drive leads there (or every pair of stops is one stop).

    The nearest pickup time and the shortest ride that would work alone are always looked for.
    """
    if not anyone_available:
        return NoInsertion(Binding.FLEET_DOWN)
    patient = _with_any_wait(request)

    def would_do(
        asked: InsertionRequest,
        seats: int = 0,
        places: int = 0,
        shift_s: int = 0,
        drive_s: int = 0,
    ) -> bool:
        return find(asked, _SOONEST, Allowance(seats, places, shift_s, drive_s)) is not None

    def missing_place(asked: InsertionRequest) -> Binding | None:
        if request.load[1] > 0 and would_do(asked, places=_AMPLE):
            return Binding.NO_WHEELCHAIR_PLACE
        if request.load[0] > 0 and would_do(asked, seats=_AMPLE):
            return Binding.NO_SEAT
        if min(request.load) > 0 and would_do(asked, seats=_AMPLE, places=_AMPLE):
            return Binding.NO_WHEELCHAIR_PLACE
        return None

    def first_binding() -> Binding:
        missing = missing_place(request)
        if missing is not None:
            return missing
        if longer is not None:
            return Binding.RIDE_TOO_LONG
        if later is not None:
            return Binding.WAIT_TOO_LONG
        missing = missing_place(patient)
        if missing is not None:
            return missing
        if would_do(patient, shift_s=FOREVER_S):
            return Binding.OUTSIDE_HOURS
        if would_do(patient, drive_s=FOREVER_S):
            return Binding.NO_RANGE
        if would_do(_with_any_ride(patient), _AMPLE, _AMPLE, FOREVER_S, FOREVER_S):
            return Binding.WAIT_TOO_LONG
        return Binding.NO_PATH if anyone_on_time() else Binding.FLEET_DOWN

    strict = Allowance(seats=0, places=0, shift_s=0, drive_s=0)
    later = find(patient, _SOONEST, strict)
    longer = find(_with_any_ride(request), _SHORTEST, strict)
    return NoInsertion(
        first_binding(),
        nearest_pickup_s=None if later is None else later.pickup_s,
        nearest_ride_s=None if longer is None else longer.dropoff_s - longer.pickup_s,
    )


def _with_any_wait(request: InsertionRequest) -> InsertionRequest:
    return replace(
        request,
        pickups=tuple(
            PickupChoice(choice.stop, choice.walk_s, choice.earliest_s, FOREVER_S)
            for choice in request.pickups
        ),
        dropoffs=_with_any_latest(request.dropoffs),
    )


def _with_any_ride(request: InsertionRequest) -> InsertionRequest:
    return replace(
        request,
        dropoffs=_with_any_latest(request.dropoffs),
        max_ride_s=tuple(tuple(FOREVER_S for _ in row) for row in request.max_ride_s),
    )


def _with_any_latest(choices: tuple[DropoffChoice, ...]) -> tuple[DropoffChoice, ...]:
    return tuple(DropoffChoice(choice.stop, choice.walk_s, FOREVER_S) for choice in choices)
