"""Commands say plainly what is wrong, and end with a code that says it, too."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dispatcher.cli import app
from dispatcher.riders.asyncapi import rider_document

SMALL_TOWN = """<?xml version="1.0"?>
<osm version="0.6">
 <node id="1" lat="60.1600" lon="24.9300"/>
 <node id="2" lat="60.1600" lon="24.9360"/>
 <node id="3" lat="60.1630" lon="24.9360"/>
 <node id="4" lat="60.1630" lon="24.9300"/>
 <way id="10"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="1"/>
  <tag k="highway" v="residential"/><tag k="name" v="Rengaskatu"/></way>
 <way id="11"><nd ref="1"/><nd ref="3"/><tag k="highway" v="residential"/></way>
</osm>
"""


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("RINGMASTER_"):
            monkeypatch.delenv(name)


def test_wrong_settings_end_every_command(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text("[mqtt]\nurll = 'mqtt://a'\n")
    for command in (["serve"], ["config"], ["journal", "export", "x"], ["replay", "x"]):
        ended = CliRunner().invoke(app, [*command, "--config", str(file)])
        assert ended.exit_code == 2
        assert "did you mean mqtt.url?" in ended.output


def test_an_unknown_zone_ends_serving(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text("zone = 'atlantis'\n")
    ended = CliRunner().invoke(app, ["serve", "--config", str(file)])
    assert ended.exit_code == 2
    assert "atlantis" in ended.output


def test_a_replay_says_which_file_or_zone_is_wrong(tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["replay", str(tmp_path / "none.jsonl")])
    assert ended.exit_code == 2
    assert "none.jsonl cannot be read: No such file" in ended.output
    other = tmp_path / "other.jsonl"
    other.write_text(
        '{"format": "ringmaster-journal", "version": 1, "zone": "atlantis", "after": 0}\n'
    )
    ended = CliRunner().invoke(app, ["replay", str(other)])
    assert ended.exit_code == 2
    assert "is of zone atlantis, not sejong-5-1; name its zone with --zone" in ended.output


def test_settings_in_force_and_their_table() -> None:
    assert 'zone = "sejong-5-1"' in CliRunner().invoke(app, ["config"]).output
    table = CliRunner().invoke(app, ["config", "--table"]).output
    assert "| `rules.max_wait_s` | 600 | from 60 to 14400 |" in table


def test_the_description_of_riders_messages() -> None:
    assert json.loads(CliRunner().invoke(app, ["asyncapi"]).output) == rider_document()


def test_health_of_nobody() -> None:
    ended = CliRunner().invoke(app, ["health", "http://127.0.0.1:9/healthz"])
    assert ended.exit_code == 1
    assert "no answer" in ended.output
    assert CliRunner().invoke(app, ["health", "file:///etc/passwd"]).exit_code == 2


def test_a_zone_from_streets(tmp_path: Path) -> None:
    streets = tmp_path / "town.osm"
    streets.write_text(SMALL_TOWN)
    out = tmp_path / "town"
    arguments = ["zone", "import", str(streets), "--out", str(out), "--timezone", "Europe/Helsinki"]
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == 0, ended.output
    assert "worst walk m" in ended.output
    assert (out / "zone.json").exists()
    again = CliRunner().invoke(app, ["zone", "import", str(tmp_path / "no.osm"), "--out", str(out)])
    assert again.exit_code == 2
