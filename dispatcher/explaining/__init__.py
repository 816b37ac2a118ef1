"""Why it was decided so: explanations worked out again from the recorded journal."""

from dispatcher.explaining.as_json import explanation_json
from dispatcher.explaining.commanded import (
    RecordedCommand,
    commands_json,
    commands_text,
    recorded_commands,
)
from dispatcher.explaining.explain import explain_request
from dispatcher.explaining.explanation import (
    DisagreementError,
    Explanation,
    ExplanationError,
    UnknownTripError,
)
from dispatcher.explaining.in_words import explanation_text

__all__ = [
    "DisagreementError",
    "Explanation",
    "ExplanationError",
    "RecordedCommand",
    "UnknownTripError",
    "commands_json",
    "commands_text",
    "explain_request",
    "explanation_json",
    "explanation_text",
    "recorded_commands",
]
