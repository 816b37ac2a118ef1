"""Where exactly a rider was is on no disk any more once its time is over: not in the store's files,
nor in the broker's, nor in a log.

Real Redis, real mosquitto, the dispatcher as a process with a clock that runs 200 times as fast,
asked over HTTP and over MQTT. What is on the disks is read as bytes.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from servers import Mosquitto, RedisServer, free_port

from dispatcher.erasing import CLEAR_FILE_EVERY_S
from dispatcher.streets.zones import load_zone

pytestmark = pytest.mark.broker

RINGMASTER = "from dispatcher.cli import main; main()"
SPEED, KEPT_S = 200.0, 600


@contextmanager
def dispatcher(settings: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as out:
        started = subprocess.Popen(
            [sys.executable, "-c", RINGMASTER, "serve", "--config", str(settings)],
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=out,
            stderr=out,
        )
    try:
        yield started
    finally:
        started.terminate()
        started.wait(30)


def wait_until(what: Callable[[], object], limit_s: float, why: str) -> None:
    """Poll real processes, which tell nobody when they are done."""
    deadline = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < deadline, why
        time.sleep(0.1)


def found_in(folder: Path, digits: str) -> list[str]:
    """The files below the folder that hold these digits, packed in a snapshot or not."""
    return sorted(
        path.name
        for path in folder.rglob("*")
        if path.is_file() and holds(path.read_bytes(), digits.encode())
    )


def holds(content: bytes, digits: bytes) -> bool:
    if digits in content:
        return True
    begins = [match.start() for match in re.finditer(rb"\x78\x01", content)]
    return any(digits in unpacked(content[begin:]) for begin in begins)


def unpacked(content: bytes) -> bytes:
    with contextlib.suppress(zlib.error):
        return zlib.decompressobj().decompress(content)
    return b""


def posted(url: str, body: dict[str, object]) -> dict[str, object]:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        told: dict[str, object] = json.load(answer)
    return told


def is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/v1/stops", timeout=5):
            return True
    except OSError:
        return False


def test_no_disk_knows_where_a_rider_was(tmp_path: Path) -> None:
    # Uncompressed, so that the bytes can be looked for; else it is the store as it is run.
    redis = RedisServer(tmp_path / "redis", {"rdbcompression": "no"})
    mosquitto = Mosquitto(tmp_path / "mosquitto")
    redis.start()
    mosquitto.start()
    http = free_port()
    anchor_s = time.time()
    settings, log = tmp_path / "serve.toml", tmp_path / "logs" / "serve.log"
    log.parent.mkdir()
    settings.write_text(
        f'[mqtt]\nurl = "mqtt://{mosquitto.host}:{mosquitto.port}"\n'
        f'[redis]\nurl = "{redis.url}"\n[metrics]\nport = {free_port()}\n'
        f'[http]\nport = {http}\n[auth]\nguests = true\n[logs]\nlevel = "debug"\n'
        f"[clock]\nspeed = {SPEED}\nstart_s = 1789959600\nanchor_s = {anchor_s}\n"
        f"[riders]\ncoordinates_kept_s = {KEPT_S}\n[improver]\nenabled = false\n"
    )
    stop = load_zone("sejong-5-1").stops[3].point
    digits = ("0000123", "0000456", "0000789")
    places = [
        {"lat": float(f"{stop.lat:.3f}{tail}"), "lon": float(f"{stop.lon:.3f}{tail}")}
        for tail in digits
    ]
    other = load_zone("sejong-5-1").stops[30].id
    phone = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    try:
        with dispatcher(settings, log):
            base = f"http://127.0.0.1:{http}"
            wait_until(lambda: is_up(base), 90, log.read_text())
            # A refused trip (no shuttle has joined) over HTTP, and one over MQTT; what is
            # wrong with the third must not bring its place into a log either.
            wish: dict[str, object] = {"to": other}
            posted(f"{base}/v1/guest/trips", {"id": "a" * 32, "from": places[0], **wish})
            phone.connect(mosquitto.host, mosquitto.port)
            phone.loop_start()
            topic = "ringmaster/v1/sejong-5-1/rider/ana/request"
            bodies = [{"id": "q1", "from": places[1], **wish}, {"id": "q2", "from": places[2]}]
            for body in bodies:
                phone.publish(topic, json.dumps(body), qos=1).wait_for_publish(10)
            wait_until(
                lambda: all(found_in(redis.directory, tail) for tail in digits[:2]),
                20,
                f"in {[found_in(redis.directory, tail) for tail in digits]}",
            )
            wait_until(
                lambda: not any(found_in(redis.directory, tail) for tail in digits),
                60 + (KEPT_S + CLEAR_FILE_EVERY_S + 300) / SPEED,
                f"still in {[found_in(redis.directory, tail) for tail in digits]}",
            )
            phone.disconnect()
        for tail in digits:
            assert found_in(redis.directory, tail) == []
            assert found_in(mosquitto.directory, tail) == []
            assert found_in(log.parent, tail) == []
        assert "places_erased" in log.read_text()
    finally:
        phone.loop_stop()
        redis.kill()
        mosquitto.kill()
