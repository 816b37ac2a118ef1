"""``bench static``: traces, gaps and groups on made-up searches."""

import json
from pathlib import Path

import pytest

from dispatcher.planning.instances import InstanceError
from simulator.bench_static import (
    StaticCase,
    StaticRow,
    best_of,
    judged,
    list_cases,
    read_ortools,
    row_dict,
)
from simulator.best_known import BestKnown, BestKnownError, read_best_known
from simulator.static_figures import gap, group_figures
from simulator.static_watch import Found, SearchFailedError, found_of, watch

CORDEAU = """\
1 1 480 3 30
0 0 0 0 0 0 480
1 3 4 10 1 0 1440
2 3 0 10 -1 60 75
"""

BKS = """\
instance,best_known_cost,proven_optimal,source
x1,100.00,yes,somewhere
x2,200.0,no,somewhere
"""


def a_row(*found: Found, best: BestKnown, ortools: tuple[Found, ...] | None = None) -> StaticRow:
    return StaticRow(StaticCase(Path("x1.txt"), "set", None, best), found, ortools, ())


def found(cpu_s: float, cost: float, vehicles: int = 1) -> Found:
    return Found(cpu_s, cost, vehicles, ())


def test_a_table_of_best_known_values(tmp_path: Path) -> None:
    path = tmp_path / "bks.csv"
    path.write_text(BKS)
    table = read_best_known(path)
    best = table["x1", None]
    assert best.proven
    assert not table["x2", None].proven
    # Two digits were published: 100.004 may be equal, 100.006 is more, 99.994 is less.
    assert best.reached_by(100.004, 1)
    assert not best.reached_by(100.006, 1)
    assert best.beaten_by(99.994, 1)
    assert not best.beaten_by(99.996, 1)
    assert (best.gap_pct(100.004), best.gap_pct(102.0)) == (0.0, 2.0)
    path.write_text(BKS.replace("200.0", "many"))
    with pytest.raises(BestKnownError, match="line 3"):
        read_best_known(path)


def test_end_batteries_and_vehicles_in_tables(tmp_path: Path) -> None:
    path = tmp_path / "bks.csv"
    path.write_text("instance,gamma_min_end_battery,best_known_cost,proven_optimal\nu1,0.4,5.5,-\n")
    assert list(read_best_known(path)) == [("u1", 0.4)]
    path.write_text("instance,best_known_vehicles,best_known_cost,proven_optimal\nl1,10,5.5,-\n")
    best = read_best_known(path)["l1", None]
    # A vehicle less is better at any distance, a vehicle more is not.
    assert best.reached_by(99.0, 9)
    assert not best.reached_by(1.0, 11)


def test_marks_carry_forward_and_gaps_are_in_per_cent() -> None:
    best = BestKnown(100.0, True, 0.005)
    row = a_row(found(0.5, 110.0), found(12.0, 101.0), best=best)
    assert [row.at(mark) for mark in (0.1, 10, 30, 60)] == [
        None, row.found[0], row.found[1], row.found[1],
    ]  # fmt: skip
    assert gap(row, row.at(10)) == pytest.approx(10.0)
    assert gap(row, None) is None
    assert row.first_s == 0.5


def test_gaps_count_only_between_equal_vehicles() -> None:
    best = BestKnown(100.0, False, 0.005, vehicles=3)
    row = a_row(found(1.0, 90.0, vehicles=4), best=best)
    assert gap(row, row.at(60)) is None
    (figures,) = group_figures([row], (60.0,))
    assert (figures.vehicles_equal, figures.mean_gaps) == (0, (None,))
    (figures,) = group_figures([a_row(found(1.0, 102.0, vehicles=3), best=best)], (60.0,))
    assert (figures.vehicles_equal, figures.mean_gaps) == (1, (pytest.approx(2.0),))


def test_a_group_has_means_worst_and_what_ortools_did() -> None:
    best = BestKnown(100.0, False, 0.005)
    rows = [
        a_row(found(0.5, 101.0), best=best, ortools=(found(3.0, 104.0),)),
        a_row(found(0.7, 103.0), best=best, ortools=()),
        a_row(best=best),
    ]
    (figures,) = group_figures(rows, (10.0,))
    assert figures.instances == 3
    # Of 1 % and 3 %; the third has no solution, so nobody can say how late the last first was.
    assert figures.mean_gaps == (pytest.approx(2.0),)
    assert figures.worst_gaps == (pytest.approx(3.0),)
    assert figures.slowest_first_s is None
    assert figures.accepted == 2
    assert (figures.ortools_mean_gap, figures.ortools_unsolved) == (pytest.approx(4.0), 1)


