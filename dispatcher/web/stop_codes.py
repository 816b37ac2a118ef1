"""A QR code for each stop: who scans it orders from there."""

from functools import lru_cache
from typing import Final

import segno

# A fifth of the code may be lost: signs get dirty.
_CORRECTION: Final = "q"


@lru_cache(maxsize=2_000)
def qr_svg(address: str) -> str:
    """The code as an SVG element, dark on light whatever the page's theme; it scales."""
    code = segno.make_qr(address, error=_CORRECTION)
    return str(code.svg_inline(dark="#000", light="#fff", border=4, omitsize=True))
