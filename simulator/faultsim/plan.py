"""What a seed means: which faults, how often, and who wants to travel."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from simulator.demand import DemandShares

HOSTILE_S: Final = 1300.0
QUIET_S: Final = 1600.0
BEGINS_S: Final = 60.0  # before that everything comes up undisturbed
FOR_GOOD_S: Final = 1e6  # longer than any history


class Fault(StrEnum):
    """Everything that can go wrong; each seed draws some of them."""

    MESSAGE_LOST = "message_lost"
    MESSAGE_REPEATED = "message_repeated"
    MESSAGE_LATE = "message_late"
    LINK_CUT = "link_cut"
    LINK_HALF_OPEN = "link_half_open"
    BROKER_RESTART = "broker_restart"
    BROKER_AMNESIA = "broker_amnesia"
    STORE_RESTART = "store_restart"
    STORE_PAUSE = "store_pause"
    STORE_ANSWER_LOST = "store_answer_lost"
    STORE_LATE_WRITE = "store_late_write"
    STORE_REFUSES = "store_refuses"
    STORE_SLOW = "store_slow"
    STORE_WRONG_SETTINGS = "store_wrong_settings"
    DISPATCHER_KILLED = "dispatcher_killed"
    DISPATCHER_KILLED_AT_EFFECT = "dispatcher_killed_at_effect"
    DISPATCHER_PAUSED = "dispatcher_paused"
    TWO_DISPATCHERS = "two_dispatchers"
    SHUTTLE_REBOOT = "shuttle_reboot"
    SHUTTLE_SILENT = "shuttle_silent"
    SHUTTLE_FAULT = "shuttle_fault"
    CLOCK_JUMP = "clock_jump"
    SOLVER_LATE = "solver_late"
    SOLVER_WRONG = "solver_wrong"
    SOLVER_DEAD = "solver_dead"
    LEADER_CUT_OFF = "leader_cut_off"
    SHUTTLE_BY_HAND = "shuttle_by_hand"


# Thought of later, and each drawn apart: seeds that do not have them are as they were.
_LATER: Final[Mapping[Fault, str]] = {
    Fault.LEADER_CUT_OFF: "later",
    Fault.SHUTTLE_BY_HAND: "by_hand",
}
_LONG: Final = frozenset(
    {
        Fault.SHUTTLE_SILENT,
        Fault.SHUTTLE_FAULT,
        Fault.SHUTTLE_BY_HAND,
        Fault.LINK_HALF_OPEN,
    }
)


# Mean seconds between two of a kind while it is switched on.
_EVERY_S: Final = {
    Fault.LINK_CUT: 150.0,
    Fault.LINK_HALF_OPEN: 300.0,
    Fault.BROKER_RESTART: 400.0,
    Fault.BROKER_AMNESIA: 500.0,
    Fault.STORE_RESTART: 300.0,
    Fault.STORE_PAUSE: 300.0,
    Fault.STORE_WRONG_SETTINGS: 600.0,
    Fault.DISPATCHER_KILLED: 200.0,
    Fault.DISPATCHER_KILLED_AT_EFFECT: 250.0,
    Fault.DISPATCHER_PAUSED: 400.0,
    Fault.TWO_DISPATCHERS: 350.0,
    Fault.SHUTTLE_REBOOT: 250.0,
    Fault.SHUTTLE_SILENT: 400.0,
    Fault.SHUTTLE_FAULT: 400.0,
    Fault.CLOCK_JUMP: 300.0,
    Fault.LEADER_CUT_OFF: 350.0,
    Fault.SHUTTLE_BY_HAND: 400.0,
}
# The share of messages or commands that meet it, at most.
_SHARE: Final = {
    Fault.MESSAGE_LOST: 0.2,
    Fault.MESSAGE_REPEATED: 0.1,
    Fault.MESSAGE_LATE: 0.1,
    Fault.STORE_ANSWER_LOST: 0.05,
    Fault.STORE_LATE_WRITE: 0.05,
    Fault.STORE_REFUSES: 0.05,
    Fault.STORE_SLOW: 0.03,
}


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault at its time. ``pick`` from 0 to 1 says whom it strikes and how hard."""

    at_s: float
    fault: Fault
    pick: float
    lasts_s: float


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """All that is drawn for a seed. Times are seconds from the start."""

    seed: int
    shuttles: int
    seats: int
    riders_per_hour: float
    shares: DemandShares
    faults: frozenset[Fault]
    rates: dict[Fault, float]
    strikes: Sequence[Strike]
    operator_every_s: float
    orders_last_s: tuple[float, float]  # until streets are opened, or a shuttle is let go
    never_answer: float = 0.0  # the share of riders who leave an offer unanswered
    hostile_s: float = HOSTILE_S
    quiet_s: float = QUIET_S

    def shortened(self, hostile_s: float, quiet_s: float) -> "FaultPlan":
        """The beginning of this plan, for whoever has less time."""
        strikes = tuple(
            strike
            for strike in self.strikes
            if strike.at_s + strike.lasts_s % FOR_GOOD_S <= hostile_s
        )
        return replace(self, strikes=strikes, hostile_s=hostile_s, quiet_s=quiet_s)


