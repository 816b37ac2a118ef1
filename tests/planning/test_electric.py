"""The kernels of electric dial-a-ride against their definition, and the search against both."""

import random
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from shared_files import shared

from dispatcher.planning.electric.problem import (
    ElectricProblem,
    Place,
    Shuttle,
    UnsuitableInstanceError,
    electric_problem,
)
from dispatcher.planning.electric.recombine import RoutePool, recombine
from dispatcher.planning.electric.solution import ElectricSolution
from dispatcher.planning.electric.solve import Tuning, solve_electric
from dispatcher.planning.electric.workspace import bench_for, empty_routes, start_hunt, task_of
from dispatcher.planning.electric_twin import Driven, drive
from dispatcher.planning.instances import read_instance
from dispatcher.planning.kernels.electric import (
    COST,
    LENGTH,
    MOST_LABELS,
    NEVER,
    least_ride,
)
from dispatcher.planning.kernels.electric_routes import build_route, cheapest_place, insert
from dispatcher.planning.kernels.electric_search import park
from dispatcher.planning.static_checker import judge


def a_problem(
    spots: Sequence[tuple[int, int]],
    windows: Sequence[tuple[int, int]],
    *,
    riders: int,
    shuttles: int = 1,
    max_ride: int = 10_000,
    charge: int = 1_000_000,
    battery: int = 1_000_000,
    reserve: int = 0,
    rate: int = 1,
    drain: int = 1,
    service: int = 0,
    capacity: int = 3,
    station_limit: int = 1,
    stations: int = 0,
) -> ElectricProblem:
    """Spots in the plane, Manhattan travel: pickups, drop-offs, origins, one end, stations."""
    at = np.array(spots, dtype=np.int64)
    travel = np.abs(at[:, None, :] - at[None, :, :]).sum(axis=2)
    nodes = len(at)
    load = np.zeros(nodes, dtype=np.int64)
    load[:riders], load[riders : 2 * riders] = 1, -1
    services = np.zeros(nodes, dtype=np.int64)
    services[: 2 * riders] = service
    end = 2 * riders + shuttles
    return ElectricProblem(
        travel=travel,
        earliest=np.array([w[0] for w in windows], dtype=np.int64),
        latest=np.array([w[1] for w in windows], dtype=np.int64),
        service=services,
        load=load,
        direct=np.array([travel[r, r + riders] for r in range(riders)], dtype=np.int64),
        max_ride=np.full(riders, max_ride, dtype=np.int64),
        shuttles=tuple(
            Shuttle(2 * riders + k, capacity, charge, battery, reserve, 0) for k in range(shuttles)
        ),
        destinations=(Place(end, shuttles, tuple(range(shuttles))),),
        stations=tuple(Place(end + 1 + s, station_limit, (s,)) for s in range(stations)),
        rate=rate,
        drain=drain,
        travel_price=3,
        excess_price=1,
        price_unit=1.0,
        node_of=tuple(range(nodes)),
    )


def kernel_cost(problem: ElectricProblem, visits: Sequence[int], shuttle: int = 0) -> int | None:
    """What the kernel says the route costs."""
    task, bench, routes = task_of(problem), bench_for(problem), empty_routes(problem)
    assert park(task, bench, routes)
    routes.visits[shuttle, : len(visits)] = visits
    routes.info[shuttle, LENGTH] = len(visits)
    if not build_route(task, bench, routes, shuttle, -1):
        return None
    return int(routes.info[shuttle, COST])


def defined(problem: ElectricProblem, visits: Sequence[int]) -> Driven | None:
    """What the definition says of the route."""
    return drive(
        problem,
        0,
        visits,
        station_left=[s.limit for s in problem.stations],
        destination_left=[d.limit for d in problem.destinations],
    )


DAY = (0, 1000)


def test_a_rider_waits_outside_rather_than_aboard() -> None:
    # Origin and end at 0, pickup at 10, drop-off at 20, which opens at 100. The shuttle boards
    # at 90, not at 10: no excess. It drives 10 + 10 + 20 = 40, at 3 a tick.
    problem = a_problem([(10, 0), (20, 0), (0, 0), (0, 0)], [DAY, (100, 200), DAY, DAY], riders=1)
    assert kernel_cost(problem, [0, 1]) == 120


