"""The judge of static solutions, with the arithmetic beside each verdict."""

import json
import random
from collections import Counter
from itertools import permutations
from pathlib import Path

import pytest
from shared_files import shared

from dispatcher.planning.static_checker import judge
from dispatcher.planning.static_checker.parse import parse
from dispatcher.planning.static_checker.rules import Rules, UnreadableInstanceError
from dispatcher.planning.static_checker.timing import timing_fault

# On a line: depot 0, pickup 1 at 10, drop-off 3 at 30; pickup 2 at 20, drop-off 4 at 40.
LINE = """\
{cars} 2 {route} {seats} {ride}
0 0 0 0 0 0 1000
1 10 0 {service} 1 {w1}
2 20 0 {service} 1 {w2}
3 30 0 {service} -1 {w3}
4 40 0 {service} -1 {w4}
"""
OPEN = "0 1000"


def line(tmp_path: Path, **kwargs: object) -> Path:
    values = {
        "cars": 1, "route": 1000, "seats": 2, "ride": 1000, "service": 0,
        "w1": OPEN, "w2": OPEN, "w3": OPEN, "w4": OPEN,
    } | kwargs  # fmt: skip
    path = tmp_path / "line.txt"
    path.write_text(LINE.format(**values))
    return path


def test_a_good_route_costs_its_way(tmp_path: Path) -> None:
    verdict = judge(line(tmp_path), [[1, 2, 3, 4]])
    # Out to 40 and back.
    assert (verdict.broken, verdict.cost, verdict.vehicles) == ((), 80, 1)
    assert judge(line(tmp_path), [[1, 2, 3, 4], []]).accepted


@pytest.mark.parametrize(
    ("routes", "says"),
    [
        ([[1, 3]], "node 2 is visited 0 times"),
        ([[1, 2, 3, 4, 4]], "node 4 is visited 2 times"),
        ([[1, 2, 3, 4, 9]], "node 9 is no place"),
        ([[3, 1, 2, 4]], "node 3 before its pickup 1"),
        ([[0, 1, 2, 3, 4]], "node 0 is no place"),
        ([[1, 3], [2, 4]], "2 routes for 1 vehicles"),
        ([[1, 2, 4], [3]], "only one of nodes 1 and 3"),
    ],
)
def test_who_is_served(tmp_path: Path, routes: list[list[int]], says: str) -> None:
    verdict = judge(line(tmp_path), routes)
    assert not verdict.accepted
    assert any(says in broken for broken in verdict.broken), verdict.broken
    assert verdict.cost == float("inf")


def test_seats(tmp_path: Path) -> None:
    verdict = judge(line(tmp_path, seats=1), [[1, 2, 3, 4]])
    assert "route 0: more riders than places after node 2" in verdict.broken
    assert judge(line(tmp_path, seats=1), [[1, 3, 2, 4]]).accepted


def test_windows_to_the_tolerance(tmp_path: Path) -> None:
    # 1 at 10, and with 5 of service 2 at 25.
    assert judge(line(tmp_path, service=5, w2="0 25"), [[1, 2, 3, 4]]).accepted
    assert judge(line(tmp_path, service=5, w2="0 24.9999995"), [[1, 2, 3, 4]]).accepted
    late = judge(line(tmp_path, service=5, w2="0 24.999"), [[1, 2, 3, 4]])
    assert any("after its window" in broken for broken in late.broken)


def test_the_depot_closes(tmp_path: Path) -> None:
    path = line(tmp_path, w4="961 1000")
    # From 40 it is 40 back: 1001 > 1000.
    assert not judge(path, [[1, 2, 3, 4]]).accepted
    assert judge(line(tmp_path, w4="960 1000"), [[1, 2, 3, 4]]).accepted


def test_a_pickup_is_delayed_for_the_ride(tmp_path: Path) -> None:
    # 3 opens at 100 and the ride may take 30: boarding at 10 would be too long, at 70 it is not.
    assert judge(line(tmp_path, w3="100 1000", ride=30), [[1, 2, 3, 4]]).accepted
    # But if 1 closes at 60, no delay helps.
    closed = line(tmp_path, w1="0 60", w3="100 1000", ride=30)
    assert not judge(closed, [[1, 2, 3, 4]]).accepted


def test_ride_time_starts_when_service_ends(tmp_path: Path) -> None:
    # 1 to 3 with a stop of 5 at 2 in between takes 10 + 5 + 10 = 25 from the end of service at 1.
    assert judge(line(tmp_path, service=5, ride=25), [[1, 2, 3, 4]]).accepted
    assert not judge(line(tmp_path, service=5, ride=24.9), [[1, 2, 3, 4]]).accepted


def test_rides_can_pull_at_each_other_in_a_cycle(tmp_path: Path) -> None:
    """1's drop-off waits for its window and 2's pickup may not wait so long."""
    # 3 opens at 200, so 2, before it, must be late enough for 4 (210) less 60: not before 150.
    # 2 closes at 160: fine. With 2 closing at 149 it is not.
    fine = line(tmp_path, w3="200 1000", w2="0 160", ride=60)
    assert judge(fine, [[1, 2, 3, 4]]).accepted
    wrong = line(tmp_path, w3="200 1000", w2="0 149", ride=60)
    assert not judge(wrong, [[1, 2, 3, 4]]).accepted


