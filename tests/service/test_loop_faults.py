"""A socket that closed too soon is no alarm; every other fault of a callback is one."""

import asyncio
import errno
import logging

import pytest

from dispatcher.loop_faults import log_loop_faults


async def faults_logged(error: Exception, caplog: pytest.LogCaptureFixture) -> int:
    loop = asyncio.get_running_loop()
    log_loop_faults(loop)

    def fails() -> None:
        raise error

    with caplog.at_level(logging.ERROR, logger="asyncio"):
        loop.call_soon(fails)
        await asyncio.sleep(0)
    loop.set_exception_handler(None)
    return len(caplog.records)


async def test_a_socket_closed_before_it_was_watched_is_no_alarm(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert await faults_logged(OSError(errno.EBADF, "Bad file descriptor"), caplog) == 0


async def test_other_faults_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert await faults_logged(OSError(errno.ENOSPC, "No space left"), caplog) == 1
