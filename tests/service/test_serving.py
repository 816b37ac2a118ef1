"""The whole dispatcher against a real broker and a real store."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from servers import Mosquitto, RedisServer
from typer.testing import CliRunner

from dispatcher.bootstrap import Dispatcher, build
from dispatcher.cli import app
from dispatcher.config import Settings
from dispatcher.domain.events import ShuttleJoined, TripCancelled
from dispatcher.domain.ids import CommandId, OperatorId, ShuttleId, TripId
from dispatcher.domain.rules import ServiceRules
from dispatcher.domain.shuttles import Capacity, DriveMode
from dispatcher.domain.zone import StopKind
from dispatcher.engine import Site
from dispatcher.intake import NotTakenError
from dispatcher.journal import connect_journal
from dispatcher.mqtt import PublishFailed
from dispatcher.operators import CancelTrip, Harm
from dispatcher.readings import add_readings, health_report
from dispatcher.replay import replay
from dispatcher.service import SteppedDownError
from dispatcher.streets import Streets
from dispatcher.streets.zone_file import write_zone
from dispatcher.streets.zones import load_zone

pytestmark = pytest.mark.broker

PATIENCE_S = 60.0  # a bound, not a wait: a first start on a busy machine compiles the kernels
ROOT = "ringmaster/v1/sejong-5-1/rider"


@cache
def the_site() -> Site:
    # Open round the clock, for the tests run at any hour.
    zone = replace(load_zone("sejong-5-1"), opens_s=0, closes_s=24 * 3600)
    return Site(zone, Streets.of(zone), ServiceRules())


class Town:
    """Servers and settings of one test; each dispatcher built is another process in spirit."""

    def __init__(self, mosquitto: Mosquitto, redis: RedisServer, name: str) -> None:
        self.mosquitto = mosquitto
        self.redis_url = f"redis://{redis.host}:{redis.port}/0"
        self.name = name
        self.settings = Settings(
            mqtt={"url": f"mqtt://{mosquitto.host}:{mosquitto.port}", "client_id": name},
            improver={"enabled": False},
            metrics={"enabled": False},
            http={"port": 0},
            auth={"development": True},
        )

    async def dispatcher(self, *, elsewhere: bool = False) -> Dispatcher:
        """One that knows when its predecessor has ended, unless it runs elsewhere."""
        journal = await connect_journal(self.redis_url, self.name)
        knows = {"has_ended": lambda place: False} if elsewhere else {}
        dispatcher = build(self.settings, the_site(), journal, **knows)
        add_readings(dispatcher.metrics, dispatcher)
        return dispatcher


@pytest.fixture
def town(mosquitto: Mosquitto, redis_server: RedisServer, request: pytest.FixtureRequest) -> Town:
    return Town(mosquitto, redis_server, request.node.name[5:32].replace("[", "-"))


@asynccontextmanager
async def serving(town: Town, *, crash: bool = False) -> AsyncIterator[Dispatcher]:
    """A dispatcher until the block ends; a crash leaves no snapshot and tells nobody."""
    dispatcher = await town.dispatcher()
    task = asyncio.create_task(dispatcher.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            await dispatcher.service.started.wait()
            await healthy(dispatcher)
        yield dispatcher
        if not crash:
            dispatcher.service.stop()
            async with asyncio.timeout(PATIENCE_S):
                await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await dispatcher.journal.aclose()


async def comes_true(condition: Callable[[], bool]) -> None:
    """Wait for something that real servers do in their own time."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - nobody in this process could set an event
            await asyncio.sleep(0.005)


async def healthy(dispatcher: Dispatcher) -> None:
    await comes_true(lambda: health_report(the_site(), dispatcher).ok)


