"""``ringmaster solve`` as programs call it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dispatcher.cli import app
from dispatcher.planning import static_workers
from dispatcher.planning.static_solve import StaticSolution

# Out to (3, 4) and home by (3, 0): 5 + 4 + 3.
CORDEAU = """\
1 1 480 3 30
0 0 0 0 0 0 480
1 3 4 10 1 0 1440
2 3 0 10 -1 60 75
"""


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    path = tmp_path / "x1.txt"
    path.write_text(CORDEAU)
    return path


def solve(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["solve", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_an_instance_is_solved_and_written(instance: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    code, said, _ = solve(instance, "--time-limit", 0.5, "--seed", 3, "--out", out)
    assert code == 0
    assert "x1: cost 12.0000, 1 vehicles" in said
    answer = json.loads(out.read_text())
    assert (answer["routes"], answer["cost"]) == ([[1, 2]], 12.0)
    assert (answer["seed"], answer["workers"], answer["family"]) == (3, 1, "cordeau")


def test_no_solution_is_said(instance: Path, tmp_path: Path) -> None:
    # 4 from pickup to drop-off, but nobody may ride longer than 3.
    instance.write_text(CORDEAU.replace("1 1 480 3 30", "1 1 480 3 3"))
    code, _, error = solve(instance, "--time-limit", 0.2, "--out", tmp_path / "out.json")
    assert code == 1
    assert "no complete solution of x1 in 0.2 s" in error
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [("nonsense\n", "line 1: not a line of numbers"), ("1 2\n", "neither a Cordeau")],
)
def test_a_file_that_is_no_instance(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(text)
    code, _, error = solve(path, "--out", tmp_path / "out.json")
    assert code == 2
    assert says in error
    assert "Traceback" not in error


def test_an_output_that_cannot_be_written_is_said_before_the_search(instance: Path) -> None:
    code, _, error = solve(instance, "--out", "/no/such/folder/out.json")
    assert code == 2
    assert "/no/such/folder is no folder" in error


def test_a_wrong_answer_of_the_search_is_never_written(
    instance: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*_: object, **__: object) -> StaticSolution:
        return StaticSolution(((2, 1),), 1.0, 0.1)

    monkeypatch.setattr(static_workers, "solve_with_workers", wrong)
    result = CliRunner().invoke(app, ["solve", str(instance), "--out", str(tmp_path / "o.json")])
    assert isinstance(result.exception, AssertionError)
    assert not (tmp_path / "o.json").exists()
