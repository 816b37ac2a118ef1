"""Somebody who looks on while the engine decides, and is never asked.

Explanations are made by deciding a recorded journal again with a witness: it sees each question
that is put to the planner, with the fleet as it stands at that moment, and the answer. A witness
only reads; with or without one, the decisions are the same.
"""

from enum import StrEnum
from typing import Protocol

from dispatcher.domain.ids import ShuttleId, TripId
from dispatcher.engine.state import ServiceState
from dispatcher.planning.request import Insertion, InsertionRequest, NoInsertion
from dispatcher.planning.rows import RowPlan


class Purpose(StrEnum):
    """What a place in the fleet is looked for."""

    OFFER_SOONEST = "offer_soonest"
    OFFER_LESS_WALKING = "offer_less_walking"
    OFFER_LATER = "offer_later"
    OFFER_RETIMED = "offer_retimed"  # another time, within what the rider allows
    KEEP_PROMISE = "keep_promise"  # another shuttle within the promise given
    NEW_PROMISE = "new_promise"  # the promise cannot be kept: the best there still is
    MOVE = "move"  # by an operator: as promised, in the shuttle named or any other
    RESCUE = "rescue"  # from a shuttle that cannot drive on


class Witness(Protocol):
    """Sees what is decided. Must not change what it is shown."""

    def searched(
        self,
        state: ServiceState,
        trip_id: TripId,
        purpose: Purpose,
        asked: InsertionRequest,
        forbid: tuple[ShuttleId, ...],
        found: Insertion | NoInsertion,
    ) -> None:
        """The planner was asked for a place for this trip. Nothing is changed yet.

        The same question may be put again, forbidding shuttles that it had chosen before: there
        is no berth for these.
        """
        ...

    def settled(
        self,
        state: ServiceState,
        trip_id: TripId,
        answer: tuple[ShuttleId, Insertion] | NoInsertion,
    ) -> None:
        """The question last seen is settled so, with times at which there are berths."""
        ...

    def improving(
        self,
        state: ServiceState,
        shuttle_ids: tuple[ShuttleId, ...],
        rows: tuple[RowPlan, ...],
    ) -> None:
        """These proposed rows are about to replace those of the shuttles, one for each."""
        ...