class Rider:
    """A rider's device on MQTT 5."""

    def __init__(self, client: aiomqtt.Client, name: str) -> None:
        self._client = client
        self._root = f"{ROOT}/{name}"
        self._heard: list[tuple[str, dict[str, Any], bool]] = []
        self._messages = aiter(client.messages)

    async def listen(self) -> None:
        for below in ("trip/+", "error", "reply"):
            await self._client.subscribe(f"{self._root}/{below}", qos=1)

    async def say(self, kind: str, correlation: bytes | None = None, **fields: Any) -> None:
        properties = Properties(PacketTypes.PUBLISH)
        if correlation is not None:
            properties.ResponseTopic = f"{self._root}/reply"
            properties.CorrelationData = correlation
        body = json.dumps(fields).encode()
        await self._client.publish(f"{self._root}/{kind}", body, qos=1, properties=properties)

    async def hear(self, below: str, **wanted: Any) -> tuple[dict[str, Any], bool]:
        """The first document there with these values, and whether the broker had kept it.

        What is passed over stays to be heard later.
        """
        async with asyncio.timeout(PATIENCE_S):
            for number in count():
                while number >= len(self._heard):
                    message = await anext(self._messages)
                    topic = message.topic.value.removeprefix(f"{self._root}/")
                    document = json.loads(message.payload) if message.payload else {}
                    self._heard.append((topic, document, message.retain))
                topic, document, retained = self._heard[number]
                if topic.startswith(below) and all(document.get(k) == v for k, v in wanted.items()):
                    del self._heard[number]
                    return document, retained
        raise AssertionError("counting ends")


@asynccontextmanager
async def a_rider(town: Town, name: str) -> AsyncIterator[Rider]:
    async with aiomqtt.Client(
        town.mosquitto.host,
        town.mosquitto.port,
        identifier=f"{town.name}-{name}",
        protocol=aiomqtt.ProtocolVersion.V5,
    ) as client:
        rider = Rider(client, f"{town.name}-{name}")
        await rider.listen()
        yield rider


def two_stops() -> dict[str, str]:
    stops = [s for s in the_site().zone.stops if s.kind is StopKind.STOP]
    return {"from": stops[0].id, "to": stops[40].id}


async def a_shuttle(dispatcher: Dispatcher) -> None:
    """As if one had come and said what it is."""
    stop = the_site().zone.stops[0]
    await dispatcher.service.submit_event(
        ShuttleJoined(
            0,
            ShuttleId("acme:s1"),
            Capacity(8, 1),
            stop.x_m,
            stop.y_m,
            90.0,
            DriveMode.AUTOMATIC,
        )
    )


async def test_a_rider_asks_takes_the_offer_and_gives_it_up(town: Town) -> None:
    async with serving(town) as dispatcher, a_rider(town, "ana") as ana:
        await a_shuttle(dispatcher)
        await ana.say("request", b"c1", id="q1", **two_stops())
        offered, _ = await ana.hear("trip/", state="offered")
        assert offered["offers"][0]["promise"]["pickup"]["id"] == two_stops()["from"]
        reply, _ = await ana.hear("reply")
        assert reply == offered
        await ana.say("answer", trip=offered["trip"], accept=True)
        await ana.hear("trip/", state="accepted")
        await ana.say("cancel", b"c2", trip=offered["trip"], reason="rain")
        ended, _ = await ana.hear("trip/", state="cancelled_by_rider")
        assert ended["revision"] > offered["revision"]
        await ana.say("cancel", trip="no-such-trip")
        problem, _ = await ana.hear("error")
        assert problem["code"] == "UNKNOWN_TRIP"
        page = dispatcher.metrics.answer().body.decode()
        assert 'ringmaster_shuttles{status="driving"} 1.0' in page
        assert 'ringmaster_broker_connected{link="riders"} 1.0' in page


async def test_a_crash_loses_nothing_that_was_acknowledged(town: Town) -> None:
    async with a_rider(town, "ana") as ana:
        async with serving(town, crash=True) as dispatcher:
            await a_shuttle(dispatcher)
            await ana.say("request", id="q1", **two_stops())
            offered, _ = await ana.hear("trip/", state="offered")
            digest = dispatcher.service.core.digest
        async with serving(town) as again:
            assert again.service.health.replayed == 2
            assert again.service.health.difference is None
            records = [record async for record in again.journal.read()]
            # Rules and zone, epoch, shuttle, request.
            assert replay(again.service.engine, records[:4], final_digest=digest).same
            # Nobody knows whether the offer was told: it is told again, the same one.
            told, _ = await ana.hear("trip/", revision=offered["revision"])
            assert told["offers"] == offered["offers"]
            await ana.say("request", b"c1", id="q1", **two_stops())
            reply, _ = await ana.hear("reply")
            assert (reply["trip"], reply["state"]) == (offered["trip"], "offered")
            await ana.say("request", id="q1", **{**two_stops(), "party": {"seats": 2}})
            problem, _ = await ana.hear("error")
            assert problem["code"] == "REQUEST_ID_REUSED"


