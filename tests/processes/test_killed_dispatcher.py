"""The dispatcher is killed in mid-service; what the wire shows afterwards is judged from outside.

Real mosquitto, real Redis, and the dispatcher, the shuttles and the riders as processes of their
own. The judge reads only what riders and shuttles are told and say, never the dispatcher's state.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from servers import Mosquitto, RedisServer, free_port

pytestmark = pytest.mark.broker

SPEED = float(os.environ.get("TRIAL_SPEED", "20"))
SHUTTLES, RIDERS_PER_HOUR, REQUESTS = 12, 600, 45
RINGMASTER = "from dispatcher.cli import main; main()"
UNDER_WAY = {"accepted", "assigned", "boarding", "aboard"}
ENDED = {
    "completed",
    "refused",
    "expired",
    "cancelled_by_rider",
    "cancelled_by_operator",
    "no_show",
    "abandoned",
}


class Judge:
    """Everything that was told to riders and said by shuttles, as it came over the wire."""

    def __init__(self, mosquitto: Mosquitto) -> None:
        self.states: dict[str, list[str]] = {}  # by trip, without repeats
        self.done: dict[tuple[str, str], set[tuple[str, str]]] = {}  # (kind, trip) -> by whom
        self._lock = threading.Lock()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.on_message = self._hear
        self._client.connect(mosquitto.host, mosquitto.port)
        self._client.subscribe([("ringmaster/#", 1), ("uagv/#", 1)])
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def under_way(self) -> list[str]:
        with self._lock:
            return [trip for trip, states in self.states.items() if states[-1] in UNDER_WAY]

    def _hear(self, client: paho.Client, userdata: object, message: paho.MQTTMessage) -> None:
        levels = message.topic.split("/")
        if not message.payload:
            return
        with self._lock:
            if levels[-2] == "trip":
                states = self.states.setdefault(levels[-1], [])
                state = json.loads(message.payload)["state"]
                if not states or states[-1] != state:
                    states.append(state)
            elif levels[-1] == "state":
                self._read_actions(levels[-2], json.loads(message.payload)["actionStates"])

    def _read_actions(self, shuttle: str, actions: list[dict[str, str]]) -> None:
        for action in actions:
            parts = action["actionId"].split("/")
            carried_out = action["actionStatus"] == "FINISHED"
            no_show = action.get("resultDescription", "").startswith("NO_SHOW")
            if len(parts) == 3 and carried_out and not no_show:
                self.done.setdefault((parts[1], parts[2]), set()).add((shuttle, parts[0]))


@contextmanager
def process(*arguments: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as out:
        started = subprocess.Popen(
            [sys.executable, "-c", RINGMASTER, *arguments], stdout=out, stderr=out
        )
    try:
        yield started
    finally:
        if started.poll() is None:
            started.send_signal(signal.SIGKILL)
        started.wait(10)


def wait_until(what: Callable[[], bool], limit_s: float, why: str) -> None:
    """Poll real processes, which tell nobody when they are done."""
    deadline = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < deadline, why
        time.sleep(0.05)


def test_trips_under_way_survive_a_killed_dispatcher(tmp_path: Path) -> None:
    mosquitto, redis = Mosquitto(tmp_path / "mosquitto"), RedisServer(tmp_path / "redis")
    mosquitto.start()
    redis.start()
    anchor_s = time.time()
    clock = f"speed = {SPEED}\nstart_s = {int(anchor_s)}\nanchor_s = {anchor_s}"
    settings = tmp_path / "serve.toml"
    settings.write_text(
        f'[mqtt]\nurl = "mqtt://{mosquitto.host}:{mosquitto.port}"\n'
        f'[redis]\nurl = "{redis.url}"\n[metrics]\nport = {free_port()}\n[http]\nport = 0\n'
        f"[clock]\n{clock}\n[shuttles]\nsilent_after_s = {max(45, round(6 * SPEED))}\n"
        # A pause of this machine, or of the dispatcher, must not cost every plan its validity.
        f"[rules]\nplan_validity_s = {max(60, round(15 * SPEED))}\n"
    )
    broker = ["--broker", f"mqtt://{mosquitto.host}:{mosquitto.port}", "--speed", str(SPEED)]
    broker += ["--clock-start", str(int(anchor_s)), "--clock-anchor", str(anchor_s)]
    serve = ["serve", "--config", str(settings)]
    shuttles = ["shuttles", *broker, "--shuttles", str(SHUTTLES)]
    riders = ["riders", *broker, "--requests", str(REQUESTS), "--now-only"]
    riders += ["--riders-per-hour", str(RIDERS_PER_HOUR)]
    judge = Judge(mosquitto)
    try:
        with (
            process(*shuttles, log=tmp_path / "shuttles.log"),
            process(*serve, log=tmp_path / "serve.log") as first,
            process(*riders, log=tmp_path / "riders.log") as asking,
        ):
            limit_s = 60 + 3600 / SPEED
            wait_until(
                lambda: len(judge.under_way()) >= 20 or first.poll() is not None,
                limit_s,
                "20 trips under way",
            )
            assert first.poll() is None, (tmp_path / "serve.log").read_text()
            first.send_signal(signal.SIGKILL)
            first.wait(10)
            caught = judge.under_way()
            with process(*serve, log=tmp_path / "serve.log"):
                wait_until(lambda: asking.poll() is not None, limit_s, "all riders are done")
        assert asking.returncode == 0
    finally:
        judge.close()
        mosquitto.kill()
        redis.kill()

    log_lines = (tmp_path / "serve.log").read_text().splitlines()
    alerts = [line for line in log_lines if "operator_alerted" in line]
    assert len(caught) >= 20
    for trip, states in judge.states.items():
        assert len([state for state in states if state in ENDED]) == 1, (trip, states)
    # Riders' own ends apart (a cancellation, a rider who did not come), all were completed.
    ends = {trip: judge.states[trip][-1] for trip in caught}
    assert set(ends.values()) <= {"completed", "cancelled_by_rider", "no_show"}, ends
    completed = [trip for trip, states in judge.states.items() if states[-1] == "completed"]
    assert [trip for trip in caught if trip in completed]
    for trip in completed:
        for kind in ("board", "alight"):
            by = judge.done[(kind, trip)]
            told = [line for line in log_lines if trip in line]
            assert len(by) == 1, (kind, by, alerts, told)
    print(f"{len(caught)} under way when killed: {ends}")
