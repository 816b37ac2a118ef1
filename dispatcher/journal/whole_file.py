"""After each start of the store its append-only file is written anew before anything is added.

A power cut can tear the file within the MULTI ... EXEC that holds a script's writes. Redis then
loads what is before (``aof-load-truncated yes``) but cuts the file only after the last whole
command: the MULTI stays, open. What is appended and acknowledged from then on lands inside it, and
the next start carries out the torn transaction in its place, or drops everything to the end.
See docs/decisions/0021-torn-files-are-written-anew.md.

A file written anew has no such end. The store forgets with each process how often it has done so,
which tells a store that has just been started from one that is all right.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from redis.asyncio import Connection
from redis.exceptions import ResponseError

from dispatcher.journal.sending import send
from dispatcher.journal.store_checks import read_info

_LOOK_EVERY_S: Final = 0.02


class NotRewritten(ResponseError):  # noqa: N818 - the name says what happened
    """The store could not write its file anew; says why, as far as it does."""


async def make_whole(
    connection: Connection, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Return once this store has written its append-only file anew since its start.

    Does nothing where it has, or has no such file. The connection may be used by nobody else.

    Raises
    ------
    RedisError, OSError
        As the client's commands; the connection is not fit for use then.
    """
    info = await _persistence(connection)
    if info.get("aof_enabled") != "1" or _is_whole(info):
        return
    if not _is_busy(info):
        try:
            await _ask(connection, "BGREWRITEAOF")
        except ResponseError as error:
            if "in progress" not in str(error):
                raise
    while _is_busy(info := await _persistence(connection)):
        await sleep(_LOOK_EVERY_S)
    if info.get("aof_last_bgrewrite_status", "ok") != "ok":
        raise NotRewritten(
            "the store could not write its append-only file anew; make room on its disk and in "
            "its memory, and see its log"
        )


def _is_whole(info: dict[str, str]) -> bool:
    done = int(info.get("aof_rewrites", "0")) > 0 and not _is_busy(info)
    return done and info.get("aof_last_bgrewrite_status", "ok") == "ok"


def _is_busy(info: dict[str, str]) -> bool:
    return "1" in (info.get("aof_rewrite_in_progress"), info.get("aof_rewrite_scheduled"))


async def _persistence(connection: Connection) -> dict[str, str]:
    answer: bytes = await _ask(connection, "INFO", "persistence")
    return read_info(answer.decode())


async def _ask(connection: Connection, *command: str) -> Any:
    await send(connection, *command)
    return await connection.read_response()