async def test_a_request_sent_while_nobody_serves_is_answered_later(town: Town) -> None:
    async with a_rider(town, "ana") as ana:
        async with serving(town):
            pass
        # The dispatcher's session is kept by the broker, and so is the message.
        await ana.say("request", id="q1", **two_stops())
        async with serving(town):
            refused, _ = await ana.hear("trip/", state="refused")
    assert refused["refusal"]["code"] == "FLEET_DOWN"


async def test_a_second_dispatcher_stands_by_and_takes_over_what_riders_said_meanwhile(
    town: Town,
) -> None:
    former, second = await town.dispatcher(), await town.dispatcher(elsewhere=True)
    leading = asyncio.create_task(former.run())
    async with a_rider(town, "ana") as ana:
        await asyncio.wait_for(former.service.started.wait(), PATIENCE_S)
        await healthy(former)
        waiting = asyncio.create_task(second.run())
        await a_shuttle(former)
        await comes_true(lambda: second.service.followed_to == former.service.core.position)
        report = health_report(the_site(), second)
        assert report.leadership is not None
        assert (report.leadership.role, report.ok) == ("standby", False)
        assert not second.rider_link.connected
        # Under the same names at the broker, so that what was kept for one comes to the other.
        leading.cancel()
        await asyncio.gather(leading, return_exceptions=True)
        await ana.say("request", id="q1", **two_stops())
        await ana.hear("trip/", state="offered")
        assert second.service.health.epoch == 2
        assert second.leadership.role == "leader"
        second.service.stop()
        await asyncio.wait_for(waiting, PATIENCE_S)
    await former.journal.aclose()
    await second.journal.aclose()


async def test_one_that_is_thrown_out_steps_down(town: Town) -> None:
    former = await town.dispatcher()
    task = asyncio.create_task(former.run())
    await asyncio.wait_for(former.service.started.wait(), PATIENCE_S)
    # In the same process, hence certain that whoever held the lease there before has ended.
    async with serving(town) as successor:
        with pytest.raises(SteppedDownError):
            await asyncio.wait_for(task, PATIENCE_S)
        with pytest.raises(NotTakenError):
            await a_shuttle(former)
        await a_shuttle(successor)
        assert successor.service.health.epoch == 2
        assert not former.service.accepting
        assert not former.rider_link.connected
    await former.journal.aclose()


async def test_a_leader_cut_off_from_the_store_leaves_the_broker_until_it_leads_again(
    town: Town, redis_server: RedisServer
) -> None:
    async with serving(town) as dispatcher:
        redis_server.kill()
        # Six seconds, by which another would have taken over.
        await comes_true(lambda: not dispatcher.rider_link.connected)
        assert not dispatcher.fleet_link.connected
        assert "the lease cannot be renewed" in health_report(the_site(), dispatcher).problems
        with pytest.raises(PublishFailed):
            await dispatcher.rider_link.publish("ringmaster/v1/sejong-5-1/x", b"{}")
        redis_server.start()
        await healthy(dispatcher)
        await a_shuttle(dispatcher)


