"""Acknowledgements leave in the order in which the messages came."""

from random import Random

import pytest

from dispatcher.mqtt_messages import AckWindow, Message


class Broker:
    def __init__(self) -> None:
        self.acknowledged: list[int] = []
        self.window = AckWindow(lambda mid, qos: self.acknowledged.append(mid))


def test_a_message_waits_for_those_before_it() -> None:
    broker = Broker()
    first, second, third = (broker.window.came(Message("t", b""), mid) for mid in (7, 8, 9))
    second.done()
    assert broker.acknowledged == []
    first.done()
    assert broker.acknowledged == [7, 8]
    assert len(broker.window) == 1
    third.done()
    assert broker.acknowledged == [7, 8, 9]


def test_messages_without_acknowledgement_hold_up_nothing() -> None:
    broker = Broker()
    fleeting = broker.window.came(Message("t", b"", qos=0), 0)
    broker.window.came(Message("t", b""), 1).done()
    assert broker.acknowledged == [1]
    fleeting.done()
    assert broker.acknowledged == [1]


def test_once_the_connection_has_ended_nothing_is_acknowledged() -> None:
    broker = Broker()
    arrivals = [broker.window.came(Message("t", b""), mid) for mid in range(3)]
    broker.window.close()
    assert all(arrival.lost for arrival in arrivals)
    for arrival in arrivals:
        arrival.done()
    assert broker.acknowledged == []


@pytest.mark.parametrize("seed", range(20))
def test_in_whatever_order_they_are_done(seed: int) -> None:
    rng, broker = Random(seed), Broker()
    arrivals = [broker.window.came(Message("t", b""), mid) for mid in range(50)]
    done: set[int] = set()
    for mid in rng.sample(range(50), 50):
        arrivals[mid].done()
        done.add(mid)
        # Every one up to the first that is not done, and none beyond.
        first_open = next((n for n in range(50) if n not in done), 50)
        assert broker.acknowledged == list(range(first_open)), seed
