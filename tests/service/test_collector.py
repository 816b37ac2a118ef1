"""Garbage in a process that serves: found in small looks, and none made for each message."""

import asyncio
import gc
import weakref

import pytest
from service_fakes import until

from dispatcher import collector
from dispatcher.mqtt_client import _NoFilters


class Knot:
    """It refers to itself: only a look finds it."""

    def __init__(self) -> None:
        self.itself = self


async def ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_is_new_is_looked_through_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "_EVERY_S", 0.001)
    looking = asyncio.create_task(collector.collect_by_the_clock())
    await asyncio.sleep(0)
    assert not gc.isenabled()
    found = weakref.ref(Knot())
    await until(lambda: found() is None)
    await ended(looking)
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


async def test_what_outlives_a_look_is_found_by_a_whole_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collector, "_EVERY_S", 0.001)
    monkeypatch.setattr(collector, "_WHOLE_EVERY_S", 0.0)
    knot = Knot()
    old = weakref.ref(knot)
    looking = asyncio.create_task(collector.collect_by_the_clock())
    await asyncio.sleep(0)  # it is left alone from now on
    del knot
    await until(lambda: old() is None)
    await ended(looking)


def test_a_message_leaves_no_cycle_behind() -> None:
    filters = _NoFilters()
    gc.collect()
    gc.disable()
    try:
        for _ in range(100):
            assert list(filters.iter_match("a/b/c")) == []
        assert gc.collect() == 0
    finally:
        gc.enable()
