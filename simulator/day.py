"""A service in virtual time: engine, protocol, agents and riders in one process, no MQTT.

The same engine and the same bytes on every wire as in the live service; only the clock and the
wires are simulated. The same zone, seed and settings always give the same day.
"""

import random
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from dispatcher.charging_loop import PLAN_EVERY_S, plan_charging
from dispatcher.core import Applied
from dispatcher.domain.events import Event
from dispatcher.domain.rules import ServiceRules
from dispatcher.domain.zone import Zone
from dispatcher.engine import ServiceState, Site
from dispatcher.engine.proposals import improve_ask, proposals_of
from dispatcher.planning.improver import ImproveResult
from dispatcher.planning.improver.neighbourhoods import improve_by_rounds
from dispatcher.planning.improver.neighbourhoods import prepare as prepare_improver
from dispatcher.streets import Streets
from dispatcher.zone_engine import ZoneEngine
from simulator.concourse import Concourse
from simulator.crowd import Crowd
from simulator.demand import Demand
from simulator.dispatch import VirtualDispatcher
from simulator.energy_book import EnergyBook
from simulator.faults import NO_FAULTS, Mishap, Wire, WireFaults
from simulator.figures import ConfirmWatch, CrowdWatch, Figures, RoadBook, RunFacts, figures_of
from simulator.plugs import ChargerFault
from simulator.rider import TripLog
from simulator.shuttle import ShuttleYard
from simulator.vehicle import FleetPlan
from simulator.wire import WireMessage
from simulator.world import World

_IMPROVER_ROUNDS = 200
_ROAD_NOTE_S = 10.0  # how often odometers are read


@dataclass(frozen=True, slots=True)
class DayPlan:
    """What is simulated. Times are UTC seconds."""

    demand: Demand
    fleet: FleetPlan
    start_s: float
    end_s: float  # nobody asks after this
    drain_s: float = 3600.0  # and so much longer, trips under way may end
    seed: int = 1
    rules: ServiceRules = field(default_factory=ServiceRules)
    wire: WireFaults = NO_FAULTS
    mishaps: Sequence[Mishap] = ()
    plans_charging: bool = True  # from outside the engine, as in live service
    improves_every_s: int = 30  # likewise; 0: never
    charger_faults: Sequence[ChargerFault] = ()
    orders: Sequence[tuple[float, Event]] = ()  # what operators do, and when


@dataclass(frozen=True, slots=True)
class DayResult:
    figures: Figures
    logs: Sequence[TripLog]
    dispatcher: VirtualDispatcher


def simulate(
    plan: DayPlan,
    *,
    on_progress: Callable[[float], None] = lambda now: None,
    watch: Callable[[Applied, ServiceState], None] = lambda applied, state: None,
) -> DayResult:
    """Live through the plan.

    ``on_progress`` hears the time once per simulated minute, ``watch`` of everything decided,
    with the state that came of it.
    """
    began_s = time.perf_counter()
    zone = plan.demand.zone
    site = Site(zone, Streets.of(zone), plan.rules)
    ZoneEngine(site).warm_up()
    world = World(plan.start_s)
    wires = _Wires(world, plan)
    confirms = ConfirmWatch(lambda: world.now)
    crowds = CrowdWatch()

    def listen(applied: Applied) -> None:
        confirms.on_applied(applied)
        crowds.on_applied(applied)
        watch(applied, dispatcher.core.state)

    dispatcher = VirtualDispatcher(
        world,
        site,
        to_rider=lambda message: wires.carry(
            wires.to_riders, lambda: crowd.on_message(message), retained=message.retain
        ),
        to_shuttle=lambda message: wires.carry(wires.to_shuttles, lambda: yard.on_message(message)),
        watch=listen,
    )

    def from_shuttle(message: WireMessage) -> None:
        wires.carry(wires.from_shuttles, lambda: dispatcher.on_shuttle_message(message))

    def from_rider(message: WireMessage) -> None:
        wires.carry(wires.from_riders, lambda: dispatcher.on_rider_message(message))

    concourse = Concourse()
    yard = ShuttleYard(world, zone, plan.fleet, concourse, from_shuttle, seed=plan.seed)
    concourse.arrived = yard.arrived
    crowd = Crowd(world, plan.demand, concourse, from_rider)
    road = RoadBook()
    energy = EnergyBook()

    dispatcher.start()
    yard.start()
    crowd.start()
    _schedule(world, plan, dispatcher, yard)
    _every(world, _ROAD_NOTE_S, lambda: _note_road(world, road, yard))
    _every(world, _ROAD_NOTE_S, lambda: _note_energy(world, energy, yard))
    _every(world, 60.0, lambda: on_progress(world.now))
    if plan.plans_charging:
        _every(world, PLAN_EVERY_S, lambda: _plan_charging(dispatcher))
    if plan.improves_every_s:
        prepare_improver()
        _every(world, plan.improves_every_s, lambda: _improve(dispatcher))
    world.run_until(plan.end_s)
    crowd.stop_asking()
    world.run_until(plan.end_s + plan.drain_s)
    _note_road(world, road, yard)
    _note_energy(world, energy, yard)

    replayed = dispatcher.replayed()
    facts = RunFacts(
        shuttles=len(yard.shuttles),
        simulated_s=plan.end_s + plan.drain_s - plan.start_s,
        wall_s=time.perf_counter() - began_s,
        peak_rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
        decide_s=dispatcher.decide_s,
        confirm_s=confirms.took_s,
        journal_events=dispatcher.core.position,
        replay_identical=replayed.same and replayed.digest == dispatcher.core.digest,
        road=road,
        energy=energy,
        forecast=dispatcher.core.state.forecast.score.figures(),
        stops_crowded=crowds.seen,
        fair_multiple_pct=plan.rules.fair_wait_multiple_pct or 200,
    )
    return DayResult(figures_of(crowd.logs, site.streets, facts), crowd.logs, dispatcher)


