"""One history: everything that lives in it, what befalls it, and what is checked."""

import asyncio
import random
from collections.abc import Callable
from typing import Final

from dispatcher.domain.events import (
    Event,
    ShuttleHeld,
    ShuttleReleased,
    ShuttleSent,
    StreetsClosed,
    StreetsOpened,
    TripMoved,
)
from dispatcher.domain.ids import CommandId, EdgeId, OperatorId, ShuttleId, TripId
from dispatcher.domain.shuttles import Capacity
from dispatcher.domain.trips import ENDS
from dispatcher.domain.zone import StopKind
from dispatcher.journal.store_checks import REQUIRED_SETTINGS
from dispatcher.queue_readings import QUEUES
from simulator.concourse import REACH_M, Concourse, Traveller
from simulator.faultsim.broker import Publication, SimBroker
from simulator.faultsim.clock import START_S
from simulator.faultsim.dispatcher_node import SETTINGS, DispatcherNode
from simulator.faultsim.district import CLOSABLE, the_site
from simulator.faultsim.history import Counts, Trace
from simulator.faultsim.loop import Outside, SimLoop
from simulator.faultsim.phones import CLIENT_ID, CityDemand, Phones
from simulator.faultsim.plan import Fault, FaultPlan, Strike
from simulator.faultsim.replaying import check_places, check_replay
from simulator.faultsim.shuttle_node import ShuttleNode
from simulator.faultsim.solver import SimSearcher
from simulator.faultsim.store import SimStore
from simulator.faultsim.watch import Watch
from vehicles.agent_memory import AgentMemory

OPERATOR: Final = OperatorId("op")
RESTART_S: Final = (1.0, 12.0)
_AFTERMATH_S: Final = 60.0  # so long after a trouble, riders may still not have been told
_RIDERS: Final = "ringmaster/v1/"


class WatchedConcourse(Concourse):
    """The physical world, with a note of who gets in and out."""

    def __init__(self) -> None:
        super().__init__()
        self.since_s: dict[TripId, float] = {}
        self.now: Callable[[], float] = lambda: 0.0
        self.on_board: Callable[[str, str, float], None] = lambda trip, shuttle, at_s: None
        self.on_leave: Callable[[str, float, bool], None] = lambda trip, at_s, set_down: None

    def stand(self, trip_id: TripId, traveller: Traveller, x_m: float, y_m: float) -> None:
        self.on_leave(trip_id, self.now(), False)
        self.since_s[trip_id] = self.now()
        super().stand(trip_id, traveller, x_m, y_m)

    def leave(self, trip_id: TripId) -> None:
        self.since_s.pop(trip_id, None)
        self.on_leave(trip_id, self.now(), False)
        super().leave(trip_id)

    def settled(
        self, trip_id: TripId, shuttle_id: ShuttleId, begins_s: float, ends_s: float
    ) -> None:
        self.since_s.pop(trip_id, None)
        self.on_board(trip_id, shuttle_id, begins_s)
        super().settled(trip_id, shuttle_id, begins_s, ends_s)

    def sets_down(
        self, trip_id: TripId, shuttle_id: ShuttleId, x_m: float, y_m: float, out_s: float
    ) -> None:
        self.on_leave(trip_id, out_s, True)
        super().sets_down(trip_id, shuttle_id, x_m, y_m, out_s)

    def shuttle_of(self, trip_id: str) -> str | None:
        found = self._aboard.get(TripId(trip_id))
        return None if found is None else found[0]


