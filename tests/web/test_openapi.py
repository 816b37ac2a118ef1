"""The committed OpenAPI document is the one that the routes make, and holds what it promises."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner
from web_town import a_town

from dispatcher.cli import app
from dispatcher.config_http import AuthSettings
from dispatcher.riders.problems import ProblemCode
from dispatcher.web.openapi import openapi_text
from dispatcher.web.problems import STATUS, WebCode

ROOT = Path(__file__).parents[2]
DOCUMENT = json.loads(openapi_text())


def test_the_committed_document_is_up_to_date() -> None:
    # After a change: ringmaster openapi > docs/openapi.json
    assert (ROOT / "docs/openapi.json").read_text("utf-8") == openapi_text()


def test_the_command_prints_it() -> None:
    assert CliRunner().invoke(app, ["openapi"]).stdout == openapi_text()


def test_it_is_openapi_3_1_and_versioned() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    assert all(path.startswith("/v1/") for path in DOCUMENT["paths"])


def test_every_write_of_the_service_carries_a_client_made_id() -> None:
    harmless = {"quoteTrip", "previewCommand", "beginSession", "endSession"}  # these write nothing
    for path in DOCUMENT["paths"].values():
        for method, operation in path.items():
            if method == "get" or operation["operationId"] in harmless:
                continue
            content = operation["requestBody"]["content"]["application/json"]
            name = content["schema"]["$ref"].rpartition("/")[2]
            assert "id" in DOCUMENT["components"]["schemas"][name]["required"], name


def test_every_operation_says_how_it_fails_and_who_may_use_it() -> None:
    for path in DOCUMENT["paths"].values():
        for operation in path.values():
            responses = operation["responses"]
            assert {"422", "429", "500", "503"} <= responses.keys()
            for status, response in responses.items():
                if status >= "400":
                    assert list(response["content"]) == ["application/problem+json"]
            assert "security" in operation
            assert operation["summary"]


def test_every_code_has_a_status() -> None:
    assert STATUS.keys() == {*WebCode, *ProblemCode}


async def test_it_is_served() -> None:
    async with a_town() as town:
        answer = await town.call("GET", "/openapi.json")
        assert answer.json() == DOCUMENT


def test_a_key_made_on_the_command_line_can_be_set() -> None:
    said = CliRunner().invoke(app, ["api-key", "planner"]).stdout
    line = said.splitlines()[1].partition(":")[2].strip()
    assert AuthSettings(api_keys=(line,)).api_keys == (line,)
    wrong = CliRunner().invoke(app, ["api-key", "planner", "--role", "admin"])
    assert wrong.exit_code != 0
    assert "role" in wrong.stderr


@pytest.mark.parametrize("name", ["TripDocument", "ShuttleView", "ProblemDocument"])
def test_what_is_told_is_described(name: str) -> None:
    assert name in DOCUMENT["components"]["schemas"]
