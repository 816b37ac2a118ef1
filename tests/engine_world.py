"""A fleet and riders made of nothing but events: drives the engine without wire or protocol.

Shuttles carry out the plans they were sent, a little late or early; riders answer, cancel and
stay away; the world breaks in ways the test chooses. After each event the whole plan is judged.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from dispatcher.domain.commands import CommandOutcome
from dispatcher.domain.decisions import (
    Decision,
    OperatorAnswered,
    PlanPublished,
    RiderAnswered,
    ShuttleCommand,
    ShuttleCommanded,
    TripChanged,
)
from dispatcher.domain.events import (
    BoardingFailed,
    ClockTicked,
    Event,
    OfferAnswered,
    OperatorEvent,
    PlanConfirmed,
    PlanProposed,
    PlanRefused,
    ProposedRoute,
    ProposedVisit,
    RequestSubmitted,
    RiderAlighted,
    RiderBoarded,
    RiderNotThere,
    ShuttleFellSilent,
    ShuttleHeld,
    ShuttleJoined,
    ShuttleReleased,
    ShuttleReported,
    ShuttleSent,
    ShuttleWithdrawn,
    StreetsClosed,
    StreetsOpened,
    TripCancelled,
    TripMoved,
    VisitArrived,
    VisitCompleted,
)
from dispatcher.domain.ids import (
    BookingId,
    CommandId,
    EdgeId,
    OperatorId,
    RequestId,
    RiderId,
    ShuttleId,
    StopId,
    TripId,
)
from dispatcher.domain.plans import PlannedVisit, ShuttlePlan
from dispatcher.domain.shuttles import Capacity, DriveMode, Fault, FaultLevel
from dispatcher.domain.trips import ENDS, Party, RideRequest, TimeWish, TripState, TripStatus
from dispatcher.domain.zone import StopKind
from dispatcher.engine import (
    ServiceState,
    Site,
    improve_ask,
    new_state,
    next_due_s,
    proposals_of,
    step,
)
from dispatcher.engine.judging import plan_faults
from dispatcher.planning.edits import insert_ride, remove_ride
from dispatcher.planning.improver import ImproveResult
from dispatcher.planning.improver.problem import total_cost
from dispatcher.planning.request import Position

START_S = 1_790_000_400  # 2026-09-21 23:00 in Seoul is far from midnight rules: zones are open


@dataclass
class Car:
    """A simulated shuttle: the plan it has accepted and the visit it is at."""

    id: ShuttleId
    x_m: float
    y_m: float
    plan: ShuttlePlan | None = None
    done: set[str] = field(default_factory=set)
    busy: str | None = None  # visit under way
    aboard: list[TripId] = field(default_factory=list)
    cut_off: bool = False
    faulted: bool = False
    paused: bool = False
    by_hand: bool = False
    needs_word: bool = False
    errand: int = 0  # rises when what it was doing is given up; older actions then come to nothing
    waiting_report: list[Event] = field(default_factory=list)
    waiting_orders: list[ShuttleCommanded] = field(default_factory=list)


def mode_of(car: Car) -> DriveMode:
    return DriveMode.MANUAL if car.by_hand else DriveMode.AUTOMATIC


OPERATOR = OperatorId("op")
WAITING = (TripState.ACCEPTED, TripState.ASSIGNED)


class EngineWorld:
    """Everything happens in order of time, then of asking; one seed gives one history."""

    def __init__(self, site: Site, seed: int, judge: bool = True) -> None:
        self.site = site
        self.rng = random.Random(seed)
        self.state: ServiceState = new_state(site)
        self.now_s = START_S
        self.judge = judge
        self.journal: list[Event] = []
        self.decisions: list[tuple[Decision, ...]] = []
        self.cars: dict[ShuttleId, Car] = {}
        self.status: dict[TripId, TripStatus] = {}
        self.boardings: dict[TripId, list[ShuttleId]] = {}
        self.no_shows: set[TripId] = set()
        self.happened: Counter[str] = Counter()  # what the run came to see
        self.repeat_share = 0.0  # of shuttle events told once more, at any later time
        self.refuse_share = 0.0  # of plans that the shuttle refuses
        self.bar_share = 0.0  # of riders there whom the shuttle does not let in
        self.lose_share = 0.0  # of boardings told by nothing but a report of who is aboard
        self.lateness = 0.05  # a drive takes up to so much more or less than planned
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._asked = 0
        self._ordered = 0

    # Driving the world

    def at(self, at_s: int, action: Callable[[], None]) -> None:
        self._asked += 1
        heapq.heappush(self._queue, (at_s, self._asked, action))

    def run_until(self, end_s: int) -> None:
        while True:
            due_s = next_due_s(self.state)
            next_s = self._queue[0][0] if self._queue else None
            if due_s is not None and (next_s is None or max(due_s, self.now_s) <= next_s):
                if max(due_s, self.now_s) > end_s:
                    break
                self.now_s = max(due_s, self.now_s)
                self.submit(ClockTicked(self.now_s))
                continue
            if next_s is None or next_s > end_s:
                break
            _, _, action = heapq.heappop(self._queue)
            self.now_s = max(self.now_s, next_s)
            action()
        self.now_s = max(self.now_s, end_s)

    def submit(self, event: Event) -> tuple[Decision, ...]:
        self.journal.append(event)
        _, decisions = step(self.state, event)
        self.decisions.append(decisions)
        if self.judge:
            faults = plan_faults(self.state)
            assert not faults, f"after event {self.state.position} {event}: {faults}"
        for decision in decisions:
            if isinstance(decision, PlanPublished):
                self._deliver(decision.plan)
            elif isinstance(decision, TripChanged):
                self._hear(decision.status)
            elif isinstance(decision, ShuttleCommanded):
                self._obey(decision)
            elif isinstance(decision, RiderAnswered):
                self.happened[decision.problem] += 1
        return decisions

    # Riders

    def ask(
        self,
        origin: int,
        destination: int,
        *,
        wish: TimeWish = TimeWish.NOW,
        wish_s: int | None = None,
        party: Party | None = None,
        auto: bool = True,
        alternatives: int = 1,
        walk_limit_m: int = 300,
    ) -> TripId:
        number = len(self.status) + 1
        trip_id = TripId(f"t{number}")
        stops = self.site.zone.stops
        self.submit(
            RequestSubmitted(
                self.now_s,
                RideRequest(
                    request_id=RequestId(f"q{number}"),
                    rider_id=RiderId(f"r{number}"),
                    trip_id=trip_id,
                    origin=stops[origin].id if self.rng.random() < 0.5 else stops[origin].point,
                    destination=stops[destination].id,
                    wish=wish,
                    wish_s=self.now_s if wish_s is None else wish_s,
                    party=party or Party(),
                    walk_limit_m=walk_limit_m,
                    auto_accept=auto,
                    alternatives=alternatives,
                ),
            )
        )
        return trip_id

    def answer(self, trip_id: TripId, accept: bool) -> None:
        status = self.status[trip_id]
        offer = self.rng.choice(status.offers) if status.offers and accept else None
        booking_id = None if offer is None else offer.booking_id
        self.submit(OfferAnswered(self.now_s, status.rider_id, trip_id, accept, booking_id))

    def cancel(self, trip_id: TripId) -> None:
        self.submit(TripCancelled(self.now_s, trip_id, self.status[trip_id].rider_id))

    def a_rider(self) -> None:
        """One rider with everything riders do."""
        rng = self.rng
        riders_stops = [
            i for i, stop in enumerate(self.site.zone.stops) if stop.kind is not StopKind.DEPOT
        ]
        origin, destination = rng.sample(riders_stops, 2)
        wish, wish_s = TimeWish.NOW, None
        if rng.random() < 0.15:
            wish = rng.choice([TimeWish.DEPART_AT, TimeWish.ARRIVE_BY])
            wish_s = self.now_s + rng.randint(600, 2400)
        party = Party(rng.choice([1, 1, 1, 2, 3]), 0)
        if rng.random() < 0.08:
            party = Party(rng.choice([0, 1]), 1)
        auto = rng.random() < 0.5
        trip_id = self.ask(
            origin,
            destination,
            wish=wish,
            wish_s=wish_s,
            party=party,
            auto=auto,
            alternatives=rng.choice([1, 3]),
        )
        if rng.random() < 0.05:
            self.no_shows.add(trip_id)
        if not auto and self.status[trip_id].state is TripState.OFFERED and rng.random() < 0.9:
            accept = rng.random() < 0.85
            self.at(self.now_s + rng.randint(1, 40), lambda: self.answer(trip_id, accept))
        if rng.random() < 0.08:
            self.at(self.now_s + rng.randint(5, 900), lambda: self.cancel(trip_id))

    def _hear(self, status: TripStatus) -> None:
        before = self.status.get(status.trip_id)
        if before is not None:
            assert before.state not in ENDS or before.state is status.state, (before, status)
            assert status.revision > before.revision
            if status.breach is not None and status.breach != before.breach:
                self.happened["breach"] += 1
            if before.shuttle_id != status.shuttle_id and before.shuttle_id and status.shuttle_id:
                self.happened["another shuttle"] += 1
            if before.state is TripState.ABOARD and status.state is TripState.ACCEPTED:
                self.happened["rescue"] += 1
        self.happened[status.state] += 1
        if status.refusal is not None:
            self.happened[status.refusal.reason] += 1
        self.status[status.trip_id] = status

    # Shuttles

    def add_car(self, stop: int, capacity: Capacity | None = None) -> Car:
        place = self.site.zone.stops[stop]
        car = Car(ShuttleId(f"s{len(self.cars) + 1}"), place.x_m, place.y_m)
        self.cars[car.id] = car
        self.submit(
            ShuttleJoined(
                self.now_s,
                car.id,
                capacity or Capacity(6, 1),
                car.x_m,
                car.y_m,
                80.0,
                DriveMode.AUTOMATIC,
            )
        )
        return car

    def report(self, car: Car) -> None:
        faults = (Fault("motor", FaultLevel.FATAL),) if car.faulted else ()
        self._say(
            car,
            ShuttleReported(
                self.now_s,
                car.id,
                car.x_m,
                car.y_m,
                80.0,
                False,
                mode_of(car),
                car.paused,
                faults,
                tuple(car.aboard),
                needs_word=car.needs_word,
            ),
        )

    def cut_off(self, car: Car, for_s: int) -> None:
        """The radio fails: the shuttle drives on, hears nothing, and says nothing."""
        if car.cut_off:
            return
        car.cut_off = True
        heard_s = self.now_s
        self.at(
            self.now_s + 45,
            lambda: self._if_cut(car, ShuttleFellSilent(self.now_s, car.id, heard_s)),
        )
        self.at(self.now_s + for_s, lambda: self._reconnect(car))

    def break_down(self, car: Car, for_s: int) -> None:
        if car.faulted or car.cut_off:
            return
        car.faulted = True
        self.report(car)
        self.at(self.now_s + for_s, lambda: self._repair(car))

    def take_over(self, car: Car, for_s: int) -> None:
        """A person drives: its order is gone, and it is left at some stop or beside it."""
        if car.by_hand or car.cut_off:
            return
        car.by_hand = True
        self.happened["by hand"] += 1
        self._give_up(car)
        self.report(car)
        self.at(self.now_s + for_s, lambda: self._give_back(car))

    def _give_back(self, car: Car) -> None:
        stop = self.rng.choice(self.site.zone.stops)
        car.x_m, car.y_m = stop.x_m, stop.y_m + self.rng.choice([0.0, 40.0])
        car.by_hand = False
        self.report(car)

    def _repair(self, car: Car) -> None:
        car.faulted = False
        self.report(car)
        self._go(car)

    def _if_cut(self, car: Car, event: Event) -> None:
        if car.cut_off:
            self.submit(event)

    def _reconnect(self, car: Car) -> None:
        car.cut_off = False
        told, car.waiting_report = car.waiting_report, []
        for event in told:
            self.submit(event)
        self.report(car)
        orders, car.waiting_orders = car.waiting_orders, []
        for command in orders:
            self._obey(command)
        published = self.state.shuttles[car.id].published
        if published is not None:
            self._deliver(published)

    def reboot(self, car: Car) -> None:
        """The shuttle forgets its order, but not who sits in it."""
        if car.cut_off:
            return
        self._give_up(car)
        self.happened["reboot"] += 1
        self.submit(
            ShuttleJoined(
                self.now_s,
                car.id,
                self.state.shuttles[car.id].capacity,
                car.x_m,
                car.y_m,
                80.0,
                mode_of(car),
                tuple(car.aboard),
            )
        )

    def _obey(self, told: ShuttleCommanded) -> None:
        car = self.cars[told.shuttle_id]
        if car.cut_off:
            car.waiting_orders.append(told)
        elif told.command is ShuttleCommand.CANCEL_ORDER:
            self._give_up(car)
        elif told.command in (ShuttleCommand.PAUSE, ShuttleCommand.RESUME):
            car.paused = told.command is ShuttleCommand.PAUSE
            self.at(self.now_s, lambda: self._tell_pause(car))

    def _tell_pause(self, car: Car) -> None:
        self.report(car)
        self._go(car)

    def _give_up(self, car: Car) -> None:
        car.plan, car.busy = None, None
        car.errand += 1

    def _say(self, car: Car, event: Event) -> None:
        if car.cut_off:
            car.waiting_report.append(event)
            return
        self.submit(event)
        if self.rng.random() < self.repeat_share:
            again_s = self.now_s + self.rng.choice([0, 1, 30, 400, 2000])
            self.at(again_s, lambda: self._repeat(event))

    def _repeat(self, event: Event) -> None:
        self.happened["repeat"] += 1
        self.submit(replace(event, at_s=self.now_s))
        if isinstance(event, ShuttleReported):  # the next true report puts it right
            self.at(self.now_s + 10, lambda: self.report(self.cars[event.shuttle_id]))

    def _deliver(self, plan: ShuttlePlan) -> None:
        self.at(self.now_s + self.rng.randint(0, 2), lambda: self._accept(plan))

    def _accept(self, plan: ShuttlePlan) -> None:
        car = self.cars[plan.shuttle_id]
        if car.cut_off or car.by_hand:
            return
        if car.plan is not None and plan.revision <= car.plan.revision:
            return
        published = self.state.shuttles[car.id].published
        if published is None or published.revision > plan.revision:
            return  # overtaken by a newer one, which alone is sent
        if self.rng.random() < self.refuse_share:
            self.happened["plan refused"] += 1
            self.submit(PlanRefused(self.now_s, car.id, plan.revision, "not just now"))
            return
        self._check_plan(car, plan)
        if car.plan is None or car.plan.order_id != plan.order_id:
            self._give_up(car)
        car.plan = plan
        self._say(car, PlanConfirmed(self.now_s, car.id, plan.revision))
        self._go(car)

    def _check_plan(self, car: Car, plan: ShuttlePlan) -> None:
        """What an on-board agent would check: nobody aboard is forgotten."""
        alights = [task.trip_id for visit in plan.visits for task in visit.alights]
        for trip_id in car.aboard:
            known = any(
                trip_id == self.state.bookings[b].trip_id
                for b in self.state.shuttles[car.id].aboard
            )
            assert trip_id in alights or not known, f"{trip_id} aboard {car.id} has no drop-off"
        if car.plan is not None and car.busy is not None and car.plan.order_id == plan.order_id:
            under_way = next(v for v in car.plan.visits if v.id == car.busy)
            kept = [v for v in plan.visits if v.id == car.busy]
            assert kept, "the released visit has vanished"
            assert kept[0].boards == under_way.boards
            assert kept[0].alights == under_way.alights

    def _go(self, car: Car) -> None:
        if car.busy is not None or car.plan is None or car.faulted or car.paused:
            return
        errand = car.errand
        for visit in car.plan.visits[: car.plan.released]:
            if visit.id not in car.done:
                car.busy = visit.id
                index = self.site.streets.stop_index
                leg_s = max(0, visit.arrive_s - car.plan.made_s)
                early = min(0.05, self.lateness)
                late_s = round(leg_s * self.rng.uniform(-early, self.lateness))
                due_s = self.now_s + max(0, leg_s + late_s)
                self.at(due_s, lambda v=visit: self._arrive(car, v, errand))
                assert visit.stop_id in index
                return

    def _arrive(self, car: Car, visit: PlannedVisit, errand: int) -> None:
        if car.errand != errand:
            return
        if car.faulted or car.paused:
            self.at(self.now_s + 5, lambda: self._arrive(car, visit, errand))
            return
        car.x_m, car.y_m = visit.x_m, visit.y_m
        self._say(car, VisitArrived(self.now_s, car.id, visit.id))
        for task in visit.alights:
            if task.trip_id in car.aboard:
                car.aboard.remove(task.trip_id)
                self._say(car, RiderAlighted(self.now_s, car.id, visit.id, task.trip_id))
        begin_s = max([self.now_s, *(task.not_before_s for task in visit.boards)])
        end_s = begin_s
        for task in visit.boards:
            comes = task.trip_id not in self.no_shows
            comes = comes and self.status[task.trip_id].state not in ENDS
            comes = comes and not car.cut_off and not self._aboard_elsewhere(task.trip_id)
            if comes and self.rng.random() < self.bar_share:
                self.at(begin_s, lambda t=task.trip_id: self._bar(car, visit, t, errand))
            elif comes:
                at_s = begin_s + self.rng.randint(0, 8)
                self.at(at_s, lambda t=task.trip_id: self._board(car, visit, t, errand))
                end_s = max(end_s, begin_s + 20)
            else:
                at_s = begin_s + task.max_dwell_s
                self.at(at_s, lambda t=task.trip_id: self._miss(car, visit, t, errand))
                end_s = max(end_s, at_s)
        if visit.alights or visit.boards:
            end_s = max(end_s, begin_s + 20)
        self.at(end_s, lambda: self._finish(car, visit, errand))

    def _aboard_elsewhere(self, trip_id: TripId) -> bool:
        return any(trip_id in car.aboard for car in self.cars.values() if not car.faulted)

    def _board(self, car: Car, visit: PlannedVisit, trip_id: TripId, errand: int) -> None:
        if car.errand != errand:
            return
        for other in self.cars.values():  # rescued from a shuttle that broke down
            if other.id != car.id and trip_id in other.aboard:
                assert other.faulted or self.boardings[trip_id]
                other.aboard.remove(trip_id)
        car.aboard.append(trip_id)
        self._check_places(car)
        self.boardings.setdefault(trip_id, []).append(car.id)
        if self.rng.random() < self.lose_share:
            self.happened["boarding only reported"] += 1
            self.report(car)
            return
        self._say(car, RiderBoarded(self.now_s, car.id, visit.id, trip_id))

    def _check_places(self, car: Car) -> None:
        parties = [self.state.trips[trip_id].request.party for trip_id in car.aboard]
        places = self.state.shuttles[car.id].capacity
        assert sum(party.seats for party in parties) <= places.seats, f"{car.id} is overfull"
        assert sum(party.wheelchairs for party in parties) <= places.wheelchairs

    def _miss(self, car: Car, visit: PlannedVisit, trip_id: TripId, errand: int) -> None:
        if car.errand != errand:
            return
        self._say(car, RiderNotThere(self.now_s, car.id, visit.id, trip_id))

    def _bar(self, car: Car, visit: PlannedVisit, trip_id: TripId, errand: int) -> None:
        if car.errand != errand:
            return
        self.happened["not let in"] += 1
        reason = self.rng.choice(["PLAN_EXPIRED", "doors"])
        self._say(car, BoardingFailed(self.now_s, car.id, visit.id, trip_id, reason))

    def _finish(self, car: Car, visit: PlannedVisit, errand: int) -> None:
        if car.errand != errand:
            return
        car.done.add(visit.id)
        car.busy = None
        self._say(car, VisitCompleted(self.now_s, car.id, visit.id))
        self._go(car)

    # Operators and the improver

    def close(self, edges: tuple[EdgeId, ...], stops: tuple[StopId, ...], for_s: int) -> None:
        operator = OperatorId("op")
        self.happened["closure"] += 1
        self.submit(StreetsClosed(self.now_s, operator, edges, stops))
        opened_s = self.now_s + for_s
        self.at(
            opened_s,
            lambda: self.submit(StreetsOpened(self.now_s, operator, edges, stops)) and None,
        )

    def hold(self, car: Car, for_s: int) -> None:
        operator = OperatorId("op")
        self.submit(ShuttleHeld(self.now_s, operator, car.id))
        self.at(self.now_s + for_s, lambda: self._release(car))

    def withdraw(self, car: Car, for_s: int) -> None:
        self.submit(ShuttleWithdrawn(self.now_s, OperatorId("op"), car.id))
        self.at(self.now_s + for_s, lambda: self._release(car))

    def _release(self, car: Car) -> None:
        self.submit(ShuttleReleased(self.now_s, OperatorId("op"), car.id))

    def move(self, trip_id: TripId, to: ShuttleId | None) -> CommandOutcome:
        """An operator moves a trip; nobody else's promise may break for it."""
        before = {key: status.breach for key, status in self.status.items()}
        outcome = self.order(
            TripMoved(self.now_s, OPERATOR, trip_id, to, "asked for", self.command_id())
        )
        # Whatever time alone has broken by now is told of, too, but nothing for the move's sake.
        if outcome.accepted:
            assert self.status[trip_id].breach == before[trip_id], trip_id
            assert self.state.trips[trip_id].shuttle_id == (to or self.status[trip_id].shuttle_id)
        return outcome

    def send(self, car: Car, stop: StopId) -> CommandOutcome:
        return self.order(
            ShuttleSent(self.now_s, OPERATOR, car.id, stop, "a match ends", self.command_id())
        )

    def order(self, event: OperatorEvent) -> CommandOutcome:
        """A command as a console gives it, at times twice; what came of it."""
        answers = [d for d in self.submit(event) if isinstance(d, OperatorAnswered)]
        assert len(answers) == 1
        outcome = answers[0].outcome
        if self.rng.random() < self.repeat_share:
            again = [d for d in self.submit(event) if isinstance(d, OperatorAnswered)]
            assert again == answers, event
        done = "done" if outcome.refusal is None else outcome.refusal.problem
        self.happened[f"{type(event).__name__}: {done}"] += 1
        return outcome

    def command_id(self) -> CommandId:
        self._ordered += 1
        return CommandId(f"c{self._ordered}")

    def move_somebody(self) -> None:
        """Any trip at all to any shuttle at all; most are such as can be moved."""
        waiting = [key for key, status in self.status.items() if status.state in WAITING]
        known = list(self.status)
        if known:
            trips = waiting if waiting and self.rng.random() < 0.8 else known
            to = self.rng.choice([None, *self.cars])
            self.move(self.rng.choice(trips), to)

    def propose(self) -> None:
        """An improver without sense: some rides move, some come back in any order."""
        ask = improve_ask(self.state)
        if ask is None:
            return
        rng = self.rng
        late_s = rng.choice([0, 0, 0, 5])
        tails = [
            [(v.stop, list(v.boards), list(v.alights)) for v in r.visits] for r in ask.problem.rows
        ]
        versions = [version for _, version in ask.shuttles]
        for _ in range(rng.randint(1, 3)):
            tail = rng.choice(tails)
            if not tail:
                continue
            trick = rng.random()
            if trick < 0.45:  # one rider is handed to another shuttle
                keys = [key for _, boards, _ in tail for key in boards]
                if not keys:
                    continue
                self._hand_over(tails, tail, rng.choice(keys))
            elif trick < 0.75:
                i = rng.randrange(len(tail))
                tail.insert(rng.randrange(len(tail)), tail.pop(i))
            elif trick < 0.8:
                tail.pop(rng.randrange(len(tail)))
            elif trick < 0.85:
                tail.append(rng.choice(tail))
            elif trick < 0.9:
                tail[0] = (rng.randint(-2, 10_000), *tail[0][1:])
            elif trick < 0.95:
                someone = rng.choice(
                    [key for _, b, a in rng.choice(tails) for key in (*b, *a)] or ["x"]
                )
                tail[-1][rng.choice([1, 2])].append(someone)
            else:
                versions[rng.randrange(len(versions))] -= 1
        routes = tuple(
            ProposedRoute(
                shuttle_id,
                version,
                tuple(
                    ProposedVisit(
                        stop,
                        tuple(BookingId(key) for key in boards),
                        tuple(BookingId(key) for key in alights),
                    )
                    for stop, boards, alights in tail
                ),
            )
            for (shuttle_id, _), version, tail in zip(ask.shuttles, versions, tails, strict=True)
        )
        self.at(
            self.now_s + late_s,
            lambda: self._hear_proposal(PlanProposed(self.now_s, routes, 2, 1)),
        )

    def propose_better(self) -> None:
        """An improver with sense: one rider handed over where that is cheaper, if that is found."""
        ask = improve_ask(self.state)
        if ask is None:
            return
        problem = ask.problem
        args = (problem.travel_s, problem.objective, problem.now_s)
        before = total_cost(problem.rows, *args)
        for _ in range(60):
            i = self.rng.randrange(len(problem.rows))
            keys = [
                key
                for visit in problem.rows[i].visits
                for key in visit.boards
                if key not in problem.bound_keys
            ]
            if not keys:
                continue
            key = self.rng.choice(keys)
            ride = problem.rows[i].ride(key)
            stops = [
                next(v.stop for v in problem.rows[i].visits if key in getattr(v, end))
                for end in ("boards", "alights")
            ]
            rows = list(problem.rows)
            rows[i] = remove_ride(rows[i], key)
            j = self.rng.randrange(len(rows))
            at = self.rng.randint(0, len(rows[j].visits))
            to = self.rng.randint(at, len(rows[j].visits))
            rows[j] = insert_ride(
                rows[j], ride, stops[0], stops[1], Position(at, False), Position(to, False)
            )
            after = total_cost(rows, *args)
            if before is not None and after is not None and after < before:
                changed = tuple((problem.row_ids[k], rows[k]) for k in dict.fromkeys((i, j)))
                result = ImproveResult(problem.plan_version, changed, before, after)
                for proposal in proposals_of(self.state, ask, result, self.now_s):
                    self._hear_proposal(proposal)
                return

    def _hand_over(
        self,
        tails: list[list[tuple[int, list[str], list[str]]]],
        tail: list[tuple[int, list[str], list[str]]],
        key: str,
    ) -> None:
        pickup = next(visit for visit in tail if key in visit[1])
        dropoff = next((visit for visit in tail if key in visit[2]), None)
        if dropoff is None:
            return
        pickup[1].remove(key)
        dropoff[2].remove(key)
        tail[:] = [visit for visit in tail if visit[1] or visit[2]]
        other = self.rng.choice(tails)
        at = self.rng.randint(0, len(other))
        to = self.rng.randint(at, len(other))
        other.insert(to, (dropoff[0], [], [key]))
        other.insert(at, (pickup[0], [key], []))

    def _hear_proposal(self, event: PlanProposed) -> None:
        before = {s.id: (s.route_version, s.row) for s in self.state.shuttles.values()}
        self.submit(event)
        adopted = any(before[s.id][1] != s.row for s in self.state.shuttles.values())
        self.happened["proposal adopted" if adopted else "proposal ignored"] += 1

    # Looking at what came of it

    def ends(self) -> dict[TripState, int]:
        counts: dict[TripState, int] = {}
        for status in self.status.values():
            counts[status.state] = counts.get(status.state, 0) + 1
        return counts

    def replay(self) -> list[tuple[Decision, ...]]:
        state = new_state(self.site)
        return [step(state, event)[1] for event in self.journal]
