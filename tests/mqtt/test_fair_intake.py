"""Nobody who talks too much keeps the others waiting, and what is newest is never lost."""

import asyncio
from collections import Counter
from random import Random

import pytest
from service_fakes import turns

from dispatcher.fair_intake import FairIntake, FairQueues, FairRules
from dispatcher.mqtt_messages import AckWindow, Arrival, Message


class Wire:
    """Messages as a link brings them, and which of them were acknowledged."""

    def __init__(self, rules: FairRules | None = None) -> None:
        self.queues = FairQueues(rules or FairRules())
        self.acknowledged: list[int] = []
        self.window = AckWindow(lambda mid, qos: self.acknowledged.append(mid))
        self.mid = 0

    def arrival(self, sender: str, body: str = "", topic: str = "state") -> Arrival:
        self.mid += 1
        return self.window.came(Message(f"u/v2/m/{sender}/{topic}", body.encode()), self.mid)

    def put(self, sender: str, body: str = "", topic: str = "state", now: float = 0.0) -> None:
        self.queues.put(self.arrival(sender, body, topic), now)

    def handle(self, now: float) -> str | None:
        """Take one message, be done with it, and say whose it was and what it said."""
        arrival = self.queues.take(now)
        if arrival is None:
            return None
        arrival.done()
        self.queues.finished(arrival, now)
        return f"{arrival.message.topic.split('/')[3]} {arrival.message.payload.decode()}"

    def handle_all(self, now: float) -> list[str]:
        handled = []
        while (said := self.handle(now)) is not None:
            handled.append(said)
        return handled


def test_senders_have_their_turn_and_each_its_order() -> None:
    wire = Wire()
    for n in range(3):
        wire.put("s1", str(n))
    wire.put("s2", "a")
    wire.put("s2", "b")
    assert wire.handle_all(0.0) == ["s1 0", "s2 a", "s1 1", "s2 b", "s1 2"]
    assert wire.acknowledged == [1, 2, 3, 4, 5]


def test_a_flood_leaves_its_newest_and_costs_the_others_nothing() -> None:
    wire = Wire(FairRules(per_s=10, burst=50, most_waiting=8))
    handled: Counter[str] = Counter()
    # Ten seconds: s1 sends 1,000 a second and s2 to s6 one a second each.
    for ms in range(10_000):
        now = ms / 1000
        wire.put("s1", str(ms), now=now)
        if ms % 1000 == 0:
            for number in range(2, 7):
                wire.put(f"s{number}", str(ms), now=now)
        for said in wire.handle_all(now):
            handled[said.split()[0]] += 1
        assert len(wire.queues) <= 8
        # A message waits for a tenth of a second at most, and so do the acknowledgements of
        # everybody's after it: 100 of s1's and 5 of the others'.
        assert len(wire.window) <= 110
    # 50 at once and 10 a second after that: 50 + 100.
    assert 149 <= handled["s1"] <= 151
    assert [handled[f"s{number}"] for number in range(2, 7)] == [10] * 5
    # Everything but what waits is acknowledged, and the newest is what comes last.
    assert wire.queues.replaced == 10_000 - handled["s1"] - len(wire.queues)
    rest = [said for s in range(20) for said in wire.handle_all(10.0 + s)]
    assert rest[-1] == "s1 9999"
    assert sorted(wire.acknowledged) == list(range(1, wire.mid + 1))


def test_the_oldest_states_are_kept_and_the_newest_takes_the_last_place() -> None:
    wire = Wire(FairRules(most_waiting=3))
    first = wire.queues
    wire.put("s1", "0")
    busy = first.take(0.0)
    assert busy is not None
    for n in range(1, 8):
        wire.put("s1", str(n))
    assert first.take(0.0) is None  # one of a sender at a time
    first.finished(busy, 0.0)
    assert wire.handle_all(0.0) == ["s1 1", "s1 2", "s1 7"]