@dataclass(frozen=True, slots=True)
class Emphasis:
    """What a history has more of than another one of its seed.

    ``only`` leaves out all other kinds of fault. ``riders`` are shares of the demand by name.
    """

    only: frozenset[Fault] | None = None
    often: float = 1.0  # faults strike so many times as often
    rate: float | None = None  # of messages and commands that meet a fault; else as drawn
    lasts_s: tuple[float, float] | None = None  # shuttles' silences and faults; else as drawn
    for_good: bool = False  # they never end
    riders: Mapping[str, Any] = field(default_factory=dict)
    never_answer: float = 0.0
    demand: float = 1.0  # so many times as many riders
    orders: float = 1.0  # operators give so many times as many
    orders_last_s: tuple[float, float] = (20.0, 200.0)


PLAIN: Final = Emphasis()


def draw_plan(
    seed: int,
    only: frozenset[Fault] | None = None,
    *,
    share: float | None = None,
    emphasis: Emphasis = PLAIN,
) -> FaultPlan:
    """The plan of a seed; with ``only``, no other faults than those, all of them.

    ``share`` is that of the kinds of fault it has; by itself a seed draws that, too.
    """
    only = emphasis.only if only is None else only
    rng = random.Random(f"{seed}/plan")
    later = {fault: random.Random(f"{seed}/{name}") for fault, name in _LATER.items()}
    # Few kinds at a time leave a history in which what a fault does can be seen.
    drawn = rng.choice((0.0, 0.1, 0.15, 0.2, 0.3, 0.3, 0.5, 0.5))
    share = drawn if share is None else share
    old: list[Fault] = [fault for fault in Fault if fault not in _LATER]
    faults: frozenset[Fault] = frozenset(fault for fault in old if rng.random() < share)
    faults |= frozenset(fault for fault, chance in later.items() if chance.random() < share)
    if only is not None:
        faults = only
    rates = {fault: rng.uniform(0.1, 1.0) * most for fault, most in _SHARE.items()}
    if emphasis.rate is not None:
        rates = dict.fromkeys(rates, emphasis.rate)
    strikes: list[Strike] = []
    for fault, every_s in _EVERY_S.items():
        moment, chance = BEGINS_S, later.get(fault, rng)
        while fault in faults:
            moment += chance.expovariate(emphasis.often / every_s)
            if moment >= HOSTILE_S:
                break
            lasts_s = chance.choice((chance.uniform(0.5, 5.0), chance.uniform(5.0, 40.0)))
            if fault in _LONG:
                lasts_s = chance.uniform(*(emphasis.lasts_s or (10.0, 250.0)))
            lasts_s = FOR_GOOD_S if emphasis.for_good else min(lasts_s, HOSTILE_S - moment)
            strikes.append(Strike(moment, fault, chance.random(), lasts_s))
    return FaultPlan(
        seed=seed,
        shuttles=rng.choice((3, 4, 5)),
        seats=rng.choice((2, 3, 4)),
        riders_per_hour=rng.uniform(50.0, 110.0) * emphasis.demand,
        shares=replace(_shares(rng), **emphasis.riders),
        faults=faults,
        rates=rates,
        strikes=tuple(sorted(strikes, key=lambda strike: (strike.at_s, strike.fault))),
        operator_every_s=rng.uniform(200.0, 500.0) / emphasis.orders,
        orders_last_s=emphasis.orders_last_s,
        never_answer=emphasis.never_answer,
    )


def _shares(rng: random.Random) -> DemandShares:
    return DemandShares(
        interchange=0.2,
        parties=(0.65, 0.22, 0.09, 0.04),
        wheelchair=rng.uniform(0.05, 0.25),
        depart_at=0.15,
        arrive_by=0.08,
        declines=0.04,
        cancels=0.1,
        no_show=0.06,
        ahead_s=(300, 1100),
        flexible=0.3,
        flexible_s=(300, 600),
        walk_limits_m=(300, 400, 600),
    )
