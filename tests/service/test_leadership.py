"""One dispatcher leads, by clocks that a test moves; others stand by, and take over in time."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from service_fakes import CountingEngine, FaultyJournal, HandClock, a_request

from dispatcher.journal import LeaseOfAnother, StoreUnavailable
from dispatcher.leadership import Leadership, Role
from dispatcher.place import has_ended, here
from dispatcher.service import Service, ServiceSettings


class Time:
    """Seconds that nobody can set back; sleepers wake when it has passed."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now_s + seconds, woken))
        await woken

    async def settled(self) -> None:
        for _ in range(50):
            await asyncio.sleep(0)

    async def passes(self, seconds: float) -> None:
        """In steps of a tenth of a second, everybody doing meanwhile what there is to do."""
        for _ in range(round(seconds * 10)):
            self.now_s = round(self.now_s + 0.1, 3)
            for entry in [entry for entry in self._sleepers if entry[0] <= self.now_s + 1e-9]:
                self._sleepers.remove(entry)
                if not entry[1].done():
                    entry[1].set_result(None)
            await self.settled()


class Town:
    """Dispatchers of one zone over one journal."""

    def __init__(self) -> None:
        self.time = Time()
        self.journal = FaultyJournal(monotonic=self.time)

    def leadership(self, run: str) -> Leadership:
        return Leadership(
            self.journal,
            owner=f"host of {run}",
            run=run,
            has_ended=lambda place: False,
            monotonic=self.time,
            sleep=self.time.sleep,
        )

    def service(self, run: str) -> Service:
        return Service(
            CountingEngine(),
            self.journal,
            HandClock(),
            ServiceSettings(code_version="v1", run=run),
            leadership=self.leadership(run),
        )


@asynccontextmanager
async def working(*coroutines: object) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def nothing() -> None:
    pass


async def test_a_leader_renews_and_goes_on_leading() -> None:
    town = Town()
    one = town.leadership("one")
    await one.win(nothing)
    await town.journal.begin_epoch("host", run="one")
    async with working(one.keep()):
        await town.time.passes(60)
        assert one.role is Role.LEADER
        assert one.age_s <= 2.0


async def test_a_leader_that_cannot_renew_stops_by_its_own_clock_before_another_may_start() -> None:
    town = Town()
    one, two = town.leadership("one"), town.leadership("two")
    await one.win(nothing)
    await town.journal.begin_epoch("host", run="one")
    async with working(one.keep(), one.lapse(), two.win(nothing)) as (keeping, lapse, winning):
        await town.time.passes(10)
        town.journal.lease_down = StoreUnavailable("cut off")
        began_s = town.time.now_s
        while one.leading:
            assert not two.leading
            await town.time.passes(0.1)
        await town.time.settled()
        assert lapse.done()
        # Renewed at most 2 s before, so it is gone within 6 s.
        assert 4.0 <= town.time.now_s - began_s <= 6.0
        assert one.role is Role.LAPSED
        # The other one reaches the store again, and has the zone within 8 s of the trouble.
        town.journal.lease_down = None
        await asyncio.gather(keeping, return_exceptions=True) if keeping.done() else None
        keeping.cancel()
        while not winning.done():
            await town.time.passes(0.1)
        assert two.leading
        assert town.time.now_s - began_s <= 8.0


async def test_a_lease_that_nobody_took_meanwhile_is_regained() -> None:
    town = Town()
    one = town.leadership("one")
    await one.win(nothing)
    await town.journal.begin_epoch("host", run="one")
    async with working(one.keep(), one.lapse()) as (keeping, _):
        town.journal.lease_down = StoreUnavailable("cut off")
        await town.time.passes(20)
        assert one.role is Role.LAPSED
        async with working(one.regain()) as (regain,):
            town.journal.lease_down = None
            await town.time.passes(1)
            assert regain.done()
            assert one.role is Role.LEADER
            assert not keeping.done()


