"""Whoever ends others can be ended meanwhile."""

import asyncio

import pytest

from dispatcher.ending import end_tasks


class Slow:
    """Takes its time to end, and says when it begins to."""

    def __init__(self) -> None:
        self.ending = asyncio.Event()

    async def run(self) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.ending.set()
            await asyncio.sleep(0)


async def test_who_is_cancelled_while_ending_others_hears_of_it() -> None:
    slow, goes_on = Slow(), asyncio.Event()

    async def ender() -> None:
        task = asyncio.create_task(slow.run())
        await asyncio.sleep(0)
        await end_tasks([task])
        goes_on.set()

    task = asyncio.create_task(ender())
    await slow.ending.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not goes_on.is_set()


async def test_what_they_say_in_ending_is_nobodys_business() -> None:
    async def fails() -> None:
        raise OSError("gone")

    slow = Slow()
    tasks = [asyncio.create_task(fails()), asyncio.create_task(slow.run())]
    await asyncio.sleep(0)
    await end_tasks(tasks)
    assert all(task.done() for task in tasks)