def test_a_late_departure_shortens_the_route(tmp_path: Path) -> None:
    # 4 opens at 500. Leaving at 0 the route takes 540; leaving at 460 it takes 80.
    assert judge(line(tmp_path, w4="500 1000", route=80), [[1, 2, 3, 4]]).accepted
    assert not judge(line(tmp_path, w4="500 1000", route=79), [[1, 2, 3, 4]]).accepted
    # If 1 must be served by 20, the vehicle leaves by 10 and is back at 540: 530 long.
    early = {"w1": "0 20", "w4": "500 1000"}
    assert judge(line(tmp_path, route=530, **early), [[1, 2, 3, 4]]).accepted
    assert not judge(line(tmp_path, route=529, **early), [[1, 2, 3, 4]]).accepted


def test_published_optima() -> None:
    for file in sorted(shared("benchmarks/darp/solutions").glob("*.json")):
        claim = json.loads(file.read_text())
        (path,) = shared("benchmarks/darp").glob(f"cordeau_*/{claim['instance']}.txt")
        verdict = judge(path, claim["routes"])
        assert verdict.broken == ()
        assert verdict.cost == pytest.approx(claim["cost"], abs=1e-6)


# Vehicles and length as in the set's table of records.
@pytest.mark.parametrize(
    ("name", "vehicles", "cost"),
    [("lc101", 10, 828.9369), ("lrc101", 14, 1708.8013), ("lr1_2_1", 20, 4819.1241)],
)
def test_published_records(name: str, vehicles: int, cost: float) -> None:
    (path,) = shared("benchmarks/pdptw").glob(f"lilim_*/{name}.txt")
    text = shared(f"benchmarks/pdptw/solutions/{name}.txt").read_text()
    routes = [
        [int(word) for word in line.split(":")[1].split()]
        for line in text.splitlines()
        if line.startswith("Route")
    ]
    verdict = judge(path, routes)
    assert verdict.broken == ()
    assert (verdict.vehicles, round(verdict.cost, 4)) == (vehicles, cost)


def test_mixed_fleets_are_assigned_by_their_places(tmp_path: Path) -> None:
    text = """\
2 2
100 0 0 0 1
100 0 1 0 0
0 0 0 0 0 0 0 0 0 0 480
1 3 4 0 30 0 1 0 0 0 1440
2 3 -4 0 30 0 0 0 1 0 1440
3 0 4 0 0 0 -1 0 0 0 1440
4 0 -4 0 0 0 0 0 -1 0 1440
"""
    path = tmp_path / "mixed.txt"
    path.write_text(text)
    # Each 5 + 3 + 4; only the first vehicle has the wheelchair place, whatever the order.
    assert judge(path, [[1, 3], [2, 4]]).cost == 24
    assert judge(path, [[2, 4], [1, 3]]).cost == 24
    assert not judge(path, [[1, 3, 2, 4]]).accepted
    # Two wheelchairs in two routes: one vehicle too few has the place.
    path.write_text(text.replace("30 0 1 0 0 0", "30 0 0 0 1 0").replace("-1 0 0 0", "0 0 -1 0"))
    assert judge(path, [[1, 3], [2, 4]]).broken == ("no vehicles for all of the routes at once",)


def test_a_file_that_is_no_instance(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("1 2 3 4\n5 6\n")
    with pytest.raises(UnreadableInstanceError):
        judge(path, [])


def test_timing_equals_a_search_over_whole_times(tmp_path: Path) -> None:
    """On a line with small whole numbers a schedule exists iff one in whole numbers does."""
    answers = Counter(answer for seed in range(60) for answer in _timing_answers(tmp_path, seed))
    # Both answers are tried often enough to mean something.
    assert min(answers[True], answers[False]) >= 30, answers


def _timing_answers(tmp_path: Path, seed: int) -> list[bool]:
    rng = random.Random(seed)
    answers = []
    windows = []
    for _ in range(4):
        first = rng.randrange(0, 8)
        windows.append(f"{first} {first + rng.randrange(2, 11)}")
    values = {
        "service": rng.randrange(2), "ride": rng.randrange(1, 8), "route": rng.randrange(8, 17),
        "w1": windows[0], "w2": windows[1], "w3": windows[2], "w4": windows[3],
    }  # fmt: skip
    path = line(tmp_path, **values)
    # Places 1, 2, 3, 4 instead of 10, 20, 30, 40; the depot is open until 16.
    path.write_text(path.read_text().replace("0 1000", "0 16"))
    text = path.read_text().splitlines()
    for i in range(1, 5):
        words = text[i + 1].split()
        text[i + 1] = " ".join([words[0], str(i), *words[2:]])
    path.write_text("\n".join(text))
    rules = parse(path)
    for route in permutations([1, 2, 3, 4]):
        if route.index(1) > route.index(3) or route.index(2) > route.index(4):
            continue
        fault = timing_fault(rules, rules.cars[0], list(route), 0)
        assert (fault is None) == _schedule_exists(rules, list(route)), (seed, route, fault)
        answers.append(fault is None)
    return answers


def _schedule_exists(rules: Rules, route: list[int]) -> bool:
    """Whether some whole departure and whole begins keep every rule, by trying all."""
    tasks, longest = rules.tasks, rules.cars[0].longest_route

    def on(i: int, ready: int, begins: dict[int, int], left: int) -> bool:
        if i == len(route):
            back = ready + int(rules.leg(route[-1], 0))
            return back <= tasks[0].latest and back - left <= longest
        node = route[i]
        came = ready + int(rules.leg(route[i - 1] if i else 0, node))
        for begin in range(max(came, int(tasks[node].earliest)), int(tasks[node].latest) + 1):
            pickup = next((p for p, d in rules.partner.items() if d == node), None)
            if pickup is not None:
                ride = begin - begins[pickup] - tasks[pickup].service
                if ride > rules.longest_ride[pickup]:
                    continue
            if on(i + 1, begin + int(tasks[node].service), {**begins, node: begin}, left):
                return True
        return False

    return any(on(0, left, {}, left) for left in range(17))
