"""The simulated store: the real journal on it, trouble on the way, and the real Redis beside it."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ResponseError
from servers import RedisServer

from dispatcher.journal import (
    Entry,
    LeaseOfAnother,
    StaleEpoch,
    StoredJournal,
    StoreUnavailable,
    UnknownOutcome,
)
from dispatcher.journal.stored import (
    APPEND_SCRIPT,
    EPOCH_SCRIPT,
    LEASE_SCRIPT,
    RELEASE_SCRIPT,
)
from simulator.faultsim.loop import Outside, SimLoop, run_in_loop
from simulator.faultsim.redis_twin import RedisTwin
from simulator.faultsim.store import SimStore

A, B = Entry(b'{"a":1}'), Entry(b'{"b":2}')
ANA = Entry(b'{"from":"ana"}', "ana/r1")


class Rig:
    """A store, and a journal that reaches it."""

    def __init__(self, loop: SimLoop) -> None:
        self.loop = loop
        self.store = SimStore(Outside(loop), random.Random(1))
        self.journal = StoredJournal("redis://sim", "z", pool=self.store.pool())

    def run(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        return run_in_loop(self.loop, work())

    async def positions(self) -> list[int]:
        return [record.position async for record in self.journal.read()]


@pytest.fixture
def rig() -> Iterator[Rig]:
    loop = SimLoop()
    yield Rig(loop)
    loop.bury()


def test_the_real_journal_works_on_it(rig: Rig) -> None:
    async def use() -> None:
        await rig.journal.check_settings()
        epoch = await rig.journal.begin_epoch("d")
        await rig.journal.append([A, ANA], epoch=epoch, expected_position=0)
        again = await rig.journal.append([ANA, B], epoch=epoch, expected_position=2)
        assert (again.positions, again.fresh) == ((2, 3), (False, True))
        await rig.journal.save_snapshot(3, b"s", "h", "v")
        await rig.journal.save_snapshot(2, b"older", "h", "v")
        snapshot = await rig.journal.newest_snapshot()
        assert snapshot is not None
        assert snapshot.position == 3
        assert await rig.positions() == [1, 2, 3]

    rig.run(use)


def test_an_answer_lost_is_an_unknown_outcome_and_was_written(rig: Rig) -> None:
    async def use() -> None:
        await rig.journal.begin_epoch("d")
        rig.store.trouble.cut_after = 1.0
        with pytest.raises(UnknownOutcome):
            await rig.journal.append([A], epoch=1, expected_position=0)
        rig.store.trouble.cut_after = 0.0
        assert await rig.positions() == [1]

    rig.run(use)


def test_a_late_append_is_written_after_its_sender_gave_up(rig: Rig) -> None:
    async def use() -> None:
        await rig.journal.begin_epoch("d")
        rig.store.pause()
        with pytest.raises(UnknownOutcome):
            await rig.journal.append([A], epoch=1, expected_position=0)
        assert rig.loop.time() == pytest.approx(5.0, abs=0.1)
        rig.store.resume()
        assert await rig.positions() == [1]

    rig.run(use)


def test_a_restart_keeps_what_was_answered_and_nothing_that_waited(rig: Rig) -> None:
    async def use() -> None:
        await rig.journal.begin_epoch("d")
        await rig.journal.append([A], epoch=1, expected_position=0)
        rig.store.pause()
        waiting = rig.loop.create_task(rig.journal.append([B], epoch=1, expected_position=1))
        rig.loop.call_later(1.0, rig.store.stop)
        with pytest.raises(UnknownOutcome):
            await waiting
        with pytest.raises(StoreUnavailable):
            await rig.journal.last_position()
        rig.store.start()
        assert await rig.positions() == [1]

    rig.run(use)


def test_a_lease_runs_out_by_the_stores_clock(rig: Rig) -> None:
    async def use() -> None:
        assert (await rig.journal.hold_lease("a", run="a1", lasts_s=6.0)).held
        other = await rig.journal.hold_lease("b", run="b1", lasts_s=6.0)
        assert (other.held, other.owner) == (False, "a")
        assert other.left_s == pytest.approx(6.0, abs=0.1)
        with pytest.raises(LeaseOfAnother):
            await rig.journal.begin_epoch("b", run="b1")
        await asyncio.sleep(6.1)
        assert (await rig.journal.hold_lease("b", run="b1", lasts_s=6.0)).held
        assert await rig.journal.begin_epoch("b", run="b1") == 1
        with pytest.raises(StaleEpoch):
            await rig.journal.append([A], epoch=1, run="a1", expected_position=0)
        await rig.journal.release_lease("b1")
        assert (await rig.journal.hold_lease("a", run="a1", lasts_s=6.0)).held

    rig.run(use)


@pytest.mark.broker
def test_the_twin_answers_as_redis_does(redis_server: RedisServer) -> None:
    """A thousand random commands of the journal's kinds, the same answers from both."""
    real = Redis.from_url(redis_server.url, protocol=2)
    twin = RedisTwin()
    rng = random.Random(5)
    parts = ("journal", "epoch", "request_keys", "entry_ids", "exact", "undated", "due", "lease")
    keys = [f"t:{{twin}}:{part}" for part in parts]
    for _ in range(1000):
        command = _command(rng, keys, twin)
        ours, theirs = _answer(twin.execute, command), _answer(real.execute_command, command)
        if isinstance(theirs, list) and theirs[:1] == [b"of_another"]:
            assert 0 <= ours[2] - theirs[2] < 600_000  # ms; the real one's runs meanwhile
            ours[2] = theirs[2]
        assert ours == theirs, command
    assert twin.streams[keys[0].encode()].ids


