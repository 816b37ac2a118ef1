"""The loop in virtual time: order, processes, kills and pauses."""

import asyncio
import contextlib
import gc
import warnings
from collections.abc import Coroutine, Iterator
from functools import partial

import pytest

from simulator.faultsim.loop import (
    SimLoop,
    SimProcess,
    SpinningError,
    StalledError,
    run_in_loop,
)


@pytest.fixture
def loop() -> Iterator[SimLoop]:
    loop = SimLoop()
    yield loop
    loop.bury()


def test_sleeping_an_hour_moves_the_time_and_takes_none(loop: SimLoop) -> None:
    async def sleep() -> float:
        await asyncio.sleep(3600.0)
        return loop.time()

    assert run_in_loop(loop, sleep()) == 3600.0


def test_timers_run_in_order_of_time_then_of_asking(loop: SimLoop) -> None:
    heard: list[str] = []

    async def ask() -> None:
        loop.call_later(2.0, heard.append, "b")
        loop.call_later(1.0, heard.append, "a")
        loop.call_later(2.0, heard.append, "c")
        await asyncio.sleep(3.0)

    run_in_loop(loop, ask())
    assert heard == ["a", "b", "c"]


def test_waiting_for_ever_is_an_error(loop: SimLoop) -> None:
    with pytest.raises(StalledError):
        run_in_loop(loop, asyncio.Event().wait())


async def _works(done: list[str]) -> None:
    try:
        while True:
            await asyncio.sleep(1.0)
            done.append("work")
    finally:
        done.append("finally")


def _close(handling: Coroutine[None, None, None], working: "asyncio.Task[None]") -> None:
    handling.close()


def test_what_the_dead_had_begun_and_not_awaited_is_closed_with_them() -> None:
    loop = SimLoop()
    process = SimProcess(loop, "one")

    async def handle() -> None:
        raise AssertionError("it never had its turn")

    async def work(handling: Coroutine[None, None, None]) -> None:
        await handling

    async def serve() -> None:
        async with asyncio.TaskGroup() as tasks:
            handling = handle()
            working = tasks.create_task(work(handling))
            # As a link does for a handler that is cancelled before its first turn.
            working.add_done_callback(partial(_close, handling))
            process.kill()

    async def live() -> None:
        process.spawn(serve())
        await asyncio.sleep(5.0)

    run_in_loop(loop, live())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loop.bury()
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


def test_a_killed_process_does_not_even_clean_up(loop: SimLoop) -> None:
    process = SimProcess(loop, "p")
    done: list[str] = []

    async def world() -> None:
        process.spawn(_works(done))
        await asyncio.sleep(2.5)
        process.kill()
        await asyncio.sleep(10.0)

    run_in_loop(loop, world())
    assert done == ["work", "work"]


def test_killed_before_a_chosen_callback(loop: SimLoop) -> None:
    process = SimProcess(loop, "p")
    done: list[str] = []

    async def world() -> None:
        process.spawn(_works(done))
        # 1: the first step of the task; then a timer and a step for each sleep.
        process.kill_after(1 + 2 + 1)
        await asyncio.sleep(10.0)

    run_in_loop(loop, world())
    assert done == ["work"]
    assert not process.alive


def test_a_paused_process_goes_on_where_it_was(loop: SimLoop) -> None:
    process = SimProcess(loop, "p")
    at: list[float] = []

    async def works() -> None:
        await asyncio.sleep(1.0)
        at.append(loop.time())
        await asyncio.sleep(1.0)
        at.append(loop.time())

    async def world() -> None:
        process.spawn(works())
        await asyncio.sleep(0.5)
        process.pause()
        await asyncio.sleep(9.5)
        process.resume()
        await asyncio.sleep(5.0)

    run_in_loop(loop, world())
    assert at == [10.0, 11.0]


def test_what_a_process_waits_for_belongs_to_it_whoever_brings_it(loop: SimLoop) -> None:
    process = SimProcess(loop, "p")
    heard: list[str] = []

    async def world() -> None:
        news = loop.create_future()

        async def waits() -> None:
            heard.append(await news)

        process.spawn(waits())
        await asyncio.sleep(1.0)
        process.kill()
        news.set_result("too late")
        await asyncio.sleep(1.0)

    run_in_loop(loop, world())
    assert heard == []


def test_sets_of_tasks_are_walked_in_order_of_making(loop: SimLoop) -> None:
    ended: list[int] = []

    async def one(number: int) -> None:
        try:
            await asyncio.sleep(100.0)
        finally:
            ended.append(number)

    async def world() -> None:
        with contextlib.suppress(ExceptionGroup):
            async with asyncio.TaskGroup() as tasks:
                for number in range(7):
                    tasks.create_task(one(number))
                await asyncio.sleep(1.0)
                raise ValueError

    run_in_loop(loop, world())
    assert ended == sorted(ended)


def test_waiting_for_less_than_a_float_can_tell_moves_the_time_on(loop: SimLoop) -> None:
    async def wait() -> float:
        await asyncio.sleep(4000.0)
        for _ in range(3):
            await asyncio.sleep(1e-14)
        return loop.time()

    assert 4000.0 < run_in_loop(loop, wait()) < 4000.001


def test_whoever_asks_without_end_for_what_is_due_at_once_is_found_out(loop: SimLoop) -> None:
    def again() -> None:
        loop.call_soon(again)

    async def spin() -> None:
        again()
        await asyncio.sleep(1.0)

    with pytest.raises(SpinningError):
        run_in_loop(loop, spin())
