"""One shuttle's order and its updates on their way: sent again until echoed. Pure.

A broker's acknowledgement proves nothing about the vehicle; only a state that carries
the order's ids does. One update at a time is unconfirmed; a newer plan waits in a single
slot in which the newest wins.
"""

from dataclasses import dataclass
from datetime import datetime

from dispatcher.domain.plans import ShuttlePlan
from vehicles.mapping import NoStitchError, OrderStyle, base_ends, order_of
from vehicles.messages import (
    ENDED,
    Acknowledged,
    Order,
    State,
    VehicleError,
    answer_version,
)
from vehicles.topics import VehicleName

ORDER_ERRORS = frozenset({"orderError", "orderUpdateError", "validationError", "noRouteError"})

FIRST_RESEND_S = 2.0
RESEND_S = 5.0
REFUSAL_PAUSE_S = 5.0  # doubles with each refusal in a row
LONGEST_REFUSAL_PAUSE_S = 60.0
# A plan waits so long for the vehicle to give up its order or to stop charging; then it
# goes out all the same, and the vehicle says itself why it does not take it.
IDLE_WAIT_S = 60.0
UNPLUG_WAIT_S = 15.0


@dataclass(frozen=True, slots=True)
class Taken:
    """The vehicle works on this revision, and with it on everything before."""

    order_id: str
    revision: int


@dataclass(frozen=True, slots=True)
class Declined:
    """The vehicle, or where it stands, does not allow this revision; it is not sent again."""

    revision: int
    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The vehicle no longer works on what it had echoed."""


Answer = Taken | Declined | Lost


@dataclass(slots=True)
class _InFlight:
    plan: ShuttlePlan
    order: Order
    next_s: float
    errors_before: frozenset[VehicleError]
    sent: int = 0


@dataclass(slots=True)
class Delivery:
    """``needs_idle`` and ``needs_unplugging`` say what the waiting plan is kept back for."""

    vehicle: VehicleName
    style: OrderStyle
    needs_idle: bool = False
    needs_unplugging: bool = False
    _taken: tuple[str, int] | None = None  # order id and revision last echoed
    _newest: int = -1  # revision offered
    _in_flight: _InFlight | None = None
    _waiting: ShuttlePlan | None = None
    _refusals: int = 0  # in a row
    _not_before: float = 0.0
    _kept_until: float | None = None  # the waiting plan, for one of the needs
    _header_id: int = 0

    @property
    def in_flight(self) -> ShuttlePlan | None:
        return None if self._in_flight is None else self._in_flight.plan

    @property
    def taken(self) -> tuple[str, int] | None:
        return self._taken

    def open_orders(self) -> frozenset[str]:
        """Orders of the plans that are on their way or wait."""
        plans = (self.in_flight, self._waiting)
        return frozenset(plan.order_id for plan in plans if plan is not None)

    def resume(self, order_id: str, revision: int) -> None:
        """The vehicle echoed this before we were restarted."""
        self._taken = (order_id, revision)
        self._newest = max(self._newest, revision)

    def offer(self, plan: ShuttlePlan) -> bool:
        """Have ``plan`` sent when its turn comes; False if it is no newer than the last one."""
        if plan.revision <= self._newest:
            return False
        if self._in_flight is not None and self._in_flight.plan.order_id != plan.order_id:
            self._in_flight = None  # its order was given up
        self._newest = plan.revision
        self._waiting = plan
        return True

    def give_up(self) -> None:
        """The order is called off: nothing of it is sent any more."""
        self._in_flight = self._waiting = self._kept_until = None

    def has_all(self, state: State) -> bool:
        """Whether the vehicle has taken the newest plan, so that nothing can be newer."""
        return self._is_ours(state) and state.order_update_id == self._newest

    def read(self, state: State, now: float, *, may_be_old: bool = False) -> list[Answer]:
        """What a fresh state tells about the order.

        One that may be old (kept by the broker during a restart of ours) shows what was
        taken, but not what is lost.
        """
        answers: list[Answer] = []
        echoed = (state.order_id, state.order_update_id)
        if self._is_ours(state):
            if echoed != self._taken:
                answers.append(Taken(*echoed))
            self._take(state)
        elif self._taken is not None and not may_be_old:
            self._lose(self._taken[0])
            answers.append(Lost())
        flight = self._in_flight
        if flight is not None:
            refusal = _refusal_of(flight, state)
            if refusal is not None:
                self._in_flight = None
                answers.append(self._declined(flight.plan, refusal, now))
        return answers

    def due(
        self,
        now: float,
        state: State,
        *,
        heard: datetime | None = None,
        acknowledged: Acknowledged | None = None,
    ) -> list[Order | Declined]:
        """What to send now, given the vehicle's last fresh state.

        ``heard`` and ``acknowledged`` go along with an order that is sent for the first time.
        """
        self.needs_idle = self.needs_unplugging = False
        if not state.operating_mode.takes_orders:
            return []
        plan = self._waiting
        if self._in_flight is None and plan is not None and now >= self._not_before:
            try:
                self._start(plan, now, state, heard, acknowledged)
            except NoStitchError as problem:
                self._waiting = None
                return [self._declined(plan, str(problem), now)]
        flight = self._in_flight
        if flight is None or now < flight.next_s:
            return []
        flight.next_s = now + (RESEND_S if flight.sent else FIRST_RESEND_S)
        flight.sent += 1
        return [flight.order]

    def hurry(self, now: float) -> None:
        """Send again at once: the vehicle is back."""
        if self._in_flight is not None:
            self._in_flight.next_s = min(self._in_flight.next_s, now)

    def next_due(self, now: float) -> float | None:
        """When only the passing of time gives ``due`` something new; None if nothing will."""
        times = []
        if self._in_flight is not None:
            times.append(self._in_flight.next_s)
        elif self._waiting is not None:
            times.append(self._not_before)
            if self._kept_until is not None:
                times.append(self._kept_until)
        return min((time for time in times if time > now), default=None)

    def _is_ours(self, state: State) -> bool:
        """Whether the vehicle works on something we sent and has not fallen behind."""
        if self._taken is not None and state.order_id == self._taken[0]:
            return self._taken[1] <= state.order_update_id <= self._newest
        sent = [self._waiting, self.in_flight]
        return state.order_update_id <= self._newest and any(
            plan is not None and plan.order_id == state.order_id for plan in sent
        )

    def _take(self, state: State) -> None:
        self._taken = (state.order_id, state.order_update_id)
        flight = self._in_flight
        if flight is not None and _covers(state, flight.plan):
            self._in_flight = None
            self._refusals, self._not_before = 0, 0.0
        if self._waiting is not None and _covers(state, self._waiting):
            self._waiting = None

    def _lose(self, order_id: str) -> None:
        self._taken = None
        if self._in_flight is not None and self._in_flight.plan.order_id == order_id:
            self._in_flight = None
        if self._waiting is not None and self._waiting.order_id == order_id:
            self._waiting = self._kept_until = None

    def _declined(self, plan: ShuttlePlan, reason: str, now: float) -> Declined:
        # A refused plan is followed by another soon; the pause keeps that from racing.
        pause_s = REFUSAL_PAUSE_S * 2.0 ** min(self._refusals, 10)
        self._not_before = now + min(pause_s, LONGEST_REFUSAL_PAUSE_S)
        self._refusals += 1
        return Declined(plan.revision, reason)

    def _start(
        self,
        plan: ShuttlePlan,
        now: float,
        state: State,
        heard: datetime | None,
        acknowledged: Acknowledged | None,
    ) -> None:
        """Put the plan in flight unless it must wait. Raises ``NoStitchError``."""
        continues = state.order_id == plan.order_id
        base_end = base_end_of(state) if continues else 0
        if not continues and plan.start.sequence != 0:
            raise NoStitchError(f"the shuttle does not have order {plan.order_id}")
        # A vehicle on the charger need not take orders that send it away.
        plugged_in = state.battery_state.charging and base_ends(plan)[-1] > base_end
        if not continues and is_active(state):
            self.needs_idle = self._keep_back(now, IDLE_WAIT_S)
        elif plugged_in:
            self.needs_unplugging = self._keep_back(now, UNPLUG_WAIT_S)
        if self.needs_idle or self.needs_unplugging:
            return
        self._kept_until = None
        order = order_of(
            plan,
            base_end,
            vehicle=self.vehicle,
            header_id=self._header_id,
            now=now,
            style=self.style,
            version=answer_version(state.version),
            heard=heard,
            acknowledged=acknowledged,
        )
        self._header_id += 1
        self._in_flight = _InFlight(plan, order, now, frozenset(state.errors))
        self._waiting = None

    def _keep_back(self, now: float, at_most_s: float) -> bool:
        if self._kept_until is None:
            self._kept_until = now + at_most_s
        return now < self._kept_until


def base_end_of(state: State) -> int:
    """The sequence id at which the vehicle's released part ends."""
    released = [node.sequence_id for node in state.node_states if node.released]
    return max(released, default=state.last_node_sequence_id)


