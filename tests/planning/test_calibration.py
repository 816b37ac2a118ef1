"""What is learnt from lateness: quantiles that hold, whatever the world does."""

import random

import pytest

from dispatcher.domain.quotes import LEVELS_PCT, level_index
from dispatcher.planning.calibration import AHEAD_EDGES_S, KEPT, LatenessBook
from dispatcher.planning.pace import PaceBook
from dispatcher.planning.punctuality import PunctualityBook
from dispatcher.planning.reliability import Reliability

ALL_HIT = (True,) * len(LEVELS_PCT)


def test_a_full_class_gives_the_quantiles_of_what_it_saw() -> None:
    book = LatenessBook()
    # 99 arrivals, 1 s to 99 s late: of 100 places between and around them, the 50th ends at 50 s.
    for late_s in range(1, 100):
        book.recent_s[2].append(late_s)
    assert book.quantiles_s(AHEAD_EDGES_S[1]) == (50, 80, 90, 95, 99)


def test_the_prior_is_wider_the_further_ahead() -> None:
    book = LatenessBook()
    near_s, far_s = book.quantiles_s(60), book.quantiles_s(3600)
    assert near_s[0] < near_s[-1] < far_s[-1]
    # The nearest class: 15 s + 2 % of 90 s = 16 s; the widest of twenty is 392 % of that.
    assert near_s[-1] == 62


def test_aims_balance_when_the_level_is_kept() -> None:
    book = LatenessBook()
    for number in range(100):  # 95 hits and 5 misses, evenly spread
        hit = number % 20 != 0
        book.learn(60, 0, (True, True, True, hit, True))
    assert book.aims[level_index(95)] == 95_000
    assert book.aims[0] == 35_000  # nothing but hits: as low as it goes


def test_quantiles_rise_with_the_level_even_if_aims_cross() -> None:
    book = LatenessBook()
    book.aims = [65_000, 64_000, 75_000, 80_000, 84_000]
    book.recent_s[0] = list(range(100))
    quantiles_s = book.quantiles_s(0)
    assert list(quantiles_s) == sorted(quantiles_s)
    assert quantiles_s[0] == quantiles_s[1]  # the second may not be before the first


def test_memory_is_bounded() -> None:
    book = LatenessBook()
    for late_s in range(KEPT + 50):
        book.learn(60, late_s, ALL_HIT)
    assert book.recent_s[0] == list(range(50, KEPT + 50))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_levels_are_kept_while_the_world_changes(seed: int) -> None:
    """Lateness is short, then long, then early, with outcomes known 30 quotes later."""
    rng = random.Random(seed)
    book, kept = LatenessBook(), Reliability()
    pending: list[tuple[int, tuple[int, ...], int]] = []
    for number in range(3000):
        ahead_s = rng.choice([100, 500, 1000])
        spread_s = (20, 60, 35)[number // 1000] * ahead_s / 500
        middle_s = (0, 40, -20)[number // 1000]
        pending.append((ahead_s, book.quantiles_s(ahead_s), round(rng.gauss(middle_s, spread_s))))
        if len(pending) > 30:
            ahead_s, quoted_s, late_s = pending.pop(0)
            came_by = tuple(late_s <= quantile_s for quantile_s in quoted_s)
            kept.note(came_by)
            book.learn(ahead_s, late_s, came_by)
    for level, share_pct in zip(LEVELS_PCT, kept.shares_pct(), strict=True):
        # Three standard deviations of 2,970 outcomes at 50 % are 2.8 points.
        assert abs(share_pct - level) <= 2.8, f"seed {seed}: {level} % came to {share_pct} %"


def test_reliability_counts_by_level() -> None:
    kept = Reliability()
    kept.note((False, False, True, True, True))
    kept.note((True, True, True, True, True))
    kept.note((False, False, False, False, True))
    kept.note((False, True, True, True, True))
    assert kept.shares_pct() == (25.0, 50.0, 75.0, 75.0, 100.0)
    assert kept.recent_shares_pct() == kept.shares_pct()
    assert Reliability().shares_pct() == (0.0,) * 5


def test_the_guard_follows_the_legs() -> None:
    book = PunctualityBook()
    assert book.guard_s(1) == 20  # nothing known: the prior's spread
    assert book.guard_s(4) == 40  # four independent legs: twice as wide
    for number in range(40):  # 38 legs 2 s late and 2 legs 32 s late
        book.note(32 if number % 20 == 7 else 2, 95)
    # The 39th of 40 is the 95 % rank of 41: 32 s, and 30 s beyond the median.
    assert (book.median_s, book.spread_s) == (2, 30)
    assert book.guard_s(1) == 32
    assert book.guard_s(4) == 4 * 2 + 2 * 30


def test_the_guard_is_renewed_seldom_and_never_negative() -> None:
    book = PunctualityBook()
    changes = sum(book.note(-10, 95) for _ in range(100))
    assert changes == 1  # to a median of -10 s without any spread, and then nothing new
    assert book.guard_s(3) == 0


def test_the_pace_is_a_median_with_the_habit_for_company() -> None:
    book = PaceBook()
    assert book.now_pm(0, 8, 1100) == 1100
    for number in range(21):
        book.note(1000 + number, 8, drive_s=130, map_s=100)
    # 21 drives at 1300 and twenty at what was believed: the median is a drive.
    assert book.hour_pm(8, 1000) == 1300
    assert book.now_pm(1030, 8, 1000) == 1300
    assert book.hour_pm(9, 1000) == 1000  # another hour knows nothing of it
    # Half an hour later they say nothing of now, but the hour remembers.
    assert book.now_pm(1030 + 1800, 9, 1000) == 1000
    assert book.now_pm(1030 + 1800, 8, 1000) == 1300


def test_one_shuttle_held_up_does_not_slow_the_zone() -> None:
    book = PaceBook()
    for at_s, drive_s in enumerate((1500, 100, 101, 99, 2000)):
        book.note(at_s, 8, drive_s, map_s=100)
    assert book.now_pm(5, 8, 1000) == 1000