def test_of_some_topics_only_the_newest_waits() -> None:
    wire = Wire(FairRules(newest_only=frozenset({"connection"})))
    for n in range(5):
        wire.put("s1", f"c{n}", "connection")
        wire.put("s1", f"s{n}")
    assert wire.handle_all(0.0) == ["s1 s0", "s1 s1", "s1 s2", "s1 s3", "s1 c4", "s1 s4"]
    assert wire.queues.replaced == 4


def test_a_sender_over_its_rate_goes_on_when_it_may() -> None:
    wire = Wire(FairRules(per_s=2, burst=1))
    wire.put("s1", "0")
    wire.put("s1", "1")
    assert wire.handle_all(0.0) == ["s1 0"]
    due = wire.queues.next_due()
    assert due == 0.5
    assert wire.handle_all(0.49) == []
    assert wire.handle_all(due) == ["s1 1"]
    assert wire.queues.next_due() is None


def test_senders_are_bounded_and_the_idle_forgotten() -> None:
    wire = Wire(FairRules(most_senders=2))
    wire.put("s1", "0")
    assert wire.handle_all(0.0) == ["s1 0"]
    wire.put("s2", "1")
    wire.put("s3", "2")  # in the place of s1
    wire.put("s4", "3")  # s2 and s3 wait
    assert wire.queues.dropped == 1
    assert wire.handle_all(0.0) == ["s2 1", "s3 2"]
    # Never to be read, so acknowledged: it must not come again for ever.
    assert wire.acknowledged == [1, 2, 3, 4]


def test_after_a_lost_connection_nothing_of_it_waits() -> None:
    wire = Wire(FairRules(per_s=1, burst=1))
    for n in range(3):
        wire.put("s1", str(n))
        wire.put("s2", str(n))
    busy = wire.queues.take(0.0)
    assert busy is not None
    wire.queues.clear()
    assert len(wire.queues) == 0
    assert wire.handle_all(100.0) == []
    wire.queues.finished(busy, 100.0)
    wire.put("s1", "again", now=100.0)
    assert wire.handle_all(100.0) == ["s1 again"]


@pytest.mark.parametrize("seed", range(30))
def test_what_is_said_last_is_handled_last_whatever_happens(seed: int) -> None:
    rng = Random(seed)
    wire = Wire(FairRules(per_s=5, burst=3, most_waiting=rng.randint(1, 4)))
    heard: dict[str, list[int]] = {}
    said: dict[str, int] = {}
    busy: list[Arrival] = []
    now = 0.0

    def take() -> None:
        arrival = wire.queues.take(now)
        if arrival is not None:
            sender = arrival.message.topic.split("/")[3]
            heard.setdefault(sender, []).append(int(arrival.message.payload))
            busy.append(arrival)

    def finish() -> None:
        if busy:
            arrival = busy.pop(rng.randrange(len(busy)))
            arrival.done()
            wire.queues.finished(arrival, now)

    for n in range(500):
        now += rng.random() / 10
        sender = rng.choice("abcd")
        wire.put(sender, str(n), now=now)
        said[sender] = n
        for step in rng.choices((take, finish), k=3):
            step()
    for _ in range(500):
        now += 0.2
        take()
        finish()
    for sender, numbers in heard.items():
        assert numbers == sorted(numbers), seed
        assert numbers[-1] == said[sender], seed
    assert sorted(wire.acknowledged) == list(range(1, wire.mid + 1)), seed


async def test_the_intake_wakes_for_what_comes_and_what_is_finished() -> None:
    wire, intake = Wire(), FairIntake(FairRules())
    getting = asyncio.create_task(intake.get())
    await turns(3)
    assert not getting.done()
    intake.put(wire.arrival("s1", "0"))
    first = await getting
    intake.put(wire.arrival("s1", "1"))
    getting = asyncio.create_task(intake.get())
    await turns(3)
    assert not getting.done()
    intake.finished(first)
    assert (await getting).message.payload == b"1"
