"""Ending tasks so that whoever ends them can be ended meanwhile."""

import asyncio
from collections.abc import Iterable
from typing import Any


async def end_tasks(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancel them and wait until all have ended, whatever they say in ending.

    A caller that is cancelled while it waits here hears of it. To await each and suppress its
    ``CancelledError`` would take the caller's own for the task's, and the caller would live on.
    """
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