def local_time_s(zone: Zone, day: datetime, hour: float) -> float:
    """UTC seconds of an hour of the zone's local day; past 24 it is the next day."""
    midnight = datetime.combine(day.date(), datetime.min.time())
    wall = midnight + timedelta(hours=hour)
    return wall.replace(tzinfo=ZoneInfo(zone.timezone)).timestamp()


def a_weekday() -> datetime:
    """The day that is simulated unless another is asked for."""
    return datetime(2026, 9, 16, tzinfo=UTC)


class _Wires:
    """Four directions, each with its own stream of chance, and latency on all of them."""

    def __init__(self, world: World, plan: DayPlan) -> None:
        self._world = world

        def wire(name: str) -> Wire:
            return Wire(random.Random(f"{plan.seed}/wire/{name}"), plan.wire)

        self.to_riders = wire("to riders")
        self.from_riders = wire("from riders")
        self.to_shuttles = wire("to shuttles")
        self.from_shuttles = wire("from shuttles")

    def carry(self, wire: Wire, arrive: Callable[[], None], *, retained: bool = False) -> None:
        for moment in wire.arrivals(self._world.now, retained=retained):
            self._world.at(moment, arrive)


def _schedule(
    world: World, plan: DayPlan, dispatcher: VirtualDispatcher, yard: ShuttleYard
) -> None:
    for mishap in plan.mishaps:
        shuttle = yard.shuttles[mishap.shuttle]
        world.at(mishap.at_s, partial(shuttle.suffer, mishap))
    for fault in plan.charger_faults:
        world.at(fault.at_s, partial(yard.suffer, fault))
    for at_s, event in plan.orders:
        world.at(at_s, partial(_submit, dispatcher, event))


def _submit(dispatcher: VirtualDispatcher, event: Event) -> None:
    dispatcher.submit(event)


def _plan_charging(dispatcher: VirtualDispatcher) -> None:
    event = plan_charging(dispatcher.core.state, 0)
    if event is not None:
        dispatcher.submit(event)


def _improve(dispatcher: VirtualDispatcher) -> None:
    """Search for better plans, by rounds instead of time, and propose what is found."""
    state = dispatcher.core.state
    ask = improve_ask(state)
    if ask is None:
        return
    found = improve_by_rounds(ask.problem, _IMPROVER_ROUNDS, seed=state.position)
    if isinstance(found, ImproveResult):
        for proposal in proposals_of(state, ask, found, state.now_s):
            dispatcher.submit(proposal)


def _every(world: World, seconds: float, act: Callable[[], None]) -> None:
    def again() -> None:
        act()
        world.after(seconds, again)

    world.after(seconds, again)


def _note_road(world: World, road: RoadBook, yard: ShuttleYard) -> None:
    for shuttle in yard.shuttles:
        vehicle = shuttle.vehicle
        odometer_m = vehicle.chassis.odometer_m(world.now)
        road.note(vehicle.shuttle_id, odometer_m, vehicle.riders_aboard())


def _note_energy(world: World, energy: EnergyBook, yard: ShuttleYard) -> None:
    for shuttle in yard.shuttles:
        vehicle = shuttle.vehicle
        if energy.note(vehicle.shuttle_id, vehicle.chassis, world.now):
            shuttle.run_empty()
    energy.plug_conflicts = yard.plugs.conflicts
    energy.dead_plugs = yard.plugs.in_vain
