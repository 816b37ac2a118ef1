"""Explanations as text and as JSON, and the command that prints them."""

import json
import os
from pathlib import Path

import pytest
import typer
from explained import explained, records_of
from sketched_service import NOON_S, Street
from typer.testing import CliRunner

import simulator.cli
from dispatcher.cli import app
from dispatcher.domain.trips import TimeWish
from dispatcher.explaining import explanation_json, explanation_text
from dispatcher.explaining.spoken import Clock, points, span
from dispatcher.streets.zone_file import write_zone


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("RINGMASTER_"):
            monkeypatch.delenv(name)


def text_of(street: Street, name: str = "t1") -> str:
    return explanation_text(explained(street, name))


def test_a_choice_reads_as_a_sum_that_adds_up() -> None:
    street = Street("P", "S")
    street.want("Q", "S")
    text = text_of(street)
    for line in (
        "Asked at 12:00:00 (event 3): 1 seat from stop Q to stop S, as soon as possible",
        "Chosen: shuttle s1, at a cost of 312.0 points.",
        "pickup 12:01:02 at Q, drop-off 12:03:14 at S (2 min 12 s)",
        "driving       87.0 = 174 s x 0.5",
        "waiting       93.0 = 62 s x 1.5",
        "riding       132.0 = 132 s x 1.0",
        "in all       312.0",
        "Delays nobody.",
        # S to Q and back is 50 s more to drive and 50 s more to wait for: 25 + 75.
        "the next, s2, would have cost 100.0 points more.",
        "2 shuttles considered: 2 could, 0 could not, 0 take no riders just now.",
        "driving 0.5, waiting 1.5, riding 1.0, walking 2.0",
    ):
        assert line in text


def test_a_refusal_reads_with_its_reason_and_what_would_work() -> None:
    street = Street("P", max_wait_s=60)
    street.want("Q", "S")
    text = text_of(street)
    assert "Refused: WAIT_TOO_LONG. The rider was told: No shuttle can come soon enough." in text
    assert "Nearest thing that would work: a pickup at 12:01:02." in text
    assert "s1: comes too late; it could board them at 12:01:02" in text


def test_a_refusal_before_any_search_says_that() -> None:
    street = Street("P")
    street.want("Q", "Q")
    assert "It was settled before any shuttle was considered." in text_of(street)


def test_a_delay_of_others_reads_with_whose_seconds_they_are() -> None:
    street = Street("P")
    street.want("Q", "T")
    street.want("R", "S")
    text = text_of(street, "t2")
    assert "Delays 1 other trip, all within what they were promised: t1 (drop-off 64 s later)" in (
        text
    )
    assert "(82 + 64) s x 1.0; 82 s this trip's own, 64 s other riders'" in text


def test_a_move_reads_with_cost_before_and_after() -> None:
    street = Street("P", "S")
    street.want("Q", "T")
    street.wait(5)
    street.break_down(next(iter(street.cars.values())), for_s=3600)
    text = text_of(street)
    assert "Shuttle s1 -> s2." in text
    assert "s1: the shuttle to leave: it reports a fault: motor" in text
    # P to Q 62 s, to T 162 s; and from S 112 s instead of 62 s, as above.
    before = (62 + 162) * 0.5 + 62 * 1.5 + 182
    after = (112 + 162) * 0.5 + 112 * 1.5 + 182
    assert f"The trip's place cost {before} points before, and {after} now." in text


def test_a_search_in_vain_is_told_in_full_only_once() -> None:
    street = Street("P")
    street.want("T", "Q", wish=TimeWish.DEPART_AT, wish_s=NOON_S + 1800)
    street.break_down(next(iter(street.cars.values())), for_s=7200)
    street.wait(120)
    text = text_of(street)
    again = "Looked again for the best place there still is, with a new promise: no shuttle takes"
    assert text.count("Looked for the best place there still is") == 1
    assert text.count(again) >= 2


def test_many_shuttles_are_counted_unless_all_are_wanted() -> None:
    street = Street(*["P"] * 12)
    street.want("Q", "S")
    explanation = explained(street, "t1")
    assert "and 3 more of this kind" in explanation_text(explanation)  # 1 chosen, 8 named
    whole = explanation_text(explanation, everyone=True)
    assert "more of this kind" not in whole
    assert all(f"s{number}: " in whole for number in range(2, 13))


