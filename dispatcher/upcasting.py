"""Older journal payloads, made into what this version reads.

Each payload names its format (``v``; none: the first). A change that the reader's defaults
cannot make good, such as a field renamed, raises ``FORMAT`` and gets its step in ``UPCASTS``;
steps are never changed afterwards, for there are journals that need them. Snapshots have no
such steps: a state that does not load is decided again from the journal.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

FORMAT: Final = 2

Fields = dict[str, Any]
Upcast = Callable[[Fields], Fields]


def _numbered(fields: Fields) -> Fields:
    """1 -> 2: formats have numbers; records of the zone and of a clean stop may come."""
    return fields


UPCASTS: Final[Mapping[int, Upcast]] = {1: _numbered}
"""From each format to the next one."""


class UnknownFormatError(ValueError):
    """Written by a newer version than this one."""


def upcast(
    fields: Fields, *, upcasts: Mapping[int, Upcast] = UPCASTS, newest: int = FORMAT
) -> Fields:
    """The fields of a payload in the newest format, without its number.

    Raises
    ------
    UnknownFormatError
        Its format is newer than ``newest``, or is none.
    """
    written = fields.pop("v", 1)
    if type(written) is not int or not 1 <= written <= newest:
        raise UnknownFormatError(
            f"format {written!r} of a journal entry is not known here, only 1 to {newest}; "
            "written by a newer version?"
        )
    for number in range(written, newest):
        fields = upcasts[number](fields)
    return fields
