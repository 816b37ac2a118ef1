"""Metrics count what was decided, health tells the truth, log lines carry their subject."""

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Literal

import pytest
import structlog
from service_fakes import a_request

from dispatcher.core import Applied
from dispatcher.domain.decisions import (
    AlertKind,
    OperatorAlerted,
    PlanPublished,
    TripChanged,
)
from dispatcher.domain.events import (
    Event,
    PlanConfirmed,
    RiderAlighted,
    RiderBoarded,
)
from dispatcher.domain.ids import NodeId, RequestId, RiderId, ShuttleId, StopId, TripId, VisitId
from dispatcher.domain.plans import ShuttlePlan, StartNode
from dispatcher.domain.trips import (
    Breach,
    BreachCause,
    Party,
    Promise,
    Refusal,
    RefusalReason,
    TripState,
    TripStatus,
)
from dispatcher.riders.problems import ProblemCode
from dispatcher.riders.topics import RiderTopic
from dispatcher.telemetry.decision_log import log_decisions
from dispatcher.telemetry.health import (
    BrokerHealth,
    HealthReport,
    ImproverReport,
    JournalHealth,
    ShuttleHealth,
)
from dispatcher.telemetry.logs import set_up_logs
from dispatcher.telemetry.metrics import Metrics, Reading
from dispatcher.telemetry.probe_server import Answer, ProbeServer

S1, V1, T1 = ShuttleId("acme:s1"), VisitId("v1"), TripId("t1")
STATUS = TripStatus(T1, RiderId("ana"), RequestId("q1"), TripState.OFFERED, 1, 1_000)
PROMISE = Promise(StopId("A"), StopId("B"), 1_000, 1_300, 2_000, Party())


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"ringmaster_{name}", labels)


def happened(metrics: Metrics, event: Event | None, *decisions: Any) -> None:
    metrics.on_applied(Applied(1, event, decisions))


def test_wait_and_ride_are_counted_once() -> None:
    metrics = Metrics()
    happened(metrics, a_request(1, at_s=1_000), TripChanged(STATUS))
    boarded = RiderBoarded(1_240, S1, V1, T1)
    happened(metrics, boarded)
    happened(metrics, boarded)
    happened(metrics, RiderAlighted(1_600, S1, V1, T1))
    happened(metrics, RiderAlighted(1_601, S1, V1, T1))
    # Asked at 1,000 for now, aboard at 1,240, off at 1,600.
    assert (value(metrics, "wait_seconds_sum"), value(metrics, "wait_seconds_count")) == (240, 1)
    assert (value(metrics, "ride_seconds_sum"), value(metrics, "ride_seconds_count")) == (360, 1)
    assert value(metrics, "events_total", type="RiderBoarded") == 2
    assert value(metrics, "trips_total", state="offered") == 1


def test_trips_that_end_leave_nothing_behind() -> None:
    metrics = Metrics()
    happened(metrics, a_request(1, at_s=1_000))
    happened(metrics, RiderBoarded(1_240, S1, V1, T1))
    happened(metrics, a_request(2, at_s=1_000))
    for trip in ("t1", "t2"):
        ended = replace(STATUS, trip_id=TripId(trip), state=TripState.ABANDONED)
        happened(metrics, None, TripChanged(ended))
    assert not metrics._departures
    assert not metrics._boarded


def test_refusals_and_breaches_are_counted_by_cause() -> None:
    metrics = Metrics()
    refusal = Refusal(RefusalReason.NO_SEAT, "Full.")
    happened(metrics, None, TripChanged(replace(STATUS, state=TripState.REFUSED, refusal=refusal)))
    breach = Breach(1_000, BreachCause.DELAY, "Late.", PROMISE)
    happened(metrics, None, TripChanged(replace(STATUS, breach=breach)))
    # The next status still carries the breach, which is no second one.
    happened(metrics, None, TripChanged(replace(STATUS, breach=breach, at_s=1_010)))
    assert value(metrics, "refusals_total", reason="NO_SEAT") == 1
    assert value(metrics, "promises_broken_total", cause="delay") == 1


def a_plan(revision: int, made_s: int) -> ShuttlePlan:
    start = StartNode(NodeId("n"), 0.0, 0.0, 0)
    return ShuttlePlan(S1, "o1", revision, 1, made_s, start, (), 0, ())


def test_plans_are_timed_from_made_to_echoed() -> None:
    metrics = Metrics()
    for revision in range(1, 41):
        happened(metrics, None, PlanPublished(a_plan(revision, 1_000 + revision)))
    happened(metrics, PlanConfirmed(1_045, S1, 40))
    happened(metrics, PlanConfirmed(1_046, S1, 40))
    assert value(metrics, "plan_confirm_seconds_sum") == 5
    assert value(metrics, "plan_confirm_seconds_count") == 1
    assert len(metrics._published[S1]) < 40


