"""How much each caller and each address may ask, and how much may be searched for."""

import time
from collections.abc import Callable

from dispatcher.config_http import HttpSettings
from dispatcher.limits import PerSender, TokenBucket
from dispatcher.riders.problems import ProblemCode
from dispatcher.web.principals import Means, Principal
from dispatcher.web.problems import WebProblem, web_problem


class Rates:
    """``monotonic`` is seconds on a clock that is never put right."""

    def __init__(
        self, settings: HttpSettings, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._monotonic = monotonic
        self._addresses = PerSender(settings.address_per_s, settings.address_burst)
        self._callers = PerSender(settings.caller_per_s, settings.caller_burst)
        self._quotes = TokenBucket(settings.quotes_per_s, max(1, round(5 * settings.quotes_per_s)))

    def take_address(self, address: str) -> None:
        """One request from there. Raises ``WebProblem``."""
        _refuse(self._addresses.take(address, self._monotonic()), "from your address")

    def take_caller(self, principal: Principal, address: str) -> None:
        """One request of a rider, an operator, a shuttle or a program. Raises ``WebProblem``.

        Guests at one address are one caller, so that they cannot use up what all riders share.
        """
        guest = principal.means is Means.NONE
        caller = f"guest {address}" if guest else f"login {principal.id}"
        _refuse(self._callers.take(caller, self._monotonic()), "of yours")

    def take_quote(self) -> None:
        """One search. Raises ``WebProblem``."""
        _refuse(self._quotes.take(self._monotonic()), "for quotes")


def _refuse(retry_after_s: int, whose: str) -> None:
    if retry_after_s:
        raise _too_many(whose, retry_after_s)


def _too_many(whose: str, retry_after_s: int) -> WebProblem:
    return web_problem(
        ProblemCode.TOO_MANY_REQUESTS,
        f"Too many requests {whose} are coming in.",
        f"Send it again, unchanged, in {retry_after_s} s.",
        retry_after_s=retry_after_s,
    )