def test_when_ortools_cost_was_reached() -> None:
    best = BestKnown(100.0, False, 0.005)
    theirs = (found(1.0, 120.0), found(50.0, 104.0))
    row = a_row(found(0.5, 110.0), found(2.0, 104.0), best=best, ortools=theirs)
    assert row.ortools_reached_s() == 2.0
    assert a_row(found(0.5, 110.0), best=best, ortools=theirs).ortools_reached_s() is None
    assert a_row(found(0.5, 110.0), best=best, ortools=()).ortools_reached_s() is None


def test_the_best_of_two_searches_at_any_time() -> None:
    one = (found(1.0, 120.0), found(5.0, 104.0))
    two = (found(2.0, 110.0), found(4.0, 106.0), found(6.0, 105.0))
    assert best_of([one, two]) == (one[0], two[0], two[1], one[1])
    assert best_of([one]) == one
    assert best_of([(), two]) == two


def test_a_row_is_written_and_ortools_read_again(tmp_path: Path) -> None:
    best = BestKnown(100.0, False, 0.005)
    theirs = (found(1.0, 120.0), Found(2.0, 110.0, 1, ((1, 2),)))
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"rows": [row_dict(a_row(best=best, ortools=theirs))]}))
    assert read_ortools(path) == {"x1": theirs}
    path.write_text("{}")
    with pytest.raises(ValueError, match="former run"):
        read_ortools(path)


def test_instances_are_found_in_folders_and_told_from_notes(tmp_path: Path) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    for name in ("a10-1", "a2-1"):
        (folder / f"{name}.txt").write_text(CORDEAU)
    (folder / "notes.txt").write_text("not an instance\n")
    cases = list_cases([tmp_path], {}, (0.1, 0.4))
    assert [(case.name, case.group) for case in cases] == [("a2-1", "few"), ("a10-1", "few")]
    with pytest.raises(InstanceError, match="not a line of numbers"):
        list_cases([folder / "notes.txt"], {}, ())
    (tmp_path / "none").mkdir()
    with pytest.raises(InstanceError, match="no instances"):
        list_cases([tmp_path / "none"], {}, ())


def test_a_wrong_cost_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "x1.txt"
    path.write_text(CORDEAU)
    case = StaticCase(path, "few", None, None)
    # 5 to the pickup, 4 to the drop-off, 3 home.
    assert judged(case, Found(0.1, 12.0, 1, ((1, 2),))) == ()
    assert judged(case, Found(0.1, 11.0, 1, ((1, 2),))) == ("costs 12.000000, not 11.000000",)
    assert judged(case, Found(0.1, 12.0, 1, ((2, 1),)))


def test_watching_a_search_ends_when_it_is_good_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = tmp_path / "a_search.py"
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    line = '{"cpu_s": %d, "cost": %d, "routes": [[1, 2]]}'
    search.write_text(f"for i in range(10**9): print('{line}' % (i, 100 - i), flush=True)\n")
    seen = watch("a_search", [], lambda f: f.cost <= 97)
    assert [(f.cpu_s, f.cost, f.vehicles) for f in seen] == [
        (0.0, 100.0, 1), (1.0, 99.0, 1), (2.0, 98.0, 1), (3.0, 97.0, 1),
    ]  # fmt: skip
    search.write_text("raise SystemExit('out of luck')\n")
    with pytest.raises(SearchFailedError, match="out of luck"):
        watch("a_search", [], lambda _: False)


def test_a_process_that_its_timer_ends_has_not_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = tmp_path / "a_timed_search.py"
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    search.write_text(
        "import os, signal\n"
        'print(\'{"cpu_s": 1, "cost": 5, "routes": []}\', flush=True)\n'
        "print('{\"cpu_s\": 2, \"co', end='', flush=True)\n"
        "os.kill(os.getpid(), signal.SIGPROF)\n"
    )
    assert [f.cost for f in watch("a_timed_search", [], lambda _: False)] == [5.0]
    search.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    with pytest.raises(SearchFailedError, match="a_timed_search ended with -11"):
        watch("a_timed_search", [], lambda _: False)


def test_found_keeps_vehicles_without_routes() -> None:
    assert found_of({"cpu_s": 1, "cost": 2, "vehicles": 3}) == Found(1.0, 2.0, 3, ())
