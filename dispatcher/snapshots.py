"""The state and what belongs to it as one block of bytes, and the version of the code."""

import asyncio
import hashlib
import zlib
from dataclasses import dataclass
from importlib import resources
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from dispatcher.core import DispatchCore, Engine, Ground
from dispatcher.journal import Snapshot

SLICE_S: Final = 0.002  # written without a break
PACKED_LEVEL: Final = 1  # a tenth of the size for a third of the work of writing it

# What a decision can depend on. The rest may change without making a replay differ.
_DECIDING: Final = ("domain", "engine", "planning", "streets")
_DECIDING_MODULES: Final = ("codec.py", "core.py", "recorded_rules.py", "upcasting.py")


class SnapshotError(Exception):
    """A snapshot that this version cannot take up."""


class OtherStopsError(Exception):
    """The zone's stops are not those that the journal was written with.

    A state knows stops by their place in the zone's list, so it would now send shuttles
    elsewhere.
    """


class OtherZoneError(OtherStopsError):
    """Events were decided in other streets or hours than the zone has now.

    Deciding them again could come out otherwise, and riders were told already.
    """

    def __init__(self, position: int) -> None:
        super().__init__(
            f"event {position} was decided in other streets or hours than the zone has now, and "
            "the dispatcher did not stop in order after it; start once with the former zone, "
            "stop it (SIGTERM), then start with the new one"
        )


class _Header(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    position: int
    digest: str
    last_at_s: int
    set_aside: list[int]
    stops: str
    # Earlier versions did not write these.
    rules: str | None = None
    zone: str | None = None
    packed: bool = False  # zlib

    @property
    def ground(self) -> Ground | None:
        if self.rules is None or self.zone is None:
            return None
        return Ground(self.rules, self.zone)


@dataclass(frozen=True, slots=True)
class Restored:
    core: DispatchCore
    set_aside: set[int]


class Picture:
    """A core as it was at one position, to be written while the core goes on."""

    def __init__(self, core: DispatchCore, set_aside: set[int]) -> None:
        self.position = core.position
        self._head = _header(core, set_aside, packed=True)
        self._slices = core.engine.picture(core.state)

    async def written(self) -> tuple[bytes, str]:
        """The snapshot's payload and the hash of its state; others get their turn meanwhile."""
        packer = zlib.compressobj(PACKED_LEVEL)
        body: list[bytes] = []
        digest = hashlib.sha256()
        # The loop's own clock: in virtual time writing takes none, and a run is the same again.
        clock = asyncio.get_running_loop().time
        began_s = clock()
        for piece in self._slices:
            body.append(packer.compress(piece))
            digest.update(piece)
            if clock() - began_s > SLICE_S:
                await asyncio.sleep(0)
                began_s = clock()
        body.append(packer.flush())
        return self._head + b"".join(body), digest.hexdigest()


def snapshot_payload(core: DispatchCore, set_aside: set[int]) -> bytes:
    """One line of JSON about the state, then the state."""
    return _header(core, set_aside) + core.engine.dump_state(core.state)


def _header(core: DispatchCore, set_aside: set[int], *, packed: bool = False) -> bytes:
    header = _Header(
        position=core.position,
        digest=core.digest,
        last_at_s=core.last_at_s,
        set_aside=sorted(set_aside),
        stops=core.engine.stops_digest(),
        rules=core.ground.rules if core.ground else None,
        zone=core.ground.zone if core.ground else None,
        packed=packed,
    )
    return header.model_dump_json().encode() + b"\n"


def digest_of_snapshot(snapshot: Snapshot) -> str:
    """The digest of all decisions up to the snapshot; raises ``SnapshotError``."""
    try:
        return _Header.model_validate_json(snapshot.payload.partition(b"\n")[0]).digest
    except ValidationError as error:
        raise SnapshotError(f"snapshot at {snapshot.position}: {error}") from error


def check_stops(engine: Engine, snapshot: Snapshot) -> None:
    """Make sure that the snapshot, if it can be read, was saved for a zone with these stops.

    Raises
    ------
    OtherStopsError
        It was not.
    """
    try:
        header = _Header.model_validate_json(snapshot.payload.partition(b"\n")[0])
    except ValidationError:
        return
    if header.stops != engine.stops_digest():
        raise OtherStopsError(
            f"the zone's stops are not those of the journal's snapshot at {snapshot.position}; "
            "put the former zone back, or begin with an empty store"
        )


def core_of_snapshot(engine: Engine, snapshot: Snapshot) -> Restored:
    """The core that was saved.

    Raises
    ------
    SnapshotError
        The bytes are not those that were saved, or cannot be read.
    """
    head, _, body = snapshot.payload.partition(b"\n")
    try:
        header = _Header.model_validate_json(head)
        body = zlib.decompress(body) if header.packed else body
        # Of the bytes, not of the state: a later version may write the same state in more parts.
        if hashlib.sha256(body).hexdigest() != snapshot.state_hash:
            raise SnapshotError(f"snapshot at {snapshot.position} does not have its own digest")
        if header.rules is not None and header.rules != engine.rules():
            engine = engine.under(header.rules)
        state = engine.load_state(body)
    except ValidationError as error:
        raise SnapshotError(f"snapshot at {snapshot.position}: {error}") from error
    except zlib.error as error:
        raise SnapshotError(f"snapshot at {snapshot.position} is damaged: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, LookupError) as error:
        # What a loader of another version's state runs into.
        raise SnapshotError(f"snapshot at {snapshot.position}: {error!r}") from error
    core = DispatchCore(
        engine,
        state,
        position=header.position,
        digest=header.digest,
        last_at_s=header.last_at_s,
        ground=header.ground,
    )
    return Restored(core, set(header.set_aside))


def code_version() -> str:
    """A digest of all source code that decides, so that a changed rule is another version."""
    digest = hashlib.sha256()
    package = resources.files("dispatcher")
    for part in _DECIDING:
        for name, source in sorted(_sources(package.joinpath(part), part)):
            digest.update(name.encode() + b"\n" + source)
    for name in _DECIDING_MODULES:
        digest.update(name.encode() + b"\n" + package.joinpath(name).read_bytes())
    return digest.hexdigest()[:16]


def _sources(folder: resources.abc.Traversable, path: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        name = f"{path}/{entry.name}"
        if entry.is_dir():
            found.extend(_sources(entry, name))
        elif entry.name.endswith(".py"):
            found.append((name, entry.read_bytes()))
    return found