async def test_one_that_was_away_too_long_hears_that_another_leads() -> None:
    town = Town()
    one, two = town.leadership("one"), town.leadership("two")
    await one.win(nothing)
    await town.journal.begin_epoch("host", run="one")
    town.time.now_s += 30  # as when the process was stopped
    assert not one.leading
    await two.win(nothing)
    with pytest.raises(LeaseOfAnother, match="host of two"):
        await one.keep()


async def test_giving_the_lease_back_lets_the_next_one_lead_at_once() -> None:
    town = Town()
    one, two = town.leadership("one"), town.leadership("two")
    await one.win(nothing)
    async with working(two.win(nothing)) as (winning,):
        await town.time.passes(3)
        assert not winning.done()
        assert (two.role, two.leader) == (Role.STANDBY, "host of one")
        await one.give_back()
        await town.time.passes(0.5)
        assert winning.done()


async def test_one_that_stands_by_follows_and_takes_over_where_the_other_stopped() -> None:
    town = Town()
    one, two = town.service("one"), town.service("two")
    async with working(one.run(), two.run()) as (leading, _):
        await one.started.wait()
        assert one.leadership is not None
        async with working(one.leadership.keep()):
            for number in range(5):
                await one.submit_event(a_request(number))
            await town.time.passes(10)
            # The beginning of the epoch and five requests, decided here as well.
            assert two.followed_to == 6
            assert not two.accepting
            assert two.core.state.asked == []
        leading.cancel()
        killed_s = town.time.now_s
        steps = two.engine.steps
        while not two.started.is_set():
            await town.time.passes(0.1)
        assert town.time.now_s - killed_s <= 8.0
        # Nothing was left to be decided again: only the beginning of its own epoch.
        assert two.engine.steps == steps + 1
        assert two.health.epoch == 2
        receipt = await two.submit_event(a_request(9))
        assert receipt.position == 8
        assert two.core.state.asked == ["t0", "t1", "t2", "t3", "t4", "t9"]


async def test_an_event_that_fails_while_standing_by_is_left_out_as_ever() -> None:
    town = Town()
    one, two = town.service("one"), town.service("two")
    async with working(one.run(), two.run()) as (leading, _):
        await one.started.wait()
        await one.submit_event(a_request(1))
        await town.time.passes(1)
        await one.submit_event(a_request(2, "crash"))
        await one.submit_event(a_request(3))
        await town.time.passes(1)
        leading.cancel()
        await town.time.passes(8)
        assert two.started.is_set()
        assert two.core.state.asked == ["t1", "t3"]
        assert two.health.set_aside == one.health.set_aside == {3}
        assert two.health.difference is None


async def test_one_that_loses_the_lease_before_its_epoch_stands_by_again() -> None:
    town = Town()
    one, two = town.service("one"), town.service("two")
    begin_epoch = town.journal.begin_epoch
    stopped: list[str] = []

    async def slow(owner: str, *, run: str, **about: object) -> int:
        if not stopped:
            stopped.append(run)
            await town.time.sleep(7)  # between winning and beginning
        return await begin_epoch(owner, run=run, **about)

    town.journal.begin_epoch = slow
    async with working(one.run(), two.run()) as (first, _):
        await town.time.passes(8)
        assert stopped == ["one"]
        assert two.started.is_set()
        assert not first.done()
        assert one.leadership is not None
        assert not one.leads.is_set()
        assert two.health.epoch == 1


def test_a_process_that_has_ended_here_is_known_to_have() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    around, _, mine = here().rpartition("/")
    assert int(mine) == os.getpid()
    assert has_ended(f"{around}/{ended.pid}")
    assert not has_ended(f"{around}/{os.getppid()}")
    # Elsewhere the same number is somebody else's.
    assert not has_ended(f"another-boot/pid:[1]/{ended.pid}")
    assert not has_ended("")


async def test_who_is_known_to_have_ended_is_not_waited_for() -> None:
    town = Town()
    one = town.leadership("one")
    await one.win(nothing)
    two = Leadership(town.journal, owner="here", run="two", has_ended=lambda place: place == here())
    await two.win(nothing)
    assert two.leader == "here"
