"""Sessions of pages: a browser's live stream can send a cookie, but no header.

They are kept in this process, so after a restart a page logs in again with its token.
"""

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from dispatcher.web.principals import Means, Principal, Role

COOKIE: Final = "ringmaster_session"
MOST_SESSIONS: Final = 10_000  # of riders, and as many of all others
MOST_OF_ONE: Final = 20
_RIDERS: Final = frozenset({Role.RIDER})


class Sessions:
    """``now`` is the machine's UTC seconds. Of too many the oldest ends: of one principal's, of
    all riders', or of all others'.

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
        # By name, the oldest first. Riders are many, and must not end sessions of who serves them.
        self._of_riders: dict[str, Principal] = {}
        self._of_others: dict[str, Principal] = {}
        self._names: dict[str, list[str]] = {}  # by principal, the oldest first

    def __len__(self) -> int:
        return len(self._of_riders) + len(self._of_others)

    def begin(
        self, principal: Principal, *, lasts_s: int | None = None, shown: str | None = None
    ) -> tuple[str, Principal]:
        """A session's secret: a new one's, unless a session of this principal is ``shown``.

        That one goes on; another's that is shown ends. A session ends no later than what it was
        begun with, so that a page has to show that again; with ``lasts_s`` it lasts so long, for
        who cannot.
        """
        expires_s = self._now() + (lasts_s or self._lasts_s)
        if lasts_s is None:
            expires_s = min(principal.expires_s, expires_s)
        secret = secrets.token_urlsafe(32)
        before = self.find(shown) if shown else None
        if shown and before is not None:
            if (before.id, before.roles) == (principal.id, principal.roles):
                secret, expires_s = shown, max(before.expires_s, expires_s)
                self._take_out(before.session)
            else:
                self.end(before.session)
        name = name_of(secret)
        session = replace(principal, means=Means.COOKIE, expires_s=expires_s, session=name)
        self._put_in(session)
        return secret, session

    def find(self, secret: str) -> Principal | None:
        name = name_of(secret)
        session = self._of_riders.get(name) or self._of_others.get(name)
        if session is not None and self._now() >= session.expires_s:
            self.end(session.session)
            return None
        return session

    def end(self, name: str) -> None:
        """End the session of this name, if it is there."""
        if self._take_out(name):
            self._on_end(name)

    def _put_in(self, session: Principal) -> None:
        together = self._of_riders if session.roles <= _RIDERS else self._of_others
        own = self._names.setdefault(session.id, [])
        together[session.session] = session
        own.append(session.session)
        if len(own) > MOST_OF_ONE:
            self.end(own[0])
        if len(together) > MOST_SESSIONS:
            self.end(next(iter(together)))

    def _take_out(self, name: str) -> bool:
        session = self._of_riders.pop(name, None) or self._of_others.pop(name, None)
        if session is None:
            return False
        own = self._names[session.id]
        own.remove(name)
        if not own:
            del self._names[session.id]
        return True


def name_of(secret: str) -> str:
    """What a session is called here: who knows that cannot show it as a cookie."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
