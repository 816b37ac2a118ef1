"""The choice of charging sessions by CP-SAT: worth most together, at plugs that exist.

Plugs are never overbooked. That enough of the fleet stays out is wanted, but keeping batteries up
comes first. One worker and a fixed amount of work: the same question has the same answer. It takes
up to a second or two and belongs outside the engine, which checks each session again.
"""

from ortools.sat.python import cp_model

from dispatcher.planning.charging import (
    ChargingProblem,
    ChosenCharge,
    charge_of,
    options_of,
    spare_shuttles,
    taken_plugs,
)

_MOST_WORK = 2.0  # CP-SAT's deterministic seconds
_SHORT = 100_000  # the price of a shuttle missing in a slot, more than one is worth at the peak


def choose_charges(problem: ChargingProblem) -> tuple[ChosenCharge, ...]:
    """The sessions that are worth most together, in order of their begin; none without plugs."""
    options = options_of(problem)
    if not options:
        return ()
    model = cp_model.CpModel()
    takes = [model.new_bool_var(f"o{n}") for n in range(len(options))]
    for i in range(len(problem.needs)):
        model.add_at_most_one(
            take for take, option in zip(takes, options, strict=True) if option.need == i
        )
    short = []
    for slot in range(len(problem.demand)):
        there = [
            (take, option)
            for take, option in zip(takes, options, strict=True)
            if option.slot <= slot < option.slot + option.slots
        ]
        for j, charger in enumerate(problem.chargers):
            at_charger = [take for take, option in there if option.charger == j]
            if at_charger:
                model.add(sum(at_charger) <= charger.plugs - taken_plugs(problem, charger, slot))
        missing = model.new_int_var(0, len(problem.needs), f"missing{slot}")
        model.add(sum(take for take, _ in there) - missing <= spare_shuttles(problem, slot))
        short.append(missing)
    model.maximize(
        sum(option.worth * take for take, option in zip(takes, options, strict=True))
        - _SHORT * sum(short)
    )
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = _MOST_WORK
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return ()
    chosen = [
        option for take, option in zip(takes, options, strict=True) if solver.boolean_value(take)
    ]
    return tuple(
        charge_of(problem, option)
        for option in sorted(chosen, key=lambda o: (o.slot, o.charger, o.need))
    )
