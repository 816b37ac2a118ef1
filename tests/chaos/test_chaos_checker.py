"""Each kind of wrong history is seen, and a right one passes."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from simulator.chaos.checker import Histories, StreamEntry, judge, read_lines

START_S = 1_795_900_000
TRIP, RIDER, ONE, TWO = "t1", "r1", "sim:S1", "sim:S2"


def moment(s: float) -> str:
    return datetime.fromtimestamp(START_S + s, UTC).isoformat()


@dataclass
class Story:
    """A history in the making. Times are seconds from the start."""

    riders: list[dict[str, Any]] = field(default_factory=list)
    shuttles: list[dict[str, Any]] = field(default_factory=list)
    stream: list[StreamEntry] = field(default_factory=list)
    retained: dict[str, str] = field(default_factory=dict)
    last_orders: dict[str, str] = field(default_factory=dict)
    troubles: list[tuple[float, float]] = field(default_factory=list)
    headers: int = 0

    # The store

    def record(self, kind: str, epoch: int = 1, at_s: float = 0, **fields: Any) -> None:
        event = {"type": kind, "at_s": START_S + at_s, **fields}
        entry = StreamEntry(len(self.stream) + 1, epoch, json.dumps({"event": event, "prev": ""}))
        self.stream.append(entry)

    def requested(self, trip: str = TRIP, rider: str = RIDER, seats: int = 1) -> None:
        request = {
            "trip_id": trip,
            "rider_id": rider,
            "request_id": f"q-{trip}",
            "wish": "now",
            "party": {"seats": seats, "wheelchairs": 0},
        }
        self.record("RequestSubmitted", request=request)

    # The phone

    def told(
        self,
        state: str,
        revision: int,
        trip: str = TRIP,
        rider: str = RIDER,
        closes_s: float = 300,
        latest_s: float = 900,
        **more: Any,
    ) -> None:
        document = {
            "trip": trip,
            "request": f"q-{trip}",
            "state": state,
            "revision": revision,
            "epoch": 1,
            "promise": {"window": {"closes": moment(closes_s)}, "dropoff_latest": moment(latest_s)},
            **more,
        }
        topic = f"ringmaster/v1/zone/rider/{rider}/trip/{trip}"
        self.retained[topic] = json.dumps(document)
        self.riders.append({"way": "got", "topic": topic, "body": json.dumps(document)})

    # A shuttle

    def factsheet(self, shuttle: str, seats: int = 2) -> None:
        places = [f"seat-{n + 1}" for n in range(seats)]
        self._said(shuttle, "factsheet", {"loadSpecification": {"loadPositions": places}})

    def ordered(
        self, shuttle: str, update: int, *tasks: tuple[str, str, int], order: str = "o1"
    ) -> None:
        """Tasks are (board or alight, trip, seats), each at a stop of its own, all unreleased."""
        nodes = [
            {
                "sequenceId": 2 * number,
                "released": False,
                "actions": [
                    {
                        "actionType": kind,
                        "actionId": f"{kind}/{trip}",
                        "actionParameters": [
                            {"key": "tripId", "value": trip},
                            {"key": "seats", "value": seats},
                            {"key": "wheelchairs", "value": 0},
                        ],
                    }
                ],
            }
            for number, (kind, trip, seats) in enumerate(tasks)
        ]
        message = {"orderId": order, "orderUpdateId": update, "planValidity": 60, "nodes": nodes}
        self._said(shuttle, "order", message, way="got")
        self.last_orders[f"uagv/v2/{shuttle.replace(':', '/')}/order"] = json.dumps(message)

    def state(
        self,
        shuttle: str,
        update: int,
        at_s: float,
        loads: tuple[str, ...] = (),
        actions: tuple[tuple[str, str], ...] = (),
        order: str = "o1",
        epoch: int = 1,
        events: tuple[tuple[int, str, str], ...] = (),
        valid_from_s: float | None = None,
    ) -> None:
        self.headers += 1
        onboard: dict[str, Any] = {"epoch": epoch, "series": "s"}
        onboard["events"] = [{"number": n, "kind": k, "actionId": a} for n, k, a in events]
        if valid_from_s is not None:
            onboard["validFrom"] = moment(valid_from_s)
        state = {
            "headerId": self.headers,
            "timestamp": moment(at_s),
            "orderId": order,
            "orderUpdateId": update,
            "loads": [{"loadId": trip} for trip in loads],
            "actionStates": [{"actionId": a, "actionStatus": s} for a, s in actions],
            "nodeStates": [],
            "onboard": onboard,
        }
        self._said(shuttle, "state", state)

    def door(self, way: str, shuttle: str, at_s: float, trip: str = TRIP) -> None:
        begins_s = START_S + at_s
        self.shuttles.append({"way": way, "trip": trip, "shuttle": shuttle, "begins_s": begins_s})

    def _said(self, shuttle: str, kind: str, body: dict[str, Any], way: str = "sent") -> None:
        topic = f"uagv/v2/{shuttle.replace(':', '/')}/{kind}"
        self.shuttles.append({"way": way, "topic": topic, "body": json.dumps(body)})

    def histories(self) -> Histories:
        return Histories(
            self.riders,
            self.shuttles,
            self.stream,
            tuple(self.stream),
            self.retained,
            self.last_orders,
            self.troubles,
        )


def a_story() -> Story:
    """A rider is picked up at 200 s of 300 and set down at 800 s of 900; a second shuttle idles."""
    story = Story()
    story.record("EpochBegan", epoch=1)
    story.requested()
    for shuttle in (ONE, TWO):
        story.factsheet(shuttle)
        story.state(shuttle, 0, 0, order="")
    story.told("requested", 0)
    story.told("assigned", 1)
    story.ordered(ONE, 1, ("board", TRIP, 1), ("alight", TRIP, 1))
    story.state(ONE, 1, 10)
    waiting = (("board/t1", "WAITING"),)
    story.state(ONE, 1, 100, actions=waiting, valid_from_s=90)
    story.record("PlanConfirmed", at_s=10, shuttle_id=ONE, revision=1)
    story.door("in", ONE, 200)
    numbered = {"series": "s", "number": 1}
    boarded = {"shuttle_id": ONE, "visit_id": "v1", "trip_id": TRIP, "number": numbered}
    story.state(ONE, 1, 210, (TRIP,), (("board/t1", "FINISHED"),), events=((1, "boarded", "b"),))
    story.record("RiderBoarded", at_s=210, **boarded)
    story.told("aboard", 2)
    story.door("out", ONE, 800)
    story.state(ONE, 1, 810, actions=(("alight/t1", "FINISHED"),), events=((2, "alighted", "a"),))
    numbered = {"series": "s", "number": 2}
    out = {"shuttle_id": ONE, "visit_id": "v2", "trip_id": TRIP, "number": numbered}
    story.record("RiderAlighted", at_s=810, **out)
    story.told("completed", 3)
    return story


def found(story: Story) -> set[str]:
    return {violation.invariant for violation in judge(story.histories()).violations}


def test_a_right_history_passes() -> None:
    verdict = judge(a_story().histories())
    assert verdict.violations == ()
    assert verdict.counts["promises kept as last told"] == 2
    assert verdict.counts["trip completed"] == 1


# Each plants one mistake in a right history.


def _told_before_it_was_durable(story: Story) -> None:
    story.told("requested", 0, trip="t9", rider="r9")
    story.told("refused", 1, trip="t9", rider="r9")


def _told_to_another_rider(story: Story) -> None:
    story.told("completed", 3, rider="r2")


def _never_ends(story: Story) -> None:
    story.requested("t2", "r2")
    story.told("assigned", 1, trip="t2", rider="r2")


def _ends_twice(story: Story) -> None:
    story.told("no_show", 4)


def _comes_back_from_its_end(story: Story) -> None:
    story.told("assigned", 4)
    story.told("completed", 5)


def _accepted_and_refused(story: Story) -> None:
    story.requested("t2", "r2")
    story.told("accepted", 1, trip="t2", rider="r2")
    story.told("refused", 2, trip="t2", rider="r2")


def _completed_without_a_ride(story: Story) -> None:
    story.requested("t2", "r2")
    story.told("completed", 1, trip="t2", rider="r2")


def _set_down_but_no_show(story: Story) -> None:
    story.riders.pop()
    story.told("no_show", 3)


def _cancelled_though_nobody_said_so(story: Story) -> None:
    story.requested("t2", "r2")
    story.told("cancelled_by_rider", 1, trip="t2", rider="r2")


def _nothing_was_told(story: Story) -> None:
    story.requested("t2", "r2")


def _phone_and_broker_differ(story: Story) -> None:
    topic = next(iter(story.retained))
    story.retained[topic] = json.dumps({"state": "aboard"})


def _boards_another_shuttle(story: Story) -> None:
    story.door("in", TWO, 850)


def _sits_in_two_shuttles(story: Story) -> None:
    place = next(n for n, line in enumerate(story.shuttles) if line["way"] == "out")
    later = story.shuttles[place:]
    del story.shuttles[place:]
    story.state(TWO, 0, 300, (TRIP,), order="")
    story.shuttles += later
    story.state(TWO, 0, 850, order="")


def _two_shuttles_wait_for_it(story: Story) -> None:
    place = next(n for n, line in enumerate(story.shuttles) if line["way"] == "in")
    later = story.shuttles[place:]
    del story.shuttles[place:]
    story.ordered(TWO, 1, ("board", TRIP, 1), ("alight", TRIP, 1))
    story.state(TWO, 1, 110, actions=(("board/t1", "WAITING"),), valid_from_s=100)
    story.shuttles += later
    story.state(TWO, 1, 850)
    story.record("PlanConfirmed", at_s=850, shuttle_id=TWO, revision=1)


def _too_many_in_a_shuttle(story: Story) -> None:
    story.requested("t2", "r2", seats=3)
    story.told("cancelled_by_rider", 1, trip="t2", rider="r2")
    story.state(TWO, 0, 300, ("t2",), order="")
    story.state(TWO, 0, 400, order="")


def _too_many_planned(story: Story) -> None:
    tasks = (("board", "t2", 2), ("board", "t3", 1), ("alight", "t2", 2), ("alight", "t3", 1))
    story.ordered(TWO, 1, *tasks)
    story.state(TWO, 1, 300)


def _aboard_without_a_drop_off(story: Story) -> None:
    story.ordered(TWO, 1, ("board", "t2", 1), ("alight", "t2", 1))
    story.state(TWO, 1, 300, ("t3",))
    story.state(TWO, 1, 400)


def _still_aboard_at_the_end(story: Story) -> None:
    story.state(TWO, 0, 900, ("t3",), order="")


def _epoch_falls(story: Story) -> None:
    story.state(TWO, 0, 300, order="", epoch=2)
    story.state(TWO, 0, 301, order="", epoch=1)


def _update_falls(story: Story) -> None:
    story.ordered(TWO, 1, ("board", "t2", 1), ("alight", "t2", 1))
    story.state(TWO, 2, 300)
    story.state(TWO, 1, 301)


def _order_comes_back(story: Story) -> None:
    story.state(TWO, 1, 300, order="o1")
    story.state(TWO, 2, 301, order="o2")
    story.state(TWO, 3, 302, order="o1")


def _event_number_names_two_events(story: Story) -> None:
    story.state(ONE, 1, 850, events=((2, "alighted", "another"),))


def _journal_has_a_gap(story: Story) -> None:
    del story.stream[0]


def _journal_of_an_older_epoch(story: Story) -> None:
    story.record("EpochBegan", epoch=0)


def _event_is_written_twice(story: Story) -> None:
    numbered = {"series": "s", "number": 1}
    more = {"shuttle_id": ONE, "visit_id": "v9", "trip_id": TRIP, "number": numbered}
    story.record("RiderBoarded", at_s=820, **more)


def _request_becomes_two_trips(story: Story) -> None:
    story.requested()


def _event_is_set_aside(story: Story) -> None:
    story.stream.append(StreamEntry(len(story.stream) + 1, 1, '{"prev":"","set_aside":2}'))


def _newest_plan_did_not_arrive(story: Story) -> None:
    story.ordered(ONE, 2, ("board", "t2", 1), ("alight", "t2", 1))


def _obeys_an_older_epoch(story: Story) -> None:
    story.record("EpochBegan", epoch=2, at_s=900)


def _late_and_nobody_told(story: Story) -> None:
    for line in story.riders:
        line["body"] = line["body"].replace(moment(300), moment(150))


def _late_out_and_nobody_told(story: Story) -> None:
    for line in story.riders:
        line["body"] = line["body"].replace(moment(900), moment(700))


@pytest.mark.parametrize(
    ("plant", "invariant"),
    [
        (_told_before_it_was_durable, "acknowledged_not_durable"),
        (_told_to_another_rider, "wrong_rider"),
        (_never_ends, "every_trip_ends"),
        (_ends_twice, "one_end"),
        (_comes_back_from_its_end, "one_end"),
        (_accepted_and_refused, "wrong_end"),
        (_completed_without_a_ride, "wrong_end"),
        (_set_down_but_no_show, "wrong_end"),
        (_cancelled_though_nobody_said_so, "wrong_end"),
        (_nothing_was_told, "rider_told"),
        (_phone_and_broker_differ, "rider_told"),
        (_boards_another_shuttle, "boarded_once"),
        (_sits_in_two_shuttles, "one_shuttle_carries"),
        (_two_shuttles_wait_for_it, "one_shuttle_boards"),
        (_too_many_in_a_shuttle, "capacity_kept"),
        (_too_many_planned, "capacity_planned"),
        (_aboard_without_a_drop_off, "drop_off_in_plan"),
        (_still_aboard_at_the_end, "everyone_gets_off"),
        (_epoch_falls, "epoch_rises"),
        (_update_falls, "revision_rises"),
        (_order_comes_back, "revision_rises"),
        (_event_number_names_two_events, "event_number_reused"),
        (_journal_has_a_gap, "journal_gap"),
        (_journal_of_an_older_epoch, "superseded_epoch"),
        (_event_is_written_twice, "event_twice"),
        (_request_becomes_two_trips, "request_twice"),
        (_event_is_set_aside, "event_set_aside"),
        (_newest_plan_did_not_arrive, "newest_plan_arrives"),
        (_obeys_an_older_epoch, "shuttles_fenced"),
        (_late_and_nobody_told, "promise_kept_or_told"),
        (_late_out_and_nobody_told, "promise_kept_or_told"),
    ],
)
def test_a_planted_mistake_is_seen(plant: Callable[[Story], None], invariant: str) -> None:
    story = a_story()
    plant(story)
    assert invariant in found(story)


def test_a_record_that_was_readable_must_stay() -> None:
    story = a_story()
    was = story.histories()
    lost = replace(was, stream=was.stream[:-1])
    assert "durable_record_lost" in {v.invariant for v in judge(lost).violations}
    other = replace(was.stream[1], payload=was.stream[1].payload.replace("q-t1", "q-t2"))
    changed = replace(was, stream=[was.stream[0], other, *was.stream[2:]])
    assert "durable_record_lost" in {v.invariant for v in judge(changed).violations}


def test_a_broken_promise_of_which_the_rider_had_word_is_none() -> None:
    story = a_story()
    _late_and_nobody_told(story)
    told = json.loads(story.riders[-1]["body"]) | {"breach": {"cause": "delay"}}
    story.riders[-1]["body"] = json.dumps(told)
    verdict = judge(story.histories())
    assert verdict.violations == ()
    assert verdict.counts["promises broken, told"] == 1


def test_while_nobody_could_tell_a_broken_promise_is_counted() -> None:
    story = a_story()
    _late_and_nobody_told(story)
    story.troubles.append((START_S + 140, START_S + 160))
    verdict = judge(story.histories())
    assert verdict.violations == ()
    assert verdict.counts["promises broken, nobody could tell"] == 1


def test_a_cancellation_may_cross_the_news_of_the_boarding() -> None:
    story = a_story()
    story.riders.pop()
    topic = f"ringmaster/v1/zone/rider/{RIDER}/cancel"
    story.riders.append({"way": "sent", "topic": topic, "body": json.dumps({"trip": TRIP})})
    story.told("cancelled_by_rider", 3)
    assert found(story) == set()


def test_a_state_that_its_own_client_sent_late_is_not_read() -> None:
    story = a_story()
    story.state(TWO, 0, 310, order="", epoch=1)
    story.state(TWO, 0, 305, order="", epoch=0)
    late = story.shuttles[-1]
    late["body"] = late["body"].replace(f'"headerId": {story.headers}', '"headerId": 1')
    assert found(story) == set()


def test_lines_torn_by_a_kill_are_left_out() -> None:
    assert read_lines('\n{"way": "in"}\n{"way": "ou\n{"way": "out"}') == [
        {"way": "in"},
        {"way": "out"},
    ]
