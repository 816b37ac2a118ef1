"""A store that becomes unsafe while serving: no new promises, but shuttles are still heard."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from service_fakes import CountingEngine, FaultyJournal, HandClock, a_request, until

from dispatcher.core import Applied
from dispatcher.domain.decisions import AlertKind, OperatorAlerted
from dispatcher.intake import NotTakenError
from dispatcher.journal import StoreUnavailable
from dispatcher.service import Service
from dispatcher.store_watch import EVERY_S, StoreWatch

FAULT = "appendfsync is everysec; set appendfsync always"


class WatchedJournal(FaultyJournal):
    """Has the faults that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.faults_now: tuple[str, ...] = ()
        self.cut_off = False
        self.looks = 0
        self.connected = asyncio.Event()

    async def store_faults(self) -> tuple[str, ...]:
        self.looks += 1
        if self.cut_off:
            raise StoreUnavailable("away")
        return self.faults_now

    async def reconnection(self) -> None:
        self.connected.clear()
        await self.connected.wait()


class Bench:
    def __init__(self) -> None:
        self.journal = WatchedJournal()
        self.service = Service(CountingEngine(), self.journal, HandClock())
        self.told: list[Applied] = []
        self.service.add_listener(self.told.append)
        self.minute = asyncio.Event()
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.minute.clear()
        await self.minute.wait()

    async def looked_again(self) -> None:
        looks = self.journal.looks
        await until(lambda: len(self.pauses) > 0)
        self.minute.set()
        await until(lambda: self.journal.looks > looks)
        await asyncio.sleep(0)

    def alerts(self) -> list[str]:
        found = [d for a in self.told for d in a.decisions if isinstance(d, OperatorAlerted)]
        assert {alert.kind for alert in found} <= {AlertKind.STORE_UNSAFE}
        return [alert.text for alert in found]


@asynccontextmanager
async def watching() -> AsyncIterator[Bench]:
    bench = Bench()
    watch = StoreWatch(bench.service, bench.journal, sleep=bench.sleep)
    tasks = [asyncio.create_task(bench.service.run()), asyncio.create_task(watch.run())]
    await bench.service.started.wait()
    await until(lambda: bench.journal.looks > 0)
    try:
        yield bench
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def ask(bench: Bench, number: int, key: str | None = "ana/q") -> None:
    await bench.service.submit(
        lambda at_s: a_request(number, at_s=at_s),
        dedup_key=key and f"{key}{number}",
        refusable=True,
    )


async def test_what_becomes_wrong_is_seen_within_a_minute_and_nothing_new_is_promised() -> None:
    async with watching() as bench:
        await ask(bench, 1)
        bench.journal.faults_now = (FAULT,)
        await bench.looked_again()
        assert bench.pauses[0] == EVERY_S == 60
        assert not bench.service.accepting
        assert bench.alerts() == [FAULT]
        with pytest.raises(NotTakenError, match="not safe"):
            await ask(bench, 2)
        # What riders say about trips they have, and what shuttles tell, is taken.
        await ask(bench, 3, key=None)
        await bench.service.submit_event(a_request(4, "shuttle"))
        # Still so a minute later: nobody is alerted twice.
        await bench.looked_again()
        assert bench.alerts() == [FAULT]
        bench.journal.faults_now = ()
        await bench.looked_again()
        assert bench.service.accepting
        await ask(bench, 5)


async def test_after_a_reconnection_it_is_looked_at_once() -> None:
    async with watching() as bench:
        bench.journal.faults_now = (FAULT,)
        await until(lambda: len(bench.pauses) > 0)
        bench.journal.connected.set()
        await until(lambda: not bench.service.accepting)


async def test_a_store_that_is_away_is_no_news_about_its_settings() -> None:
    async with watching() as bench:
        bench.journal.faults_now = (FAULT,)
        await bench.looked_again()
        bench.journal.cut_off = True
        await bench.looked_again()
        assert bench.service.health.store_faults == (FAULT,)


async def test_a_watch_that_is_ended_just_as_the_store_is_back_ends() -> None:
    journal, ending = WatchedJournal(), asyncio.Event()

    async def sleep(seconds: float) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ending.set()
            await asyncio.sleep(0)

    service = Service(CountingEngine(), journal, HandClock())
    watch = asyncio.create_task(StoreWatch(service, journal, sleep=sleep).run())
    await until(lambda: journal.looks == 1)
    await asyncio.sleep(0)
    journal.connected.set()
    await ending.wait()
    # It is on its way to another look. As the process ends it must not go there.
    watch.cancel()
    done, _ = await asyncio.wait({watch}, timeout=5.0)
    assert watch in done
    assert journal.looks == 1


async def test_it_ends_when_asked_to_just_as_it_looks_again() -> None:
    bench = Bench()
    watching = asyncio.create_task(
        StoreWatch(bench.service, bench.journal, sleep=bench.sleep).run()
    )
    await until(lambda: len(bench.pauses) > 0)
    # Its pause ends, it clears away what it waited for, and at each of the next moments is ended.
    for turns in range(6):
        bench.minute.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        watching.cancel()
        await asyncio.wait({watching}, timeout=1.0)
        assert watching.done(), turns
        watching = asyncio.create_task(
            StoreWatch(bench.service, bench.journal, sleep=bench.sleep).run()
        )
        waited = len(bench.pauses)
        await until(lambda waited=waited: len(bench.pauses) > waited)
    watching.cancel()
