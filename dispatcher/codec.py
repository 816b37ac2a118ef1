"""Events and decisions as bytes: what the journal holds and what replays are compared by.

The bytes are canonical: UTF-8 JSON, keys sorted, no spaces, defaults written out. The
same value therefore always gives the same bytes, and a digest over them is stable.
Reading is strict: an unknown type or key is an error, never silently lost.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from dispatcher.domain.decisions import Decision
from dispatcher.domain.events import Event, RequestSubmitted
from dispatcher.domain.ids import TripId
from dispatcher.domain.trips import coarsened
from dispatcher.upcasting import FORMAT, UnknownFormatError, upcast

_END: Final = b',"v":%d}' % FORMAT

NO_DECISIONS: Final = "0" * 32
"""The digest before the first event."""


class CodecError(ValueError):
    """Bytes that this version cannot read back."""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """A journal payload: one event, and the digest of all decisions before its batch."""

    event: Event
    prev: str


@dataclass(frozen=True, slots=True)
class SetAsideRecord:
    """A journal payload: the event at ``position`` failed twice and is to be skipped.

    It changes nothing but that. It is written after the event it names, so a reader that
    meets it must start again without that event.
    """

    position: int
    prev: str


@dataclass(frozen=True, slots=True)
class ZoneRecord:
    """A journal payload: from here on it is decided under these rules, in this zone.

    ``rules`` is what ``recorded_rules`` writes; ``zone`` a digest of streets and hours.
    """

    rules: str
    zone: str
    prev: str


@dataclass(frozen=True, slots=True)
class SealRecord:
    """A journal payload: a clean stop. All it says is the digest of what was decided last."""

    prev: str


JournalPayload = EventRecord | SetAsideRecord | ZoneRecord | SealRecord


def _adapters(union: Any) -> dict[str, TypeAdapter[Any]]:
    return {kind.__name__: TypeAdapter(kind) for kind in get_args(union)}


_EVENTS: Final = _adapters(Event)
_DECISIONS: Final = _adapters(Decision)


def encode_event(event: Event) -> bytes:
    """``{"type": "RequestSubmitted", ...fields}`` in canonical form."""
    return _encode(event, _EVENTS)


def decode_event(payload: bytes) -> Event:
    """The event that ``encode_event`` wrote.

    Raises
    ------
    CodecError
        Not an event of this version.
    """
    event: Event = _decode(payload, _EVENTS)
    return event


def encode_decision(decision: Decision) -> bytes:
    return _encode(decision, _DECISIONS)


def decode_decision(payload: bytes) -> Decision:
    """The decision that ``encode_decision`` wrote; raises ``CodecError`` as ``decode_event``."""
    decision: Decision = _decode(payload, _DECISIONS)
    return decision


def encode_payload(payload: JournalPayload) -> bytes:
    """One journal entry: ``{"event": ..., "prev": ..., "v": 2}``, or a mark instead."""
    match payload:
        case EventRecord(event, prev):
            return (
                b'{"event":' + encode_event(event) + b',"prev":' + json.dumps(prev).encode() + _END
            )
        case SetAsideRecord(position, prev):
            return _canonical({"prev": prev, "set_aside": position, "v": FORMAT})
        case ZoneRecord(rules, zone, prev):
            about = {"rules": from_json(rules), "zone": zone}
            return _canonical({"prev": prev, "under": about, "v": FORMAT})
        case SealRecord(prev):
            return _canonical({"prev": prev, "sealed": True, "v": FORMAT})


def lasting_payload(payload: JournalPayload) -> tuple[bytes, TripId] | None:
    """What stays of an entry once its rider's place is erased, and the trip that it begins.

    ``None`` where nothing is to be erased: the rider named stops, or it is no request.
    """
    match payload:
        case EventRecord(RequestSubmitted() as event, prev):
            request = coarsened(event.request)
            if request == event.request:
                return None
            lasting = EventRecord(replace(event, request=request), prev)
            return encode_payload(lasting), request.trip_id
        case _:
            return None


def decode_payload(payload: bytes) -> JournalPayload:
    """The journal entry that ``encode_payload`` wrote; raises ``CodecError`` on any other."""
    fields = _parse(payload)
    if not isinstance(fields, dict):
        raise CodecError("a journal payload is a JSON object")
    try:
        fields = upcast(fields)
    except UnknownFormatError as error:
        raise CodecError(str(error)) from error
    match fields:
        case {"event": dict(fields), "prev": str(prev), **rest} if not rest:
            return EventRecord(_of_fields(fields, _EVENTS), prev)
        case {"set_aside": int(position), "prev": str(prev), **rest} if not rest:
            return SetAsideRecord(position, prev)
        case {
            "under": {"rules": dict(rules), "zone": str(zone), **others},
            "prev": str(prev),
            **rest,
        } if not rest and not others:
            return ZoneRecord(_canonical(rules).decode(), zone, prev)
        case {"sealed": True, "prev": str(prev), **rest} if not rest:
            return SealRecord(prev)
        case _:
            raise CodecError("a journal payload has an event or a mark, and a digest")


def decision_digest(previous: str, position: int, decisions: Iterable[Decision]) -> str:
    """The digest of all decisions up to the event at ``position``, 32 hexadecimal digits.

    Each event moves the digest on, also one without decisions, so that equal digests
    mean equal decisions at equal positions.
    """
    rolling = hashlib.sha256(previous.encode())
    rolling.update(b"\n%d" % position)
    for decision in decisions:
        rolling.update(b"\n")
        rolling.update(encode_decision(decision))
    return rolling.hexdigest()[:32]


def _encode(value: Any, adapters: dict[str, TypeAdapter[Any]]) -> bytes:
    name = type(value).__name__
    fields = adapters[name].dump_python(value, mode="json")
    return _canonical({"type": name, **fields})


def _decode(payload: bytes, adapters: dict[str, TypeAdapter[Any]]) -> Any:
    fields = _parse(payload)
    if not isinstance(fields, dict):
        raise CodecError("not a JSON object")
    return _of_fields(fields, adapters)


def _of_fields(fields: dict[str, Any], adapters: dict[str, TypeAdapter[Any]]) -> Any:
    name = fields.pop("type", None)
    adapter = adapters.get(name) if isinstance(name, str) else None
    if adapter is None:
        raise CodecError(f"unknown type {name!r}; written by a newer version?")
    try:
        # Strictness differs between Python values and JSON (lists for tuples, text for
        # enums), and JSON is what this is.
        return adapter.validate_json(to_json(fields), strict=True, extra="forbid")
    except ValidationError as error:
        raise CodecError(f"{name}: {error}") from error


def _parse(payload: bytes) -> Any:
    try:
        return from_json(payload, allow_inf_nan=False)
    except ValueError as error:
        raise CodecError(f"not JSON: {error}") from error


def _canonical(fields: dict[str, Any]) -> bytes:
    # Not-a-number would be written as bare NaN, which is not JSON: an assertion of ours.
    return json.dumps(
        fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()
