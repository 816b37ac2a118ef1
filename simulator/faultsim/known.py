"""Violations that are understood and not yet repaired, by invariant.

A line here does not weaken an invariant: it is still checked, counted and listed; it only keeps
the command from failing over what is known already. Remove a line with its repair.
"""

from typing import Final

KNOWN: Final[dict[str, str]] = {
    "newest_plan_arrives": (
        "riders who left a broken shuttle on foot, told that another fetches them, stay aboard in "
        "its computer, which then refuses every plan that does not set them down: an operator has "
        "to look (seed 115)"
    ),
}