def test_a_pickup_that_closes_early_makes_a_rider_wait_aboard() -> None:
    # As above, but boarding is over at 50: from 60 until 100 the rider waits, 40 ticks at 1.
    problem = a_problem(
        [(10, 0), (20, 0), (0, 0), (0, 0)], [(0, 50), (100, 200), DAY, DAY], riders=1
    )
    assert kernel_cost(problem, [0, 1]) == 160
    # At most 49 ticks aboard are too few for the 50 from 50 to 100.
    tight = a_problem(
        [(10, 0), (20, 0), (0, 0), (0, 0)], [(0, 50), (100, 200), DAY, DAY], riders=1, max_ride=49
    )
    assert kernel_cost(tight, [0, 1]) is None


def test_a_shuttle_charges_where_it_is_empty_and_only_as_needed() -> None:
    # Riders 0 (10 -> 20) and 1 (30 -> 40) on a line, end at 0: 40 out, 40 back. The charge is for
    # 60 ticks; the only station, at (40, 5), costs 5 out and 5 back: 90 ticks driven, and 30 to
    # be charged at the station, on the way home.
    spots = [(10, 0), (30, 0), (20, 0), (40, 0), (0, 0), (0, 0), (40, 5)]
    problem = a_problem(spots, [DAY] * 7, riders=2, stations=1, charge=60, battery=60)
    assert kernel_cost(problem, [0, 2, 1, 3]) == 3 * 90
    # Home by 119: 90 driven and 30 charged are 120.
    windows = [DAY] * 5 + [(0, 119), DAY]
    late = a_problem(spots, windows, riders=2, stations=1, charge=60, battery=60)
    assert kernel_cost(late, [0, 2, 1, 3]) is None
    windows[5] = (0, 120)
    in_time = a_problem(spots, windows, riders=2, stations=1, charge=60, battery=60)
    assert kernel_cost(in_time, [0, 2, 1, 3]) == 270
    # With rider 0 aboard all along, there is no empty moment until 40; the charge of 44 does
    # not reach the station at 45.
    aboard = a_problem(spots, [DAY] * 7, riders=2, stations=1, charge=44, battery=60)
    assert kernel_cost(aboard, [0, 1, 2, 3]) is None


def test_least_ride_takes_what_cannot_be_kept_for_impossible() -> None:
    # Boards by 0, alights from 100 on, but may ride only 99.
    problem = a_problem(
        [(0, 0), (1, 0), (0, 0), (0, 0)], [(0, 0), (100, 200), DAY, DAY], riders=1, max_ride=99
    )
    task, bench = task_of(problem), bench_for(problem)
    bench.sequence[:2] = 0, 1
    bench.place[0] = 0
    assert least_ride(task, bench, 2) == -1


