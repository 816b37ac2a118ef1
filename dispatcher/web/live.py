"""Server-sent events: a snapshot first, then what changes. A slow reader gets the newest only.

Of each thing at most one event waits for a client, so however slow it is, what it holds up is
bounded; where even that becomes too much, it is sent a fresh snapshot instead.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from dispatcher.web.problems import WebCode, WebProblem, web_problem

MOST_WAITING: Final = 2_000  # events for one client
MOST_OF_ONE: Final = 10  # streams of one caller or link
HEARTBEAT_S: Final = 10.0

Key = tuple[str, str]  # what it is, and which one: ("shuttle", id)
Topics = Callable[[], Sequence[Key]]  # what a client wants to hear of just now
Snapshot = Callable[[], list[tuple[str, bytes]]]  # kinds of event, and their data


class LiveStream:
    """One client's. Made by `LiveHub.open`."""

    def __init__(
        self,
        owner: str,
        source: str,
        session: str,
        topics: Topics | None,
        snapshot: Snapshot,
        expires_s: float,
        over: Callable[[], bool],
    ) -> None:
        self.owner = owner
        self.source = source
        self.session = session
        self.topics = topics
        self.snapshot = snapshot
        self.expires_s = expires_s
        self.over = over
        self.closed = False
        self.replaced = 0  # events that never went out, because a newer one came first
        self._waiting: dict[Key, bytes] = {}
        self._stale = True  # a snapshot is to be sent
        self._news = asyncio.Event()
        self._news.set()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, key: Key, data: bytes) -> None:
        if self._stale:
            return  # the snapshot will have it
        # In the order of the newest, so that what changes all the time holds up nothing.
        self.replaced += self._waiting.pop(key, None) is not None
        self._waiting[key] = data
        if len(self._waiting) > MOST_WAITING:
            self.replaced += len(self._waiting)
            self._waiting.clear()
            self._stale = True
        self._news.set()

    def put_part(self, key: Key, part: bytes, whole: Callable[[], bytes]) -> None:
        """What has changed since the part before; where that still waits, all of it instead."""
        self.put(key, whole() if key in self._waiting else part)

    def close(self) -> None:
        self.closed = True
        self._news.set()

    async def news(self) -> list[tuple[str, bytes]]:
        """Wait for what is to be sent next; empty when closed."""
        await self._news.wait()
        if self.closed:
            return []
        self._news.clear()
        if self._stale:
            self._stale = False
            return self.snapshot()
        events = [(key[0], data) for key, data in self._waiting.items()]
        self._waiting.clear()
        return events


@dataclass(frozen=True, slots=True)
class Readers:
    """``of_all`` hear of everything but what is for single riders; ``of_key`` of these only."""

    of_all: list[LiveStream]
    of_key: dict[Key, list[LiveStream]]


class LiveHub:
    """All clients of the live streams. ``now`` is the machine's UTC seconds.

    Of ``most`` streams a quarter is kept for operators, whatever riders do, and guests have half at
    most. Guests of one place have half of that, so that nobody takes it all.
    """

    def __init__(
        self,
        most: int,
        *,
        now: Callable[[], float],
        clock: Callable[[], bytes],
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self._most = most
        self._now = now
        self._clock = clock
        self._heartbeat_s = heartbeat_s
        self._streams: dict[LiveStream, None] = {}
        self._number = 0
        self._ending = False

    def __len__(self) -> int:
        """Streams that are open."""
        return len(self._streams)

    @property
    def waiting(self) -> int:
        """Events that wait for their clients, all together."""
        return sum(len(stream) for stream in self._streams)

    def open(
        self,
        owner: str,
        topics: Topics | None,
        snapshot: Snapshot,
        expires_s: float = float("inf"),
        source: str = "",
        session: str = "",
        over: Callable[[], bool] = lambda: False,
    ) -> "LiveResponse":
        """A response that goes on until the client leaves, its login ends or `close` is called.

        Without ``topics`` the client is an operator and hears of everything that is published to
        all. ``source`` is where a guest asks from, and empty for others. ``session`` names the
        page's session that opens it, see `end_session`; empty for others. ``over`` is asked after
        each piece whether there is nothing more to tell.

        Raises
        ------
        WebProblem
            There are too many already.
        """
        if self._ending or not self._has_room(owner, source, all_of_it=topics is None):
            raise _too_many_streams()
        stream = LiveStream(owner, source, session, topics, snapshot, expires_s, over)
        self._streams[stream] = None
        return LiveResponse(self, stream)

    def _has_room(self, owner: str, source: str, *, all_of_it: bool) -> bool:
        of_owner = sum(stream.owner == owner for stream in self._streams)
        if len(self._streams) >= self._most or of_owner >= MOST_OF_ONE:
            return False
        if all_of_it:
            return True
        of_trips = sum(stream.topics is not None for stream in self._streams)
        if of_trips >= self._most - self._most // 4:
            return False
        if not source:
            return True
        sources = [stream.source for stream in self._streams if stream.source]
        return len(sources) < self._most // 2 and sources.count(source) < self._most // 4

    def readers(self) -> Readers:
        """Who wants to hear of what, just now."""
        of_all: list[LiveStream] = []
        of_key: dict[Key, list[LiveStream]] = {}
        for stream in self._streams:
            if stream.topics is None:
                of_all.append(stream)
            else:
                for key in stream.topics():
                    of_key.setdefault(key, []).append(stream)
        return Readers(of_all, of_key)

    def end_session(self, session: str) -> None:
        """Whoever had this session must not go on hearing of anything."""
        for stream in self._streams:
            if stream.session == session:
                stream.close()

    def close_all(self) -> None:
        """End every stream; clients come again by themselves, perhaps to another dispatcher."""
        for stream in self._streams:
            stream.close()

    def close(self) -> None:
        """End every stream, and open none any more."""
        self._ending = True
        self.close_all()

    def leave(self, stream: LiveStream) -> None:
        self._streams.pop(stream, None)

    async def events(self, stream: LiveStream) -> AsyncIterator[bytes]:
        """What goes over the wire."""
        # After a lost connection a browser comes again in two seconds.
        yield b"retry: 2000\n\n"
        while not stream.closed and self._now() < stream.expires_s:
            try:
                async with asyncio.timeout(self._heartbeat_s):
                    news = await stream.news()
            except TimeoutError:
                news = [("clock", self._clock())]
            if news:
                yield b"".join(self._written(kind, data) for kind, data in news)
            if stream.over():
                # A browser comes again even so, unless its page closes the stream.
                yield b"retry: 60000\n\n"
                return

    def _written(self, kind: str, data: bytes) -> bytes:
        self._number += 1
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (self._number, kind.encode(), data)


class LiveResponse(StreamingResponse):
    """Takes its stream out of the hub however it ends."""

    media_type = "text/event-stream"

    def __init__(self, hub: LiveHub, stream: LiveStream) -> None:
        # Proxies must hand on each event at once.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(hub.events(stream), headers=headers)
        self._hub = hub
        self.stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._hub.leave(self.stream)


def _too_many_streams() -> WebProblem:
    return web_problem(
        WebCode.TOO_MANY_STREAMS,
        "Too many live streams are open.",
        "Close some of yours, or come again in 10 s.",
        retry_after_s=10,
    )
