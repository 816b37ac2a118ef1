"""From the file's units and numbers to the search's, and back."""

import numpy as np
import pytest
from shared_files import shared

from dispatcher.planning.instances import InstanceError, read_instance
from dispatcher.planning.instances.ticks import (
    distance_of,
    down,
    numbers_of,
    problem_of,
    up,
)
from dispatcher.planning.search.model import FOREVER, RouteOrder


def test_windows_round_inwards_and_what_is_whole_stays() -> None:
    assert (up(5.0), down(5.0)) == (5_000_000, 5_000_000)
    # The length of (0.06, 0.08) is 0.1, and a little more in doubles.
    assert up(float(np.hypot(0.06, 0.08))) == 100_000
    assert (up(0.0000015), down(0.0000015)) == (2, 1)
    assert down(float("inf")) == FOREVER


def test_a_dial_a_ride_problem() -> None:
    instance = read_instance(shared("benchmarks/darp/cordeau_ab/a2-16.txt"))
    problem = problem_of(instance)
    # Node 9's window is 276 to 291, its service 3; the header: 480 long, 3 seats, 30 aboard.
    ride = problem.rides[8]
    assert ride.pickup is not None
    assert (ride.pickup.earliest, ride.pickup.latest) == (276_000_000, 291_000_000)
    assert (ride.pickup.dwell, ride.max_ride, ride.load) == (3_000_000, 30_000_000, (1,))
    vehicle = problem.vehicles[0]
    assert (vehicle.capacity, vehicle.max_duration) == ((3,), 480_000_000)
    assert not problem.fewest_vehicles


@pytest.mark.parametrize("path", ["darp/cordeau_laporte_pr/pr09.txt", "pdptw/lilim_100/lr101.txt"])
def test_travel_is_rounded_up_and_keeps_the_triangle(path: str) -> None:
    instance = read_instance(shared(f"benchmarks/{path}"))
    travel = problem_of(instance).travel
    assert (travel >= instance.travel * 1e6 - 1e-3).all()
    assert (travel < instance.travel * 1e6 + 1).all()
    for via in range(len(travel)):
        assert (travel <= travel[:, via, None] + travel[None, via, :]).all()


def test_routes_are_told_by_the_files_numbers() -> None:
    instance = read_instance(shared("benchmarks/pdptw/lilim_100/lc101.txt"))
    first = instance.rides[0]
    told = [instance.nodes[first.pickup].number, instance.nodes[first.dropoff].number]
    # Ride 0 boards as 0 and alights as 0 + 53 rides.
    order = RouteOrder((0, 53), (False, False))
    assert numbers_of(instance, [order, RouteOrder()]) == [told, []]


def test_distance_counts_the_depot_but_not_empty_routes() -> None:
    instance = read_instance(shared("benchmarks/darp/cordeau_ab/a2-16.txt"))
    node = {n.number: (n.x, n.y) for n in instance.nodes}
    to_1 = float(np.hypot(*node[1]))
    to_17 = float(np.hypot(node[1][0] - node[17][0], node[1][1] - node[17][1]))
    back = float(np.hypot(*node[17]))
    assert distance_of(instance, [[], [1, 17]]) == pytest.approx(to_1 + to_17 + back)


def test_electric_fleets_need_another_search() -> None:
    instance = read_instance(shared("benchmarks/darp/eadarp/Type-a/a2-16.txt"))
    with pytest.raises(InstanceError, match="charging"):
        problem_of(instance)