def random_problem(rng: random.Random, riders: int) -> ElectricProblem:
    """Small and tight, so that waiting aboard, ride limits and charging all come up."""
    spots = [(rng.randrange(30), rng.randrange(30)) for _ in range(2 * riders + 4)]
    windows = []
    for _ in range(2 * riders):
        opens = rng.randrange(150)
        windows.append((opens, opens + rng.choice([10, 100, 300])))
    windows += [DAY] * 4
    battery = rng.choice([60, 90, 150])
    return a_problem(
        spots,
        windows,
        riders=riders,
        max_ride=rng.choice([40, 70, 200]),
        battery=battery,
        charge=rng.randrange(battery // 2, battery + 1),
        reserve=rng.choice([0, battery // 4]),
        service=rng.choice([0, 2]),
        stations=2,
    )


def random_order(rng: random.Random, riders: int) -> list[int]:
    """Pickups and drop-offs in an order that now and then leaves the shuttle empty."""
    waiting, aboard, order = list(range(riders)), [], []
    rng.shuffle(waiting)
    while waiting or aboard:
        if waiting and (not aboard or rng.random() < 0.45):
            aboard.append(waiting.pop())
            order.append(aboard[-1])
        else:
            order.append(riders + aboard.pop(rng.randrange(len(aboard))))
    return order


@pytest.mark.parametrize("seed", range(3))
def test_routes_cost_what_the_definition_says(seed: int) -> None:
    rng = random.Random(seed)
    driveable = charged = 0
    for trial in range(60):
        riders = rng.choice([1, 2, 3, 3])
        problem, order = random_problem(rng, riders), random_order(rng, riders)
        told, meant = kernel_cost(problem, order), defined(problem, order)
        where = f"seed {seed}, trial {trial}, order {order}"
        assert (told is None) == (meant is None), where
        if told is not None and meant is not None:
            driveable += 1
            assert told == pytest.approx(meant.cost, abs=1e-3), where
            charged += any(station >= 0 for station in meant.via)
    assert driveable >= 5, f"seed {seed}: hardly any route can be driven"
    assert charged >= 2, f"seed {seed}: hardly any route charges"


def brute_place(
    problem: ElectricProblem, order: Sequence[int], rider: int
) -> tuple[int, list[int]] | None:
    """The cheapest route with the rider put in anywhere, by building them all."""
    best: tuple[int, list[int]] | None = None
    for i in range(len(order) + 1):
        for j in range(i, len(order) + 1):
            tried = [*order[:i], rider, *order[i:j], rider + problem.riders, *order[j:]]
            cost = kernel_cost(problem, tried)
            if cost is not None and (best is None or cost < best[0]):
                best = cost, tried
    return best


@pytest.mark.parametrize("seed", range(3))
def test_the_cheapest_place_is_the_cheapest_of_all(seed: int) -> None:
    rng = random.Random(100 + seed)
    placed = 0
    for trial in range(40):
        problem = random_problem(rng, 3)
        order = [n for n in random_order(rng, 3) if n % 3 != 2]  # without rider 2
        task, bench, routes = task_of(problem), bench_for(problem), empty_routes(problem)
        park(task, bench, routes)
        routes.visits[0, :4] = order
        routes.info[0, LENGTH] = 4
        if not build_route(task, bench, routes, 0, -1):
            continue
        dice, place = start_hunt(problem, 1).dice, np.zeros(2, dtype=np.int64)
        before = int(routes.info[0, COST])
        added = cheapest_place(task, bench, routes, 0, 2, NEVER, MOST_LABELS, 0, dice, place)
        best = brute_place(problem, order, 2)
        where = f"seed {seed}, trial {trial}, order {order}"
        assert (added == NEVER) == (best is None), where
        if best is not None:
            placed += 1
            assert before + added == best[0], where
            insert(routes, 0, 2, 5, place[0], place[1])
            assert build_route(task, bench, routes, 0, -1), where
            assert int(routes.info[0, COST]) == best[0], where
    assert placed >= 3, f"seed {seed}: hardly any rider finds a place"


def test_two_shuttles_do_not_share_the_last_visit_to_a_station() -> None:
    # Two riders 80 apart board between 100 and 120, so each needs a shuttle. Each ride is 100
    # ticks of driving, 2 more by way of the station at (0, 1), with a charge of 60: 42 must be
    # charged before, for which there is time. If only one may charge, one rider stays behind.
    spots = [(40, 0), (-40, 0), (50, 0), (-50, 0), (0, 0), (0, 0), (0, 0), (0, 1)]
    windows = [(100, 120), (100, 120), DAY, DAY, DAY, DAY, DAY, DAY]

    def served(visits: int) -> int:
        problem = a_problem(
            spots,
            windows,
            riders=2,
            shuttles=2,
            stations=1,
            charge=60,
            battery=200,
            station_limit=visits,
        )
        solution = solve_electric(
            problem, time_limit_s=60, seed=1, clock=lambda: 0.0, most_rounds=60
        )
        return 2 - len(solution.unserved)

    assert served(visits=1) == 1
    assert served(visits=2) == 2


def solved(name: str, end_charge: float, rounds: int, seed: int = 1) -> ElectricSolution:
    problem = electric_problem(read_instance(shared(name)), end_charge=end_charge)
    return solve_electric(
        problem, time_limit_s=60, seed=seed, clock=lambda: 0.0, most_rounds=rounds
    )


A2_16 = "benchmarks/darp/eadarp/Type-a/a2-16.txt"
U2_20 = "benchmarks/darp/eadarp/Type-u/u2-20.txt"


def node_numbers(name: str, solution: ElectricSolution) -> Iterator[list[int]]:
    nodes = read_instance(shared(name)).nodes
    for route in solution.routes:
        if route.visits:
            yield [nodes[at].number for at in route.visits]


@pytest.mark.parametrize(
    ("name", "end_charge", "known"),
    [(A2_16, 0.1, 237.38), (A2_16, 0.7, 240.66), (U2_20, 0.1, 55.59)],
)
def test_known_values_are_reached_and_the_judge_agrees(
    name: str, end_charge: float, known: float
) -> None:
    solution = solved(name, end_charge, 2000)
    assert solution.unserved == ()
    assert solution.cost == pytest.approx(known, abs=0.006)
    verdict = judge(shared(name), list(node_numbers(name, solution)), min_end_battery=end_charge)
    assert verdict.broken == ()
    assert verdict.cost == pytest.approx(solution.cost, abs=1e-3)


@pytest.mark.parametrize("name", [A2_16, "benchmarks/darp/eadarp/Type-u/u4-48.txt"])
def test_exchanged_routes_are_what_the_judge_says(name: str) -> None:
    """Once everybody rides, nothing but exchanges."""
    problem = electric_problem(read_instance(shared(name)), end_charge=0.7)
    only = solve_electric(
        problem,
        time_limit_s=60,
        seed=1,
        clock=lambda: 0.0,
        most_rounds=3000,
        tuning=Tuning(exchanges=8),
    )
    assert only.unserved == ()
    verdict = judge(shared(name), list(node_numbers(name, only)), min_end_battery=0.7)
    assert verdict.broken == ()
    assert verdict.cost <= only.cost + 1e-3
    assert only.cost < only.course[0][1]


def test_the_same_seed_gives_the_same_routes() -> None:
    first, again = solved(A2_16, 0.7, 300), solved(A2_16, 0.7, 300)
    assert (first.routes, first.cost) == (again.routes, again.cost)


def test_a_clock_that_is_over_stops_the_search_at_once() -> None:
    problem = electric_problem(read_instance(shared(A2_16)), end_charge=0.1)
    solution = solve_electric(problem, time_limit_s=0, seed=1, clock=lambda: 5.0)
    assert solution.rounds == 0
    assert len(solution.unserved) == 16


def test_recombining_keeps_stations_and_destinations_apart() -> None:
    # One rider each for two shuttles; the cheapest two routes both want the only visit.
    problem = a_problem(
        [(40, 0), (-40, 0), (50, 0), (-50, 0), (0, 0), (0, 0), (0, 0), (0, 1)],
        [DAY] * 8,
        riders=2,
        shuttles=2,
        stations=1,
    )
    zeros = np.zeros(5, dtype=np.int64)
    pool = RoutePool(
        group=zeros,
        cost=np.array([10, 10, 14, 15, 0], dtype=np.int64),
        destination=zeros,
        used=np.array([[1], [1], [0], [0], [0]], dtype=np.int64),
        serves=np.array([[1, 0], [0, 1], [1, 0], [0, 1], [0, 0]], dtype=np.int64),
    )
    choice = recombine(problem, pool, known_cost=10_000_000, time_limit_s=10)
    # 10 + 15 or 14 + 10; both with the visit would be 20.
    assert sorted(choice.rows) == [1, 2]
    assert choice.cost == 24
    assert recombine(problem, pool, known_cost=24, time_limit_s=10).rows == ()


def test_an_instance_without_batteries_is_told_apart() -> None:
    instance = read_instance(shared("benchmarks/darp/cordeau_ab/a2-16.txt"))
    with pytest.raises(UnsuitableInstanceError):
        electric_problem(instance, end_charge=0.1)


def test_no_route_keeps_a_station_it_does_not_need() -> None:
    solution = solved(A2_16, 0.1, 500)
    stations = {s.node for s in read_instance(shared(A2_16)).stations}
    # 237.38 is reached without charging.
    assert not stations & {at for route in solution.routes for at in route.visits}
