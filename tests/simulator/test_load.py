"""The load benchmark: its figures, and a short run with a real broker and a real store."""

from pathlib import Path

import pytest
from servers import Mosquitto, RedisServer

from dispatcher.streets.zones import load_zone
from simulator.load.asking import Asked
from simulator.load.processes import LoadError
from simulator.load.run import LoadPlan, normal_again_s, run_load, times
from simulator.load.viewers import LivePlan, run_live
from simulator.load.watching import Look, growth_pct_per_hour, messages_per_s, share_of_a_core


def look(at: float, cpu_s: float, rss_mb: float, from_shuttles: int) -> Look:
    return Look(at, cpu_s, rss_mb, None, None, 1, from_shuttles)


def test_percentiles_are_of_those_that_came() -> None:
    found = times([0.001 * n for n in range(1, 101)] + [None, None])
    assert found.n == 100
    assert (found.p50_ms, found.p95_ms, found.p99_ms, found.max_ms) == pytest.approx(
        (51, 96, 100, 100)
    )
    assert times([None]).p99_ms is None


def test_a_process_is_judged_by_how_its_looks_differ() -> None:
    looks = [look(0.0, 1.0, 100.0, 0), look(50.0, 11.0, 101.0, 600), look(100.0, 26.0, 102.0, 1000)]
    assert share_of_a_core(looks) == 0.25
    assert messages_per_s(looks) == 10.0
    # 2 MB of 101 in 100 s, 36 times as much in an hour
    assert growth_pct_per_hour(looks) == pytest.approx(36 * 2 / 101 * 100)


def test_service_is_as_usual_from_the_first_step_with_nobody_put_off_and_few_late() -> None:
    over = 100.0

    def asked(at_s: float, received_s: float | None = 0.01, outcome: str = "accepted") -> Asked:
        return Asked(over + at_s, received_s=received_s, outcome=outcome)

    usual = [asked(0.1 * n) for n in range(100)]  # ten seconds, twenty in each step
    assert normal_again_s(usual, over) == 0.0
    assert normal_again_s([*usual, asked(5.0, 0.3)], over) == 0.0  # one in twenty-one
    assert normal_again_s([*usual, asked(5.0, 0.3), asked(5.1, 0.3)], over) == 6.0
    assert normal_again_s([*usual, asked(2.5, None), asked(2.6, None)], over) == 4.0
    assert normal_again_s([*usual, asked(7.0, outcome="TOO_MANY_REQUESTS")], over) == 8.0


@pytest.mark.broker
def test_a_short_load_is_answered(tmp_path: Path) -> None:
    mosquitto, redis = Mosquitto(tmp_path / "mosquitto"), RedisServer(tmp_path / "redis")
    mosquitto.start()
    redis.start()
    zone = load_zone("sejong-5-1")
    plan = LoadPlan(
        zone=zone,
        zone_name="sejong-5-1",
        broker_url=f"mqtt://{mosquitto.host}:{mosquitto.port}",
        store_url=redis.url,
        shuttles=8,
        requests_per_s=4.0,
        warm_up_s=0.0,
        steady_s=4.0,
        burst_s=2.0,
        burst_times=100.0,
        after_burst_s=2.0,
        flood_s=2.0,
        keep=tmp_path / "load",
    )
    figures = run_load(plan)
    steady, burst, *_ = figures.phases
    assert all(phase.unanswered == 0 for phase in figures.phases)
    assert steady.outcomes.get("accepted", 0) > 0
    assert steady.durable.n == steady.requests
    assert steady.plan.n > 0
    assert burst.put_off.n > 0
    assert burst.put_off_without_a_time == 0
    assert figures.flood_sent > 1000
    assert figures.accepted_and_lost == 0


def test_what_does_not_start_is_said(tmp_path: Path) -> None:
    plan = LoadPlan(
        zone=load_zone("sejong-5-1"),
        zone_name="sejong-5-1",
        broker_url="http://nowhere",
        store_url="redis://127.0.0.1:1/0",
        keep=tmp_path,
    )
    with pytest.raises(LoadError, match="has ended"):
        run_load(plan)


@pytest.mark.broker
def test_consoles_see_shuttles_move(tmp_path: Path) -> None:
    mosquitto, redis = Mosquitto(tmp_path / "mosquitto"), RedisServer(tmp_path / "redis")
    mosquitto.start()
    redis.start()
    plan = LivePlan(
        zone_name="sejong-5-1",
        broker_url=f"mqtt://{mosquitto.host}:{mosquitto.port}",
        store_url=redis.url,
        shuttles=6,
        viewers=12,
        for_s=3.0,
        keep=tmp_path / "live",
    )
    figures = run_live(plan)
    assert figures.streams_open == 12
    assert figures.snapshot.n == 12
    # A row for each state that was heard while the consoles watched.
    assert figures.delay.n > 0
    assert figures.rows_per_s > 0
