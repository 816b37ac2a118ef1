"""The journal in Redis (or a server that speaks like it): one stream per zone."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from importlib import resources
from typing import Any, Final

from redis.asyncio import Connection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from dispatcher.journal.contract import (
    ANCHOR_EVERY,
    ANCHORS_KEPT,
    ENTRY_IDS_KEPT,
    REQUEST_KEYS_KEPT,
    SNAPSHOTS_KEPT,
    Appended,
    Entry,
    Lasting,
    LeaseAnswer,
    Record,
    Snapshot,
)
from dispatcher.journal.errors import (
    DamagedJournal,
    DiscardedRecords,
    LeaseOfAnother,
    StaleEpoch,
    StoreUnavailable,
    UnexpectedPosition,
    UnknownOutcome,
    UnsuitableSettings,
)
from dispatcher.journal.sending import send
from dispatcher.journal.sentinels import sentinel_pool
from dispatcher.journal.store_checks import (
    INFO_SECTIONS,
    REQUIRED_SETTINGS,
    read_info,
    store_faults,
)
from dispatcher.journal.stored_erasures import StoredErasures
from dispatcher.journal.stored_trail import StoredTrail
from dispatcher.journal.whole_file import make_whole

APPEND_SCRIPT: Final = resources.files(__package__).joinpath("append.lua").read_text("utf-8")
EPOCH_SCRIPT: Final = resources.files(__package__).joinpath("epoch.lua").read_text("utf-8")
LEASE_SCRIPT: Final = resources.files(__package__).joinpath("lease.lua").read_text("utf-8")
RELEASE_SCRIPT: Final = (
    "if redis.call('HGET', KEYS[1], 'run') == ARGV[1] then redis.call('DEL', KEYS[1]) end"
)
READ_PAGE: Final = 500
"""Records fetched at a time; at 8 KiB each a page stays under 4 MiB."""


class StoredJournal:
    """The journal of one zone in Redis. Make one with ``connect_journal``."""

    def __init__(
        self,
        url: str,
        zone: str,
        *,
        connect_timeout_s: float = 2.0,
        answer_timeout_s: float = 5.0,
        request_keys_kept: int = REQUEST_KEYS_KEPT,
        entry_ids_kept: int = ENTRY_IDS_KEPT,
        ca_file: str | None = None,
        mends: bool = True,
        sentinels: Sequence[str] = (),
        pool: Any = None,
    ) -> None:
        """With ``sentinels`` the URL's host is what they call the master, see ``sentinels``.

        ``ca_file`` has the authority that a ``rediss://`` store's certificate is from. Unless
        ``mends`` is off, the store may be asked to write its file anew, see ``whole_file``.
        """
        self._connected = asyncio.Event()
        self._mends = mends
        self._mending = asyncio.Lock()
        # No retries: the client would send an append again whose answer was lost.
        # Protocol 2: with 3 the client no longer notices that an idle connection has died,
        # and would turn a plain restart of the store into an unknown outcome.
        # Another pool, with the same methods, is for simulations; it calls its ``on_connect``.
        options: dict[str, Any] = {
            "protocol": 2,
            "retry": Retry(NoBackoff(), 0),
            "socket_connect_timeout": connect_timeout_s,
            "socket_timeout": answer_timeout_s,
            "max_connections": 8,
            "redis_connect_func": self._on_connect,
            **({} if ca_file is None else {"ssl_ca_certs": ca_file}),
        }
        if pool is not None:
            self._pool = pool
        elif sentinels:
            self._pool = sentinel_pool(url, sentinels, timeout_s=connect_timeout_s, **options)
        else:
            self._pool = ConnectionPool.from_url(url, **options)
        if pool is not None:
            pool.on_connect = self._connected.set
        # The braces make all keys of a zone share a cluster slot, as the script needs.
        root = f"ringmaster:{{{zone}}}"
        self._stream = f"{root}:journal"
        self._epoch_key = f"{root}:epoch"
        self._request_keys = f"{root}:request_keys"
        self._entry_ids = f"{root}:entry_ids"
        self._lease = f"{root}:lease"
        self._snapshots = f"{root}:snapshots"
        self._anchors = f"{root}:anchors"
        self._last_anchor: int | None = None  # not looked up yet
        self._trail = StoredTrail(root, self._call, self._read_call)
        self._erasures = StoredErasures(root, self._call, self._read_call)
        self._request_keys_kept = request_keys_kept
        self._entry_ids_kept = entry_ids_kept

    async def append(
        self, entries: Sequence[Entry], *, epoch: int, expected_position: int, run: str = ""
    ) -> Appended:
        kept = (self._request_keys_kept, self._entry_ids_kept)
        arguments: list[Any] = [epoch, run, expected_position, *kept]
        for entry in entries:
            lasts = entry.lasting or Lasting(b"", "")
            arguments += (entry.dedup_key or "", entry.payload, lasts.payload, lasts.subject)
        keys = (
            self._stream,
            self._epoch_key,
            self._request_keys,
            self._entry_ids,
            self._erasures.exact,
            self._erasures.undated_key,
        )
        # EVAL with the whole script, not EVALSHA: a restarted store has no script cache,
        # and 2 kB more on a local connection cost less than a second round trip.
        answer = await self._call("EVAL", APPEND_SCRIPT, len(keys), *keys, *arguments)
        match answer:
            case [b"stale_epoch", int(current)]:
                raise StaleEpoch(epoch, current)
            case [b"unexpected_position", int(actual)]:
                raise UnexpectedPosition(expected_position, actual)
            case [b"appended", *numbers]:
                return Appended(
                    positions=tuple(numbers[0::2]), fresh=tuple(n == 1 for n in numbers[1::2])
                )
            case _:
                raise AssertionError(f"append.lua answered {answer!r}")

    async def read(self, after: int = 0) -> AsyncIterator[Record]:
        position = after
        while True:
            page = await self._read_call(
                "XRANGE", self._stream, f"({position}-0", "+", "COUNT", READ_PAGE
            )
            for record in await self._records(page):
                if record.position != position + 1:
                    raise await self._gap(position, record.position)
                position = record.position
                yield record
            if len(page) < READ_PAGE:
                return

    async def _records(self, page: Sequence[tuple[bytes, list[bytes]]]) -> list[Record]:
        """Whole, but for those whose payload was erased."""
        read = [_record(stream_id, fields) for stream_id, fields in page]
        erasable = [i for i, record in enumerate(read) if record.erased]
        whole = await self._erasures.whole([read[i].position for i in erasable])
        for i, payload in zip(erasable, whole, strict=True):
            if payload is not None:
                read[i] = replace(read[i], payload=payload, erased=False)
        return read

    async def last_position(self) -> int:
        newest = await self._read_call("XREVRANGE", self._stream, "+", "-", "COUNT", 1)
        return _position(newest[0][0]) if newest else 0

    async def begin_epoch(
        self, owner: str, *, run: str = "", above: int = 0, renew: bool = False
    ) -> int:
        keys = (self._stream, self._epoch_key, self._lease)
        how = "renew" if renew else ""
        answer = await self._call("EVAL", EPOCH_SCRIPT, len(keys), *keys, run, owner, above, how)
        match answer:
            case [b"begun", int(epoch)]:
                return epoch
            case [b"stale_epoch", int(current)]:
                raise StaleEpoch(current, current)
            case [b"of_another", bytes(holder), int(left_ms)]:
                raise LeaseOfAnother(holder.decode(), left_ms / 1000)
            case _:
                raise AssertionError(f"epoch.lua answered {answer!r}")

    async def hold_lease(
        self, owner: str, *, run: str, lasts_s: float, place: str = "", leading: bool = False
    ) -> LeaseAnswer:
        keys = (self._lease, self._epoch_key)
        about = (run, owner, place, round(lasts_s * 1000), "leading" if leading else "")
        match await self._call("EVAL", LEASE_SCRIPT, len(keys), *keys, *about):
            case [b"held"]:
                return LeaseAnswer(True, owner, lasts_s, run, place)
            case [b"of_another", bytes(holder), int(left_ms), bytes(its_run), bytes(its_place)]:
                left_s = left_ms / 1000
                return LeaseAnswer(
                    False, holder.decode(), left_s, its_run.decode(), its_place.decode()
                )
            case [b"stale_epoch", int(current)]:
                raise StaleEpoch(current, current)
            case answer:
                raise AssertionError(f"lease.lua answered {answer!r}")

    async def release_lease(self, run: str) -> None:
        await self._call("EVAL", RELEASE_SCRIPT, 1, self._lease, run)

    async def save_snapshot(
        self, position: int, payload: bytes, state_hash: str, code_version: str
    ) -> None:
        fields = ("payload", payload, "state_hash", state_hash, "code_version", code_version)
        await self._keep(self._snapshots, SNAPSHOTS_KEPT, position, fields)
        if self._last_anchor is None:
            newest = await self._newest_snapshot(self._anchors, "+")
            self._last_anchor = newest.position if newest else 0
        if position >= self._last_anchor + ANCHOR_EVERY:
            await self._keep(self._anchors, ANCHORS_KEPT, position, fields)
            self._last_anchor = position

    async def _keep(
        self, stream: str, most: int, position: int, fields: tuple[str | bytes, ...]
    ) -> None:
        try:
            await self._call("XADD", stream, "MAXLEN", "=", most, f"{position}-0", *fields)
        except StoreUnavailable as error:
            # The stream itself refuses an id that is not above its newest.
            if "equal or smaller" not in str(error):
                raise

    async def newest_snapshot(self) -> Snapshot | None:
        return await self._newest_snapshot(self._snapshots, "+")

    async def snapshot_before(self, position: int) -> Snapshot | None:
        end = f"({position}-0"
        newest = await self._newest_snapshot(self._snapshots, end)
        return newest or await self._newest_snapshot(self._anchors, end)

    async def _newest_snapshot(self, stream: str, end: str) -> Snapshot | None:
        newest = await self._read_call("XREVRANGE", stream, end, "-", "COUNT", 1)
        if not newest:
            return None
        stream_id, flat = newest[0]
        fields = dict(zip(flat[0::2], flat[1::2], strict=True))
        return Snapshot(
            position=_position(stream_id),
            payload=fields[b"payload"],
            state_hash=fields[b"state_hash"].decode(),
            code_version=fields[b"code_version"].decode(),
        )

    async def discard_snapshots_before(self, position: int) -> None:
        newest = await self._read_call("XREVRANGE", self._snapshots, "+", "-", "COUNT", 1)
        if newest:
            kept_from = min(position, _position(newest[0][0]))
            await self._call("XTRIM", self._snapshots, "MINID", "=", f"{kept_from}-0")
        await self._call("XTRIM", self._anchors, "MINID", "=", f"{position}-0")

    async def discard_before(self, position: int) -> None:
        oldest: list[int] = []
        for stream in (self._anchors, self._snapshots):
            first = await self._read_call("XRANGE", stream, "-", "+", "COUNT", 1)
            oldest += [_position(first[0][0])] if first else []
        oldest_position = min(oldest, default=0)
        if position > oldest_position:
            raise ValueError(
                f"the oldest kept snapshot is at {oldest_position}, not at {position} or later"
            )
        if position > 1:
            await self._call("XTRIM", self._stream, "MINID", "=", f"{position}-0")

    async def check_settings(self) -> None:
        """Make sure that what the store acknowledges survives a power cut.

        Raises
        ------
        UnsuitableSettings
            Says which settings to change, and to what.
        """
        if faults := await self.store_faults():
            raise UnsuitableSettings("\n".join(faults))

    async def store_faults(self) -> tuple[str, ...]:
        try:
            answer = await self._read_call("CONFIG", "GET", *REQUIRED_SETTINGS)
        except UnsuitableSettings as error:
            raise UnsuitableSettings(
                f"the store does not let its settings be read ({error}); allow CONFIG GET, or "
                "switch the check off once you have made sure of them"
            ) from error
        settings = {
            name.decode(): value.decode()
            for name, value in zip(answer[0::2], answer[1::2], strict=True)
        }
        info: dict[str, str] = {}
        for section in INFO_SECTIONS:
            info |= read_info((await self._read_call("INFO", section)).decode())
        return store_faults(settings, info)

    async def reconnection(self) -> None:
        self._connected.clear()
        await self._connected.wait()

    async def _on_connect(self, connection: Connection) -> None:
        await connection.on_connect()
        if self._mends:
            try:
                async with self._mending:
                    await make_whole(connection)
            except BaseException:
                # Also who is cancelled must not leave a connection that looks ready.
                await connection.disconnect(nowait=True)
                raise
        self._connected.set()

    def erasures(self) -> StoredErasures:
        return self._erasures

    def trail(self) -> StoredTrail:
        return self._trail

    async def aclose(self) -> None:
        await self._pool.aclose()

    async def _read_call(self, *command: Any) -> Any:
        """A command that changes nothing: a lost answer is no more than an unavailable store."""
        try:
            return await self._call(*command)
        except UnknownOutcome as error:
            raise StoreUnavailable(str(error)) from error

    async def _call(self, *command: Any) -> Any:
        """Send one command once and return its answer.

        The connection is made first and apart from sending, for that tells "certainly not
        written" from "perhaps written".
        """
        try:
            connection = await self._pool.get_connection()
        except NoPermissionError as error:
            raise UnsuitableSettings(
                f"the store does not let us make sure of its file ({error}); allow INFO and "
                "BGREWRITEAOF, or switch redis.check_settings off once you have made sure yourself"
            ) from error
        except (RedisError, OSError) as error:
            raise StoreUnavailable(f"the store cannot be reached: {error}") from error
        answered = False
        try:
            await send(connection, *command)
            answer = await connection.read_response()
            answered = True
        except NoPermissionError as error:
            answered = True
            raise UnsuitableSettings(str(error)) from error
        except (ResponseError, BusyLoadingError, AuthenticationError) as error:
            # An error reply: no memory, read-only, disk full, still loading. Some of these
            # count as connection errors in the client, so this clause must come first.
            answered = True
            raise StoreUnavailable(f"the store refused: {error}") from error
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            raise UnknownOutcome(f"no answer to {command[0]}: {error}") from error
        finally:
            # An answer still to come (a time-out, a cancelled caller) must not be taken
            # for the answer to the next command.
            if not answered:
                await connection.disconnect(nowait=True)
            await self._pool.release(connection)
        return answer

    async def _gap(self, position: int, found: int) -> DamagedJournal | DiscardedRecords:
        first = await self._read_call("XRANGE", self._stream, "-", "+", "COUNT", 1)
        if first and _position(first[0][0]) == found:
            return DiscardedRecords(position, found)
        return DamagedJournal(f"record {position + 1} is missing: after {position} comes {found}")


def _position(stream_id: bytes) -> int:
    milliseconds, _, sequence = stream_id.partition(b"-")
    if sequence != b"0":
        raise DamagedJournal(f"stream entry {stream_id.decode()} was not written by an append")
    return int(milliseconds)


def _record(stream_id: bytes, flat: Sequence[bytes]) -> Record:
    """As it stands in the stream: of what can be erased, only what lasts."""
    fields = dict(zip(flat[0::2], flat[1::2], strict=True))
    erasable = b"lasting" in fields
    try:
        return Record(
            position=_position(stream_id),
            epoch=int(fields[b"epoch"]),
            payload=fields[b"lasting" if erasable else b"payload"],
            dedup_key=fields[b"key"].decode() or None,
            erased=erasable,
        )
    except (KeyError, ValueError) as error:
        raise DamagedJournal(
            f"stream entry {stream_id.decode()} was not written by an append: {error!r}"
        ) from error
