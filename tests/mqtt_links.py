"""Running ``MqttLink``s in tests, and waiting for what they see without guessing times."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from dispatcher.mqtt import Message, MqttLink, Subscription

PATIENCE_S = 20.0
"""How long a test waits before it fails; nothing waits this long when all is well."""


class Seen:
    """Messages handled so far; wakes those who wait for more."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._changed = asyncio.Condition()

    async def add(self, message: Message) -> None:
        async with self._changed:
            self.messages.append(message)
            self._changed.notify_all()

    async def until(self, count: int) -> list[Message]:
        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(lambda: len(self.messages) >= count)
        return self.messages

    @property
    def payloads(self) -> list[bytes]:
        return [message.payload for message in self.messages]


@dataclass
class RunningLink:
    """A link under test, what it received, and when it came and went."""

    link: MqttLink
    seen: Seen
    task: asyncio.Task[None]
    sessions_present: list[bool]
    disconnections: list[tuple[str, float]]
    oversized: list[tuple[str, int]]
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                if self.task.done():
                    await self.task
                self._changed.clear()
                await self._changed.wait()


async def _no_pause(pause_s: float) -> None:
    # Long enough for a killed broker to come back without thousands of attempts.
    await asyncio.sleep(min(pause_s, 0.02))


@asynccontextmanager
async def running_link(
    server: Any,
    *filters: str | Subscription,
    client_id: str | None = None,
    connected: bool = True,
    on_message: Callable[[Message], Any] | None = None,
    **options: Any,
) -> AsyncIterator[RunningLink]:
    """A link that runs while the block does; reconnects without the usual pauses."""
    seen = Seen()
    changed = asyncio.Event()
    sessions: list[bool] = []
    disconnections: list[tuple[str, float]] = []
    oversized: list[tuple[str, int]] = []

    def note(where: list[Any], what: Any) -> None:
        where.append(what)
        changed.set()

    link = MqttLink(
        server.host,
        options.pop("port", server.port),
        client_id=client_id or f"test-{uuid4()}",
        subscriptions=[f if isinstance(f, Subscription) else Subscription(f) for f in filters],
        on_message=on_message or seen.add,
        on_connect=lambda present: note(sessions, present),
        on_disconnect=lambda reason, pause_s: note(disconnections, (reason, pause_s)),
        on_oversized=lambda topic, size: note(oversized, (topic, size)),
        sleep=_no_pause,
        **options,
    )
    task = asyncio.create_task(link.run())
    task.add_done_callback(lambda _: changed.set())
    running = RunningLink(link, seen, task, sessions, disconnections, oversized, changed)
    try:
        if connected:
            await running.until(lambda: link.connected)
        yield running
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