def reached_by(state: State) -> int:
    """The sequence id of the last node reached in the present order; -1 for none.

    Having taken a new order, a vehicle may still report the last node of the old one, whose
    sequence id means nothing in the new. What is yet to be reached is listed either way.
    """
    ahead = min((node.sequence_id for node in state.node_states), default=None)
    last = state.last_node_sequence_id
    return last if ahead is None else min(last, ahead - 1)


def is_active(state: State) -> bool:
    """Whether the vehicle executes an order or waits for its continuation."""
    return bool(state.node_states) or any(
        action.action_status not in ENDED for action in state.action_states
    )


def _covers(state: State, plan: ShuttlePlan) -> bool:
    return state.order_id == plan.order_id and state.order_update_id >= plan.revision


def _refusal_of(flight: _InFlight, state: State) -> str | None:
    """Why the vehicle refuses the update in flight; None if it does not.

    Vehicles keep reporting a refusal until they take another order, and some name nothing
    but the order: such an error counts only if it was not there before.
    """
    for error in state.errors:
        if error.error_type not in ORDER_ERRORS:
            continue
        orders, updates = error.references("orderId"), error.references("orderUpdateId")
        if "instantActions" in error.references("topic"):
            continue
        if orders and flight.plan.order_id not in orders:
            continue
        if str(flight.plan.revision) in updates or (
            not updates and error not in flight.errors_before
        ):
            return f"{error.error_type}: {error.error_description or 'no reason given'}"
    return None
