"""The service as the commands set it up: every link with a certificate, every plan signed."""

import contextlib
import json
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest
from secured import ringmaster
from servers import LOOPBACK, OwnMosquitto, RedisServer, free_port
from typer.testing import CliRunner

from dispatcher.cli import app
from simulator.separate import SeparateError, broker_access, shuttle_trust

pytestmark = pytest.mark.broker

SPEED = 30.0
LIMIT_S = 180  # for a trip, on a busy machine


def started(log: Path, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from dispatcher.cli import main; main()", *arguments]
    with log.open("wb") as out:
        return subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)


def until_both_shuttles_joined(metrics_port: int) -> None:
    """Poll real processes, which tell nobody when they are ready."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        with (
            contextlib.suppress(OSError),
            urlopen(f"http://127.0.0.1:{metrics_port}/metrics") as page,
        ):
            if 'ringmaster_shuttles{status="idle"} 2.0' in page.read().decode():
                return
        time.sleep(0.1)
    pytest.fail("the shuttles did not join")


def test_a_trip_over_mutual_tls_with_signed_plans(tmp_path: Path) -> None:
    certs, mosquitto = tmp_path / "certs", OwnMosquitto(tmp_path / "mosquitto")
    redis = RedisServer(tmp_path / "redis")
    ringmaster("certs", "--out", certs, "--shuttles", "2")
    where = ["--out", mosquitto.directory, "--certs", certs, "--bind", LOOPBACK]
    ringmaster("broker-config", *where, "--port", str(mosquitto.port))
    mosquitto.start()
    redis.start()
    anchor_s = time.time()
    noon_s = int(anchor_s) // 86_400 * 86_400 + 3 * 3600  # 12 o'clock in Seoul
    url = f"mqtts://localhost:{mosquitto.port}"
    settings, metrics = tmp_path / "serve.toml", free_port()
    settings.write_text(
        f'[mqtt]\nurl = "{url}"\nca_file = "{certs}/ca.crt"\n'
        f'cert_file = "{certs}/ringmaster-sejong-5-1-{{link}}.crt"\n'
        f'key_file = "{certs}/ringmaster-sejong-5-1-{{link}}.key"\n'
        f'[redis]\nurl = "{redis.url}"\n[metrics]\nport = {metrics}\n[http]\nport = 0\n'
        f"[clock]\nspeed = {SPEED}\nstart_s = {noon_s}\nanchor_s = {anchor_s}\n"
        f'[shuttles]\nsilent_after_s = 300\nsigning_key_file = "{certs}/plan-signing.key"\n'
        f"[rules]\nplan_validity_s = 600\n"
    )
    common = ["--broker", url, "--certs", str(certs), "--speed", str(SPEED)]
    common += ["--clock-start", str(noon_s), "--clock-anchor", str(anchor_s)]
    asked = ["riders", *common, "--requests", "1", "--riders-per-hour", "3600", "--now-only"]
    with ExitStack() as ending:
        for name, arguments in (
            ("shuttles", ["shuttles", *common, "--shuttles", "2"]),
            ("serve", ["serve", "--config", str(settings)]),
        ):
            process = started(tmp_path / f"{name}.log", *arguments)
            ending.callback(process.wait, 20)
            ending.callback(process.terminate)
        until_both_shuttles_joined(metrics)
        asking = started(tmp_path / "riders.log", *asked, "--json")
        ending.callback(asking.kill)
        asking.wait(LIMIT_S)
    counts = json.loads((tmp_path / "riders.log").read_text().splitlines()[-1])
    log = (tmp_path / "serve.log").read_text()
    assert counts == {"requests": 1, "completed": 1, "promises_broken": 0}, log
    assert "plan_published" in log
    mosquitto.stop()
    redis.stop()


def refused(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code == 2, result.output
    return result.output


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    certs = tmp_path / "certs"
    ringmaster("certs", "--out", certs, "--shuttle", "acme:s01", "--rider", "ana", "--host", "::1")
    before = {path: path.read_bytes() for path in certs.rglob("*") if path.is_file()}
    assert "--renew replaces them" in refused("certs", "--out", certs, "--shuttle", "acme:s01")
    ringmaster("certs", "--out", certs, "--shuttle", "acme:s02")
    assert {path: path.read_bytes() for path in before} == before
    renewed = ringmaster("certs", "--out", certs, "--renew")
    kept = {path.name for path, content in before.items() if path.read_bytes() == content}
    assert kept == {"ca.crt", "ca.key", "plan-signing.key", next(certs.glob("plan-keys/*")).name}
    assert f"{certs}/shuttles/acme/s01.crt" in renewed
    for path in certs.rglob("*.key"):
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_configuration_of_somebody_elses_is_not_written_over(tmp_path: Path) -> None:
    certs = tmp_path / "certs"
    ringmaster("certs", "--out", certs)
    (tmp_path / "mosquitto.conf").write_text("listener 1883\n")
    text = refused("broker-config", "--out", tmp_path, "--certs", certs)
    assert "was not made by this command" in text
    assert (tmp_path / "mosquitto.conf").read_text() == "listener 1883\n"


def test_the_broker_gets_nobody_elses_keys(tmp_path: Path) -> None:
    certs, out = tmp_path / "certs", tmp_path / "mosquitto"
    ringmaster("certs", "--out", certs, "--shuttle", "acme:s01")
    ringmaster("broker-config", "--out", out, "--certs", certs, "--at", "/mosquitto/config")
    files = {path.name for path in out.iterdir() if path.is_file()}
    assert files == {"mosquitto.conf", "acl", "ca.crt", "broker.crt", "broker.key"}
    assert "cafile /mosquitto/config/ca.crt\n" in (out / "mosquitto.conf").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--shuttle", "acme"], "manufacturer:serial"),
        (["--shuttle", "..:s01"], "use letters, digits"),
        (["--shuttle", "acme:s01\nuser x"], "use letters, digits"),
        (["--shuttle", f"acme:{'s' * 64}"], "longer than the 64"),
        (["--rider", "rider-gateway"], "another's name"),
        (["--rider", "acme:s01"], "no rider's id"),
        (["--zone", "a" * 40, "--client-id", "b" * 32], "longer than the 64"),
        (["--host", "münchen"], "letters a to z"),
    ],
)
def test_names_that_cannot_be_used(tmp_path: Path, arguments: list[str], words: str) -> None:
    assert words in refused("certs", "--out", tmp_path / "certs", *arguments)
    assert not (tmp_path / "certs" / "shuttles").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[mqtt]\nurl='mqtts://a'\ncert_file='a.crt'", "give both"),
        ("[mqtt]\nca_file='ca.crt'", "need an mqtts:// address"),
        ("[mqtt]\nurl='mqtts://a'\nca_file='/none.crt'", "/none.crt: No such file"),
        ("[shuttles]\nsigning_key_file='/none.key'", "/none.key: No such file"),
        ("[redis]\nca_file='/none.crt'", "needs a rediss:// address"),
        ("[redis]\nurl='rediss://a'\nca_file='/none.crt'", "/none.crt: No such file"),
    ],
)
def test_files_that_cannot_be_used_end_serving(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "serve.toml"
    file.write_text(text)
    assert words in refused("serve", "--config", file)


def test_simulated_shuttles_need_their_certificates(tmp_path: Path) -> None:
    certs = tmp_path / "certs"
    ringmaster("certs", "--out", certs, "--shuttles", "1")
    with pytest.raises(SeparateError, match="need an mqtts:// address"):
        broker_access("mqtt://127.0.0.1", has_certs=True)
    with pytest.raises(SeparateError, match=r"S002\.crt: No such file.*certs --shuttles 2"):
        shuttle_trust(certs, 2)
    assert len(shuttle_trust(certs, 1).tls) == 1