async def test_a_broker_that_forgot_everything_is_told_again(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    broker = Mosquitto(tmp_path / "mosquitto")
    broker.start()
    town = Town(broker, redis_server, "amnesia")
    async with serving(town) as dispatcher:
        async with a_rider(town, "ana") as ana:
            await a_shuttle(dispatcher)
            await ana.say("request", id="q1", accept="auto", **two_stops())
            accepted, _ = await ana.hear("trip/", state="accepted")
        # Its power fails, and its disk is new.
        broker.kill()
        for path in broker.directory.glob("*.db*"):
            path.unlink()
        broker.start()
        await comes_true(lambda: dispatcher.rider_link.counts.connections == 2)
        async with a_rider(town, "ana") as ana:
            told, _ = await ana.hear("trip/", trip=accepted["trip"])
            assert (told["state"], told["epoch"]) == (accepted["state"], accepted["epoch"])
            assert told["promise"] == accepted["promise"]
            # A dispatcher that was superseded sends what it still had.
            topic = f"{ROOT}/{town.name}-ana/trip/{told['trip']}"
            old = json.dumps(accepted | {"epoch": 0, "state": "cancelled_by_rider"})
            async with aiomqtt.Client(broker.host, broker.port) as former:
                await former.publish(topic, old, qos=1, retain=True)
            await ana.hear("trip/", epoch=0)
            put_right, _ = await ana.hear("trip/", epoch=1, revision=told["revision"])
            assert put_right["promise"] == accepted["promise"]
    broker.kill()


async def test_while_the_broker_is_away_the_newest_status_is_kept(town: Town) -> None:
    async with serving(town) as dispatcher:
        async with a_rider(town, "ana") as ana:
            await a_shuttle(dispatcher)
            await ana.say("request", id="q1", accept="auto", **two_stops())
            accepted, _ = await ana.hear("trip/", state="accepted")
        town.mosquitto.kill()
        await comes_true(
            lambda: not dispatcher.rider_link.connected and not dispatcher.fleet_link.connected
        )
        report = health_report(the_site(), dispatcher)
        assert not report.ok
        assert "the broker is not connected for riders" in report.problems
        trip_id = TripId(accepted["trip"])
        await dispatcher.service.submit_event(
            TripCancelled(0, trip_id, operator_id=OperatorId("olga"))
        )
        town.mosquitto.start()
        async with asyncio.timeout(PATIENCE_S):
            await healthy(dispatcher)
            await dispatcher.outbox.empty()
        async with a_rider(town, "ana") as ana:
            told, retained = await ana.hear("trip/")
    assert (told["state"], retained) == ("cancelled_by_operator", True)


async def test_what_an_operator_orders_reaches_riders_and_is_kept(town: Town) -> None:
    olga = OperatorId("olga")
    async with serving(town) as dispatcher, a_rider(town, "ana") as ana:
        await a_shuttle(dispatcher)
        await ana.say("request", id="q1", accept="auto", **two_stops())
        accepted, _ = await ana.hear("trip/", state="accepted")
        trip_id, desk = TripId(accepted["trip"]), dispatcher.operators
        cancel = CancelTrip(trip_id)
        cost = await desk.preview(olga, cancel)
        assert [(trip.trip_id, trip.harm) for trip in cost.trips] == [(trip_id, Harm.ENDED)]
        outcome = await desk.submit(
            olga, CommandId("c1"), cancel, "The stop is flooded.", expected=cost.expected
        )
        assert outcome.accepted
        told, _ = await ana.hear("trip/", state="cancelled_by_operator")
        assert told["reason"] == "The stop is flooded."
        page = await desk.list_commands()
        assert [entry.outcome for entry in page.entries] == [outcome]
        why = await dispatcher.explainer.trip(trip_id)
        assert why["steps"][-1]["command"]["command_id"] == "c1"
    async with serving(town) as later:
        again = await later.operators.submit(olga, CommandId("c1"), cancel, "The stop is flooded.")
        assert again == outcome


async def test_while_the_store_is_away_riders_are_told_so(
    town: Town, redis_server: RedisServer
) -> None:
    async with serving(town) as dispatcher, a_rider(town, "ana") as ana:
        redis_server.kill()
        # A shuttle's event waits for the store.
        joining = asyncio.create_task(a_shuttle(dispatcher))
        await comes_true(lambda: not dispatcher.service.health.store_reachable)
        assert health_report(the_site(), dispatcher).answer().status == 503
        await ana.say("request", id="q1", **two_stops())
        problem, _ = await ana.hear("error")
        assert (problem["code"], problem["request"]) == ("NOT_AVAILABLE", "q1")
        redis_server.start()
        async with asyncio.timeout(PATIENCE_S):
            await joining
        await ana.say("request", id="q1", **two_stops())
        await ana.hear("trip/", state="offered")


class Served:
    """``ringmaster serve`` in a process of its own."""

    def __init__(self, town: Town, directory: Path, *zones: str) -> None:
        self._arguments: list[str] = []
        for number, zone in enumerate(zones or ("sejong-5-1",)):
            config = directory / f"{number}.toml"
            config.write_text(
                f"zone = '{zone}'\n"
                f"[mqtt]\nurl = '{town.settings.mqtt.url}'\nclient_id = '{town.name}'\n"
                f"[redis]\nurl = '{town.redis_url}'\n[metrics]\nport = 0\n[http]\nport = 0\n"
                "[logs]\nformat = 'json'\n[improver]\nenabled = false\n"
            )
            self._arguments += ["--config", str(config)]

    async def start(self) -> None:
        command = "from dispatcher.cli import main; main()"
        arguments = ("-c", command, "serve", *self._arguments)
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stderr=asyncio.subprocess.PIPE
        )

    async def logged(self, event: str) -> dict[str, Any]:
        """The next log line about this."""
        assert self.process.stderr is not None
        async with asyncio.timeout(PATIENCE_S):
            async for line in self.process.stderr:
                fields: dict[str, Any] = json.loads(line)
                if fields["event"] == event:
                    return fields
        raise AssertionError(f"it ended without {event}")

    async def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()


