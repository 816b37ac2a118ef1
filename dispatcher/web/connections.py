"""How many are connected at once: over all, and from one place."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from uvicorn.middleware.proxy_headers import _TrustedHosts

from dispatcher.web.rates import source_of

log = structlog.get_logger(__name__)

SHARE_OF_ONE: Final = 4  # one place has at most a quarter
TELL_EVERY_S: Final = 60.0


class Connections:
    """``proxies`` are those of the settings: behind each are many, so it has no share of its own.

    ``monotonic`` is seconds on a clock that is never put right.
    """

    def __init__(
        self,
        most: int,
        proxies: Sequence[str] = (),
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        # The same whose X-Forwarded-For is believed, however they are written.
        self._proxies = _TrustedHosts(list(proxies))
        self._monotonic = monotonic
        self._counts: Counter[str] = Counter()
        self._told_at_s = float("-inf")

    @property
    def are_too_many(self) -> bool:
        return self._counts.total() > self._most

    def enter(self, address: str) -> bool:
        """One more from there; False, and not counted, where its place has its share already."""
        source = source_of(address)
        is_above = self._counts[source] >= self._most // SHARE_OF_ONE
        let_in = not is_above or address in self._proxies
        if let_in:
            self._counts[source] += 1
        if not let_in or self.are_too_many:
            self._tell(source)
        return let_in

    def leave(self, address: str) -> None:
        """One that was let in has gone."""
        source = source_of(address)
        self._counts[source] -= 1
        if not self._counts[source]:
            del self._counts[source]

    def _tell(self, source: str) -> None:
        now_s = self._monotonic()
        if now_s >= self._told_at_s + TELL_EVERY_S:
            self._told_at_s = now_s
            log.warning(
                "http_crowded",
                source=source,
                of_source=self._counts[source],
                connections=self._counts.total(),
            )
