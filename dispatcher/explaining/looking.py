"""The searches of one event, as they are seen: questions put again belong to the first one."""

from dataclasses import dataclass, field, replace

from dispatcher.domain.ids import ShuttleId
from dispatcher.engine.state import ServiceState
from dispatcher.engine.witness import Purpose
from dispatcher.explaining.explanation import DisagreementError, Search, ShuttleAnswer, Verdict
from dispatcher.explaining.searches import explain_search
from dispatcher.planning.request import Insertion, InsertionRequest, NoInsertion


@dataclass(slots=True)
class SearchLog:
    """What was looked for since it was last cleared."""

    searches: list[Search] = field(default_factory=list)
    _asked: InsertionRequest | None = None  # of the last one
    _forbid: tuple[ShuttleId, ...] = ()  # when it was first put
    _crowded: tuple[ShuttleId, ...] = ()  # in the order in which they were passed over

    def clear(self) -> None:
        self.searches.clear()
        self._asked = None

    def searched(
        self,
        state: ServiceState,
        purpose: Purpose,
        asked: InsertionRequest,
        forbid: tuple[ShuttleId, ...],
        found: Insertion | NoInsertion,
    ) -> None:
        """A question and its answer; the same one again is told as one with the first."""
        again = self._asked is asked and self.searches and self.searches[-1].purpose is purpose
        if again:
            self._crowded = forbid[len(self._forbid) :]
            self.searches.pop()
        else:
            self._asked, self._forbid, self._crowded = asked, forbid, ()
        search = explain_search(state, purpose, asked, self._forbid, found, self._crowded)
        self.searches.append(search)

    def settled(self, answer: tuple[ShuttleId, Insertion] | NoInsertion) -> None:
        """How the last question ended.

        Raises
        ------
        DisagreementError
            It ended with a shuttle that was neither the cheapest nor the first passed over.
        """
        search = self.searches.pop()
        if isinstance(answer, NoInsertion):
            self.searches.append(_in_vain(search, answer))
            return
        shuttle_id, insertion = answer
        if shuttle_id not in (search.chosen, *self._crowded[:1]):
            raise DisagreementError(f"{shuttle_id} was taken, but {search.chosen} was chosen")
        answers = tuple(_with_verdict(other, search, shuttle_id) for other in search.answers)
        search = replace(search, answers=answers, chosen=shuttle_id, binding=None)
        place = search.answer_of(shuttle_id).placement
        if place is None:
            raise DisagreementError(f"{shuttle_id} was taken, but could not serve the trip")
        if (place.pickup_s, place.dropoff_s) != (insertion.pickup_s, insertion.dropoff_s):
            search = replace(
                search,
                at_berths_pickup_s=insertion.pickup_s,
                at_berths_dropoff_s=insertion.dropoff_s,
            )
        self.searches.append(search)


def _in_vain(search: Search, answer: NoInsertion) -> Search:
    """Nobody after all: whoever was found last has no berth, either."""
    answers = tuple(
        replace(other, verdict=Verdict.CROWDED) if other.shuttle_id == search.chosen else other
        for other in search.answers
    )
    return replace(search, answers=answers, chosen=None, binding=answer.binding)


def _with_verdict(answer: ShuttleAnswer, search: Search, taken: ShuttleId) -> ShuttleAnswer:
    """Riders with a promise are fetched by the cheapest even where there is no berth for it."""
    if answer.shuttle_id == taken:
        return replace(answer, verdict=Verdict.CHOSEN)
    if answer.shuttle_id == search.chosen:
        return replace(answer, verdict=Verdict.CROWDED)
    return answer
