"""What the event loop reports and nobody awaits, as one log line."""

import asyncio
import errno
from typing import Any

import structlog

log = structlog.get_logger(__name__)


def log_loop_faults(loop: asyncio.AbstractEventLoop) -> None:
    """Log what goes wrong in callbacks; a socket that closed before it was watched is no fault.

    aiomqtt asks the loop to watch its socket in the next turn. When the broker ends the
    connection in between, the loop finds a bad file descriptor. The connection is known to
    be lost by other means, so this alone must not wake an operator.
    """
    loop.set_exception_handler(_on_fault)


def _on_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    if isinstance(error, OSError) and error.errno == errno.EBADF:
        log.debug("socket_closed_before_watched", reason=context.get("message", ""))
        return
    loop.default_exception_handler(context)
