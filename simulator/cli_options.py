"""What the simulator's commands have in common."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from dispatcher.cli_exits import EXIT_SETTINGS, fail

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

# More than this is no service on one machine, and inf or NaN none at all.
MOST_RIDERS_PER_HOUR: Final = 100_000.0
_WIDTH_IN_FILES: Final = 160

ZoneOption = Annotated[str, typer.Option(help="A built-in zone, or a zone's directory.")]
SeedOption = Annotated[int, typer.Option(help="The same seed draws the same riders and shuttles.")]
JsonOption = Annotated[bool, typer.Option("--json", help="End with one JSON line of figures.")]


def seconds(text: str) -> float:
    """``90``, ``90s``, ``5m`` or ``1h`` in seconds."""
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1.0)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < float("inf"):
        fail(f"{text!r} is not a length of time; write 60s, 5m or 1h", EXIT_SETTINGS)
    return seconds


def file_to_write(path: Path | None) -> Path | None:
    """The path, if a file can be written there: better said now than after a day's work."""
    if path is not None:
        if path.is_dir():
            fail(f"{path} is a directory; name a file to write", EXIT_SETTINGS)
        if not os.access(path.parent, os.W_OK | os.X_OK):
            fail(f"{path} cannot be written; is its directory there?", EXIT_SETTINGS)
    return path


def table_console() -> "Console":
    """For tables of figures: a file has room for all of them, whatever the screen has."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _WIDTH_IN_FILES)


def progress_bar(console: "Console") -> "Progress":
    """A bar on a terminal; nothing elsewhere."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, disable=not sys.stderr.isatty())
