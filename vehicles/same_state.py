"""Reading a state quickly where it differs from the one before only in numbers that move.

Between stops a vehicle's states differ in header, place, speed and battery; the way ahead,
actions, errors and loads stand there again, byte for byte. Then only what moves is read, and
the rest is taken over from the state before: the same objects. The outcome is exactly that of
reading everything; where that is not certain, everything is read.
"""

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from json.decoder import JSONDecoder, scanstring  # type: ignore[attr-defined]
from typing import Annotated, Any, Final, Optional

from pydantic import ValidationError, create_model

from vehicles.messages import AgvPosition, BatteryState, State, Velocity, WireModel, parse

# What may move: of the state itself, and of the objects in it, by their names on the wire.
_MOVES: Final[dict[str, dict[str, str]]] = {
    "": {
        "headerId": "header_id",
        "timestamp": "timestamp",
        "distanceSinceLastNode": "distance_since_last_node",
    },
    "agvPosition": {
        "x": "x",
        "y": "y",
        "theta": "theta",
        "localizationScore": "localization_score",
        "deviationRange": "deviation_range",
    },
    "velocity": {"vx": "vx", "vy": "vy", "omega": "omega"},
    "batteryState": {
        "batteryCharge": "battery_charge",
        "batteryVoltage": "battery_voltage",
        "reach": "reach",
    },
}
_MODELS: Final[dict[str, type[WireModel]]] = {
    "": State,
    "agvPosition": AgvPosition,
    "velocity": Velocity,
    "batteryState": BatteryState,
}
_FIELDS: Final = {
    "agvPosition": "agv_position",
    "velocity": "velocity",
    "batteryState": "battery_state",
}


def _moving_fields() -> dict[str, Any]:
    """Every moving field with the type and bounds that it has in its own model."""
    fields: dict[str, Any] = {}
    for part, names in _MOVES.items():
        for name in names.values():
            info = _MODELS[part].model_fields[name]
            kind: Any = info.annotation
            for rule in info.metadata:
                kind = Annotated[kind, rule]
            fields[name] = (Optional[kind], None)  # noqa: UP045 - of a type made here
    return fields