def test_json_has_every_value_by_name() -> None:
    street = Street("P", "S")
    street.want("Q", "S")
    told = json.loads(explanation_json(explained(street, "t1")))
    (search,) = told["steps"][0]["searches"]
    assert (search["purpose"], search["chosen"], search["at_s"]) == ("offer_soonest", "s1", NOON_S)
    best, other = search["answers"]
    assert best["placement"]["price"]["total_milli"] == 312_000
    assert (other["verdict"], other["over_best_milli"]) == ("dearer", 100_000)
    assert told["steps"][0]["after"]["state"] == "accepted"
    assert told["checked"] == {"replayed_from": 1, "replayed_to": 3, "compared_to": 2}


def test_spans_points_and_times_are_said_plainly() -> None:
    assert [span(s) for s in (0, 119, 120, 185, 7200, -64)] == [
        "0 s",
        "119 s",
        "2 min",
        "3 min 5 s",
        "2 h 0 min",
        "-64 s",
    ]
    assert [points(milli) for milli in (0, 500, 1_234_567, -250)] == [
        "0.0",
        "0.5",
        "1,234.567",
        "-0.25",
    ]
    clock = Clock("Asia/Seoul", NOON_S)
    assert clock.at(NOON_S + 61) == "12:01:01"
    assert clock.at(NOON_S + 86_400) == "2026-09-22 12:00:00"
    assert clock.at(None) == "-"


def exported(street: Street, path: Path) -> Path:
    """The street's journal and zone as files, as an operator would have them."""
    zone = street.site.zone
    write_zone(zone, path / "zone")
    lines = [
        json.dumps({"format": "ringmaster-journal", "version": 1, "zone": zone.id, "after": 0})
    ]
    for record in records_of(street):
        payload = record.payload.decode()
        lines.append(f'{{"position":{record.position},"epoch":1,"key":null,"payload":{payload}}}')
    (path / "journal").write_text("\n".join(lines) + "\n")
    return path / "journal"


def test_the_command_explains_an_exported_journal(tmp_path: Path) -> None:
    street = Street("P")
    street.want("Q", "S")
    journal = str(exported(street, tmp_path))
    zone = str(tmp_path / "zone")
    ended = CliRunner().invoke(app, ["explain", journal, "t1", "--zone", zone])
    assert ended.exit_code == 0, ended.output
    assert "Chosen: shuttle s1, at a cost of 312.0 points." in ended.output
    ended = CliRunner().invoke(app, ["explain", journal, "q-t1", "--zone", zone, "--json"])
    assert ended.exit_code == 0, ended.output
    assert json.loads(ended.output)["request"]["trip_id"] == "t1"


def test_the_command_ends_without_an_explanation_it_cannot_vouch_for(tmp_path: Path) -> None:
    street = Street("P", window_after_s=120)  # not the rules of the settings
    street.want("Q", "S")
    street.want("R", "S")
    journal, zone = str(exported(street, tmp_path)), str(tmp_path / "zone")
    ended = CliRunner().invoke(app, ["explain", journal, "t1", "--zone", zone])
    assert ended.exit_code == 1
    assert "no explanation: decided again, events 2 to 2 come out differently" in ended.output
    assert "Chosen" not in ended.output
    unknown = CliRunner().invoke(app, ["explain", journal, "t7", "--zone", zone])
    assert unknown.exit_code == 2
    assert "no trip and no request t7" in unknown.output


def test_the_command_says_what_cannot_be_read(tmp_path: Path) -> None:
    missing = CliRunner().invoke(app, ["explain", str(tmp_path / "none"), "t1"])
    assert missing.exit_code == 2
    (tmp_path / "junk").write_text("junk\n")
    junk = CliRunner().invoke(app, ["explain", str(tmp_path / "junk"), "t1"])
    assert junk.exit_code == 4
    street = Street("P")
    journal = str(exported(street, tmp_path))
    other = CliRunner().invoke(app, ["explain", journal, "t1", "--zone", "sejong-5-1"])
    assert other.exit_code == 2
    assert "is of zone sketch, not sejong-5-1" in other.output


def test_a_simulated_days_journal_can_be_explained(tmp_path: Path) -> None:
    simulated = typer.Typer()
    simulator.cli.register(simulated)
    journal = str(tmp_path / "journal")
    call = "simulate --scenario quiet --hours 10 10.1 --shuttles 2 --riders-per-hour 60 --json"
    ended = CliRunner().invoke(simulated, [*call.split(), "--journal-out", journal])
    assert ended.exit_code == 0, ended.output
    ended = CliRunner().invoke(app, ["explain", journal, "t1"])
    assert ended.exit_code == 0, ended.output
    assert "The journal's digests confirm every decision shown." in ended.output
