"""Search of an electric instance until a deadline: annealed ruin and recreate, recombined.

The search anneals once, slowly. Routes of the plans that it accepts are pooled, and the best plan
that can be put together from the pool is taken over now and then: what one plan did well in one
route meets what another did well elsewhere.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dispatcher.planning.electric.problem import ElectricProblem
from dispatcher.planning.electric.recombine import RoutePool, recombine
from dispatcher.planning.electric.solution import ElectricSolution, told_routes
from dispatcher.planning.electric.workspace import (
    bench_for,
    empty_routes,
    start_hunt,
    task_of,
)
from dispatcher.planning.kernels.electric import (
    COST,
    LENGTH,
)
from dispatcher.planning.kernels.electric_routes import (
    Routes,
    build_route,
    copy_route,
    copy_shared,
)
from dispatcher.planning.kernels.electric_search import (
    LEFT_OUT,
    P_COST,
    P_DESTINATION,
    P_GROUP,
    P_LENGTH,
    P_USED,
    POOLED,
    ROUNDS,
    park,
    search,
    settle_all,
)

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Tuning:
    """How the search goes about it. Warmths are parts of the mean price of a direct ride."""

    warmest: float = 1.0
    coldest: float = 0.005
    anneals: int = 1
    removed: int = 10
    """Riders taken out at a time, on average."""
    blink: int = 650
    """Places overlooked, of 65,536."""
    exchanges: int = 1
    """Rounds of eight that exchange stretches of two routes."""
    recombinations: int = 12
    """How often, spread over the search."""
    recombining: float = 0.1
    """Most of the time left that one of them may take."""


def solve_electric(
    problem: ElectricProblem,
    *,
    time_limit_s: float,
    seed: int,
    clock: Clock,
    most_rounds: int | None = None,
    enough: float | None = None,
    tuning: Tuning | None = None,
    on_better: Callable[[ElectricSolution], None] = lambda _: None,
) -> ElectricSolution:
    """Search for the cheapest routes.

    Parameters
    ----------
    time_limit_s
        By ``clock``; the first call in a process may have to load the kernels before.
    most_rounds
        Stop after as many rounds; unless time runs out before, the same seed then gives the same
        routes.
    enough
        Stop at this cost or below.
    on_better
        Told of every better plan with all riders on as soon as it is found.

    Raises
    ------
    ValueError
        There are fewer destinations than shuttles.
    """
    return _Search(problem, seed, clock, tuning or Tuning(), on_better).run(
        clock() + time_limit_s, most_rounds, enough
    )


class _Search:
    """The state of one search."""

    def __init__(
        self,
        problem: ElectricProblem,
        seed: int,
        clock: Clock,
        tuning: Tuning,
        on_better: Callable[[ElectricSolution], None],
    ) -> None:
        self._problem = problem
        self._clock = clock
        self._tuning = tuning
        self._on_better = on_better
        self._began = clock()
        self._task = task_of(problem)
        self._bench = bench_for(problem)
        self._plan, self._trial, self._best, self._spare = (empty_routes(problem) for _ in range(4))
        self._hunt = start_hunt(problem, seed)
        self._unit = float(problem.direct.mean()) * problem.travel_price
        self._course: list[tuple[float, float]] = []
        for routes in (self._plan, self._trial, self._best):
            if not park(self._task, self._bench, routes):
                raise ValueError("fewer destinations than shuttles")

    def run(
        self, deadline: float, most_rounds: int | None, enough: float | None
    ) -> ElectricSolution:
        """Search until something says stop."""
        tuning, clock = self._tuning, self._clock
        start = clock()
        span = max(deadline - start, 1e-9)
        pace = 1e-3  # seconds a round
        recombined = 0
        anneal = 0
        pooled = 0
        while True:
            now = clock()
            done = (now - start) / span
            if most_rounds is not None:
                done = max(done, int(self._hunt.tally[ROUNDS]) / most_rounds)
            self._note(now)
            cheap = enough is not None and self._course and self._cost() <= enough
            if now >= deadline or done >= 1.0 or cheap:
                break
            if done * (tuning.recombinations + 1) >= recombined + 1:
                recombined += 1
                if self._hunt.tally[POOLED] != pooled:
                    pooled = int(self._hunt.tally[POOLED])
                    self._recombine(min(tuning.recombining * span, deadline - now - 0.2))
                    continue
            if int(done * tuning.anneals) > anneal:
                anneal = int(done * tuning.anneals)
                self._return_to_best()
            through = done * tuning.anneals - anneal
            warmth = tuning.warmest * (tuning.coldest / tuning.warmest) ** through
            # Short calls, so that the deadline is kept and the temperature falls evenly. With a
            # number of rounds given, their length must not depend on the clock.
            count = 20 if most_rounds is not None else max(1, int(0.01 / pace))
            count = max(1, min(count, 1000, int((deadline - now) / pace / 2) + 1))
            if most_rounds is not None:
                count = min(count, most_rounds - int(self._hunt.tally[ROUNDS]))
            search(
                self._task,
                self._bench,
                self._plan,
                self._trial,
                self._best,
                self._hunt,
                count,
                warmth * self._unit,
                min(tuning.removed, max(2, self._problem.riders // 2)),
                tuning.blink,
                tuning.exchanges,
                True,
            )
            pace = max(1e-6, 0.7 * pace + 0.3 * (clock() - now) / count)
        return self._solution()

    def _cost(self) -> float:
        """Of the best plan, without riders left out."""
        return int(self._best.info[:, COST].sum()) * self._problem.price_unit

    def _note(self, now: float) -> None:
        """Write down a better complete plan."""
        if (self._best.shuttle_of < 0).any():
            return
        if not self._course or self._cost() < self._course[-1][1]:
            if settle_all(self._task, self._bench, self._best, self._spare, self._hunt):
                _copy(self._best, self._spare)
                self._hunt.value[1] = self._best.info[:, COST].sum()
            self._course.append((now - self._began, self._cost()))
            self._on_better(self._solution())

    def _return_to_best(self) -> None:
        for routes in (self._plan, self._trial):
            _copy(routes, self._best)
        self._hunt.value[0] = self._hunt.value[1]
        self._hunt.tally[LEFT_OUT] = int((self._best.shuttle_of < 0).sum())

    def _recombine(self, time_limit_s: float) -> None:
        """Take over the best plan from the pool, if it is better than the best so far."""
        problem, hunt = self._problem, self._hunt
        rows = int(hunt.tally[POOLED])
        pool = hunt.pool[:rows]
        serves = np.zeros((rows, problem.riders), dtype=np.int64)
        for row in range(rows):
            visits = hunt.pool_visits[row, : pool[row, P_LENGTH]]
            serves[row, visits[visits < problem.riders]] = 1
        groups = sorted({shuttle.group for shuttle in problem.shuttles})
        ends = len(problem.destinations)
        idle = [(group, d) for group in groups for d in range(ends)]
        idle_cost = [
            problem.travel_price
            * int(problem.travel[problem.shuttles[group].origin, problem.destinations[d].node])
            for group, d in idle
        ]
        used = pool[:, P_USED][:, None] >> (4 * np.arange(len(problem.stations)))[None, :] & 15
        choice = recombine(
            problem,
            RoutePool(
                group=np.concatenate([pool[:, P_GROUP], [group for group, _ in idle]]),
                cost=np.concatenate([pool[:, P_COST], idle_cost]),
                destination=np.concatenate([pool[:, P_DESTINATION], [d for _, d in idle]]),
                used=np.concatenate([used, np.zeros((len(idle), used.shape[1]), np.int64)]),
                serves=np.concatenate([serves, np.zeros((len(idle), problem.riders), np.int64)]),
            ),
            int(hunt.value[1]),
            time_limit_s,
        )
        if choice.rows:
            self._take_over(choice.rows, idle, rows)
        if rows > len(hunt.pool) * 3 // 4 and len(choice.reduced):
            self._thin_out(choice.reduced[:rows])

    def _take_over(self, chosen: tuple[int, ...], idle: list[tuple[int, int]], rows: int) -> None:
        """Make the chosen routes the best plan, each with the stations it was pooled with."""
        problem, hunt, routes = self._problem, self._hunt, self._trial
        free = {
            group: [k for k, s in enumerate(problem.shuttles) if s.group == group]
            for group in {shuttle.group for shuttle in problem.shuttles}
        }
        limits = np.array([place.limit for place in problem.stations], dtype=np.int64)
        total = np.zeros_like(limits)
        routes.shuttle_of[:] = -1
        park(self._task, self._bench, routes)
        for row in chosen:
            if row >= rows:
                group, destination = idle[row - rows]
                shuttle = free[group].pop()
                used = np.zeros_like(limits)
                routes.info[shuttle, LENGTH] = 0
            else:
                group, destination = (
                    int(hunt.pool[row, P_GROUP]),
                    int(hunt.pool[row, P_DESTINATION]),
                )
                shuttle = free[group].pop()
                used = hunt.pool[row, P_USED] >> 4 * np.arange(len(limits)) & 15
                length = int(hunt.pool[row, P_LENGTH])
                visits = hunt.pool_visits[row, :length]
                routes.visits[shuttle, :length] = visits
                routes.info[shuttle, LENGTH] = length
                routes.shuttle_of[visits[visits < problem.riders]] = shuttle
            routes.station_used[:] = limits - used
            driveable = build_route(self._task, self._bench, routes, shuttle, destination)
            assert driveable, "a route from the pool has been driven before"
            total += routes.station_used - (limits - used)
        routes.station_used[:] = total
        hunt.value[1] = routes.info[:, COST].sum()
        _copy(self._best, routes)
        self._return_to_best()

    def _thin_out(self, reduced: np.ndarray) -> None:
        """Make room in the pool: keep the half that the relaxation liked best."""
        hunt = self._hunt
        kept = np.sort(np.argsort(reduced, kind="stable")[: len(reduced) // 2])
        for table in (hunt.pool, hunt.pool_visits, hunt.pool_mark):
            table[: len(kept)] = table[kept]
        hunt.tally[POOLED] = len(kept)
        hunt.pool_slot[:] = -1
        slots = len(hunt.pool_slot)
        for row in range(len(kept)):
            slot = int(hunt.pool_mark[row]) & (slots - 1)
            while hunt.pool_slot[slot] >= 0:
                slot = (slot + 1) & (slots - 1)
            hunt.pool_slot[slot] = row

    def _solution(self) -> ElectricSolution:
        return ElectricSolution(
            routes=told_routes(self._problem, self._best),
            unserved=tuple(int(r) for r in np.flatnonzero(self._best.shuttle_of < 0)),
            cost=self._cost(),
            rounds=int(self._hunt.tally[ROUNDS]),
            course=tuple(self._course),
        )


def _copy(target: Routes, source: Routes) -> None:
    for shuttle in range(len(source.info)):
        copy_route(target, source, shuttle)
    copy_shared(target, source)
