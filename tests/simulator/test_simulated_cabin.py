"""Doors and platforms: who steps in where, and how long it takes."""

from dataclasses import dataclass, field

from dispatcher.domain.ids import ShuttleId, TripId
from dispatcher.domain.trips import Party
from simulator.cabin import DoorModel, SimulatedCabin
from simulator.concourse import Concourse, Strangers
from vehicles.agent_hardware import Boarding

ANA, BEN = TripId("ana"), TripId("ben")
S1, S2 = ShuttleId("m:s1"), ShuttleId("m:s2")
ONE = Party(1, 0)


@dataclass
class Seen:
    """Notes what happens to it."""

    told: list[tuple[str, object]] = field(default_factory=list)

    def boards(self, shuttle_id: ShuttleId, begins_s: float, ends_s: float) -> None:
        self.told.append(("in", (shuttle_id, begins_s, ends_s)))

    def alights(self, x_m: float, y_m: float, out_s: float) -> None:
        self.told.append(("out", (x_m, y_m, out_s)))


def a_cabin(
    place: Concourse | Strangers, shuttle: ShuttleId = S1, x_m: float = 0.0
) -> SimulatedCabin:
    doors = DoorModel(doors_s=2.0, step_s=3.0, ramp_s=30.0)
    return SimulatedCabin(shuttle, place, lambda now: (x_m, 0.0), doors)


def board(cabin: SimulatedCabin, trip_id: TripId, now: float) -> Boarding | None:
    """Ask until one person is through the doors, which take 2 s to open."""
    cabin.board(trip_id, ONE, now)
    return cabin.board(trip_id, ONE, now + 2.0)


def test_nobody_boards_who_is_not_there() -> None:
    place = Concourse()
    cabin = a_cabin(place)
    assert cabin.board(ANA, ONE, 100.0) is None
    place.stand(ANA, Seen(), 500.0, 0.0)  # at another stop
    assert cabin.board(ANA, ONE, 101.0) is None
    assert place.waiting() == 1


def test_parties_go_through_the_door_one_after_another() -> None:
    place, ana, ben = Concourse(), Seen(), Seen()
    place.stand(ANA, ana, 5.0, 0.0)
    place.stand(BEN, ben, 5.0, 0.0)
    cabin = a_cabin(place)
    # Doors open at 102, two people take 6 s; then a wheelchair over the ramp takes 30 s.
    assert cabin.board(ANA, Party(2, 0), 100.0) == Boarding(102.0, 110.0)
    assert (place.waiting(), place.aboard()) == (2, 0)  # the doors are not open yet
    assert cabin.board(ANA, Party(2, 0), 102.0) == Boarding(102.0, 110.0)
    assert cabin.board(BEN, Party(0, 1), 102.0) == Boarding(108.0, 140.0)
    assert (place.waiting(), place.aboard()) == (1, 1)  # the second waits for their turn
    assert cabin.board(BEN, Party(0, 1), 108.0) == Boarding(108.0, 140.0)
    assert cabin.board(ANA, Party(2, 0), 109.0) == Boarding(102.0, 110.0)  # asked again
    assert ana.told == [("in", (S1, 102.0, 108.0))]
    assert ben.told == [("in", (S1, 108.0, 138.0))]
    assert cabin.next_change(108.0) == 110.0
    assert (place.waiting(), place.aboard()) == (0, 2)


def test_setting_down_happens_once_and_tells_where() -> None:
    place, ana = Concourse(), Seen()
    place.stand(ANA, ana, 0.0, 0.0)
    cabin = a_cabin(place)
    board(cabin, ANA, 100.0)
    assert cabin.alight(ANA, ONE, 300.0) == 305.0
    assert cabin.alight(ANA, ONE, 305.0) == 305.0
    assert ana.told[1:] == [("out", (0.0, 0.0, 305.0))]
    assert place.aboard() == 0


def test_riders_who_left_for_another_shuttle_are_not_set_down_again() -> None:
    place, ana = Concourse(), Seen()
    place.stand(ANA, ana, 0.0, 0.0)
    broken, rescue = a_cabin(place), a_cabin(place, S2, x_m=30.0)
    board(broken, ANA, 100.0)
    assert not broken.has_left(ANA, 110.0)
    place.stand(ANA, ana, 30.0, 0.0)  # out again, and to where the rescue comes
    assert broken.has_left(ANA, 120.0)
    assert board(rescue, ANA, 400.0) == Boarding(402.0, 407.0)
    assert broken.alight(ANA, ONE, 500.0) == 500.0
    assert rescue.alight(ANA, ONE, 600.0) == 605.0
    assert [what for what, _ in ana.told] == ["in", "in", "out"]


def test_shuttles_hear_of_those_who_come_late() -> None:
    heard: list[tuple[float, float]] = []
    place = Concourse(arrived=lambda x_m, y_m: heard.append((x_m, y_m)))
    place.stand(ANA, Seen(), 7.0, 8.0)
    assert heard == [(7.0, 8.0)]


def test_of_strangers_nearly_everybody_is_there_and_always_the_same() -> None:
    trips = [TripId(f"t{number}") for number in range(1000)]
    first, again = Strangers(seed=1), Strangers(seed=1)
    came = [first.waits(trip, S1, 0.0, 0.0) for trip in trips]
    assert came == [again.waits(trip, S2, 9.0, 9.0) for trip in trips]
    assert 960 < sum(came) < 1000  # 2 % stay away: 20 give or take four times 4.4


def test_strangers_in_one_shuttle_are_not_there_for_another() -> None:
    place = Strangers(seed=1, no_show=0.0)
    assert place.waits(TripId("t1"), S1, 0.0, 0.0)
    place.takes(TripId("t1"), S1)
    assert place.is_in(TripId("t1"), S1)
    assert not place.waits(TripId("t1"), ShuttleId("other"), 0.0, 0.0)
    assert place.waits(TripId("t1"), S1, 0.0, 0.0)  # asked again after a restart
