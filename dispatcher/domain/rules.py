"""How a zone is served: every number the engine decides by, with its unit and default."""

from dataclasses import dataclass, field

from dispatcher.domain.energy import EnergyRule
from dispatcher.domain.pace import PaceRule
from dispatcher.domain.policy import DwellRule, Objective


@dataclass(frozen=True, slots=True)
class ServiceRules:
    """The zone's service level. Part of every replay: another rule is another history."""

    objective: Objective = field(default_factory=Objective)
    dwell: DwellRule = field(default_factory=DwellRule)
    energy: EnergyRule = field(default_factory=EnergyRule)
    pace: PaceRule = field(default_factory=PaceRule)

    # What is offered
    max_wait_s: int = 600  # from when the rider can be at the stop to the planned pickup
    ride_percent: int = 150  # longest ride, in percent of the direct drive ...
    ride_extra_s: int = 345  # ... plus this; 1.5 x (direct + 30) + 300 as a whole
    window_before_s: int = 60  # the pickup window opens so long before the planned pickup
    window_after_s: int = 240  # and closes at least so long after it ...
    window_most_s: int = 600  # ... or later, up to this, where past pickups were that late
    arrival_slack_s: int = 600  # latest drop-off, at least so long after the planned one ...
    arrival_slack_most_s: int = 900  # ... or later, up to this, where past arrivals were
    promise_level_pct: int = 95  # so many in a hundred come by the end of their window
    offer_ttl_s: int = 30  # an offer holds its seat so long
    stop_candidates: int = 4  # nearest stops considered at either end
    book_ahead_s: int = 24 * 3600  # how far ahead a trip can be asked for
    arrive_early_s: int = 900  # an arrive_by trip arrives at most so long before its time
    later_offer_s: int = 900  # the "later" alternative leaves so much later

    # How promises are guarded
    guard_s: int = 60  # planning stays at least so far inside what was promised ...
    guard_most_s: int = 180  # ... or further, up to this, where drives and dwells vary more
    notify_shift_s: int = 60  # riders are told when their expected pickup moves by this

    # At the stop and on the way
    no_show_wait_s: int = 90  # a shuttle waits so long for a rider, if others can bear it
    early_start_s: int = 30  # leave so much earlier than needed for a timed pickup
    overdue_step_s: int = 10  # an arrival that is overdue is expected so much later, again

    # When the world breaks
    plan_validity_s: int = 60  # out of contact so long, a shuttle boards nobody any more
    validity_margin_s: int = 15  # and so much later its riders may be given to another
    rescue_after_s: int = 60  # riders aboard a faulted shuttle get a rescue after this
    replan_every_s: int = 30  # riders without a shuttle are tried again so often
    abandon_after_s: int = 1800  # and given up, with an apology, after this
    max_plan_refusals: int = 3  # a shuttle refusing so many plans in a row counts as faulted

    # Idle shuttles
    park_after_s: int = 45  # idle so long before it moves to where it is likely needed
    park_again_s: int = 300  # and thinks again after this
    rebalance_every_s: int = 60  # idle shuttles are placed together, at most so often ...
    rebalance_horizon_s: int = 1200  # ... for the requests expected within this ...
    rebalance_gain_pct: int = 150  # ... where waits saved are worth so much of the drive
    onward_requests: int = 10  # plans end near one of so many expected requests; 0: anywhere
    fair_wait_multiple_pct: int = 200  # stops that wait so much of the median count for more
    battery_reserve_pct: int = 15  # below this a shuttle takes no new rider
    charge_below_pct: int = 35  # below this a plug is reserved for it
    charge_to_pct: int = 90

    forget_after_s: int = 6 * 3600  # ended trips leave the state after this

    def max_ride_s(self, direct_s: int) -> int:
        """Longest ride for a direct drive of so many seconds."""
        return direct_s * self.ride_percent // 100 + self.ride_extra_s