async def test_the_command_waits_serves_and_stops(
    town: Town, redis_server: RedisServer, tmp_path: Path
) -> None:
    redis_server.kill()
    served = Served(town, tmp_path)
    await served.start()
    try:
        probes = await served.logged("probes")
        health = ["health", f"http://127.0.0.1:{probes['port']}/healthz"]
        waiting = await asyncio.to_thread(CliRunner().invoke, app, health)
        assert waiting.exit_code == 1
        assert "the store is awaited" in waiting.output
        redis_server.start()
        first = await served.logged("took_over")
        await served.logged("broker_connected")
        await served.logged("broker_connected")
        healthy = await asyncio.to_thread(CliRunner().invoke, app, health)
        assert healthy.exit_code == 0
        assert json.loads(healthy.output)["journal"]["epoch"] == first["epoch"]
        assert await served.end(signal.SIGTERM) == 0
    finally:
        if served.process.returncode is None:
            await served.end(signal.SIGKILL)


async def test_one_process_serves_two_zones(town: Town, tmp_path: Path) -> None:
    twin = replace(the_site().zone, id="sejong-twin")
    write_zone(twin, tmp_path / "twin")
    served = Served(town, tmp_path, "sejong-5-1", str(tmp_path / "twin"))
    await served.start()
    try:
        connected = [(await served.logged("broker_connected"))["zone"] for _ in range(4)]
        assert sorted(connected) == 2 * ["sejong-5-1"] + 2 * ["sejong-twin"]
        async with aiomqtt.Client(town.mosquitto.host, town.mosquitto.port) as device:
            for zone in set(connected):
                root = f"ringmaster/v1/{zone}/rider/{town.name}"
                await device.subscribe(f"{root}/trip/+", qos=1)
                await device.publish(
                    f"{root}/request", json.dumps({"id": "q1", **two_stops()}), qos=1
                )
            refused = set()
            async with asyncio.timeout(PATIENCE_S):
                async for message in device.messages:
                    if json.loads(message.payload)["state"] == "refused":
                        refused.add(message.topic.value.split("/")[2])
                    if refused == set(connected):
                        break
        assert await served.end(signal.SIGTERM) == 0
    finally:
        if served.process.returncode is None:
            await served.end(signal.SIGKILL)


def test_zones_that_get_into_each_others_way_are_refused(tmp_path: Path) -> None:
    config = tmp_path / "one.toml"
    config.write_text("zone = 'sejong-5-1'\n[metrics]\nport = 0\n")
    twice = CliRunner().invoke(app, ["serve", "--config", str(config), "--config", str(config)])
    assert twice.exit_code == 2
    assert "zone sejong-5-1 is named by 2 of the settings" in twice.output
    twin = replace(the_site().zone, id="sejong-twin")
    write_zone(twin, tmp_path / "twin")
    config.write_text("[metrics]\nport = 9400\n")
    other = tmp_path / "other.toml"
    other.write_text(f"zone = '{tmp_path / 'twin'}'\n[metrics]\nport = 9400\n")
    clash = CliRunner().invoke(app, ["serve", "--config", str(config), "--config", str(other)])
    assert clash.exit_code == 2
    assert "give each its metrics.port" in clash.output
