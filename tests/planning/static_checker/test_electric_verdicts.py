"""Electric fleets before the judge: battery, charging and the riders' excess time, by hand."""

from pathlib import Path

import pytest

from dispatcher.planning.static_checker import judge

# On a line: origin and destination at 0, pickup 1 at 10, drop-off 2 at 30, station 7 at 20.
# A unit of travel drains 1, a unit of time charges 2; the battery holds 100 and starts at 50.
ONE = """\
1 1 1 1 1 1 1000
1 10 0 {service} 1 {w1}
2 30 0 0 -1 {w2}
3 0 0 0 0 0 1000
4 0 0 0 0 0 1000
5 0 0 0 0 0 1000
6 0 0 0 0 {end}
7 20 0 0 0 0 1000
3
4
5
6
7
{ride}
3
{charge}
100
2
1
"""


def one(tmp_path: Path, **kwargs: object) -> Path:
    values: dict[str, object] = {
        "service": 0, "w1": "0 1000", "w2": "0 1000", "end": "0 1000", "ride": 1000, "charge": 50,
    }  # fmt: skip
    path = tmp_path / "one.txt"
    path.write_text(ONE.format(**(values | kwargs)))
    return path


def test_price_of_travel_alone(tmp_path: Path) -> None:
    # 60 of travel at 0.75; nobody is detained. 60 of 70 is used.
    verdict = judge(one(tmp_path, charge=70), [[1, 2]], min_end_battery=0.1)
    assert (verdict.broken, verdict.cost) == ((), pytest.approx(45))


def test_the_battery_must_last(tmp_path: Path) -> None:
    # 60 of travel from a charge of 50.
    assert not judge(one(tmp_path), [[1, 2]], min_end_battery=0.0).accepted
    assert judge(one(tmp_path, charge=60), [[1, 2]], min_end_battery=0.0).accepted
    assert not judge(one(tmp_path, charge=60), [[1, 2]], min_end_battery=0.1).accepted


def test_charging_on_the_way_back_costs_time_only(tmp_path: Path) -> None:
    verdict = judge(one(tmp_path), [[1, 2, 7]], min_end_battery=0.1)
    assert (verdict.broken, verdict.cost) == ((), pytest.approx(45))
    # 20 more are needed: at 2 a unit that is 10 longer, so home at 70 and not before.
    assert judge(one(tmp_path, end="0 70"), [[1, 2, 7]], min_end_battery=0.1).accepted
    assert not judge(one(tmp_path, end="0 69"), [[1, 2, 7]], min_end_battery=0.1).accepted


def test_nothing_is_charged_beyond_full(tmp_path: Path) -> None:
    # Full at the station leaves 100 - 20 = 80 at the end.
    assert judge(one(tmp_path), [[1, 2, 7]], min_end_battery=0.8).accepted
    assert not judge(one(tmp_path), [[1, 2, 7]], min_end_battery=0.81).accepted


def test_the_station_must_be_reached(tmp_path: Path) -> None:
    # 10 + 20 + 10 to the station.
    assert judge(one(tmp_path, charge=40), [[1, 2, 7]], min_end_battery=0.1).accepted
    assert not judge(one(tmp_path, charge=39), [[1, 2, 7]], min_end_battery=0.1).accepted


def test_nobody_is_aboard_while_charging(tmp_path: Path) -> None:
    verdict = judge(one(tmp_path), [[1, 7, 2]], min_end_battery=0.1)
    assert "route 0: charges at 7 with riders aboard" in verdict.broken


def test_a_station_has_so_many_visits(tmp_path: Path) -> None:
    verdict = judge(one(tmp_path), [[7, 1, 2, 7]], min_end_battery=0.1)
    assert verdict.broken == ("station 7 is visited 2 times",)


def test_excess_is_what_cannot_be_waited_off(tmp_path: Path) -> None:
    # 1 closes at 50 and 2 opens at 100. Boarding at 50 with service 5, away at 55: 45 aboard,
    # 20 of it the direct way. The price: 0.75 x 60 + 0.25 x 25.
    path = one(tmp_path, charge=100, service=5, w1="0 50", w2="100 1000")
    assert judge(path, [[1, 2]]).cost == pytest.approx(45 + 6.25)
    # Without the close, boarding later leaves no excess.
    path = one(tmp_path, charge=100, service=5, w2="100 1000")
    assert judge(path, [[1, 2]]).cost == pytest.approx(45)
    # 44 aboard is not enough.
    path = one(tmp_path, charge=100, service=5, ride=44, w1="0 50", w2="100 1000")
    assert not judge(path, [[1, 2]]).accepted


# Two vehicles from 0 and from 100; one destination at 0 and one at 100; riders 1 to 3 at
# 10 to 20 and 2 to 4 at 90 to 80.
TWO = """\
2 2 1 1 1 1 1000
1 10 0 0 1 0 1000
2 90 0 0 1 0 1000
3 20 0 0 -1 0 1000
4 80 0 0 -1 0 1000
5 0 0 0 0 0 1000
6 0 0 0 0 0 1000
7 0 0 0 0 0 1000
8 100 0 0 0 0 1000
9 0 0 0 0 0 1000
10 100 0 0 0 0 1000
11 50 0 0 0 0 1000
5
6
7 8
9 10
11
1000 1000
3 3
500 500
500 500
1
1
"""


def test_vehicles_and_destinations_are_chosen_once_each_and_at_least_cost(tmp_path: Path) -> None:
    path = tmp_path / "two.txt"
    path.write_text(TWO)
    # Each out and back on its own side: 40 + 40, at 0.75.
    assert judge(path, [[1, 3], [2, 4]]).cost == pytest.approx(60)
    assert judge(path, [[2, 4], [1, 3]]).cost == pytest.approx(60)
    # One alone does both, from 0 over 90 and 80 to 0 again, and the other stays at 100.
    assert judge(path, [[1, 3, 2, 4]]).cost == pytest.approx(0.75 * 180)
    # Both destinations at 0: one vehicle comes home the long way, 20 + 80.
    path.write_text(TWO.replace("10 100 0 0 0 0 1000", "10 0 0 0 0 0 1000"))
    assert judge(path, [[1, 3], [2, 4]]).cost == pytest.approx(0.75 * (40 + 20 + 80))
    # If one alone does both, the one from 100 should: 90 + 10 + 70 + 10 + 80. From 0 it would be
    # 180, but the other one would still have to drive home, another 100.
    assert judge(path, [[1, 3, 2, 4]]).cost == pytest.approx(0.75 * 260)


def test_given_travel_times_count_instead_of_coordinates(tmp_path: Path) -> None:
    rows = [[0 if a == b else 7 if (a, b) == (0, 1) else 3 for b in range(7)] for a in range(7)]
    path = one(tmp_path)
    path.write_text(path.read_text() + "\n".join(" ".join(map(str, row)) for row in rows) + "\n")
    # 3 to the pickup, 7 from node 1 to node 2, 3 home; the published results take them twice.
    assert judge(path, [[1, 2]]).cost == pytest.approx(0.75 * 26)