def test_observers_and_readings_show_on_the_page() -> None:
    metrics = Metrics()
    metrics.readings.append(Reading("inbox", "Events waiting", lambda: {"": 3}))
    metrics.readings.append(
        Reading("drops", "Messages dropped", lambda: {"invalid": 2}, "cause", total=True)
    )
    metrics.message_answered(RiderTopic.REQUEST, None)
    metrics.message_answered(RiderTopic.REQUEST, ProblemCode.INVALID)
    metrics.request_decided(0.004)
    metrics.on_append(0.002, 5)
    page = metrics.answer().body.decode()
    for line in (
        "ringmaster_inbox 3.0",
        'ringmaster_drops_total{cause="invalid"} 2.0',
        'ringmaster_rider_messages_total{kind="request",outcome="taken"} 1.0',
        'ringmaster_rider_messages_total{kind="request",outcome="INVALID"} 1.0',
        'ringmaster_decision_seconds_bucket{le="0.005"} 1.0',
        "ringmaster_journal_append_seconds_count 1.0",
    ):
        assert line in page.splitlines()


@asynccontextmanager
async def serving(pages: dict[str, Any]) -> AsyncIterator[int]:
    server = ProbeServer("127.0.0.1", 0, pages)
    await server.start()
    try:
        yield server.port
    finally:
        await server.close()


async def asked(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def a_report(ok: bool) -> HealthReport:
    return HealthReport(
        ok=ok,
        problems=() if ok else ("the journal's store does not answer",),
        zone="z",
        version="v",
        inbox=0,
        broker=BrokerHealth(riders_connected=True, shuttles_connected=True),
        journal=JournalHealth(
            reachable=ok,
            position=7,
            epoch=2,
            last_snapshot=0,
            set_aside=(),
            replay_differs_at=None,
        ),
        shuttles=ShuttleHealth(heard=3, silent=0),
        improver=ImproverReport(enabled=True, asked=1, improved=0, last="nothing_cheaper"),
    )


@pytest.mark.parametrize(("ok", "status"), [(True, 200), (False, 503)])
async def test_health_over_http(ok: bool, status: int) -> None:
    async with serving({"/healthz": a_report(ok).answer}) as port:
        answer = await asked(port, b"GET /healthz?verbose HTTP/1.1\r\nHost: x\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert f"Content-Length: {len(body)}".encode() in head
    told = json.loads(body)
    assert (told["ok"], told["journal"]["position"]) == (ok, 7)


async def test_the_small_server_is_not_impressed() -> None:
    page = Answer(HTTPStatus.OK, "text/plain", b"hello")
    async with serving({"/metrics": lambda: page}) as port:
        assert b" 404 " in await asked(port, b"GET /etc/passwd HTTP/1.1\r\n\r\n")
        assert b" 405 " in await asked(port, b"POST /metrics HTTP/1.1\r\n\r\n")
        assert (await asked(port, b"HEAD /metrics HTTP/1.1\r\n\r\n")).endswith(b"\r\n\r\n")
        assert await asked(port, b"\x00" * 3 + b"\r\n\r\n") != b""
        # More than it reads: it hangs up, and the next is served.
        with pytest.raises((ConnectionError, AssertionError)):
            assert await asked(port, b"GET /" + b"x" * 100_000) != b""
        assert b"hello" in await asked(port, b"GET /metrics HTTP/1.1\r\n\r\n")


def test_log_lines_carry_event_trip_and_shuttle() -> None:
    stream = io.StringIO()
    set_up_logs("json", "info", stream)
    refused = replace(
        STATUS, state=TripState.REFUSED, refusal=Refusal(RefusalReason.NO_SEAT, "Full.")
    )
    alert = OperatorAlerted(AlertKind.LOW_BATTERY, "Low.", S1)
    log_decisions(Applied(17, a_request(1), (TripChanged(refused), alert)))
    logging.getLogger("aiomqtt").warning("from a library")
    structlog.get_logger().debug("not shown")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == [
        "trip_changed",
        "operator_alerted",
        "from a library",
    ]
    assert (lines[0]["event_number"], lines[0]["trip"], lines[0]["refusal"]) == (
        17,
        "t1",
        "NO_SEAT",
    )
    assert lines[0]["cause"] == "RequestSubmitted"
    assert (lines[1]["shuttle"], lines[1]["level"]) == ("acme:s1", "warning")
    assert "ana" not in stream.getvalue()


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_shows_no_values(form: Literal["json", "console"]) -> None:
    stream = io.StringIO()
    set_up_logs(form, "info", stream)

    def fails(password: str) -> None:
        raise ValueError("it cannot be used")

    try:
        fails("hunter" + "2")
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("asyncio").exception("failed, too")
    text = stream.getvalue()
    assert text.count("it cannot be used") >= 2
    assert "hunter2" not in text


def test_console_lines_are_for_people() -> None:
    stream = io.StringIO()
    set_up_logs("console", "warning", stream)
    structlog.get_logger().info("not shown")
    structlog.get_logger().warning("store_awaited", pause_s=0.4)
    assert "store_awaited" in stream.getvalue()
    assert "pause_s=0.4" in stream.getvalue()
    assert "not shown" not in stream.getvalue()
