"""A cancellation that comes while a command is being sent is not lost."""

import asyncio
from typing import Any

import pytest

from dispatcher.journal.sending import send


class LosesCancellations:
    """Sends as the client does where a cancellation comes together with the result."""

    def __init__(self) -> None:
        self.sending = asyncio.Event()
        self.sent: list[Any] = []

    async def send_command(self, *command: Any) -> None:
        self.sending.set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            self.sent.append(command)


async def test_who_is_cancelled_while_sending_ends() -> None:
    connection: Any = LosesCancellations()
    sending = asyncio.create_task(send(connection, "PING"))
    await connection.sending.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert connection.sent == [("PING",)]


class Sends:
    """Sends at once."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    async def send_command(self, *command: Any) -> None:
        self.sent.append(command)


async def test_who_was_cancelled_before_may_still_send() -> None:
    connection: Any = Sends()

    async def clean_up() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            await send(connection, "DEL")

    cleaning = asyncio.create_task(clean_up())
    await asyncio.sleep(0)
    cleaning.cancel()
    await cleaning
    assert connection.sent == [("DEL",)]
