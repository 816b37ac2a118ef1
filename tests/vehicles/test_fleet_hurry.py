"""When our own connection comes back, what was on its way is sent at once."""

from test_fleet import a_joined_fleet
from vehicle_cases import SHUTTLE, T0, a_plan

from dispatcher.domain.decisions import ShuttleCommand
from vehicles.fleet import FleetOutput


def topics(output: FleetOutput) -> list[str]:
    return [sending.topic.rpartition("/")[2] for sending in output.sendings]


def test_a_plan_and_a_command_are_sent_again_at_once() -> None:
    fleet = a_joined_fleet()
    assert topics(fleet.publish(a_plan("v1 B 10", released=1), T0 + 1)) == ["order"]
    assert topics(fleet.command(SHUTTLE, ShuttleCommand.PAUSE, 7, T0 + 1)) == ["instantActions"]
    # By themselves they would be repeated at T0 + 3.
    assert topics(fleet.tick(T0 + 1.5)) == []
    fleet.hurry(T0 + 1.5)
    assert sorted(topics(fleet.tick(T0 + 1.5))) == ["instantActions", "order"]
    assert topics(fleet.tick(T0 + 2)) == []
