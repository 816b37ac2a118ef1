"""Settings are read from a file and the environment, and nothing misspelt goes unnoticed."""

import os
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from dispatcher.config import ConfigError, Settings, read_settings
from dispatcher.config_rules import (
    DWELL_BOUNDS,
    ENERGY_BOUNDS,
    OBJECTIVE_BOUNDS,
    PACE_BOUNDS,
    RULE_BOUNDS,
)
from dispatcher.config_words import effective_toml, settings_table
from dispatcher.domain.energy import EnergyRule
from dispatcher.domain.pace import PaceRule
from dispatcher.domain.policy import DwellRule, Objective
from dispatcher.domain.rules import ServiceRules

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("RINGMASTER_"):
            monkeypatch.delenv(name)


def read(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "ringmaster.toml"
    file.write_text(text, "utf-8")
    return read_settings(file)


def why_not(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    return str(caught.value)


def test_without_a_file_the_rules_are_the_domains() -> None:
    assert read_settings().service_rules == ServiceRules()


def test_file_then_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGMASTER_RULES__MAX_WAIT_S", "700")
    monkeypatch.setenv("RINGMASTER_SHUTTLES__ALLOWED", '["acme:s1", "acme:s2"]')
    settings = read(
        tmp_path,
        "zone = 'here'\n[rules]\nmax_wait_s = 500\nguard_s = 30\n"
        "[rules.dwell]\nstop_dwell_s = 25\n",
    )
    assert settings.zone == "here"
    rules = settings.service_rules
    assert (rules.max_wait_s, rules.guard_s, rules.dwell.stop_dwell_s) == (700, 30, 25)
    assert rules.dwell.ramp_dwell_s == DwellRule().ramp_dwell_s
    assert settings.shuttles.allowed == ("acme:s1", "acme:s2")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[mqtt]\nurll = 'mqtt://a'", "mqtt.urll: unknown setting; did you mean mqtt.url?"),
        ("[rules.objective]\nwaitin = 1", "did you mean rules.objective.waiting?"),
        ("[metrix]\nport = 1", "metrix: unknown setting; did you mean metrics?"),
        ("[redis]\nurl = 'localhost:6379'", "redis.url: must be redis://host:port/0"),
        ("[logs]\nzzz = 1", "logs.zzz: unknown setting; known there: format, level"),
        ("[rules]\nmax_wait_s = 1", "rules.max_wait_s: Input should be greater than"),
        ("[rules]\nmax_wait_s = 'long'", "rules.max_wait_s"),
        ("[rules.objective]\nwaiting = 3", "waiting may not be cheaper than riding"),
        ("[mqtt]\nurl = 'http://a'", "mqtt.url: must be mqtt://host:port"),
        ("[mqtt]\nurl = 'mqtt://a:99999'", "mqtt.url"),
        ("[riders]\nclear_after_s = 40000", "riders.clear_after_s may not exceed"),
        ("[rules]\ncharge_to_pct = 20", "rules.charge_to_pct must be above"),
        ("[service]\ninbox = 64", "service.refuse_above may not exceed service.inbox"),
        ("zone = ", "not TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    assert said in why_not(tmp_path, text)


def test_everything_wrong_is_named_at_once(tmp_path: Path) -> None:
    said = why_not(tmp_path, "[metrix]\nport = 1\n[mqtt]\nurll = 'a'\nclient_id = 'a b'\n")
    assert len(said.splitlines()) == 3


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: No such file"):
        read_settings(tmp_path / "nowhere.toml")


def test_a_variable_that_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGMASTER_MQQT__URL", "mqtt://a")
    with pytest.raises(ConfigError, match="did you mean RINGMASTER_MQTT"):
        read_settings()


def test_a_list_in_the_environment_is_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGMASTER_SHUTTLES__ALLOWED", "acme:s1")
    with pytest.raises(ConfigError, match=r"shuttles\.allowed"):
        read_settings()


def test_the_broker_from_its_url(tmp_path: Path) -> None:
    settings = read(tmp_path, "[mqtt]\nurl = 'mqtts://ann:s%20p@broker.example'\nusername = 'bob'")
    address = settings.mqtt.address()
    assert (address.host, address.port, address.tls) == ("broker.example", 8883, True)
    assert (address.username, address.password) == ("bob", "s p")


def test_the_effective_settings_can_be_read_again(tmp_path: Path) -> None:
    text = "[mqtt]\nurl = 'mqtt://ann:sesame@a'\npassword = 'hidden'\n[rules]\nguard_s = 45\n"
    written = effective_toml(read(tmp_path, text))
    assert "sesame" not in written
    assert "hidden" not in written
    assert tomllib.loads(written)["rules"]["guard_s"] == 45
    # Passwords apart, the written file gives the same settings.
    again = read(tmp_path, written)
    assert again.service_rules == read(tmp_path, text).service_rules
    assert effective_toml(again) == written


def test_every_rule_has_bounds_around_its_default() -> None:
    for kind, bounds in (
        (ServiceRules, RULE_BOUNDS),
        (Objective, OBJECTIVE_BOUNDS),
        (DwellRule, DWELL_BOUNDS),
        (EnergyRule, ENERGY_BOUNDS),
        (PaceRule, PACE_BOUNDS),
    ):
        nested = {"objective", "dwell", "energy", "pace", "by_hour_pm"}
        plain = {field.name for field in fields(kind)} - nested
        assert plain == set(bounds)
        for name in plain:
            low, high, text = bounds[name]
            assert text
            assert low <= getattr(kind(), name) <= high


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs/operations.md").read_text("utf-8")
    # After a change: ringmaster config --table
    for line in settings_table(Settings).splitlines():
        assert line in page, f"missing or changed: {line}"
