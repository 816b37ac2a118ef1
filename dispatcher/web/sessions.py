"""Sessions of pages: a browser's live stream can send a cookie, but no header.

They are kept in this process, so after a restart a page logs in again with its token.
"""

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from dispatcher.web.principals import Means, Principal

COOKIE: Final = "ringmaster_session"
MOST_SESSIONS: Final = 10_000


class Sessions:
    """``now`` is the machine's UTC seconds. Of too many the oldest ends.

    ``on_end`` hears the name of each session that has ended, however that came.
    """

    def __init__(
        self,
        lasts_s: int,
        *,
        now: Callable[[], float] = time.time,
        on_end: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._lasts_s = lasts_s
        self._now = now
        self._on_end = on_end
        self._open: OrderedDict[str, Principal] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, principal: Principal, *, lasts_s: int | None = None) -> tuple[str, Principal]:
        """A new session's secret.

        It ends no later than what it was begun with, so that a page has to show that again;
        with ``lasts_s`` it lasts so long, for who cannot.
        """
        secret = secrets.token_urlsafe(32)
        name = name_of(secret)
        expires_s = self._now() + (lasts_s or self._lasts_s)
        if lasts_s is None:
            expires_s = min(principal.expires_s, expires_s)
        session = replace(principal, means=Means.COOKIE, expires_s=expires_s, session=name)
        self._open[name] = session
        if len(self._open) > MOST_SESSIONS:
            self.end(next(iter(self._open)))
        return secret, session

    def find(self, secret: str) -> Principal | None:
        session = self._open.get(name_of(secret))
        if session is not None and self._now() >= session.expires_s:
            self.end(session.session)
            return None
        return session

    def end(self, name: str) -> None:
        """End the session of this name, if it is there."""
        if self._open.pop(name, None) is not None:
            self._on_end(name)


def name_of(secret: str) -> str:
    """What a session is called here: who knows that cannot show it as a cookie."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