class City:
    """Call ``live`` once, in the loop."""

    def __init__(self, loop: SimLoop, plan: FaultPlan, counts: Counts, trace: Trace) -> None:
        self.loop = loop
        self.plan = plan
        self.counts = counts
        self.trace = trace
        self.outside = Outside(loop)
        self.site = the_site()
        seed = plan.seed
        self.rng = random.Random(f"{seed}/city")
        self._operator_rng = random.Random(f"{seed}/operator")
        self._commands = 0  # given
        self.store = SimStore(self.outside, random.Random(f"{seed}/store"))
        self.broker = SimBroker(self.outside, random.Random(f"{seed}/broker"))
        self.watch = Watch(self.now, START_S, counts, self._is_excused)
        self.concourse = WatchedConcourse()
        self.dispatchers: list[DispatcherNode] = []
        self.shuttles = [self._make_shuttle(number) for number in range(plan.shuttles)]
        self.digests: dict[int, str] = {}
        self.payloads: list[bytes] = []
        self.erased_s: dict[int, float] = {}  # by position of the request
        demand = CityDemand(
            self.site.zone,
            seed,
            plan.riders_per_hour,
            None,
            plan.shares,
            never_answer=plan.never_answer,
        )
        self.phones = Phones(
            loop, self.outside, self.broker, demand, self.concourse, self._on_document
        )
        self._capacities = {node.shuttle_id: node.capacity for node in self.shuttles}
        self._arrived: set[str] = set()
        self._troubles: list[tuple[float, float]] = []
        self._no_leader_since: float | None = 0.0
        self._kill_at_effect: int | None = None
        self._hostile = True
        self._connect()

    def now(self) -> float:
        return START_S + self.loop.time()

    async def live(self) -> None:
        """The hostile phase, the quiet phase, and the last checks."""
        self._start_dispatcher()
        for number, node in enumerate(self.shuttles):
            self.outside.call_later(0.2 * number, node.boot)
        self.phones.start()
        self.outside.call_at(20.0, self.phones.crowd.start)
        self._set_rates()
        for strike in self.plan.strikes:
            self.outside.call_at(strike.at_s, self._strike, strike)
        self.outside.call_at(self.plan.operator_every_s, self._operate)
        self.outside.call_at(self.plan.operator_every_s / 4, self._rearrange)
        ticking = self.outside.spawn(self._tick())
        await asyncio.sleep(self.plan.hostile_s)
        self._calm_down()
        await asyncio.sleep(self.plan.quiet_s)
        ticking.cancel()
        self._check_end()

    # Wiring

    def _connect(self) -> None:
        self.store.twin.on_record = self._on_record
        self.store.twin.on_epoch = self._on_epoch
        self.store.twin.on_erase = self._on_erase
        self.store.on_effect = self._on_effect
        self.broker.on_effect = self._on_effect
        self.broker.on_publish = self._on_publish
        self.concourse.arrived = self._on_arrived
        self.concourse.stands = self._stands
        self.concourse.now = self.now
        self.concourse.on_board = self._on_board
        self.concourse.on_leave = self._on_leave

    def _make_shuttle(self, number: int) -> ShuttleNode:
        stops = [stop for stop in self.site.zone.stops if stop.kind is not StopKind.DEPOT]
        return ShuttleNode(
            self.loop,
            self.outside,
            self.broker,
            self.concourse,
            number,
            stops[(number * 3) % len(stops)],
            Capacity(self.plan.seats, 1),
            self.plan.seed,
            self._on_keep,
        )

    def _on_record(self, position: int, epoch: int, payload: bytes) -> None:
        self.trace.note("record", str(position), payload)
        self.payloads.append(payload)
        self.watch.journal.on_record(position, epoch, payload)

    def _on_erase(self, position: int) -> None:
        self.trace.note("erase", str(position), b"")
        self.erased_s[position] = self.now()
        self.counts.note("place erased")

    def _on_epoch(self, epoch: int, run: bytes) -> None:
        self.trace.note("epoch", f"{epoch}", run)
        self.watch.on_epoch(epoch, run.decode())

    def _on_publish(self, client_id: str, publication: Publication) -> None:
        self.trace.note("publish", f"{client_id} {publication.topic}", publication.payload)
        topic = publication.topic
        _, _, of_rider = topic.partition("/rider/")
        if not topic.startswith(_RIDERS) or not of_rider or not publication.payload:
            return
        rider, _, what = of_rider.partition("/")
        if what == "request":
            self.watch.on_request(rider)
        elif what == "error" or what.startswith("trip/"):
            self.watch.on_answer(rider)
        if what.startswith("trip/"):
            self.watch.on_status(topic, publication.payload)

    def _on_keep(self, node: ShuttleNode, memory: AgentMemory) -> None:
        self.watch.on_keep(node, memory)

    def _on_board(self, trip: str, shuttle: str, begins_s: float) -> None:
        self.trace.note("board", f"{trip} {shuttle}")
        capacity = self._capacities[ShuttleId(shuttle)]
        self.watch.on_board(trip, shuttle, begins_s, (capacity.seats, capacity.wheelchairs))

    def _on_leave(self, trip: str, at_s: float, set_down: bool) -> None:
        shuttle = self.concourse.shuttle_of(trip)
        if shuttle is not None and not set_down:
            self.trace.note("walk off", f"{trip} {shuttle}")
            self.counts.note("walked off")
        if set_down:
            self.trace.note("set down", trip)
            self._arrived.add(trip)
        self.watch.on_leave(trip, None, at_s, set_down=set_down)

    def _stands(self, shuttle_id: ShuttleId) -> bool:
        node = next(node for node in self.shuttles if node.shuttle_id == shuttle_id)
        return node.chassis.pose(self.now()).speed_mps == 0

    def _on_arrived(self, x_m: float, y_m: float) -> None:
        for node in self.shuttles:
            x, y = node.position_m(self.now())
            if abs(x - x_m) <= REACH_M and abs(y - y_m) <= REACH_M:
                node.look()

    def _on_document(self, topic: str, payload: bytes) -> None:
        self.trace.note("phone", topic, payload)
        if "/trip/" in topic:
            self.watch.on_document(
                payload,
                self.now(),
                lambda trip: self.concourse.since_s.get(TripId(trip)),
                self.concourse.shuttle_of,
            )
        else:
            self.counts.note("problem told")

    # Dispatchers

    @property
    def leader(self) -> DispatcherNode | None:
        """The one that believes it leads; the newest, if two do."""
        alive = [node for node in self.dispatchers if node.is_leading]
        return alive[-1] if alive else None

    def _start_dispatcher(self) -> None:
        number = len(self.dispatchers) + 1
        searcher = SimSearcher(
            random.Random(f"{self.plan.seed}/solver/{number}"),
            lambda: self.plan.faults if self._hostile else frozenset(),
            self.counts,
        )
        self.trace.note("start", f"D{number}")
        node = DispatcherNode(
            self.loop,
            self.outside,
            self.store,
            self.broker,
            self.site,
            searcher,
            number,
            self._on_dispatcher_end,
            self.watch.on_send,
        )
        self.dispatchers.append(node)

    def _on_dispatcher_end(self, node: DispatcherNode) -> None:
        how = node.ended or "killed"
        self.trace.note("end", node.name, how)
        self.counts.note(f"dispatcher {how.partition(':')[0]}")
        if node.failure is not None:
            self.watch.violate("dispatcher_lives", f"{node.name} {how}", how)
        if not any(other.process.alive and other.ended is None for other in self.dispatchers):
            self.outside.call_later(self.rng.uniform(*RESTART_S), self._replace_dispatcher)

    def _has_standby(self) -> bool:
        return sum(node.process.alive and node.ended is None for node in self.dispatchers) > 1

    def _replace_dispatcher(self) -> None:
        if not any(node.process.alive and node.ended is None for node in self.dispatchers):
            self._start_dispatcher()

    def _on_effect(self, boundary: str) -> None:
        if self._kill_at_effect is None:
            return
        self._kill_at_effect -= 1
        if self._kill_at_effect <= 0:
            self._kill_at_effect = None
            leader = self.leader
            if leader is not None:
                self.trace.note("kill", leader.name, boundary)
                self.counts.note(Fault.DISPATCHER_KILLED_AT_EFFECT)
                self.counts.note(f"killed at {boundary}")
                leader.process.kill()

    # Faults

    def _set_rates(self) -> None:
        rates = {
            fault: rate if self._hostile and fault in self.plan.faults else 0.0
            for fault, rate in self.plan.rates.items()
        }
        broker, store = self.broker.trouble, self.store.trouble
        broker.lost = rates[Fault.MESSAGE_LOST]
        broker.repeated = rates[Fault.MESSAGE_REPEATED]
        broker.late = rates[Fault.MESSAGE_LATE]
        store.cut_before = store.cut_after = rates[Fault.STORE_ANSWER_LOST]
        store.late = rates[Fault.STORE_LATE_WRITE]
        store.refused = rates[Fault.STORE_REFUSES]
        store.slow = rates[Fault.STORE_SLOW]
        if any(rates.values()):
            self._troubles.append((0.0, self.plan.hostile_s))

    def _left_by_hand(self, pick: float) -> tuple[float, float] | None:
        """Where a person leaves a shuttle: where it is, at a stop, or near one."""
        stops = self.site.zone.stops
        where = pick * len(self.shuttles) % 1.0
        if where < 0.3:
            return None
        stop = stops[int(where * 1000) % len(stops)]
        return stop.x_m, stop.y_m + (0.0 if where < 0.7 else 30.0)

    def _strike(self, strike: Strike) -> None:
        fault, pick, lasts_s = strike.fault, strike.pick, strike.lasts_s
        self.trace.note("strike", fault, f"{pick:.6f} {lasts_s:.3f}")
        leader = self.leader
        later = self.outside.call_later
        node = self.shuttles[int(pick * len(self.shuttles))]
        struck = True
        match fault:
            case Fault.LINK_CUT:
                self.broker.cut(self._whose_link(pick))
            case Fault.LINK_HALF_OPEN:
                self.broker.half_open(self._whose_link(pick), lasts_s)
            case Fault.BROKER_RESTART | Fault.BROKER_AMNESIA if self.broker.up:
                self.broker.stop()
                forgets = fault is Fault.BROKER_AMNESIA
                later(lasts_s, lambda: self.broker.start(forgets=forgets))
            case Fault.STORE_RESTART if self.store.up:
                self.store.stop()
                later(lasts_s, self.store.start)
            case Fault.STORE_PAUSE if self.store.up:
                self.store.pause()
                later(lasts_s, self.store.resume)
            case Fault.STORE_WRONG_SETTINGS:
                self.store.twin.settings["appendfsync"] = "everysec"
                later(lasts_s, self._put_settings_right)
            case Fault.DISPATCHER_KILLED if leader is not None:
                leader.process.kill_after(1 + int(pick**3 * 3000))
            case Fault.DISPATCHER_KILLED_AT_EFFECT:
                self._kill_at_effect = 1 + int(pick * 30)
                return  # counted when it happens
            case Fault.DISPATCHER_PAUSED if leader is not None:
                leader.pause(lasts_s)
            case Fault.TWO_DISPATCHERS if leader is not None:
                leader.pause(lasts_s)
                if not self._has_standby():
                    later(lasts_s * (0.2 + 0.6 * pick), self._start_dispatcher)
            case Fault.LEADER_CUT_OFF if leader is not None:
                leader.pool.cut_off = True
                later(lasts_s, self._reach_store, leader)
                if not self._has_standby():
                    self._start_dispatcher()
            case Fault.SHUTTLE_REBOOT if node.is_on:
                node.reboot(lasts_s)
            case Fault.SHUTTLE_SILENT:
                self.broker.half_open(node.client_id, lasts_s)
            case Fault.SHUTTLE_FAULT if not node.broken:
                node.break_down(lasts_s)
                self.counts.note(fault)
                return  # the dispatcher knows at once: nobody is excused
            case Fault.SHUTTLE_BY_HAND if not node.by_hand:
                node.take_over(lasts_s, self._left_by_hand(pick))
                self.counts.note(fault)
                return  # as above
            case Fault.CLOCK_JUMP if leader is not None:
                leader.clock.offset_s = 120.0 * (pick - 0.5)
                later(lasts_s, lambda: self._put_clock_right(leader))
            case _:
                struck = False
        if struck:
            self.counts.note(fault)
            self._troubles.append((self.loop.time(), self.loop.time() + lasts_s))

    def _whose_link(self, pick: float) -> str:
        prefix = f"{SETTINGS.mqtt.client_id}-{self.site.zone.id}"
        ids = [f"{prefix}-riders", f"{prefix}-shuttles", CLIENT_ID]
        ids += [node.client_id for node in self.shuttles]
        return ids[int(pick * len(ids))]

    def _put_settings_right(self) -> None:
        self.store.twin.settings.update(REQUIRED_SETTINGS)

    def _reach_store(self, node: DispatcherNode) -> None:
        node.pool.cut_off = False

    def _put_clock_right(self, node: DispatcherNode) -> None:
        node.clock.offset_s = 0.0

    def _calm_down(self) -> None:
        """From now on nothing goes wrong, and what did is put right."""
        self.trace.note("quiet", "city")
        self._hostile = False
        self._kill_at_effect = None
        self._set_rates()
        self._put_settings_right()
        self.phones.crowd.stop_asking()
        for node in self.dispatchers:
            node.clock.offset_s = 0.0
            node.pool.cut_off = False

    def _is_excused(self, at_s: float) -> bool:
        """Whether something was or had just been wrong that keeps riders from being told."""
        moment = at_s - START_S
        return any(begun <= moment <= ended + _AFTERMATH_S for begun, ended in self._troubles)

    # Operators

    def _operate(self) -> None:
        """Close a street or hold a shuttle, and take it back a while later."""
        if not self._hostile:
            return
        lasts_s = self.rng.uniform(*self.plan.orders_last_s)
        if self.rng.random() < 0.6:
            edges = (EdgeId(self.rng.choice(CLOSABLE)),)
            self.counts.note("street closed")
            self._order(StreetsClosed(0, OPERATOR, edges, (), "works"))
            undo: Event = StreetsOpened(0, OPERATOR, edges, ())
        else:
            shuttle_id = self.rng.choice(self.shuttles).shuttle_id
            self.counts.note("shuttle held")
            self._order(ShuttleHeld(0, OPERATOR, shuttle_id, "look"))
            undo = ShuttleReleased(0, OPERATOR, shuttle_id)
        self.outside.call_later(lasts_s, self._order, undo)
        self.outside.call_later(self.plan.operator_every_s, self._operate)

    def _rearrange(self) -> None:
        """Move some trip, or send some shuttle to a stop, whether that can be or not.

        Given until it is known to be taken, so at times twice: by its id that is harmless.
        """
        if not self._hostile:
            return
        rng, command_id = self._operator_rng, CommandId(f"c{self._commands}")
        self._commands += 1
        shuttle_id = rng.choice(self.shuttles).shuttle_id
        dispatcher = self.leader.dispatcher if self.leader is not None else None
        state = None if dispatcher is None else dispatcher.service.core.state
        trips = [] if state is None else [k for k, t in state.trips.items() if t.state not in ENDS]
        if trips and rng.random() < 0.7:
            to = None if rng.random() < 0.5 else shuttle_id
            self._order(TripMoved(0, OPERATOR, rng.choice(trips), to, "asked for", command_id))
            self.counts.note("trip moved by operator")
        else:
            stop_id = rng.choice(self.site.zone.stops).id
            self._order(ShuttleSent(0, OPERATOR, shuttle_id, stop_id, "a match ends", command_id))
            self.counts.note("shuttle sent by operator")
        self.outside.call_later(self.plan.operator_every_s / 4, self._rearrange)

    def _order(self, event: Event) -> None:
        self.outside.spawn(self._until_taken(event))

    async def _until_taken(self, event: Event) -> None:
        """An operator tries again until the console shows that it was taken."""
        while True:
            leader = self.leader
            if leader is not None and leader.dispatcher is not None and not leader.process.paused:
                work = leader.process.spawn(leader.dispatcher.service.submit_event(event))
                for _ in range(20):
                    await asyncio.sleep(0.5)
                    if work.done():
                        break
                if work.done() and work.exception() is None:
                    return
            await asyncio.sleep(2.0)

    # Checks

    async def _tick(self) -> None:
        saved_s = 0.0
        while True:
            await asyncio.sleep(1.0)
            self._look_at_leaders()
            self.watch.check_boards(
                self.shuttles, {n.shuttle_id for n in self.shuttles if self._may_board(n)}
            )
            if self.broker.up and self.loop.time() - saved_s > 60.0:
                saved_s = self.loop.time()
                self.broker.save()

    def _look_at_leaders(self) -> None:
        now = self.loop.time()
        leader = self.leader
        if leader is None and self._no_leader_since is None:
            self._no_leader_since = now
        elif leader is not None and self._no_leader_since is not None:
            self._troubles.append((self._no_leader_since, now))
            self._no_leader_since = None
        for node in self.dispatchers:
            if node.is_leading and node.dispatcher is not None:
                core = node.dispatcher.service.core
                self.digests[core.position] = core.digest
                self._check_queues(node)

    def _check_queues(self, node: DispatcherNode) -> None:
        assert node.dispatcher is not None
        for queue in QUEUES:
            length, bound = queue.size(node.dispatcher), queue.bound(node.dispatcher)
            if length > bound:
                self.watch.violate(
                    "queues_bounded", f"{queue.name} holds {length} of {bound}", queue.name
                )

    def _may_board(self, node: ShuttleNode) -> bool:
        if not node.is_on or node.agent is None:
            return False
        doorway = node.agent._doorway(self.now())  # noqa: SLF001 - no message says it
        return doorway.barred is None and doorway.open_since_s is not None

    def _check_end(self) -> None:
        watch = self.watch
        watch.check_end(self.now(), self._arrived)
        leader = self.leader
        if leader is None:
            watch.violate("dispatcher_lives", "nobody leads at the end")
        live = None
        if leader is not None and leader.dispatcher is not None:
            live = leader.dispatcher.service.core
        core = check_replay(self.site, self.payloads, self.digests, live, watch)
        for status in core.engine.list_statuses(core.state):
            told = watch.told.get(status.trip_id)
            if told is None or told.newest is None:
                watch.violate("rider_told", f"the rider of {status.trip_id} was told nothing")
            elif told.newest["revision"] != status.revision:
                watch.violate(
                    "rider_told",
                    f"trip {status.trip_id} is {status.state}, "
                    f"but the rider was last told {told.newest['state']}",
                    status.trip_id,
                )
        jump = Fault.CLOCK_JUMP in self.plan.faults
        check_places(self.payloads, core, self.erased_s, self.now(), watch, clocks_jump=jump)
        plans = {plan.shuttle_id: plan for plan in core.engine.list_plans(core.state)}
        for node in self.shuttles:
            plan, memory = plans.get(node.shuttle_id), node.memory
            if plan is None or node.client_id in self.broker.unreachable:
                continue
            if (memory.order_id, memory.order_update_id) != (plan.order_id, plan.revision):
                watch.violate(
                    "newest_plan_arrives",
                    f"{node.shuttle_id} has {memory.order_id} {memory.order_update_id}, "
                    f"not {plan.order_id} {plan.revision}",
                )
            if memory.epoch != watch.journal.epoch:
                watch.violate(
                    "shuttles_fenced",
                    f"{node.shuttle_id} obeys epoch {memory.epoch} in epoch {watch.journal.epoch}",
                    "",
                )
            if memory.paused:
                watch.violate("hold_ends", f"{node.shuttle_id} is still held", node.shuttle_id)
        for failure in self.loop.failures:
            watch.violate("dispatcher_lives", failure, failure)
        self._count_workload()

    def _count_workload(self) -> None:
        for kind, times in self.watch.journal.event_types.items():
            self.counts.note(f"event {kind}", times)
        self.counts.note("pre-booked", len(self.watch.journal.pre_booked))
        for told in self.watch.told.values():
            for _, document in told.documents:
                refusal = document.get("refusal")
                if refusal is not None:
                    self.counts.note(f"refused {refusal['code']}")
                    break
            if told.newest is not None and told.newest.get("breach") is not None:
                self.counts.note(f"breach {told.newest['breach']['cause']}")
        broker, store = self.broker.counts, self.store.counts
        for name in ("lost", "repeated", "late", "overtaken", "takeovers", "wills", "redelivered"):
            self.counts.note(f"message {name}", getattr(broker, name))
        for name in ("answers_lost", "never_came", "came_late", "slowed", "refused", "late_writes"):
            self.counts.note(f"store {name}", getattr(store, name))
