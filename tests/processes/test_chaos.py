"""A short run of ``ringmaster chaos``: real processes, servers and faults, judged from outside."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from servers import require_binary

pytestmark = pytest.mark.broker

RINGMASTER = "from dispatcher.cli import main; main()"
MOST_S = 400  # a machine's first start compiles for two minutes


def test_nothing_is_lost_in_a_short_run(tmp_path: Path) -> None:
    for name in ("mosquitto", "redis-server"):
        require_binary(name)
    arguments = [
        "chaos",
        "--minutes",
        "0.6",
        "--seed",
        "5",
        "--keep",
        str(tmp_path / "run"),
        "--json",
    ]
    ran = subprocess.run(
        [sys.executable, "-c", RINGMASTER, *arguments],
        capture_output=True,
        text=True,
        timeout=MOST_S,
        check=False,
    )
    assert ran.stdout, ran.stderr
    figures = json.loads(ran.stdout.splitlines()[-1])
    assert (ran.returncode, figures["violated"]) == (0, []), ran.stderr
    faults, counts = figures["faults"], figures["counts"]
    for kind in ("dispatcher kill", "redis kill", "mosquitto kill", "power loss"):
        assert faults[kind] >= 1
    assert counts["trip completed"] >= 1
    assert counts["records read while it went on"] >= 1
    assert counts["promises kept as last told"] >= 1
    assert figures["recoveries"]["broker restarted, all shuttles right"]["times"] >= 1


def test_missing_servers_are_named_with_what_to_install(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _WITHOUT_SERVERS, "chaos", "--minutes", "0.5"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PATH": str(tmp_path)},
    )
    assert ran.returncode == 2
    assert "apt-get install mosquitto redis-server" in ran.stderr


# Debian's servers are found beside PATH, too.
_WITHOUT_SERVERS = f"""
import shutil
shutil.which = lambda name, path=None: None
{RINGMASTER}
"""
