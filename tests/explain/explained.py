"""An event-only world's history as the records of a journal, and a trip of it explained."""

from engine_world import EngineWorld

from dispatcher.codec import NO_DECISIONS, EventRecord, decision_digest, encode_payload
from dispatcher.explaining import Explanation, explain_request
from dispatcher.explaining.explanation import Price, Search, Verdict
from dispatcher.journal import Record


def records_of(world: EngineWorld) -> list[Record]:
    """Every event in a batch of its own, with the digest of all decisions before it."""
    records, digest = [], NO_DECISIONS
    for i, (event, decisions) in enumerate(zip(world.journal, world.decisions, strict=True), 1):
        records.append(Record(i, 1, encode_payload(EventRecord(event, digest))))
        digest = decision_digest(digest, i, decisions)
    return records


def explained(world: EngineWorld, name: str) -> Explanation:
    return explain_request(world.site, records_of(world), name)


def costs(price: Price) -> dict[str, int]:
    """Milli-cost by term, without those that cost nothing."""
    return {term.term: term.cost_milli for term in price.terms if term.cost_milli}


def chosen_price(search: Search) -> Price:
    (answer,) = [a for a in search.answers if a.verdict is Verdict.CHOSEN]
    assert answer.placement is not None
    return answer.placement.price
