"""What riders' devices send. Strict: what is not described here is refused.

Numbers are JSON numbers, times are RFC 3339 with an offset, and unknown keys are errors,
for a misspelt key would otherwise silently mean the default.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

LARGEST_PARTY: Final = 20
LARGEST_WALK_M: Final = 2_000
LARGEST_FLEXIBILITY_S: Final = 3_600

ID_PATTERN: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)")


def _rfc_3339_only(value: object) -> datetime:
    # Left to itself, pydantic takes the text "1700000000" for a time.
    if isinstance(value, str) and _RFC_3339.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper())
        except ValueError:  # the 30th of February
            pass
    raise ValueError("must be a time with its offset, as in 2026-03-01T08:30:00+09:00")


Instant = Annotated[AwareDatetime, BeforeValidator(_rfc_3339_only)]
Id = Annotated[str, Field(pattern=f"^{ID_PATTERN.pattern}$")]


class Message(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class PointPlace(Message):
    """A place on earth, WGS84 degrees."""

    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)


def _kind_of_place(value: object) -> str:
    return "point" if isinstance(value, dict | PointPlace) else "stop"


# Told apart by their JSON type, so that an error speaks of the one that was meant.
WirePlace = Annotated[
    Annotated[Id, Tag("stop")] | Annotated[PointPlace, Tag("point")],
    Discriminator(_kind_of_place),
]


class When(Message):
    """Exactly one of: now, the time to leave, the time to be there."""

    now: Literal[True] | None = None
    depart_at: Instant | None = None
    arrive_by: Instant | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "When":
        if len(self.model_fields_set) != 1:
            raise ValueError("must have exactly one of now, depart_at, arrive_by")
        if next(iter(self.model_dump(exclude_unset=True).values())) is None:
            raise ValueError("must not be null")
        return self


class PartyCount(Message):
    """Who rides together. A rider in a wheelchair takes a wheelchair place and no seat."""

    seats: int = Field(default=1, ge=0, le=LARGEST_PARTY)
    wheelchairs: int = Field(default=0, ge=0, le=LARGEST_PARTY)

    @model_validator(mode="after")
    def _bounded(self) -> "PartyCount":
        if not 1 <= self.seats + self.wheelchairs <= LARGEST_PARTY:
            raise ValueError(f"must be 1 to {LARGEST_PARTY} people in all")
        return self


def _now_in_short(value: object) -> object:
    if value == "now":
        return {"now": True}
    if not isinstance(value, dict | When):
        raise ValueError('must be "now" or an object with depart_at or arrive_by')
    return value


def _short_form_too(schema: dict[str, Any]) -> None:
    described = {key: schema.pop(key) for key in tuple(schema) if key != "default"}
    schema["anyOf"] = [{"const": "now"}, described]
    schema["default"] = "now"


class TripWish(Message):
    """Where from, where to, when and with whom."""

    origin: WirePlace = Field(alias="from", description="Stop id or point.")
    destination: WirePlace = Field(alias="to", description="Stop id or point.")
    when: Annotated[
        When, BeforeValidator(_now_in_short), Field(json_schema_extra=_short_form_too)
    ] = When(now=True)
    party: PartyCount = PartyCount()
    walk_limit_m: int = Field(
        default=400, ge=0, le=LARGEST_WALK_M, description="At either end, metres."
    )
    accept: Literal["auto", "ask"] = Field(
        default="ask", description="auto: the first offer is accepted at once; ask: offers wait."
    )
    alternatives: int = Field(default=1, ge=1, le=3, description="How many offers at most.")
    flexible_s: int = Field(
        default=0,
        ge=0,
        le=LARGEST_FLEXIBILITY_S,
        description="If the time cannot be met, it may be missed by so much: later or sooner, "
        "an arrival only sooner. 0: the answer is no.",
    )


class TripRequest(TripWish):
    """A rider asks for a trip.

    The id is made by the rider's device. Sending the same request again under the same id
    is harmless: the answer is the trip's present status.
    """

    id: Id


class TripAnswer(Message):
    """A rider takes or declines what was offered."""

    trip: Id
    accept: bool
    offer: Id | None = Field(
        default=None, description="Which one; without it the first (accepting) or all (declining)."
    )


class TripCancel(Message):
    """A rider gives up a trip."""

    trip: Id
    reason: str = Field(default="", max_length=200)
