"""How much each caller and each address may ask, and how much may be searched for.

Behind one address there may be one phone or a whole campus. Whoever can be told apart, by a login
or by a trip's link, has a rate of its own. Guests who have no trip yet cannot: those at one address
share a rate that serves many of them, and that leaves half of the searches to everybody else.
"""

import time
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Final

from dispatcher.config_http import HttpSettings
from dispatcher.domain.ids import TripId
from dispatcher.limits import PerSender, TokenBucket
from dispatcher.riders.problems import ProblemCode
from dispatcher.web.principals import Means, Principal
from dispatcher.web.problems import WebProblem, web_problem

# Whoever has one IPv6 address has all of such a network, and can send from each.
_OWN_NETWORK_BITS: Final = 64


class Rates:
    """``monotonic`` is seconds on a clock that is never put right."""

    def __init__(
        self, settings: HttpSettings, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._monotonic = monotonic
        self._addresses = PerSender(settings.address_per_s, settings.address_burst)
        self._guests = PerSender(settings.guests_per_s, settings.guests_burst)
        self._callers = PerSender(settings.caller_per_s, settings.caller_burst)
        self._quotes = TokenBucket(settings.quotes_per_s, max(1, round(5 * settings.quotes_per_s)))

    def take_address(self, address: str) -> None:
        """One request from there. Raises ``WebProblem``."""
        source = source_of(address)
        _refuse(self._addresses.take(source, self._monotonic()), "from your address")

    def take_caller(self, principal: Principal, address: str, trip_id: TripId | None) -> None:
        """One request of a rider, an operator, a shuttle, a program or a guest, after
        `take_address`. Raises ``WebProblem``.

        ``trip_id`` is the trip whose link the caller has shown. What is refused here is not counted
        there: who asks too much must not use up what neighbours share.
        """
        now, source = self._monotonic(), source_of(address)
        if principal.means is not Means.NONE:
            wait_s = self._callers.take(f"login {principal.id}", now)
        elif trip_id is not None:
            wait_s = self._callers.take(f"trip {trip_id}", now)
        else:
            wait_s = self._guests.take(source, now)
        if wait_s:
            self._addresses.give_back(source)
        _refuse(wait_s, "of yours")

    def take_quote(self) -> None:
        """One search. Raises ``WebProblem``."""
        _refuse(self._quotes.take(self._monotonic()), "for quotes")


def source_of(address: str) -> str:
    """What is counted as one: an IPv4 address, or the network of an IPv6 address."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Address(int(found) >> _OWN_NETWORK_BITS << _OWN_NETWORK_BITS))


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
