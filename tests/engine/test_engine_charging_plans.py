"""What the charging plan is asked, and that its answer is adopted as it was meant."""

from test_engine_charging import Line, cars_of

from dispatcher.charging_loop import plan_charging
from dispatcher.engine import dump_state
from dispatcher.engine.charging_ask import charging_ask

SLOT_S = 600


def test_only_who_could_use_a_charge_is_asked_about() -> None:
    line = Line("T", "T", "T")
    one, two, three = cars_of(line)
    line.tell(one, 50.0)
    line.tell(two, 89.0)
    line.tell(three, 30.0)  # on its way to the plug already
    problem = charging_ask(line.state)
    assert problem is not None
    assert [need.key for need in problem.needs] == [one.id]
    # 49 %, for a report may be one percent old.
    assert problem.needs[0].level_ws == 49 * 36_000
    (charger,) = problem.chargers
    assert charger.plugs == 1
    assert len(charger.taken) == 1
    assert problem.now_s % SLOT_S == 0
    assert problem.out == 3


def test_asking_changes_nothing() -> None:
    line = Line("T", "T")
    for car in cars_of(line):
        line.tell(car, 50.0)
    before = dump_state(line.state)
    plan_charging(line.state, line.now_s)
    assert dump_state(line.state) == before


def test_what_is_planned_is_reserved() -> None:
    line = Line("T", "T")
    for car in cars_of(line):
        line.tell(car, 45.0)
    event = plan_charging(line.state, line.now_s)
    assert event is not None
    assert {charge.shuttle_id for charge in event.sessions} <= set(line.cars)
    assert event.sessions
    line.submit(event)
    for charge in event.sessions:
        session = line.state.shuttles[charge.shuttle_id].charge
        released = line.state.shuttles[charge.shuttle_id].released
        assert session is not None
        assert session.begin_s == charge.begin_s
        assert released is None or released.visit.charge_to_pct == charge.to_pct
    assert line.replay() == line.decisions
