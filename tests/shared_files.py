"""Finds the folder of shared inputs (benchmarks, map extracts, schemas) beside the repository."""

import os
from pathlib import Path

import pytest

_SHARED = Path(__file__).parents[1] / "../shared"


def shared(path: str) -> Path:
    """The shared file or folder ``path``; the test is skipped without it, but fails in CI."""
    found = (_SHARED / path).resolve()
    if not found.exists():
        reason = f"shared/{path} is not beside the repository"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found
