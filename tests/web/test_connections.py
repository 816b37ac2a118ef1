"""Connections are counted by where they come from."""

import pytest
from structlog.testing import capture_logs

from dispatcher.web.connections import TELL_EVERY_S, Connections


def test_one_place_has_a_quarter_until_some_leave() -> None:
    connections = Connections(20)
    assert [connections.enter("192.0.2.7") for _ in range(6)] == [True] * 5 + [False]
    assert connections.enter("198.51.100.9")
    connections.leave("192.0.2.7")
    assert [connections.enter("192.0.2.7") for _ in range(2)] == [True, False]


def test_a_network_of_ipv6_is_one_place() -> None:
    connections = Connections(20)
    assert sum(connections.enter(f"2001:db8:1:2::{n:x}") for n in range(20)) == 5
    assert connections.enter("2001:db8:1:3::1")
    assert sum(connections.enter("::ffff:192.0.2.7") for _ in range(3)) == 3
    assert sum(connections.enter("192.0.2.7") for _ in range(3)) == 2  # the same place


@pytest.mark.parametrize("proxies", [("10.0.0.1",), ("10.0.0.0/8",), ("*",)])
def test_a_proxy_may_have_all(proxies: tuple[str, ...]) -> None:
    connections = Connections(20, proxies)
    assert all(connections.enter("10.0.0.1") for _ in range(20))
    assert not connections.are_too_many
    assert connections.enter("10.0.0.1")
    assert connections.are_too_many


def test_that_it_is_crowded_is_said_once_a_minute() -> None:
    now_s = 0.0
    connections = Connections(20, monotonic=lambda: now_s)
    with capture_logs() as logs:
        for _ in range(10):
            connections.enter("192.0.2.7")
        now_s = TELL_EVERY_S
        connections.enter("192.0.2.7")
    assert [(log["event"], log["source"], log["of_source"]) for log in logs] == [
        ("http_crowded", "192.0.2.7", 5)
    ] * 2
