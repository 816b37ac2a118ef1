"""A stop that waits longer than the others counts for more, until it no longer does."""

from dispatcher.planning.fairness import WaitBook, fair_demand


def test_ratios_compare_with_the_median_stop() -> None:
    book = WaitBook(4)
    assert book.ratios_pct() == (100,) * 4, "nothing is known"
    for _ in range(200):
        book.note(0, 100)
        book.note(1, 100)
        book.note(2, 400)
    assert book.median_s() == 100
    # About twenty requests are remembered, and three more are taken to wait as the median does:
    # (20 * 400 + 3 * 100) / 23 = 361.
    ratios = book.ratios_pct()
    assert ratios[0] == ratios[1] == ratios[3] == 100
    assert 355 <= ratios[2] <= 365


def test_one_long_wait_is_not_neglect() -> None:
    book = WaitBook(3)
    for stop in (0, 1):
        for _ in range(20):
            book.note(stop, 100)
    book.note(2, 400)
    # (400 + 3 * 100) / 4 = 175 s.
    assert book.ratios_pct()[2] == 175


def test_neglect_is_forgotten_when_waits_are_short_again() -> None:
    book = WaitBook(3)
    for _ in range(50):
        book.note(0, 100)
        book.note(1, 100)
        book.note(2, 600)
    assert book.ratios_pct()[2] > 400
    for _ in range(60):
        book.note(2, 50)
    assert book.ratios_pct()[2] < 100


def test_neglected_stops_count_as_the_mean_stop_at_least() -> None:
    demand = (3000, 900, 0, 0)  # 975 on average
    assert fair_demand(demand, (100, 100, 100, 100), 200) == demand
    assert fair_demand(demand, (100, 200, 100, 100), 200) == demand
    # 1.5 times as bad as allowed: half as much again. At most four times as much.
    assert fair_demand(demand, (100, 100, 300, 100), 200) == (3000, 900, 975 * 150 // 100, 0)
    assert fair_demand(demand, (3000, 100, 100, 100), 200)[0] == 4 * 3000
    assert fair_demand(demand, (900, 900, 900, 900), 0) == demand
