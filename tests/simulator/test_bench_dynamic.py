"""The benchmark's protocol on a network small enough to drive by hand."""

import random
from pathlib import Path

import pytest

from simulator.bench_dynamic import (
    LEVELS,
    BenchRequest,
    Level,
    read_fleet,
    read_requests,
    run_dynamic,
)
from simulator.road_net import BenchInputError, RoadNet, read_road_net

# A ring of one-way streets, 60 s and 500 m each: 0 -> 1 -> 2 -> 3 -> 0.
RING = "u,v,length_m,time_s\n0,1,500,60\n1,2,500,60\n2,3,500,60\n3,0,500,60\n"


@pytest.fixture
def ring(tmp_path: Path) -> RoadNet:
    (tmp_path / "edges.csv").write_text(RING)
    return read_road_net(tmp_path)


def test_times_go_with_the_one_way_streets(ring: RoadNet) -> None:
    assert ring.ticks_per_s == 1
    assert ring.travel.tolist() == [
        [0, 60, 120, 180],
        [180, 0, 60, 120],
        [120, 180, 0, 60],
        [60, 120, 180, 0],
    ]
    assert ring.next_node(1, 0) == (2, 60, 500.0)


def test_fractions_of_a_second_stay_exact(tmp_path: Path) -> None:
    (tmp_path / "edges.csv").write_text("u,v,length_m,time_s\n0,1,3,0.45\n1,0,3,0.32\n0,1,9,0.5\n")
    net = read_road_net(tmp_path)
    assert (net.ticks_per_s, net.travel.tolist()) == (100, [[0, 45], [32, 0]])


def test_a_node_without_a_way_back_is_refused(tmp_path: Path) -> None:
    (tmp_path / "edges.csv").write_text("u,v,length_m,time_s\n0,1,3,1\n")
    with pytest.raises(BenchInputError, match="cannot be reached"):
        read_road_net(tmp_path)


def test_one_vehicle_and_two_riders_by_hand(ring: RoadNet) -> None:
    requests = [
        BenchRequest("a", 10, 10, 1, 3, 1),
        # Asked while the vehicle drives to node 1, where it is at 70; shares its stop there.
        BenchRequest("b", 20, 20, 1, 2, 2),
    ]
    figures = run_dynamic(ring, requests, [0], LEVELS["SHUTTLE"])
    # Leaves 0 at 10, at node 1 begins 70 and leaves 100, at node 2 begins 160 and leaves 190, at
    # node 3 begins 250: waits 60 and 50; rides 90 over 60 and 180 over 120.
    assert (figures.served, figures.promises_broken) == (2, 0)
    assert figures.wait_mean_s == 55.0
    assert figures.ride_over_direct == 1.5
    assert figures.delay_mean_s == ((250 - 120 - 10) + (160 - 60 - 20)) / 2
    assert figures.km_per_served == 0.75  # three streets for two riders


def test_a_vehicle_is_turned_at_the_next_node_only(ring: RoadNet) -> None:
    requests = [
        BenchRequest("a", 0, 0, 2, 3, 1),
        # At 30 the vehicle is between 0 and 1 and cannot turn back to 0: round the ring it goes.
        BenchRequest("b", 30, 30, 0, 1, 1),
    ]
    figures = run_dynamic(ring, requests, [0], LEVELS["SHUTTLE"])
    # a: begins 120 at node 2, 210 at node 3. b: leaves 240, begins 300 at node 0, 390 at node 1.
    assert figures.wait_mean_s == (120 + 270) / 2
    assert figures.km_per_served == 2.5 / 2


def test_who_would_wait_too_long_is_refused(ring: RoadNet) -> None:
    # From node 0 the vehicle needs 180 s to node 3.
    requests = [BenchRequest("a", 0, 0, 3, 0, 1)]
    assert run_dynamic(ring, requests, [0], Level(180, 0)).served == 1
    assert run_dynamic(ring, requests, [0], Level(179, 0)).served == 0


@pytest.mark.parametrize("seed", range(6))
def test_no_promise_is_broken_on_random_days(ring: RoadNet, seed: int) -> None:
    rng = random.Random(seed)
    requests = []
    for number in range(60):
        origin, destination = rng.sample(range(4), 2)
        asked_s = 40 * number + rng.randrange(40)
        earliest_s = asked_s + rng.choice((0, 0, 300))
        riders = rng.randrange(1, 6)
        requests.append(BenchRequest(str(number), asked_s, earliest_s, origin, destination, riders))
    figures = run_dynamic(ring, requests, [0, 2], LEVELS["TIGHT"])
    assert 0 < figures.served <= 60, seed
    assert figures.promises_broken == 0, seed


def test_files_are_read_as_published(tmp_path: Path) -> None:
    day = tmp_path / "requests.csv"
    day.write_text(
        "id,t,o,d,pax,wheelchair,earliest,direct_s\n1,50,2,3,4,0,900,5\n0,0,1,2,1,0,0,9\n"
    )
    assert read_requests(day) == [
        BenchRequest("0", 0, 0, 1, 2, 1),
        BenchRequest("1", 50, 900, 2, 3, 4),
    ]
    fleet = tmp_path / "fleet.csv"
    fleet.write_text("veh,node\n0,7\n1,8\n2,9\n3,10\n")
    assert read_fleet(fleet, 2, 1) == [9, 10]
    with pytest.raises(BenchInputError, match="too few rows"):
        read_fleet(fleet, 3, 1)
    with pytest.raises(BenchInputError, match=r"absent\.csv"):
        read_requests(tmp_path / "absent.csv")
