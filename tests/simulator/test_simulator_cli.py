"""The commands as they are called."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from simulator.cli import register
from simulator.cli_options import seconds


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    app = typer.Typer()
    register(app)
    return app


def test_simulate_ends_with_one_line_of_figures_and_writes_a_report(
    app: typer.Typer, tmp_path: Path
) -> None:
    report = tmp_path / "report.md"
    call = "simulate --scenario quiet --hours 10 10.1 --shuttles 2 --riders-per-hour 60 --json"
    result = CliRunner().invoke(app, [*call.split(), "--report", str(report)])
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout.splitlines()[-1])
    assert figures["requests"] > 0
    assert figures["replay_identical"] is True
    assert figures["promises_broken"] == 0
    text = report.read_text()
    assert f"| requests | {figures['requests']} |" in text
    assert "2 shuttles of 10 seats" in text
    assert "place as published.\n" in text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["simulate", "--scenario", "picnic"], "no scenario 'picnic'"),
        (["simulate", "--zone", "nowhere"], "no such zone"),
        (["simulate", "--requests", "5", "--riders-per-hour", "5"], "give riders_per_hour or"),
        (["run", "--for", "soon"], "is not a length of time"),
        (["shuttles", "--broker", "here"], "write mqtt://host:port"),
        (["riders", "--broker", "mqtt://h", "--speed", "5"], "needs --clock-start"),
        (["riders", "--broker", "mqtt://h:99999"], "write mqtt://host:port"),
        (["riders", "--broker", "mqtt://h", "--riders-per-hour", "inf"], "--riders-per-hour"),
        (["shuttles", "--broker", "mqtt://h", "--zone", "nowhere"], "no such zone"),
        (["run", "--riders-per-hour", "inf"], "--riders-per-hour"),
        (["run", "--shuttles", "71"], "start mosquitto"),
        (["run", "--broker", "localhost:1883"], "write mqtt://host:port"),
        (["run", "--redis", "localhost"], "must be redis://host:port/0"),
        (["run", "--redis", "redis://localhost:99999"], "out of range"),
        (["run", "--journal-out", "/no/such/place/j.jsonl"], "cannot be written"),
        (["simulate", "--report", "/no/such/place/r.md"], "cannot be written"),
        (["bench", "dynamic", "--level", "EASY"], "--level is one of SHUTTLE, TIGHT"),
    ],
)
def test_what_cannot_be_done_is_said(
    app: typer.Typer, arguments: list[str], text: str, tmp_path: Path
) -> None:
    if arguments[0] == "bench":
        path = str(tmp_path)
        arguments = [*arguments, "--data", path, "--requests", path, "--fleet", path]
        arguments += ["--vehicles", "1", "--out", path]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert text in result.output


def test_bench_dynamic_writes_every_metric(app: typer.Typer, tmp_path: Path) -> None:
    (tmp_path / "edges.csv").write_text("u,v,length_m,time_s\n0,1,500,60\n1,0,500,60\n")
    (tmp_path / "requests.csv").write_text("id,t,o,d,pax,direct_s\n0,5,0,1,1,60\n")
    (tmp_path / "fleet.csv").write_text("veh,node\n0,0\n")
    out = tmp_path / "out.json"
    options = {
        "--data": tmp_path,
        "--requests": tmp_path / "requests.csv",
        "--fleet": tmp_path / "fleet.csv",
        "--vehicles": 1,
        "--out": out,
    }
    arguments = [str(part) for option in options.items() for part in option]
    result = CliRunner().invoke(app, ["bench", "dynamic", *arguments])
    assert result.exit_code == 0, result.output
    figures = json.loads(out.read_text())
    assert (figures["service_rate"], figures["wait_mean_s"], figures["promises_broken"]) == (
        1,
        0,
        0,
    )
    assert {
        "wait_p95_s",
        "ride_over_direct",
        "delay_mean_s",
        "km_per_served",
        "latency_p50_ms",
        "latency_p95_ms",
        "latency_p99_ms",
        "reopt_s",
        "cpu_s_per_simulated_hour",
        "peak_rss_mb",
    } <= figures.keys()


@pytest.mark.parametrize(("text", "expected"), [("90", 90), ("90s", 90), ("5m", 300), ("1h", 3600)])
def test_lengths_of_time(text: str, expected: float) -> None:
    assert seconds(text) == expected
