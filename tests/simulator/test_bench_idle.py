"""Idle vehicles of the benchmark drive where requests came before, and no sooner than they know."""

from pathlib import Path

import pytest

from dispatcher.domain.policy import Objective
from dispatcher.planning.rows import RowPlan
from simulator.bench_dynamic import LEVELS, BenchRequest, run_dynamic
from simulator.bench_idle import Repositioning, RepositioningRule, areas
from simulator.road_net import RoadNet, read_road_net

# Both ways along one street: nodes 0 to 4, 100 s and 1 km apart.
STREET = "u,v,length_m,time_s\n" + "".join(
    f"{a},{b},1000,100\n" for u in range(4) for a, b in ((u, u + 1), (u + 1, u))
)
RULE = RepositioningRule(area_s=50)  # each node is an area of its own


class Idle:
    """A vehicle with nothing to do."""

    def __init__(self, node: int) -> None:
        self.row = RowPlan(node, 0, (0, 0), (10, 0), True, (), ())
        self.begin: tuple[int, ...] = ()


@pytest.fixture
def street(tmp_path: Path) -> RoadNet:
    (tmp_path / "edges.csv").write_text(STREET)
    return read_road_net(tmp_path)


def test_areas_reach_every_node(street: RoadNet) -> None:
    middles, area_of = areas(street.travel, 100)
    # 0, then the farthest, 4, then 2, which is 200 s from both; 1 is as near to 0 as to 2.
    assert middles.tolist() == [0, 4, 2]
    assert area_of.tolist() == [0, 0, 2, 1, 1]


def test_a_vehicle_is_sent_where_requests_came(street: RoadNet) -> None:
    idle = Repositioning(street, Objective(driving=10, waiting=6, riding=6), RULE)
    for n in range(20):
        idle.note(4, 0, 10 * n)
    vehicle = Idle(0)
    idle.decide([vehicle], 30)
    assert idle.goals == {}, "it is not yet time to think again"
    idle.decide([vehicle], 310)  # the first five minutes are over
    assert idle.goals == {0: 4}
    assert vehicle.row.start_s == 310, "it does not set out before it was sent"
    vehicle.row = RowPlan(4, 710, (0, 0), (10, 0), True, (), ())
    idle.decide([vehicle], 720)
    assert idle.goals == {}


def test_the_next_rider_waits_less_and_nothing_is_known_beforehand(street: RoadNet) -> None:
    # Five riders from 4 to 0 every 1,000 s; a vehicle that goes back in between is there at once.
    crowds = [
        BenchRequest(f"a{n}.{k}", 1000 * n, 1000 * n, 4, 0, 1) for n in range(6) for k in range(5)
    ]
    # Decisions are taken when somebody asks: one rider each time who does not need both vehicles.
    ticks = [BenchRequest(f"t{n}", 1000 * n + 550, 1000 * n + 550, 0, 1, 1) for n in range(6)]
    requests = sorted([*crowds, *ticks], key=lambda request: request.asked_s)
    still = run_dynamic(street, requests, [0, 0], LEVELS["SHUTTLE"])
    moved = run_dynamic(street, requests, [0, 0], LEVELS["SHUTTLE"], repositioning=RULE)
    assert moved.promises_broken == still.promises_broken == 0
    assert moved.wait_mean_s < still.wait_mean_s
    assert moved.served == still.served == 36
    # With one request there is nothing to learn from: the same is driven.
    late = [BenchRequest("b", 2400, 2400, 4, 3, 1)]
    alone = run_dynamic(street, late, [3, 0], LEVELS["SHUTTLE"], repositioning=RULE)
    assert alone.km_per_served == run_dynamic(street, late, [3, 0], LEVELS["SHUTTLE"]).km_per_served
