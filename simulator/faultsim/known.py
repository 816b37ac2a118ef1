"""Violations that are understood and not yet repaired, by invariant.

A line here does not weaken an invariant: it is still checked, counted and listed; it only keeps
the command from failing over what is known already. Remove a line with its repair.
"""

from typing import Final

KNOWN: Final[dict[str, str]] = {
    "newest_plan_arrives": (
        "riders who left a shuttle on foot, told that another fetches them, stay aboard in its "
        "computer, which then refuses every plan that does not set them down: an operator has to "
        "look; or a party boarded a shuttle that the books no longer count on (seeds 15, 32, 115)"
    ),
    "ended_aboard": "a shuttle's late word of a party that had changed to another ends its trip",
    "drop_off_in_plan": "follows: the plan for those aboard was made for the shuttle they left",
}
