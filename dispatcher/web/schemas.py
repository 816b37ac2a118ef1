"""What clients send, beside what riders' devices send over MQTT, and lists that they get."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from dispatcher.journal import TrailEntry, TrailFound, TrailKind
from dispatcher.riders.messages import Id, Message, TripRequest, TripWish
from dispatcher.riders.status import (
    Document,
    QuotedOffer,
    RefusalTold,
    TripDocument,
    instant,
)
from dispatcher.web.alerts import AlertView
from dispatcher.web.guest_links import GUEST_REQUEST_ID
from dispatcher.web.principals import Principal, Role
from dispatcher.web.shuttle_view import PlanView, ShuttleView
from dispatcher.web.trip_list import PromiseRow
from dispatcher.web.zone_view import StopView

QUOTED = "quote"  # the id of a wish that nobody asks for


class QuoteRequest(TripWish):
    """What a trip would be offered now. As a request, without an id."""

    def as_request(self) -> TripRequest:
        fields = {name: getattr(self, name) for name in TripWish.model_fields}
        return TripRequest.model_construct(id=QUOTED, **fields)


class QuoteAnswer(Document):
    """Either offers or the refusal. Nothing is held: ask for the trip to have one of them."""

    offers: tuple[QuotedOffer, ...] = ()
    refusal: RefusalTold | None = None


class GuestTripRequest(TripWish):
    """A trip for who has no login.

    The id is made by the guest's device from at least 16 random bytes: whoever knows it can ask
    for the trip, and so for its link, again.
    """

    id: Annotated[str, Field(pattern=GUEST_REQUEST_ID)]

    def as_request(self) -> TripRequest:
        fields = {name: getattr(self, name) for name in TripWish.model_fields}
        return TripRequest.model_construct(id=self.id, **fields)


class GuestTrip(Document):
    """The trip, and the link by which it is followed and given up without a login."""

    link: str = Field(description="Whoever has it can see the trip and give it up.")
    trip: TripDocument


class OfferAnswer(Message):
    """Take or decline what was offered. Sending it again under its id is harmless."""

    id: Id
    accept: bool
    offer: Id | None = Field(
        default=None, description="Which one; without it the first (accepting) or all (declining)."
    )


class TripCancelling(Message):
    """Give up a trip. Sending it again under its id is harmless."""

    id: Id
    reason: str = Field(default="", max_length=200)


class DevLogin(Message):
    """Become anybody. Only where the dispatcher runs for development."""

    role: Literal["rider", "operator", "dispatcher", "admin", "shuttle", "service"]
    subject: str = Field(
        default="", max_length=64, pattern=r"^[A-Za-z0-9_.:-]*$", description="Left out: a new one."
    )


class DevToken(Document):
    token: str
    subject: str
    role: Role
    expires: datetime


class SessionView(Document):
    """Who is logged in."""

    subject: str
    roles: tuple[Role, ...]
    expires: datetime | None = None
    lasts_s: int | None = Field(
        default=None, description="Seconds from now until then, for who has a clock that is wrong."
    )

    @classmethod
    def of(cls, principal: Principal, now_s: float) -> "SessionView":
        lasts = principal.expires_s < float("inf")
        return cls(
            subject=principal.id,
            roles=tuple(sorted(principal.roles)),
            expires=instant(int(principal.expires_s)) if lasts else None,
            lasts_s=max(0, int(principal.expires_s - now_s)) if lasts else None,
        )


class LoginView(Document):
    """Who is logged in, if anybody, and what a page may offer who is not."""

    session: SessionView | None = None
    guests: bool = Field(description="Trips may be asked for without a login.")
    tokens: bool = Field(description="Tokens of the zone's issuer are believed.")
    at_issuer: bool = Field(
        description="A browser can log in at the issuer's pages: /v1/login/begin?to=/ride sends it"
        " there, and back to the page named."
    )
    development: bool = Field(description="Whoever asks is given a token.")


class StopList(Document):
    stops: tuple[StopView, ...]


class ShuttleList(Document):
    shuttles: tuple[ShuttleView, ...]


class PlanList(Document):
    plans: tuple[PlanView, ...]


class PromiseList(Document):
    promises: tuple[PromiseRow, ...]


class AlertList(Document):
    """The newest first."""

    alerts: tuple[AlertView, ...]


class TrailRow(Document):
    """Who did what, or looked where a rider is."""

    number: int
    at: datetime
    kind: TrailKind
    principal: str
    roles: tuple[str, ...]
    operation: str
    subject: str
    reason: str
    command: str = Field(description="The client's id of the command.")

    @classmethod
    def of(cls, entry: TrailEntry) -> "TrailRow":
        return cls(
            number=entry.number,
            at=instant(entry.at_s),
            kind=entry.kind,
            principal=entry.principal,
            roles=entry.roles,
            operation=entry.operation,
            subject=entry.subject,
            reason=entry.reason,
            command=entry.command_id,
        )


class TrailPage(Document):
    """The newest first. A page may be short, or empty, though there is more further back."""

    entries: tuple[TrailRow, ...]
    before: int | None = Field(
        default=None, description="Asks for what is further back; left out at the end."
    )

    @classmethod
    def of(cls, found: TrailFound) -> "TrailPage":
        return cls(
            entries=tuple(TrailRow.of(entry) for entry in found.entries), before=found.before
        )
