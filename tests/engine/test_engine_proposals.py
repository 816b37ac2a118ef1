"""A better plan for a whole fleet comes in as several events, none of them long."""

from dataclasses import replace

from sketched_service import NOON_S, STOPS, Street

from dispatcher.domain.trips import TimeWish
from dispatcher.engine import improve_ask, proposals_of
from dispatcher.planning.improver import ImproveResult

MANY = 20


def a_fleet() -> Street:
    """Each of its shuttles has one trip, in an hour."""
    street = Street(*[STOPS[number % 5] for number in range(MANY)], driven=False)
    for number in range(MANY):
        origin, destination = STOPS[number % 5], STOPS[(number + 1) % 5]
        wish_s = NOON_S + 3600 + 600 * (number // 5)
        street.want(origin, destination, wish=TimeWish.DEPART_AT, wish_s=wish_s)
    return street


def test_a_plan_for_many_comes_in_few_routes_at_a_time() -> None:
    street = a_fleet()
    ask = improve_ask(street.state)
    assert ask is not None
    same = tuple(zip(ask.problem.row_ids, ask.problem.rows, strict=True))
    result = ImproveResult(1, same, 9, 5)
    proposals = proposals_of(street.state, ask, result, street.now_s)
    assert [len(proposal.routes) for proposal in proposals] == [8, 8, 4]
    proposed = [route.shuttle_id for proposal in proposals for route in proposal.routes]
    assert proposed == [shuttle_id for shuttle_id, _ in ask.shuttles]
    assert {(p.at_s, p.cost_before, p.cost_after) for p in proposals} == {(street.now_s, 9, 5)}


def test_routes_that_exchange_riders_come_in_together() -> None:
    street = a_fleet()
    ask = improve_ask(street.state)
    assert ask is not None
    rows = list(ask.problem.rows)
    busy = [number for number, row in enumerate(rows) if row.visits]
    assert len(busy) > 1
    # The first busy shuttle's riders go to the last one, and a chain leads through all others.
    moved = [rows[number] for number in busy]
    for number, row in zip(busy, moved[-1:] + moved[:-1], strict=True):
        rows[number] = replace(rows[number], visits=row.visits, rides=row.rides)
    result = ImproveResult(1, tuple(zip(ask.problem.row_ids, rows, strict=True)), 9, 5)
    proposals = proposals_of(street.state, ask, result, street.now_s)
    chained = {ask.shuttles[number][0] for number in busy}
    with_some = [p for p in proposals if chained & {route.shuttle_id for route in p.routes}]
    assert len(with_some) == 1
    assert chained <= {route.shuttle_id for route in with_some[0].routes}
