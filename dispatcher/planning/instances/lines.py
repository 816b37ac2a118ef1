"""Lines of numbers: what every instance file is made of."""

from pathlib import Path
from typing import TypeAlias

import numpy as np

from dispatcher.planning.instances.instance import Floats, InstanceError

Line: TypeAlias = tuple[float, ...]

_MOST_BYTES = 64 * 1024 * 1024


def read_lines(path: Path) -> list[Line]:
    """The file's lines that hold anything, as numbers.

    Raises
    ------
    InstanceError
        Unreadable, empty, or something in it is not a finite number.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InstanceError(f"{path}: larger than {_MOST_BYTES} bytes")
        text = path.read_text("ascii")
    except OSError as error:
        raise InstanceError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InstanceError(f"{path}: not a text of numbers") from error
    lines = [
        _numbers(path, row, line) for row, line in enumerate(text.splitlines(), 1) if line.strip()
    ]
    if not lines:
        raise InstanceError(f"{path}: empty")
    return lines


def _numbers(path: Path, row: int, line: str) -> Line:
    try:
        numbers = tuple(float(word) for word in line.split())
    except ValueError as error:
        raise InstanceError(f"{path}, line {row}: not a line of numbers: {line[:40]!r}") from error
    if not all(np.isfinite(numbers)):
        raise InstanceError(f"{path}, line {row}: not finite: {line[:40]!r}")
    return numbers


def whole(number: float) -> int:
    """The number as an integer.

    Raises
    ------
    InstanceError
        It is none.
    """
    if number != int(number):
        raise InstanceError(f"{number} where a whole number was expected")
    return int(number)


def euclidean(points: list[tuple[float, float]]) -> Floats:
    """float64[points, points]: straight-line distances, unrounded."""
    xy = np.array(points, dtype=np.float64)
    return np.hypot(xy[:, None, 0] - xy[None, :, 0], xy[:, None, 1] - xy[None, :, 1])
