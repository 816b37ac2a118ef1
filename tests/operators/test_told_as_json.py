"""What the desk says survives being written as JSON, for consoles of any kind."""

import json
from typing import Any

import pytest
from operator_post import OLGA, open_post

from dispatcher.operators import (
    CommandError,
    CostChangedError,
    HoldShuttle,
    MoveTrip,
    WithdrawShuttle,
)
from dispatcher.operators.as_json import (
    cost_fields,
    expected_of,
    outcome_fields,
    page_fields,
    problem_fields,
)


def written(fields: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(json.dumps(fields))
    assert read == fields
    return read


async def test_a_cost_is_agreed_to_by_what_it_said() -> None:
    async with open_post() as post:
        near = await post.shuttle("P")
        trip = await post.trip("Q", "S")
        cost = await post.desk.preview(OLGA, WithdrawShuttle(near))
        told = written(cost_fields(cost))
        assert told["trips"][0]["harm"] == "without_shuttle"
        assert told["expected"]["harmed"] == [[trip, "without_shuttle"]]
        assert expected_of(told["expected"]) == cost.expected
        await post.trip("Q", "T")
        with pytest.raises(CostChangedError) as changed:
            await post.order(WithdrawShuttle(near), expected=expected_of(told["expected"]))
        problem = written(problem_fields(changed.value))
        assert problem["code"] == "COST_CHANGED"
        assert len(problem["cost"]["trips"]) == 2


async def test_outcomes_and_the_audit_say_all_by_name() -> None:
    async with open_post() as post:
        near, far = await post.shuttle("P"), await post.shuttle("T")
        trip = await post.trip("Q", "S")
        moving = written(cost_fields(await post.desk.preview(OLGA, MoveTrip(trip, far))))
        (moved,) = moving["trips"]
        assert (moved["pickup_later_s"], moved["moves"]) == (0, True)
        done = written(outcome_fields(await post.order(HoldShuttle(near), "c1")))
        assert (done["accepted"], done["refusal"], done["command_id"]) == (True, None, "c1")
        refused = written(outcome_fields(await post.order(HoldShuttle(near), "c2")))
        assert refused["refusal"]["problem"] == "ALREADY_SO"
        page = written(page_fields(await post.desk.list_commands()))
        assert [entry["event"]["type"] for entry in page["entries"]] == ["ShuttleHeld"] * 2
        assert page["entries"][1]["outcome"] == done


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"position": 1},
        {"position": "1", "harmed": []},
        {"position": 1, "harmed": [["t1", "flood"]]},
        {"position": 1, "harmed": [], "more": 1},
    ],
)
def test_what_no_cost_said_cannot_be_agreed_to(given: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match="not what a cost said"):
        expected_of(given)
