"""Every operation with inputs that nobody would think of, judged by the OpenAPI document.

``FUZZ_CASES`` says how many cases each operation gets: 30 here, 1,000 before a release.
"""

import asyncio
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from web_town import GUEST_ID, SERVICE_KEY, Town, a_town

from dispatcher.web.access import ACCESS
from dispatcher.web.app import bare_app
from dispatcher.web.openapi import describe
from dispatcher.web.principals import Role

CASES = int(os.environ.get("FUZZ_CASES", "30"))
SCHEMA = schemathesis.openapi.from_dict(describe(bare_app()))


@dataclass
class Served:
    """A dispatcher with its API on a socket, in a thread and a loop of its own."""

    url: str
    town: Town
    places: dict[str, str]

    def login(self, operation: str) -> dict[str, str]:
        roles = ACCESS[operation]
        if not roles or (Role.GUEST in roles and Role.RIDER not in roles):
            return {}
        role = next(r for r in (Role.RIDER, Role.ADMIN, Role.SERVICE) if r in roles)
        if role is Role.SERVICE:
            return {"X-API-Key": SERVICE_KEY}
        return {"Authorization": f"Bearer {self.town.token(role, 'ana')}"}


async def _serve(ready: threading.Event, end: threading.Event, told: list[Served]) -> None:
    async with a_town() as town:
        await town.shuttle_at("P")
        trip = (await town.ask("ana"))["trip"]
        wish = {"id": GUEST_ID, "from": "Q", "to": "S"}
        link = (await town.call("POST", "/guest/trips", json=wish)).json()["link"]
        town.web.server.bind()
        running = asyncio.create_task(town.web.run())
        places = {"trip": trip, "link": link, "shuttle": "acme:s1"}
        told.append(Served(town.web.server.url, town, places))
        ready.set()
        while not end.is_set():
            await asyncio.sleep(0.01)
            town.web.parts.hub.close_all()  # a stream would go on for ever
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    ready, end, told = threading.Event(), threading.Event(), list[Served]()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(ready, end, told)))
    thread.start()
    try:
        assert ready.wait(60)
        yield told[0]
    finally:
        end.set()
        thread.join(60)


@SCHEMA.parametrize()
@settings(
    max_examples=CASES,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_sent_is_answered_as_described(case: Any, served: Served) -> None:
    operation = case.operation.definition.raw["operationId"]
    # Every other case is about something that is there, where it is not about a wrong address.
    for name, place in served.places.items():
        if case.meta.generation.mode.is_positive and len(case.path_parameters.get(name, "")) % 2:
            case.path_parameters[name] = place
    headers = served.login(operation)
    answer = case.call(base_url=served.url, headers=headers)
    excluded = [positive_data_acceptance] if is_beyond_the_schema(answer) else []
    if cannot_be_written(case):
        excluded.append(negative_data_rejection)
    if answer.status_code == 413:  # too large to be looked at, whatever is in it
        excluded += [negative_data_rejection, positive_data_acceptance]
    case.validate_response(answer, headers=headers, excluded_checks=excluded)


def cannot_be_written(case: Any) -> bool:
    """A list or an object in a query leaves a part of itself there, or nothing: then it is fine."""
    return any(isinstance(value, list | dict) for value in (case.query or {}).values())


def is_beyond_the_schema(answer: Any) -> bool:
    """Refused for what a schema cannot say: which stops there are, what hour it is, sums."""
    if answer.status_code != 422:
        return False
    told = answer.json()
    if told["code"] in ("STOP_UNKNOWN", "UNKNOWN_PLACE", "BAD_TIME", "TOO_FAR_AHEAD"):
        return True
    # A reason is on one line, and a line on the map is none where it crosses itself.
    if "needs a reason" in told["detail"] or "drawn" in told["detail"]:
        return True
    return told.get("field") in (
        "party",
        "when",
        "when.depart_at",
        "when.arrive_by",
    )
