"""Violations that are understood and not yet repaired, by seed and invariant.

A line here does not weaken an invariant: it is still checked, counted and listed, and any other
seed that shows it fails; it only keeps the command from failing over what is known already.
Remove a line with its repair.
"""

from typing import Final

KNOWN: Final[dict[tuple[int, str], str]] = {}