# A field may stand there under its name on the wire or our own.
_OWN_NAMES: Final = {
    info.alias: name for model in _MODELS.values() for name, info in model.model_fields.items()
}
_Moving: Final = create_model("_Moving", __base__=WireModel, **_moving_fields())
_NUMBER: Final = re.compile(rb"-?[0-9][0-9.eE+-]*")
_STRING: Final = re.compile(rb'"[^"\\\x00-\x1f\x80-\xff]*"')
_BLANK: Final = re.compile(r"[ \t\n\r]*")
_scan_value: Final = JSONDecoder().scan_once  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class _Member:
    """One number or text that may move: where it belongs, and where it stood."""

    part: str
    field: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A body as the fixed pieces between what moves, and what was read from it."""

    state: State
    pieces: tuple[bytes, ...]  # before each moving member
    rest: bytes
    keys: tuple[bytes, ...]
    kinds: tuple[re.Pattern[bytes], ...]
    fields: dict[str, tuple[str, ...]]  # by part

    def read(self, body: bytes) -> State | None:
        """The state in a body of the same pattern; None if it is of another."""
        at = 0
        found = []
        for piece, key, kind in zip(self.pieces, self.keys, self.kinds, strict=True):
            if not body.startswith(piece, at):
                return None
            match = kind.match(body, at + len(piece))
            if match is None:
                return None
            found.append(key + match[0])
            at = match.end()
        if body[at:] != self.rest:
            return None
        try:
            values = _Moving.model_validate_json(b"{" + b",".join(found) + b"}").__dict__
        except ValidationError:
            return None
        changes: dict[str, Any] = {}
        for part, fields in self.fields.items():
            moved = {field: values[field] for field in fields}
            if part:
                name = _FIELDS[part]
                changes[name] = getattr(self.state, name).model_copy(update=moved)
            else:
                changes.update(moved)
        return self.state.model_copy(update=changes)


@dataclass(slots=True)
class StateReader:
    """Reads one vehicle's states, in whatever order they come; ``quick`` counts the easy ones.

    A pattern costs as much to make as it saves in a few states, so it is made of the second of
    two that are alike.
    """

    quick: int = 0
    _pattern: _Pattern | None = None
    _last: State | None = None

    def read(self, body: bytes) -> State:
        """As ``parse(State, body)``. Raises ``pydantic.ValidationError`` for nonsense."""
        if self._pattern is not None:
            state = self._pattern.read(body)
            if state is not None:
                self.quick += 1
                return state
        state = parse(State, body)
        alike = self._last is not None and _stands_still(self._last, state)
        self._pattern = _pattern_of(state, body) if alike else None
        self._last = state
        return state


def _stands_still(before: State, after: State) -> bool:
    """Whether what usually changes, if anything does, is the same. A guess that saves work."""
    return (
        after.node_states == before.node_states
        and after.action_states == before.action_states
        and after.driving == before.driving
        and after.order_update_id == before.order_update_id
    )


class _NotPlain(Exception):  # noqa: N818 - no error: such a body is read in full
    pass


def _pattern_of(state: State, body: bytes) -> _Pattern | None:
    """What is fixed in a valid body; None where that is not plain."""
    if not body.isascii():
        return None  # characters are counted here, and would not be bytes
    try:
        members = list(_moving_members(body))
    except (_NotPlain, ValueError, IndexError, StopIteration, RecursionError):
        return None  # valid all the same: readers of JSON differ at its edges
    starts = [0, *(member.end for member in members)]
    fields: dict[str, tuple[str, ...]] = {}
    for member in members:
        fields[member.part] = (*fields.get(member.part, ()), member.field)
    return _Pattern(
        state,
        tuple(body[at : member.begin] for at, member in zip(starts, members, strict=False)),
        body[starts[-1] :],
        tuple(f'"{member.field}":'.encode() for member in members),
        tuple(_kind(member.field) for member in members),
        fields,
    )


def _kind(field: str) -> re.Pattern[bytes]:
    return _STRING if field == "timestamp" else _NUMBER


def _moving_members(body: bytes) -> Iterator[_Member]:
    """Raises ``_NotPlain`` where a name stands twice, for then it matters which one counts."""
    text = body.decode()
    for begin, end, key in _members_at(text, _after_blank(text, 0), _MOVES[""].keys() | _FIELDS):
        if key not in _FIELDS:
            yield from _moving(body, "", key, begin, end)
        elif text[begin] == "{":
            for inner_begin, inner_end, inner in _members_at(text, begin, _MOVES[key].keys()):
                yield from _moving(body, key, inner, inner_begin, inner_end)


def _moving(body: bytes, part: str, key: str, begin: int, end: int) -> Iterator[_Member]:
    field = _MOVES[part][key]
    if _kind(field).fullmatch(body, begin, end):
        yield _Member(part, field, begin, end)


def _members_at(text: str, at: int, wanted: Set[str]) -> Iterator[tuple[int, int, str]]:
    """Begin and end of each wanted value, and its key, in the valid object that begins there."""
    seen: set[str] = set()
    at = _after_blank(text, at + 1)
    while text[at] == '"':
        key, at = scanstring(text, at + 1)
        begin = _after_blank(text, _after_blank(text, at) + 1)
        _, end = _scan_value(text, begin)
        if key in wanted:
            yield begin, end, key
        name = _OWN_NAMES.get(key, key)
        if name in seen:
            raise _NotPlain
        seen.add(name)
        at = _after_blank(text, end)
        if text[at] != ",":
            return
        at = _after_blank(text, at + 1)


def _after_blank(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    assert match is not None, "it matches nothing, too"
    return match.end()
