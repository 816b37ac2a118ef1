"""The AsyncAPI 3 document of the riders' messages, made from the models that parse them."""

import json
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from dispatcher.riders.messages import TripAnswer, TripCancel, TripRequest
from dispatcher.riders.problems import Problem
from dispatcher.riders.reading import LARGEST_BODY_BYTES
from dispatcher.riders.status import TripDocument
from dispatcher.riders.topics import RIDER_ID, ROOT

VERSION: Final = "1.0.0"

# channel -> (topic below the rider's root, model, who sends, retained, summary)
_CHANNELS: Final[dict[str, tuple[str, type[BaseModel], str, bool, str]]] = {
    "request": ("request", TripRequest, "rider", False, "Ask for a trip"),
    "answer": ("answer", TripAnswer, "rider", False, "Take or decline an offer"),
    "cancel": ("cancel", TripCancel, "rider", False, "Give up a trip"),
    "trip": ("trip/{trip}", TripDocument, "dispatcher", True, "A trip's status"),
    "error": ("error", Problem, "dispatcher", False, "A message that was not acted on"),
}

_DESCRIPTION: Final = f"""\
Riders ask for trips and follow them over MQTT, version 5 or 3.1.1. A rider's device writes to
its own topics and reads `trip/+` and `error` below its own root. The sender is whoever the topic
names; the broker's access rules make sure of it. Bodies are JSON of at most \
{LARGEST_BODY_BYTES} bytes.

With MQTT 5, a request, answer or cancel may name a response topic at or below the rider's own
`reply`, and correlation data: the answer is sent there too. The broker's acknowledgement says only
that the broker has a message; a status document says that a request is durable. Sending a request
again under its id is harmless."""


def rider_document() -> dict[str, Any]:
    """The whole document, as plain JSON values."""
    models = [(model, _mode(sender)) for _, model, sender, _, _ in _CHANNELS.values()]
    _, definitions = models_json_schema(
        [(model, mode) for model, mode in models],  # type: ignore[misc]
        ref_template="#/components/schemas/{model}",
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Ringmaster riders",
            "version": VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {name: _channel(name) for name in _CHANNELS},
        "operations": {
            f"{'receive' if sender == 'rider' else 'send'}_{name}": {
                "action": "receive" if sender == "rider" else "send",
                "channel": {"$ref": f"#/channels/{name}"},
                "summary": summary,
                "bindings": {"mqtt": {"qos": 1, "retain": retained, "bindingVersion": "0.2.0"}},
            }
            for name, (_, _, sender, retained, summary) in _CHANNELS.items()
        },
        "components": {
            "messages": {
                model.__name__: {
                    "name": model.__name__,
                    "summary": summary,
                    "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
                }
                for _, model, _, _, summary in _CHANNELS.values()
            },
            "schemas": definitions["$defs"],
        },
    }


def rider_document_text() -> str:
    """The document as the file in the documentation holds it."""
    return json.dumps(rider_document(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _mode(sender: str) -> str:
    return "validation" if sender == "rider" else "serialization"


def _channel(name: str) -> dict[str, Any]:
    below, model, _, _, summary = _CHANNELS[name]
    parameters = {
        "zone": {"description": "The zone's id, such as sejong-5-1."},
        "rider": {"description": f"The rider's id: {RIDER_ID.pattern}"},
    }
    if "{trip}" in below:
        parameters["trip"] = {"description": "The trip's id, made by the dispatcher."}
    return {
        "address": f"{ROOT}/{{zone}}/rider/{{rider}}/{below}",
        "title": summary,
        "messages": {model.__name__: {"$ref": f"#/components/messages/{model.__name__}"}},
        "parameters": parameters,
    }