def _command(rng: random.Random, keys: list[str], twin: RedisTwin) -> list[Any]:
    stream = twin.streams.get(keys[0].encode())
    last = stream.ids[-1][0] if stream and stream.ids else 0
    leads = twin.hashes.get(keys[1].encode(), {})
    epoch, leader = int(leads.get(b"epoch", b"0")), leads.get(b"run", b"").decode()
    run = rng.choice(["d0", "d1", "d2"])
    exact, undated, due = keys[4:7]
    match rng.randrange(19):
        case 0:
            above, how = rng.choice([0, 0, 0, epoch + 2]), rng.choice(["", "renew"])
            journal, epochs, lease = keys[0], keys[1], keys[7]
            return ["EVAL", EPOCH_SCRIPT, 3, journal, epochs, lease, run, f"o{run}", above, how]
        case 1:
            # So long that none runs out during the test.
            about = [run, f"o{run}", "here", 3_600_000, rng.choice(["", "leading"])]
            return ["EVAL", LEASE_SCRIPT, 2, keys[7], keys[1], *about]
        case 2:
            return ["EVAL", RELEASE_SCRIPT, 1, keys[7], run]
        case 3:
            return ["XRANGE", keys[0], f"({rng.randint(0, last + 1)}-0", "+", "COUNT", 3]
        case 4:
            return ["XREVRANGE", keys[0], "+", "-", "COUNT", 1]
        case 5:
            snapshot = f"{rng.randint(1, last + 5)}-0"
            return ["XADD", "t:{twin}:s", "MAXLEN", "=", 3, snapshot, "payload", "x"]
        case 6:
            return ["XRANGE", "t:{twin}:s", "-", "+", "COUNT", 2]
        case 7 if last > 20:
            return ["XTRIM", keys[0], "MINID", "=", f"{last - 15}-0"]
        case 8:
            return ["HMGET", exact, *rng.sample(range(last + 2), min(3, last + 2))]
        case 9:
            return ["HDEL", exact, rng.randint(0, last + 1), rng.randint(0, last + 1)]
        case 10:
            return ["ZRANGE", undated, 0, -1, "WITHSCORES"]
        case 11:
            return ["ZREM", undated, f"t{rng.randint(0, 9)}"]
        case 12:
            many = range(rng.randint(1, 3))
            pairs = [(rng.randint(0, 100), f"{rng.randint(1, 9)}/5") for _ in many]
            return ["ZADD", due, *(part for pair in pairs for part in pair)]
        case 13:
            limits = ("LIMIT", 0, rng.randint(1, 5))
            return ["ZRANGEBYSCORE", due, "-inf", rng.randint(0, 100), "WITHSCORES", *limits]
        case _:
            arguments: list[Any] = [rng.choice([epoch, epoch, epoch, epoch - 1])]
            arguments.append(rng.choice([leader, leader, leader, run]))
            arguments += [rng.choice([last, last, last, last + 1, max(0, last - 1)]), 4, 3]
            for _ in range(rng.randint(0, 3)):
                key = rng.choice(["", "", "a", "b", "c", "d", "e", "f", "#1/1", "#1/2", "#2/1"])
                lasts = rng.choice([("", ""), (rng.randbytes(2), f"t{rng.randint(0, 9)}")])
                arguments += [key, rng.randbytes(3), *lasts]
            return ["EVAL", APPEND_SCRIPT, 6, *keys[:6], *arguments]


def _answer(execute: Callable[..., Any], command: list[Any]) -> Any:
    try:
        answer = execute(*command)
    except ResponseError as error:
        return str(error).removeprefix("ERR ")
    return _plain(answer)


def _plain(answer: Any) -> Any:
    """The client turns some answers into richer values; back to what was on the wire."""
    if isinstance(answer, list | tuple):
        return [_plain(part) for part in answer]
    if isinstance(answer, dict):
        return [_plain(part) for pair in answer.items() for part in pair]
    return answer
