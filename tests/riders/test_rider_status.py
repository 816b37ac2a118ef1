"""Status documents say all, in public words, and are what the AsyncAPI document describes."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from shared_files import shared

from dispatcher.domain.ids import (
    BookingId,
    EdgeId,
    RequestId,
    RiderId,
    ShuttleId,
    StopId,
    TripId,
)
from dispatcher.domain.trips import (
    Breach,
    BreachCause,
    Nearest,
    Offer,
    OfferKind,
    Party,
    Promise,
    Refusal,
    RefusalReason,
    TripState,
    TripStatus,
)
from dispatcher.domain.zone import Point, Stop, StopKind
from dispatcher.riders.asyncapi import rider_document, rider_document_text
from dispatcher.riders.messages import TripRequest
from dispatcher.riders.problems import ProblemCode
from dispatcher.riders.status import StatusWriter

ROOT = Path(__file__).parents[2]

A, B = StopId("A"), StopId("B")
STOPS = {
    stop_id: Stop(
        stop_id,
        {"ko": f"정류장 {stop_id}", "en": f"Stop {stop_id}"},
        StopKind.STOP,
        Point(36.5, 127.3),
        0.0,
        0.0,
        EdgeId("e"),
        0.0,
    )
    for stop_id in (A, B)
}
WRITER = StatusWriter(STOPS)
# 1,772,000,000 s after the epoch is 2026-02-25 06:13:20 UTC.
PROMISE = Promise(A, B, 1_772_000_000, 1_772_000_300, 1_772_001_000, Party(1, 1))
OFFER = Offer(
    BookingId("t1.1"),
    OfferKind.SOONEST,
    PROMISE,
    ShuttleId("s1"),
    120,
    80,
    1_772_000_060,
    1_772_000_700,
    1_772_000_030,
)


def a_status(state: TripState, **more: Any) -> TripStatus:
    return TripStatus(TripId("t1"), RiderId("r"), RequestId("q1"), state, 3, 1_772_000_000, **more)


STATUSES = [
    a_status(TripState.OFFERED, offers=(OFFER,)),
    a_status(
        TripState.ASSIGNED,
        promise=PROMISE,
        shuttle_id=ShuttleId("s1"),
        pickup_expected_s=1_772_000_060,
        dropoff_expected_s=1_772_000_700,
    ),
    a_status(
        TripState.REFUSED,
        refusal=Refusal(
            RefusalReason.WAIT_TOO_LONG,
            "The next free shuttle comes in 15 minutes.",
            Nearest(A, 1_772_000_900, 600, Party(1), 30),
        ),
    ),
    a_status(
        TripState.ACCEPTED,
        promise=PROMISE,
        reason="Your shuttle broke down; another one comes.",
        breach=Breach(1_772_000_000, BreachCause.SHUTTLE_FAULT, "It broke down.", PROMISE),
    ),
]


def test_an_offer_as_the_rider_reads_it() -> None:
    told = json.loads(WRITER.document(STATUSES[0]).to_json())
    assert (told["trip"], told["request"], told["state"]) == ("t1", "q1", "offered")
    assert (told["revision"], told["at"]) == (3, "2026-02-25T06:13:20Z")
    (offer,) = told["offers"]
    assert (offer["id"], offer["expires"]) == ("t1.1", "2026-02-25T06:13:50Z")
    assert offer["promise"]["pickup"]["names"] == {"ko": "정류장 A", "en": "Stop A"}
    assert offer["promise"]["window"]["closes"] == "2026-02-25T06:18:20Z"
    assert offer["promise"]["party"] == {"seats": 1, "wheelchairs": 1}


def test_a_refusal_names_what_would_work() -> None:
    told = json.loads(WRITER.document(STATUSES[2]).to_json())["refusal"]
    assert told["code"] == "WAIT_TOO_LONG"
    assert told["nearest"]["stop"]["id"] == "A"
    assert told["nearest"]["pickup"] == "2026-02-25T06:28:20Z"
    assert told["nearest"]["walk_limit_m"] == 600


@pytest.mark.parametrize("status", STATUSES, ids=lambda status: str(status.state))
def test_documents_are_what_the_description_says(status: TripStatus) -> None:
    document = rider_document()
    schema = {"$ref": "#/components/schemas/TripDocument", "components": document["components"]}
    told = json.loads(WRITER.document(status).to_json())
    jsonschema.Draft202012Validator(schema).validate(told)


def test_requests_are_what_the_description_says() -> None:
    document = rider_document()
    schema = {"$ref": "#/components/schemas/TripRequest", "components": document["components"]}
    validator = jsonschema.Draft202012Validator(schema)
    for when in ("now", {"now": True}, {"arrive_by": "2026-03-01T08:30:00Z"}):
        message = {"id": "q1", "from": {"lat": 1.5, "lon": 2}, "to": "B", "when": when}
        validator.validate(message)
        TripRequest.model_validate(message)
    assert not validator.is_valid({"id": "q1", "from": "A", "to": "B", "when": "soon"})
    assert not validator.is_valid({"id": "q1", "from": "A"})


@pytest.mark.parametrize("code", [*RefusalReason, *ProblemCode])
def test_the_guide_names_every_code(code: str) -> None:
    assert f"`{code}`" in (ROOT / "docs/rider-api.md").read_text("utf-8")


def test_the_description_is_valid_asyncapi() -> None:
    schema = json.loads(shared("schemas/asyncapi/asyncapi-3.0.0-without-id.json").read_text())
    jsonschema.Draft7Validator(schema).validate(rider_document())


def test_every_reference_leads_somewhere() -> None:
    document = rider_document()

    def references(value: object) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [ref for part in value.values() for ref in references(part)]
        if isinstance(value, list):
            return [ref for part in value for ref in references(part)]
        return []

    found = references(document)
    assert len(found) > 20
    for reference in found:
        target: Any = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]


def test_the_documentation_holds_the_present_description() -> None:
    written = (ROOT / "docs/asyncapi.json").read_text("utf-8")
    # After a deliberate change of the models: ringmaster asyncapi > docs/asyncapi.json
    assert written == rider_document_text()
