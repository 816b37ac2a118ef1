"""Where riders' messages are taken in: over MQTT here, over HTTP through the same methods."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Final, Protocol

import structlog

from dispatcher.domain.decisions import RiderAnswered, TripChanged
from dispatcher.domain.events import Event, OfferAnswered, RequestSubmitted, TripCancelled
from dispatcher.domain.ids import BookingId, RiderId, TripId
from dispatcher.domain.trips import Offer, Refusal, RideRequest, TimeWish, TripStatus
from dispatcher.engine import is_resend
from dispatcher.intake import NotTakenError, Receipt, TooBusyError
from dispatcher.limits import PerSender, TokenBucket
from dispatcher.mqtt import Message
from dispatcher.riders.border import RiderBorder, id_reused, problem_of
from dispatcher.riders.messages import TripAnswer, TripCancel, TripRequest
from dispatcher.riders.outbox import RiderOutbox
from dispatcher.riders.problems import Problem, ProblemCode, ProblemError
from dispatcher.riders.reading import read_message, too_large
from dispatcher.riders.status import StatusWriter, TripDocument
from dispatcher.riders.topics import RiderTopic, RiderTopics
from dispatcher.service import Service

log = structlog.get_logger(__name__)

LARGEST_CORRELATION_BYTES: Final = 256
# Of one rider. A device that follows the protocol sends a few messages a trip.
MESSAGES_PER_S: Final = 2.0
MESSAGES_BURST: Final = 60
NO_TRIP: Final = TripId("")  # of a request that is not taken in yet
ANSWER_WITHIN_S: Final = 3.0
RETRY_AFTER_S: Final = 5


_Acting = Callable[[], Awaitable[TripDocument | None]]


class DeskObserver(Protocol):
    """Hears how messages were answered, for the metrics."""

    def message_answered(self, kind: RiderTopic, problem: ProblemCode | None) -> None: ...

    def request_decided(self, seconds: float) -> None: ...


class RiderDesk:
    """Checks, bounds and hands in what riders send, and answers each message once.

    ``new_trip_id`` makes ids that no other trip has ever had; ``monotonic`` is seconds on
    a clock that is never put right. Where it is not known within ``answer_within_s`` whether
    a message became durable, the rider is told so and may send it again.
    """

    def __init__(
        self,
        service: Service,
        border: RiderBorder,
        topics: RiderTopics,
        writer: StatusWriter,
        outbox: RiderOutbox,
        *,
        new_trip_id: Callable[[], TripId],
        bucket: TokenBucket,
        observer: DeskObserver,
        monotonic: Callable[[], float] = time.monotonic,
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        self._service = service
        self._border = border
        self._topics = topics
        self._writer = writer
        self._outbox = outbox
        self._new_trip_id = new_trip_id
        self._bucket = bucket
        self._observer = observer
        self._monotonic = monotonic
        self._answer_within_s = answer_within_s
        self._allowed = PerSender(MESSAGES_PER_S, MESSAGES_BURST)
        self._told_off = PerSender(MESSAGES_PER_S / 10, 3)

    async def request(self, rider_id: RiderId, message: TripRequest) -> TripDocument:
        """Ask for a trip; answers with its status, which for a resend is the present one.

        Raises
        ------
        ProblemError
            The message cannot be acted on; nothing has changed.
        """
        began = self._monotonic()
        asked = self._admit(rider_id, message)
        if isinstance(asked, TripDocument):
            return asked
        return await self._ask(asked, message.id, began)

    def _admit(self, rider_id: RiderId, message: TripRequest) -> RideRequest | TripDocument:
        """What is to be asked of the engine; the trip's status where it was asked before.

        Raises
        ------
        ProblemError
            As ``request``. Nothing has to be waited for to say so.
        """
        now_s = self._service.clock.now_s()
        asked = self._border.ride_request(message, rider_id, NO_TRIP, now_s)
        # A resend costs nothing, and is answered even when new requests are not taken in.
        if earlier := self._earlier(asked):
            return self._tell_again(earlier)
        if self._outbox.full:
            text = "Too many riders wait for word of their trips."
            raise ProblemError(_too_many(text, asked, RETRY_AFTER_S))
        if retry_after_s := self._bucket.take(self._monotonic()):
            raise ProblemError(_too_many("Too many requests are coming in.", asked, retry_after_s))
        # Chance comes from the system, which takes its time: not for those who are refused.
        return replace(asked, trip_id=self._new_trip_id())

    async def _ask(self, asked: RideRequest, message_id: str, began: float) -> TripDocument:
        def build(at_s: int) -> RequestSubmitted:
            # "Now" is the second in which the request is written.
            wish_s = at_s if asked.wish is TimeWish.NOW else asked.wish_s
            return RequestSubmitted(at_s, replace(asked, wish_s=wish_s))

        key = f"{asked.rider_id}/{message_id}"
        receipt = await self._hand_in(build, dedup_key=key, request=asked)
        self._observer.request_decided(self._monotonic() - began)
        if receipt.fresh:
            return self._told(receipt, asked.trip_id) or self._writer.received(
                asked, self._service.clock.now_s()
            )
        # The same request came twice at once, or long ago.
        if earlier := self._earlier(asked):
            return self._tell_again(earlier)
        raise ProblemError(id_reused(asked.request_id))

    async def answer(
        self, rider_id: RiderId, message: TripAnswer, *, key: str | None = None
    ) -> TripDocument | None:
        """Take or decline an offer; answers with the trip's status if that changed it.

        ``key`` tells this message of the rider's from all others: sent again under it, it is
        answered with the present status.

        Raises
        ------
        ProblemError
            As the engine judged it, or it could not be taken in.
        """
        trip_id = TripId(message.trip)
        offer = BookingId(message.offer) if message.offer is not None else None
        receipt = await self._hand_in(
            lambda at_s: OfferAnswered(at_s, rider_id, trip_id, message.accept, offer),
            dedup_key=None if key is None else f"{rider_id}/answer/{key}",
            trip=message.trip,
        )
        return self._told(receipt, trip_id) if receipt.fresh else None

    async def cancel(
        self, rider_id: RiderId, message: TripCancel, *, key: str | None = None
    ) -> TripDocument | None:
        """Give up a trip; as ``answer``."""
        trip_id = TripId(message.trip)
        receipt = await self._hand_in(
            lambda at_s: TripCancelled(at_s, trip_id, rider_id, reason=message.reason),
            dedup_key=None if key is None else f"{rider_id}/cancel/{key}",
            trip=message.trip,
        )
        return self._told(receipt, trip_id) if receipt.fresh else None

    def quote(self, rider_id: RiderId, message: TripRequest) -> tuple[Offer, ...] | Refusal:
        """What the request would be offered now. Nothing is written and nothing held.

        Raises
        ------
        ProblemError
            As ``request``, as far as the message itself is at fault.
        """
        now_s = self._service.clock.now_s()
        asked = self._border.ride_request(message, rider_id, NO_TRIP, now_s)
        core = self._service.core
        return core.engine.quote(core.state, asked, now_s)

    def on_message(self, message: Message) -> Awaitable[None] | None:
        """One message over MQTT.

        What is refused is refused at once, and nothing is left to wait for: under a burst
        that is most of it. Else what is returned is over when the message is durable.
        """
        if self._topics.is_told(message.topic):
            self._outbox.heard(message.topic, message.payload)
            return None
        found = self._topics.read(message.topic)
        # What the broker had retained was asked long ago, and would be asked at each start.
        if found is None or message.retain:
            log.info("rider_message_ignored", topic=message.topic[:200], retained=message.retain)
            return None
        rider_id, kind = found
        began = self._monotonic()
        if retry_after_s := self._allowed.take(rider_id, began):
            self._tell_off(rider_id, kind, retry_after_s)
            return None
        try:
            acting = self._begin(rider_id, kind, message.payload, began)
        except ProblemError as error:
            self._refuse(message, rider_id, kind, error.problem)
            return None
        if isinstance(acting, TripDocument):
            self._answer(message, rider_id, kind, acting)
            return None
        return self._finish(message, rider_id, kind, acting)

    async def _finish(
        self,
        message: Message,
        rider_id: RiderId,
        kind: RiderTopic,
        acting: _Acting,
    ) -> None:
        try:
            told = await acting()
        except ProblemError as error:
            if error.problem.code is ProblemCode.NOT_AVAILABLE and self._service.ending:
                # Unacknowledged, the message comes again to whoever serves the zone next.
                log.info("rider_message_left", rider=rider_id, kind=kind)
                await asyncio.get_running_loop().create_future()
            self._refuse(message, rider_id, kind, error.problem)
        else:
            self._answer(message, rider_id, kind, told)

    def _refuse(
        self, message: Message, rider_id: RiderId, kind: RiderTopic, problem: Problem
    ) -> None:
        log.info("rider_message_refused", rider=rider_id, kind=kind, code=problem.code)
        self._outbox.tell_problem(rider_id, problem)
        self._observer.message_answered(kind, problem.code)
        self._reply(rider_id, message, problem.to_json())

    def _answer(
        self, message: Message, rider_id: RiderId, kind: RiderTopic, told: TripDocument | None
    ) -> None:
        self._observer.message_answered(kind, None)
        if told is not None:
            self._reply(rider_id, message, told.to_json())

    def on_oversized(self, topic: str, size: int) -> None:
        """A body over the limit, refused before it was read."""
        found = self._topics.read(topic)
        if found is not None:
            rider_id, kind = found
            self._observer.message_answered(kind, ProblemCode.TOO_LARGE)
            self._outbox.tell_problem(rider_id, too_large(size))

    def _begin(
        self, rider_id: RiderId, kind: RiderTopic, body: bytes, began: float
    ) -> TripDocument | _Acting:
        """Judge a message as far as can be without waiting. Raises ``ProblemError``."""
        match kind:
            case RiderTopic.REQUEST:
                asking = read_message(TripRequest, body)
                asked = self._admit(rider_id, asking)
                if isinstance(asked, TripDocument):
                    return asked
                return partial(self._ask, asked, asking.id, began)
            case RiderTopic.ANSWER:
                return partial(self.answer, rider_id, read_message(TripAnswer, body))
            case RiderTopic.CANCEL:
                return partial(self.cancel, rider_id, read_message(TripCancel, body))

    def _tell_off(self, rider_id: RiderId, kind: RiderTopic, retry_after_s: int) -> None:
        """Refuse unread what one rider sends too fast; say so now and then."""
        self._observer.message_answered(kind, ProblemCode.TOO_MANY_REQUESTS)
        if self._told_off.take(rider_id, self._monotonic()) == 0:
            log.info("rider_sends_too_fast", rider=rider_id, kind=kind)
            text = "Too many messages of yours are coming in."
            self._outbox.tell_problem(rider_id, _too_many(text, None, retry_after_s))

    def _reply(self, rider_id: RiderId, message: Message, body: bytes) -> None:
        """Answer where an MQTT 5 device wants to hear it."""
        topic, correlation = message.response_topic, message.correlation_data
        if topic is None:
            return
        if not self._topics.may_reply(rider_id, topic) or (
            correlation is not None and len(correlation) > LARGEST_CORRELATION_BYTES
        ):
            log.info("response_topic_ignored", rider=rider_id, topic=topic[:200])
            return
        self._outbox.reply(topic, body, correlation)

    async def _hand_in(
        self,
        build: Callable[[int], Event],
        *,
        dedup_key: str | None = None,
        request: RideRequest | None = None,
        trip: str | None = None,
    ) -> Receipt:
        submitting = asyncio.ensure_future(
            self._service.submit(
                build,
                dedup_key=dedup_key,
                refusable=True,
                patience_s=self._answer_within_s,
                begins=request is not None,
            )
        )
        submitting.add_done_callback(_note_seen)
        try:
            async with asyncio.timeout(self._answer_within_s):
                return await asyncio.shield(submitting)
        except TimeoutError as error:
            late = NotTakenError("the journal does not answer just now", RETRY_AFTER_S)
            raise ProblemError(_not_taken(late, request, trip)) from error
        except TooBusyError as error:
            raise ProblemError(
                _too_many("Too many requests are waiting.", request, error.retry_after_s, trip)
            ) from error
        except NotTakenError as error:
            raise ProblemError(_not_taken(error, request, trip)) from error

    def _earlier(self, asked: RideRequest) -> TripStatus | None:
        """The status of the trip asked for under the same id, if it is the same request."""
        core = self._service.core
        known = core.engine.find_request(core.state, asked.rider_id, asked.request_id)
        if known is None:
            return None
        request, status = known
        if not is_resend(request, asked):
            raise ProblemError(id_reused(asked.request_id))
        return status

    def _tell_again(self, status: TripStatus) -> TripDocument:
        self._outbox.tell(status)
        return self._writer.document(status)

    def _told(self, receipt: Receipt, trip_id: TripId) -> TripDocument | None:
        """What was decided for this trip.

        Raises
        ------
        ProblemError
            The message changed nothing, or deciding on it failed.
        """
        assert receipt.applied is not None
        if receipt.applied.event is None:
            raise ProblemError(
                Problem(
                    code=ProblemCode.NOT_DECIDED,
                    text="This could not be decided because of a mistake of the dispatcher's.",
                    remedy="Ask again under a new id; the operator has been told.",
                    trip=trip_id,
                )
            )
        told: TripDocument | None = None
        for decision in receipt.applied.decisions:
            match decision:
                case RiderAnswered():
                    raise ProblemError(problem_of(decision))
                case TripChanged(status) if status.trip_id == trip_id:
                    told = self._writer.document(status)
        return told


def _too_many(
    text: str, request: RideRequest | None, retry_after_s: int, trip: str | None = None
) -> Problem:
    return Problem(
        code=ProblemCode.TOO_MANY_REQUESTS,
        text=text,
        remedy=f"Send it again, unchanged, in {retry_after_s} s.",
        request=request.request_id if request else None,
        trip=trip,
        retry_after_s=retry_after_s,
    )


def _not_taken(error: NotTakenError, request: RideRequest | None, trip: str | None) -> Problem:
    return Problem(
        code=ProblemCode.NOT_AVAILABLE,
        text=f"The dispatcher cannot take this in: {error}.",
        remedy=f"Send it again, unchanged, in {error.retry_after_s} s.",
        request=request.request_id if request else None,
        trip=trip,
        retry_after_s=error.retry_after_s,
    )


def _note_seen(submitting: asyncio.Future[Receipt]) -> None:
    # Nobody may be left to look at its error, which is no mistake.
    if not submitting.cancelled():
        submitting.exception()
