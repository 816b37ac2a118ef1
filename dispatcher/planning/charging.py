"""Who charges when and where in the next hours: in troughs, at plugs that exist, in time.

Each shuttle may have one session: a charger, a first slot and a number of slots. A session is
worth what it adds to a low battery, and costs the demand that the shuttle misses meanwhile.
`charging_solver` chooses among them.
"""

from dataclasses import dataclass

from dispatcher.planning.occupancy import PlugUse, most_at_once

_FAR_S = 3600  # no charger is gone to that is further away
_DETOUR_WORTH = 20  # of a second's drive
_MISSED = 25_000  # the price of a shuttle charging for a slot when as much as usual is asked for


@dataclass(frozen=True, slots=True)
class ChargerSite:
    """Plugs at one stop; ``taken`` is what nothing can be changed about."""

    stop: int
    plugs: int
    power_w: int
    taken: tuple[PlugUse, ...] = ()


@dataclass(frozen=True, slots=True)
class ChargeNeed:
    """One shuttle that may charge. Levels in watt-seconds."""

    key: str
    level_ws: int
    drain_w: int  # expected in service
    free_s: int  # not before
    drive_s: tuple[int, ...]  # to each charger from where it will be


@dataclass(frozen=True, slots=True)
class ChargingProblem:
    """``demand`` is what is expected in each slot, in any unit; ``out`` are shuttles in all."""

    now_s: int
    slot_s: int
    demand: tuple[int, ...]
    chargers: tuple[ChargerSite, ...]
    needs: tuple[ChargeNeed, ...]
    out: int
    keep_pct: int  # of the fleet at the highest demand
    full_ws: int
    target_ws: int
    low_ws: int  # no battery should get there
    slack_s: int = 0  # a charge may begin so late; it ends that much before its last slot does
    shortest_slots: int = 2
    longest_slots: int = 6


@dataclass(frozen=True, slots=True)
class ChosenCharge:
    """A session: ``stop`` is the charger's, ``to_ws`` the level it should reach."""

    key: str
    stop: int
    begin_s: int
    until_s: int
    to_ws: int


@dataclass(frozen=True, slots=True)
class ChargeOption:
    """One session that a shuttle could have, by the places of both in the problem."""

    need: int
    charger: int
    slot: int
    slots: int
    to_ws: int
    worth: int


def options_of(problem: ChargingProblem) -> list[ChargeOption]:
    """Every session that is worth something, in a fixed order."""
    return [
        option
        for need in range(len(problem.needs))
        for charger in range(len(problem.chargers))
        for option in _options(problem, need, charger)
    ]


def charge_of(problem: ChargingProblem, option: ChargeOption) -> ChosenCharge:
    """The session that an option stands for."""
    return ChosenCharge(
        problem.needs[option.need].key,
        problem.chargers[option.charger].stop,
        problem.now_s + option.slot * problem.slot_s,
        problem.now_s + (option.slot + option.slots) * problem.slot_s - problem.slack_s,
        option.to_ws,
    )


def _options(problem: ChargingProblem, need_index: int, charger_index: int) -> list[ChargeOption]:
    need, charger = problem.needs[need_index], problem.chargers[charger_index]
    drive_s = need.drive_s[charger_index]
    if drive_s > _FAR_S:
        return []
    soonest_s = max(problem.now_s, need.free_s) + drive_s
    found = []
    for slot in range(len(problem.demand)):
        begin_s = problem.now_s + slot * problem.slot_s
        if begin_s < soonest_s:
            continue
        level = max(0, need.level_ws - need.drain_w * (begin_s - problem.now_s))
        for slots in range(problem.shortest_slots, problem.longest_slots + 1):
            if slot + slots > len(problem.demand):
                break
            for_s = slots * problem.slot_s - problem.slack_s
            to_ws = min(problem.target_ws, level + for_s * charger.power_w)
            worth = _worth(problem, need, (slot, slots, to_ws)) - _DETOUR_WORTH * drive_s
            if worth > 0:
                found.append(ChargeOption(need_index, charger_index, slot, slots, to_ws, worth))
            if to_ws == problem.target_ws:
                break
    return found


def _worth(problem: ChargingProblem, need: ChargeNeed, option: tuple[int, int, int]) -> int:
    """What a charge is worth over all slots, less what the shuttle is missed for.

    A battery's want is the square of what it lacks of the target, in permille; below the low
    level it counts ten times. So the emptiest come first, full ones not at all, and sooner is
    better than later unless more is asked for.
    """
    slot, slots, to_ws = option
    usual = max(1, sum(problem.demand))  # times the number of slots
    here = sum(problem.demand[slot : slot + slots]) * len(problem.demand)
    missed = here * _MISSED // usual
    gain = 0
    for t in range(slot + slots, len(problem.demand) + 1):
        without = need.level_ws - need.drain_w * t * problem.slot_s
        charged = to_ws - need.drain_w * (t - slot - slots) * problem.slot_s
        gain += _want(problem, without) - _want(problem, charged)
    return gain // len(problem.demand) - missed


def _want(problem: ChargingProblem, level: int) -> int:
    def squared(lacks_ws: int) -> int:
        return (max(0, lacks_ws) * 1000 // problem.full_ws) ** 2

    return squared(problem.target_ws - level) + 10 * squared(problem.low_ws - level)


def taken_plugs(problem: ChargingProblem, charger: ChargerSite, slot: int) -> int:
    """Plugs of a charger that nobody new can have in a slot."""
    begin_s = problem.now_s + slot * problem.slot_s
    return min(charger.plugs, most_at_once(charger.taken, begin_s, begin_s + problem.slot_s))


def spare_shuttles(problem: ChargingProblem, slot: int) -> int:
    """How many of the fleet are not needed out in a slot."""
    peak = max(1, *problem.demand)
    needed = -(-problem.out * problem.keep_pct * problem.demand[slot] // (100 * peak))
    return max(0, problem.out - needed)
