"""A QR code for each stop: who scans it orders from there.

A code takes milliseconds to make. So codes are made away from the loop, one at a time, and kept;
and whoever names address after address in the header Host does not have them made without end.
"""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import segno

from dispatcher.limits import TokenBucket
from dispatcher.riders.problems import ProblemCode
from dispatcher.web.problems import web_problem

# A fifth of the code may be lost: signs get dirty.
_CORRECTION: Final = "q"
# Addresses under which codes are kept; with all stops of a zone each is some 300 KB.
MOST_KEPT: Final = 4
NEW_EVERY_S: Final = 60.0  # on average, after the first few
# What a browser sends. Anything longer would make large codes, which take ten times as long.
_BASE: Final = re.compile(
    r"https?://([a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?", re.ASCII | re.IGNORECASE
)


class CodesUnder:
    """The codes that lead to one address of the dispatcher, made when they are asked for."""

    def __init__(self, base: str, one_at_a_time: asyncio.Lock) -> None:
        self._base = base
        self._one_at_a_time = one_at_a_time
        self._kept: dict[str, str] = {}

    def address(self, stop: str) -> str:
        """Where the code of this stop leads."""
        return f"{self._base}/ride/stop/{stop}"

    async def svg(self, stop: str) -> str:
        """The stop's code. The stop has to be one of the zone's: what is made is kept."""
        if stop not in self._kept:
            async with self._one_at_a_time:
                if stop not in self._kept:  # made while this waited
                    self._kept[stop] = await asyncio.to_thread(qr_svg, self.address(stop))
        return self._kept[stop]


class StopCodes:
    """``public_url`` is the address that riders know; where it is empty, each request's own is."""

    def __init__(self, public_url: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._public_url = public_url
        self._monotonic = monotonic
        self._one_at_a_time = asyncio.Lock()
        self._kept: OrderedDict[str, CodesUnder] = OrderedDict()
        self._new = TokenBucket(1 / NEW_EVERY_S, MOST_KEPT, monotonic())

    def under(self, asked: str) -> CodesUnder:
        """The codes for a request to the address ``asked``, without a slash at its end.

        Raises
        ------
        WebProblem
            That is no address, or codes for too many others have been asked for.
        """
        base = self._public_url or asked
        if base not in self._kept:
            if not self._public_url:
                self._check(base)
            self._kept[base] = CodesUnder(base, self._one_at_a_time)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(base)
        return self._kept[base]

    def _check(self, base: str) -> None:
        if not _BASE.fullmatch(base):
            raise web_problem(
                ProblemCode.INVALID,
                "The header Host is not a name or an address.",
                "Ask under the address that riders know.",
                field="Host",
            )
        wait_s = self._new.take(self._monotonic())
        if wait_s:
            raise web_problem(
                ProblemCode.TOO_MANY_REQUESTS,
                "Codes are asked for under too many addresses.",
                f"Send it again, unchanged, in {wait_s} s. With http.public_url set this ends.",
                retry_after_s=wait_s,
            )


def qr_svg(address: str) -> str:
    """The code as an SVG element, dark on light whatever the page's theme; it scales."""
    code = segno.make_qr(address, error=_CORRECTION)
    return str(code.svg_inline(dark="#000", light="#fff", border=4, omitsize=True))
