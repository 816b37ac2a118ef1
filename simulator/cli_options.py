"""What the simulator's commands have in common."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from dispatcher.cli_exits import EXIT_SETTINGS, fail

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

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
