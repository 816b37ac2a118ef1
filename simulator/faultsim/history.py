"""What happened, as seen from outside: the trace and its digest, counts, and what was wrong."""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counts:
    """How often each thing happened: faults and what the workload exercised."""

    seen: Counter[str] = field(default_factory=Counter)

    def note(self, what: str, times: int = 1) -> None:
        if times:
            self.seen[what] += times


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that did not hold. ``at_s`` is seconds from the start."""

    invariant: str
    at_s: float
    text: str


class Trace:
    """Every message, record and fault in its order. Its digest tells histories apart."""

    def __init__(self, time: Callable[[], float], keep_lines: bool = False) -> None:
        self.lines: list[str] | None = [] if keep_lines else None
        self.events = 0
        self._time = time
        self._hash = hashlib.sha256()

    def note(self, kind: str, who: str, what: bytes | str = b"") -> None:
        body = what.encode() if isinstance(what, str) else what
        line = f"{self._time():.6f} {kind} {who} "
        self._hash.update(line.encode())
        self._hash.update(body)
        self.events += 1
        if self.lines is not None:
            self.lines.append(line + body.decode(errors="replace"))

    def digest(self) -> str:
        return self._hash.hexdigest()[:32]
