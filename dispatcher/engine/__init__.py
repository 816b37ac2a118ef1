"""The engine: a state, an event, decisions. No clock, no chance, no I/O."""

from dispatcher.engine.commands import find_command, ordered
from dispatcher.engine.copying import copy_state
from dispatcher.engine.make_room import berth_of, crowds
from dispatcher.engine.proposals import ImproveAsk, improve_ask, proposals_of
from dispatcher.engine.quoting import quote_request
from dispatcher.engine.site import Site
from dispatcher.engine.snapshot import dump_state, load_state, new_state, picture, state_digest
from dispatcher.engine.state import ServiceState
from dispatcher.engine.status import trip_status
from dispatcher.engine.step import is_resend, next_due_s, step

__all__ = [
    "ImproveAsk",
    "ServiceState",
    "Site",
    "berth_of",
    "copy_state",
    "crowds",
    "dump_state",
    "find_command",
    "improve_ask",
    "is_resend",
    "load_state",
    "new_state",
    "next_due_s",
    "ordered",
    "picture",
    "proposals_of",
    "quote_request",
    "state_digest",
    "step",
    "trip_status",
]
