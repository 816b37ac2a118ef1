"""Whoever blocks the loop is named in the log while it still does."""

import asyncio
import threading

import pytest
from service_fakes import turns
from structlog.testing import capture_logs

from dispatcher.telemetry.lag import LoopLag
from dispatcher.telemetry.watchdog import Watchdog, stack_of, watched


def test_a_loop_that_gives_signs_is_not_mentioned() -> None:
    watchdog = Watchdog(lambda: ["what it does"], beyond_s=0.25)
    with capture_logs() as lines:
        watchdog.look(5.0)  # nothing has begun yet
        for tick in range(100):
            watchdog.sign(tick * 0.25)
            watchdog.look(tick * 0.25 + 0.25)
    assert lines == []
    assert watchdog.stuck == 0


def test_a_loop_that_is_stuck_is_reported_once_with_what_it_does() -> None:
    watchdog = Watchdog(lambda: ["  in a()\n", "  in b()\n"], beyond_s=0.25)
    with capture_logs() as lines:
        watchdog.sign(10.0)
        for look in (10.2, 10.3, 10.4, 12.0):
            watchdog.look(look)
        watchdog.sign(12.5)
        watchdog.look(12.6)
        watchdog.sign(12.6)
        watchdog.look(13.0)
    assert lines == [
        {
            "event": "loop_blocked",
            "log_level": "warning",
            "for_s": 0.3,
            "stack": "  in a()\n  in b()\n",
        },
        {"event": "loop_goes_on", "log_level": "warning", "blocked_s": 2.5},
        {
            "event": "loop_blocked",
            "log_level": "warning",
            "for_s": 0.4,
            "stack": "  in a()\n  in b()\n",
        },
    ]
    assert watchdog.stuck == 2


def test_a_stack_seen_too_late_blames_nobody() -> None:
    def goes_on_meanwhile() -> list[str]:
        watchdog.sign(10.5)
        return ["somebody else"]

    watchdog = Watchdog(goes_on_meanwhile, beyond_s=0.25)
    with capture_logs() as lines:
        watchdog.sign(10.0)
        watchdog.look(10.4)
    assert lines == []


async def test_the_thread_that_looks_names_the_function_that_blocks() -> None:
    reported = threading.Event()

    def stack() -> list[str]:
        lines = stack_of(loop_thread)
        if "block_the_loop" in "".join(lines):
            reported.set()
        return lines

    def block_the_loop() -> None:
        assert reported.wait(60), "nobody noticed"

    loop_thread = threading.get_ident()
    watchdog = Watchdog(stack)
    with capture_logs() as lines:
        async with watched(watchdog):
            await turns(2)
            block_the_loop()
    blocked = [line for line in lines if line["event"] == "loop_blocked"]
    assert "block_the_loop" in blocked[-1]["stack"]
    names = [thread.name for thread in threading.enumerate()]
    assert names.count("watchdog") <= 1  # it ends by itself at its next look


def test_a_thread_that_has_ended_has_no_stack() -> None:
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    assert thread.ident is not None
    assert stack_of(thread.ident) == []


@pytest.mark.parametrize(
    ("late_ms", "p99_ms", "max_ms"),
    [
        ([], 0, 0),
        ([7], 7, 7),
        (range(1, 101), 99, 100),
        ([0] * 990 + [500] * 10, 0, 500),
        ([0] * 989 + [500] * 11, 500, 500),
    ],
)
def test_lateness_is_looked_back_on(late_ms: list[int], p99_ms: int, max_ms: int) -> None:
    lag = LoopLag(kept=1000)
    for ms in late_ms:
        lag.observe(ms / 1000)
    assert (round(1000 * lag.p99_s), round(1000 * lag.max_s)) == (p99_ms, max_ms)


def test_only_the_last_minute_counts() -> None:
    lag = LoopLag(kept=3)
    for late_s in (9.0, 0.1, 0.2, 0.3):
        lag.observe(late_s)
    assert lag.max_s == 0.3


async def test_watching_ends_with_its_block() -> None:
    watchdog = Watchdog(list)
    async with watched(watchdog):
        await turns(2)
    assert not [task for task in asyncio.all_tasks() if "give_signs" in repr(task)]
