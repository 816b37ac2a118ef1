"""Readers of static instances, on files small enough to see through."""

from math import inf, sqrt
from pathlib import Path

import pytest
from shared_files import shared

from dispatcher.planning.instances import InstanceError, read_instance
from dispatcher.planning.instances.instance import Battery, Family, Ride, Vehicle

CORDEAU = """\
2 1 480 3 30
0 0 0 0 0 0 480
1 3 4 10 1 0 1440
2 3 0 10 -1 60 75
"""

LI_LIM = """\
25 200 1
0 0 0 0 0 1236 0 0 0
1 3 4 10 912 967 90 0 2
2 0 4 -10 825 870 90 1 0
"""

MALHEIROS = """\
2 1
480 1 6 0 1
300 2 1 1 1
0 0 0 0 0 0 0 0 0 0 480
1 3 4 3 30 0 1 0 1 0 1440
2 0 4 3 0 0 -1 0 -1 60 75
3 0 0 0 0 0 0 0 0 0 480
"""

EADARP = """\
1 1 1 1 1 1 480
1 3 4 3 1 0 480
2 0 4 3 -1 60 75
3 0 0 0 0 0 480
4 0 0 0 0 0 480
5 0 0 0 0 0 480
6 6 8 0 0 0 480
7 0 0 0 0 0 480
8 4 4 0 0 0 480
3
4
5
6 7
8
30
3
14.85
15
0.055
0.05
237.38 237.38 240.66
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "x1.txt"
    path.write_text(text)
    return path


def test_cordeau(tmp_path: Path) -> None:
    instance = read_instance(written(tmp_path, CORDEAU))
    assert (instance.name, instance.family) == ("x1", Family.CORDEAU)
    assert instance.rides == (Ride(1, 2, 30),)
    assert instance.vehicles == (Vehicle(0, (0,), (3,), 480),) * 2
    # 3-4-5.
    assert instance.travel[0, 1] == 5.0
    assert [node.load for node in instance.nodes] == [(0,), (1,), (-1,)]


@pytest.mark.parametrize("header", ["2 2 480 3 30", "2 1 480 3 30"])
def test_cordeau_header_may_count_nodes_and_end_with_the_depot(tmp_path: Path, header: str) -> None:
    text = CORDEAU.replace("2 1 480 3 30", header) + "3 0 0 0 0 0 480\n"
    instance = read_instance(written(tmp_path, text))
    assert len(instance.rides) == 1
    assert len(instance.nodes) == 3


def test_li_lim(tmp_path: Path) -> None:
    instance = read_instance(written(tmp_path, LI_LIM))
    assert instance.family is Family.LI_LIM
    assert instance.rides == (Ride(1, 2, inf),)
    assert instance.nodes[1].service == 90
    assert (instance.nodes[2].earliest, instance.nodes[2].latest) == (825, 870)
    assert instance.fewest_vehicles


def test_malheiros(tmp_path: Path) -> None:
    instance = read_instance(written(tmp_path, MALHEIROS))
    assert instance.family is Family.MALHEIROS
    assert instance.vehicles == (
        Vehicle(0, (0,), (1, 6, 0, 1), 480),
        Vehicle(0, (0,), (2, 1, 1, 1), 300),
    )
    assert instance.rides == (Ride(1, 2, 30),)
    assert instance.nodes[1].load == (0, 1, 0, 1)


def test_eadarp(tmp_path: Path) -> None:
    instance = read_instance(written(tmp_path, EADARP))
    assert instance.family is Family.EADARP
    assert instance.rides == (Ride(0, 1, 30),)
    # Node 5 is the origin, 6 and 7 the destinations, 8 the station; places count from 0.
    assert instance.vehicles == (
        Vehicle(4, (5, 6), (3,), battery=Battery(start=14.85, capacity=15, drain=0.05)),
    )
    assert [(s.node, s.rate) for s in instance.stations] == [(7, 0.055)]
    assert (instance.travel_weight, instance.excess_weight) == (0.75, 0.25)
    assert instance.travel[5, 4] == 10


def test_eadarp_with_given_travel_times(tmp_path: Path) -> None:
    rows = "\n".join(" ".join(str(10 * a + b) for b in range(8)) for a in range(8))
    instance = read_instance(written(tmp_path, EADARP + rows + "\n"))
    # Given as 12 and 21; the published results take them twice.
    assert (instance.travel[1, 2], instance.travel[2, 1]) == (24, 42)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("hello\n", "line 1: not a line of numbers"),
        ("1 2 3 4 nan\n", "line 1: not finite"),
        ("1 2 3 4\n", "of no known format|neither"),
        (CORDEAU.replace("2 3 0 10 -1", "2 3 0 10 -2"), "node 1 is not the pickup of node 2"),
        (CORDEAU.replace("\n2 3", "\n3 3"), "not numbered"),
        (CORDEAU.replace("1440", "-1"), "node 1 has no window"),
        (CORDEAU.replace("2 1 480", "0 1 480"), "no vehicles"),
        (CORDEAU.replace("2 1 480 3", "2 1 480 3.5"), "whole number"),
        (LI_LIM.replace("90 0 2", "90 0 7"), "not the pickup of node 7"),
        (LI_LIM.replace("90 1 0", "90 0 0"), "not the pickup|neither"),
        (MALHEIROS.replace("300 2 1 1 1\n", ""), "not 2 vehicles"),
        (EADARP.replace("0.055\n0.05\n237.38 237.38 240.66\n", ""), "numbers are missing"),
        (EADARP + "1 2 3 4 5 6 7\n", "10 of 64 travel times"),
    ],
)
def test_what_is_no_instance_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InstanceError, match=says):
        read_instance(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InstanceError, match=r"none\.txt: No such file"):
        read_instance(tmp_path / "none.txt")


def test_every_shared_instance_is_read() -> None:
    """Counts as the folders' own notes state them."""
    sizes = {
        "darp/cordeau_ab/a2-16.txt": (16, 2),
        "darp/cordeau_laporte_pr/pr09.txt": (108, 8),
        "pdptw/lilim_100/lc105.txt": (53, 25),
        "darp/eadarp/Type-r/a8-80.txt": (80, 8),
        "darp/eadarp/Type-u/u2-20.txt": (20, 2),
        "darp/hetero_malheiros/a16-160hetIUY.txt": (160, 16),
    }
    for path, (rides, vehicles) in sizes.items():
        instance = read_instance(shared(f"benchmarks/{path}"))
        assert (len(instance.rides), len(instance.vehicles)) == (rides, vehicles), path


def test_given_travel_times_of_real_streets() -> None:
    instance = read_instance(shared("benchmarks/darp/eadarp/Type-u/u2-20.txt"))
    # The matrix's first and second lines start 0.0 1.8678 and 2.0755 0.0: one-way streets.
    assert (instance.travel[0, 1], instance.travel[1, 0]) == (2 * 1.8678, 2 * 2.0755)


def test_coordinates_otherwise() -> None:
    instance = read_instance(shared("benchmarks/darp/eadarp/Type-a/a2-16.txt"))
    # Node 40 lies at (-4, -4), the depots at (0, 0).
    assert instance.travel[39, 34] == pytest.approx(sqrt(32))
