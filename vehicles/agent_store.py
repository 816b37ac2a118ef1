"""A shuttle's memory on a disk: after a power failure it is there, whole, or as it was before."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)


class MemoryFileError(Exception):
    """The memory is there but cannot be read; the text says what to do."""


@dataclass(frozen=True, slots=True)
class MemoryFile:
    """One shuttle's file. Only one process may use it at a time."""

    path: Path

    def load(self, model: type[M]) -> M | None:
        """What was kept last; None if nothing was.

        Raises
        ------
        MemoryFileError
            A shuttle that forgot its riders must not be let out by mistake.
        """
        try:
            body = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise MemoryFileError(f"{self.path} cannot be read: {error}") from error
        try:
            return model.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]["msg"]
            raise MemoryFileError(
                f"{self.path} is no shuttle's memory ({first}). Put a copy back, or remove the "
                "file once nobody sits in the shuttle."
            ) from error

    def keep(self, memory: BaseModel) -> None:
        """Returns when it is on the disk. Raises ``OSError``; the file then stays as it was."""
        new = self.path.with_name(f"{self.path.name}.new")
        with new.open("wb") as file:
            file.write(memory.model_dump_json().encode())
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)
        # The name is in the folder, and only there does the new content have it.
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
