"""How a command ends when it cannot do what it was asked."""

from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import typer

if TYPE_CHECKING:
    from dispatcher.config import Settings

EXIT_DIFFERENT: Final = 1
EXIT_SETTINGS: Final = 2
EXIT_REPLACED: Final = 3
EXIT_STORE: Final = 4


def fail(text: str, code: int) -> NoReturn:
    """Say why on standard error, and end with this code."""
    typer.echo(f"ringmaster: {text}", err=True)
    raise typer.Exit(code)


def settings_or_exit(path: Path | None) -> "Settings":
    """The settings, or an end with what is wrong with them."""
    from dispatcher.config import ConfigError, read_settings

    try:
        return read_settings(path)
    except ConfigError as error:
        fail(str(error), EXIT_SETTINGS)


def store_url_or_exit(url: str) -> None:
    """End with what is wrong with a store's address, if it cannot be one."""
    from dispatcher.config import check_store_url

    try:
        check_store_url(url)
    except ValueError as error:
        fail(f"the store's address {error}", EXIT_SETTINGS)
