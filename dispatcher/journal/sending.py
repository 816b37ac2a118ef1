"""Sending to the store so that whoever is cancelled meanwhile ends."""

import asyncio
from typing import Any

from redis.asyncio import Connection


async def send(connection: Connection, *command: Any) -> None:
    """Send one command, and hear of a cancellation that the client lost.

    It sends within ``asyncio.wait_for``, which before Python 3.12 swallows a cancellation that
    comes together with the result. The caller would live on after everybody took it for ended.
    """
    task = asyncio.current_task()
    before = 0 if task is None else task.cancelling()
    await connection.send_command(*command)
    # One that was cancelled before and still sends is cleaning up.
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError
