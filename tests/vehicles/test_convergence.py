"""Whatever is lost, repeated or reordered on the way, both sides end with the same day."""

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from vehicle_cases import SHUTTLE, T0, VEHICLE, a_path, a_visit
from vehicle_hardware import PlainChassis, TimetableCabin
from vehicle_talk import told

from dispatcher.domain.events import Event, EventNumber, PlanConfirmed, PlanRefused, VisitCompleted
from dispatcher.domain.ids import NodeId
from dispatcher.domain.plans import (
    PlannedVisit,
    ShuttlePlan,
    StartNode,
    hold_node_id,
    sequence_span,
)
from dispatcher.domain.shuttles import Capacity
from vehicles.agent import OnboardAgent
from vehicles.agent_memory import AgentMemory
from vehicles.agent_voice import AgentSettings
from vehicles.exchange import ConversationRules, Outgoing, Output
from vehicles.messages import Connection, Factsheet, InstantActions, Order, State
from vehicles.protocol import ShuttleConversation

CAPACITY = Capacity(6, 2)
TROUBLE_S = 400.0  # then everything arrives


def a_day(rng: random.Random) -> tuple[list[PlannedVisit], dict[str, float]]:
    """A dozen visits with riders who board and, one to three visits on, get off."""
    trips = [f"t{n}" for n in range(8)]
    count = 12
    tasks: list[list[str]] = [[] for _ in range(count)]
    for trip in trips:
        board = rng.randrange(count - 1)
        alight = min(count - 1, board + rng.randint(1, 3))
        tasks[board].append(f"+{trip}")
        tasks[alight].append(f"-{trip}")
    stops = ["A"]
    for _ in range(count):
        stops.append(rng.choice([s for s in "ABCDE" if s != stops[-1]]))
    visits = [a_visit(f"v{n} {stop} 0 {' '.join(tasks[n])}") for n, stop in enumerate(stops[1:])]
    comes = {trip: rng.uniform(0, 300) for trip in trips if rng.random() < 0.8}
    return visits, comes


@dataclass
class World:
    """A conversation, an agent, a bad line between them and a very small engine."""

    rng: random.Random
    with_restarts: bool
    now: float = float(T0)
    queue: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    counter: "itertools.count[int]" = field(default_factory=itertools.count)
    done: int = 0  # visits completed
    revision: int = 0
    confirmed: int | None = None
    refused: int = 0
    kept: AgentMemory | None = None
    last_event: EventNumber | None = None

    def __post_init__(self) -> None:
        self.visits, comes = a_day(self.rng)
        self.chassis, self.cabin = PlainChassis(), TimetableCabin(comes)
        self.settings = AgentSettings(VEHICLE, CAPACITY)
        self.conversation = ShuttleConversation(VEHICLE, ConversationRules())
        self.conversation.begin_epoch(1)
        self.agent = self.new_agent()
        self.starts = [StartNode(NodeId("start"), 0.0, 0.0, 0)]
        stops = ["A", *(visit.stop_id for visit in self.visits)]
        self.paths = [a_path(a, b) for a, b in itertools.pairwise(stops)]
        for visit, path in zip(self.visits, self.paths, strict=True):
            sequence = self.starts[-1].sequence + sequence_span(path)
            hold = hold_node_id(visit.stop_id)
            self.starts.append(StartNode(hold, visit.x_m, visit.y_m, sequence))

    def new_agent(self) -> OnboardAgent:
        def keep(memory: AgentMemory) -> None:
            self.kept = memory

        return OnboardAgent(self.settings, self.chassis, self.cabin, memory=self.kept, keep=keep)

    # The line

    def later(self, delay_s: float, call: Callable[[], None]) -> None:
        heapq.heappush(self.queue, (self.now + delay_s, next(self.counter), call))

    def carry(self, messages: list[Outgoing], deliver: Callable[[Outgoing], None]) -> None:
        trouble = self.now < T0 + TROUBLE_S
        for message in messages:
            copies = self.rng.choice([0, 1, 1, 1, 2]) if trouble else 1
            for _ in range(copies):
                delay_s = self.rng.uniform(0, 9) if trouble else 0.01
                self.later(delay_s, lambda message=message: deliver(message))

    def to_agent(self, outgoing: Outgoing) -> None:
        match outgoing.message:
            case Order() as order:
                # Some vehicles would run the actions of a repeated node again.
                assert order.nodes[0].actions == ()
                self.from_agent(self.agent.on_order(order, self.now))
            case InstantActions() as actions:
                self.from_agent(self.agent.on_instant_actions(actions, self.now))

    def from_agent(self, said: list[Outgoing]) -> None:
        self.carry(said, self.to_conversation)

    def to_conversation(self, outgoing: Outgoing) -> None:
        match outgoing.message:
            case State() as state:
                self.take(self.conversation.on_state(state, self.now))
            case Connection() as connection:
                self.take(self.conversation.on_connection(connection, self.now))
            case Factsheet() as factsheet:
                self.take(self.conversation.on_factsheet(factsheet, self.now))

    # The engine

    def take(self, output: Output) -> None:
        self.carry(list(output.messages), self.to_agent)
        for event in output.events:
            self.events.append(told(event))
            self.last_event = getattr(event, "number", None) or self.last_event
            self.react(event)

    def react(self, event: Event) -> None:
        match event:
            case VisitCompleted(visit_id=visit_id):
                place = [visit.id for visit in self.visits].index(visit_id)
                assert place <= self.done, "a visit was skipped"
                if place == self.done:
                    self.done += 1
                    self.publish()
            case PlanConfirmed(revision=revision):
                self.confirmed = revision
            case PlanRefused():
                self.refused += 1
                self.publish()
            case _ if self.revision == 0:
                self.publish()

    def plan(self) -> ShuttlePlan:
        released = min(1, len(self.visits) - self.done)
        rest = self.visits[self.done :]
        return ShuttlePlan(
            shuttle_id=SHUTTLE,
            order_id="o1",
            revision=self.revision,
            epoch=1,
            made_s=int(self.now),
            start=self.starts[self.done],
            visits=tuple(rest),
            released=released,
            paths=tuple(self.paths[self.done : self.done + released]),
        )

    def publish(self) -> None:
        self.revision += 1
        self.take(self.conversation.publish(self.plan(), self.now))

    # Restarts

    def reboot_agent(self) -> None:
        self.agent = self.new_agent()
        self.from_agent(self.agent.connected(self.now))

    def restart_dispatcher(self) -> None:
        if self.revision == 0:
            return
        self.conversation = ShuttleConversation(VEHICLE, ConversationRules())
        self.conversation.begin_epoch(1)
        self.conversation.resume(
            self.now,
            capacity=CAPACITY,
            plan=self.plan(),
            confirmed=self.confirmed,
            last_event=self.last_event,
        )

    def run(self) -> None:
        self.from_agent(self.agent.connected(self.now))
        if self.with_restarts:
            for _ in range(4):
                self.later(self.rng.uniform(0, TROUBLE_S), self.reboot_agent)
                self.later(self.rng.uniform(0, TROUBLE_S), self.restart_dispatcher)
        for _ in range(20):  # plans that say nothing new are published now and then
            self.later(self.rng.uniform(1, TROUBLE_S), self.publish)
        while self.now < T0 + 3000:
            times = [self.agent.next_due(self.now)]
            due = self.conversation.next_due(self.now)
            times += [] if due is None else [due]
            times += [self.queue[0][0]] if self.queue else []
            self.now = max(self.now, min(times))
            while self.queue and self.queue[0][0] <= self.now:
                heapq.heappop(self.queue)[2]()
            self.from_agent(self.agent.advance(self.now))
            self.take(self.conversation.tick(self.now))
            if self.done == len(self.visits) and self.confirmed == self.revision:
                return
        raise AssertionError("the day does not end")


def outcomes(world: World) -> list[str]:
    """What must have been told of the visits, in order; who rode is the cabin's to say."""
    rode = set(world.cabin.left)
    lines = []
    for visit in world.visits:
        lines.append(f"arrived {visit.id}")
        riders = [task.trip_id for task in visit.alights if task.trip_id in rode]
        lines += [f"alighted {visit.id} {trip_id}" for trip_id in riders]
        for task in visit.boards:
            word = "boarded" if task.trip_id in rode else "not there"
            lines.append(f"{word} {visit.id} {task.trip_id}")
        lines.append(f"completed {visit.id}")
    return lines


def about_visits(world: World) -> list[str]:
    words = ("arrived", "boarded", "alighted", "not there", "completed")
    return [line for line in world.events if line.startswith(words)]


@pytest.mark.parametrize("seed", range(25))
def test_a_bad_line_changes_nothing_but_the_time(seed: int) -> None:
    world = World(random.Random(seed), with_restarts=False)
    world.run()
    told_lines = about_visits(world)
    # Within a visit, what ends first is told first; everything is told exactly once.
    assert Counter(told_lines) == Counter(outcomes(world))
    steps = [line for line in told_lines if line.startswith(("arrived", "completed"))]
    assert steps == [line for line in outcomes(world) if line in set(steps)]
    assert world.refused == 0
    assert set(world.cabin.began) >= set(world.cabin.left)


@pytest.mark.parametrize("seed", range(100, 125))
def test_restarts_on_both_sides_lose_nothing(seed: int) -> None:
    world = World(random.Random(seed), with_restarts=True)
    world.run()
    # A restarted dispatcher may tell again that a visit was reached or done, and never anything
    # else. What happened to riders has its number, and is told exactly once.
    assert set(about_visits(world)) == set(outcomes(world))
    riders = ("boarded", "alighted", "not there")
    once = [line for line in outcomes(world) if line.startswith(riders)]
    assert Counter(line for line in about_visits(world) if line.startswith(riders)) == Counter(once)
    # An order of the old dispatcher that was still on its way can make one of the new one
    # not fit; that is refused, and the next plan goes on from where the vehicle is.
    assert world.refused <= 4
