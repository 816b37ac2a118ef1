"""``ringmaster bench static``: what is printed, written and exited with, on made-up searches."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from simulator import bench_static
from simulator.bench_static import StaticCase, StaticRow, StaticSettings
from simulator.cli_bench import bench_app
from simulator.static_watch import Found

CORDEAU = """\
1 1 480 3 30
0 0 0 0 0 0 480
1 3 4 10 1 0 1440
2 3 0 10 -1 60 75
"""

Pretend = Callable[[tuple[Found, ...], tuple[str, ...]], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "few"
    folder.mkdir()
    (folder / "x1.txt").write_text(CORDEAU)
    # In the folder above the instances, where the published sets have it.
    (tmp_path / "bks.csv").write_text("instance,best_known_cost,proven_optimal\nx1,12.0000,no\n")
    return folder


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Pretend:
    """Makes every search find the same."""

    def found_is(found: tuple[Found, ...], broken: tuple[str, ...]) -> None:
        def measure(case: StaticCase, _: StaticSettings, *, with_ortools: bool) -> StaticRow:
            return StaticRow(
                case, found, (Found(9.0, 13.2, 1, ()),) if with_ortools else None, broken
            )

        monkeypatch.setattr(bench_static, "measure", measure)

    return found_is


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(bench_app, ["static", *map(str, arguments)])


def test_a_row_says_gaps_at_the_marks_and_what_ortools_did(
    folder: Path, tmp_path: Path, pretend: Pretend
) -> None:
    pretend((Found(0.5, 15.0, 1, ()), Found(20.0, 12.6, 1, ((1, 2),))), ())
    out = tmp_path / "run.json"
    result = bench("--data", folder, "--with-ortools", "--out", out)
    assert result.exit_code == 0, result.output
    # 15 and 12.6 are 25 % and 5 % above 12; OR-Tools' 13.2 is 10 % above and beaten after 20 s.
    for words in (
        "best known 12.00", "10 s: 15.00 +25.00 %", "30 s: 12.60 +5.00 %", "first 0.50 s",
        "accepted", "OR-Tools +10.00 %", "its cost after 20.00 s",
    ):  # fmt: skip
        assert words in result.stdout
    run = json.loads(out.read_text())
    assert run["rows"][0]["found"][-1]["routes"] == [[1, 2]]
    assert run["groups"][0]["mean_gaps"] == pytest.approx([25.0, 5.0, 5.0])
    # The same file answers for OR-Tools the next time.
    again = bench("--data", folder, "--ortools-from", out)
    assert "OR-Tools +10.00 %" in again.stdout


def test_a_rejected_solution_ends_with_1(folder: Path, pretend: Pretend) -> None:
    pretend((Found(0.5, 15.0, 1, ()),), ("node 2 is visited 0 times",))
    result = bench("--data", folder)
    assert result.exit_code == 1
    assert "REJECTED  node 2 is visited 0 times" in result.stdout


def test_a_new_best_is_named(folder: Path, pretend: Pretend) -> None:
    pretend((Found(0.5, 11.0, 1, ()),), ())
    assert "NEW BEST KNOWN" in bench("--data", folder).stdout


def test_no_solution_is_no_gap(folder: Path, pretend: Pretend) -> None:
    pretend((), ())
    result = bench("--data", folder)
    assert result.exit_code == 0
    assert "60 s: none -" in result.stdout
    assert "no solution" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--marks", "ten"], "--marks: numbers"),
        (["--marks", "nan"], "--marks: numbers"),
        (["--end-battery", "1.5"], "--end-battery: numbers from 0 to 1"),
        (["--bks", "no.csv"], "no.csv"),
        (["--ortools-from", "no.json"], "not the file of a former run"),
        (["--data", "no.txt"], "no.txt: No such file"),
    ],
)
def test_wrong_arguments_are_named(folder: Path, arguments: list[str], says: str) -> None:
    result = bench("--data", folder, *arguments)
    assert result.exit_code == 2
    assert says in result.stderr
