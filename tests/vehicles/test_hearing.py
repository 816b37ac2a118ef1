"""A silence counts only from when we could hear."""

from dispatcher.domain.events import HearingLost, HearingRegained
from vehicles.hearing import EXCUSED_OUTAGE_S, TOLD_AFTER_S, Hearing


def excuses(hearing: Hearing, *ticks: tuple[float, bool]) -> list[bool]:
    """Ticks are the time, on both clocks, and whether the broker is there."""
    return [hearing.excuses(1_000 + s, s, connected=connected) for s, connected in ticks]


def test_nothing_is_excused_while_all_is_well() -> None:
    assert excuses(Hearing(), (0, True), (0.5, True), (1, True)) == [True, False, False]


def test_an_outage_is_excused_until_it_lasts_too_long_and_again_when_it_ends() -> None:
    hearing = Hearing()
    assert excuses(hearing, (0, True), (0.5, False), (1, False)) == [True, True, True]
    seconds = [1.5 + n for n in range(70)]
    away = [hearing.excuses(1_000 + s, s, connected=False) for s in seconds]
    # Last connected at 0: seconds 1.5 to 59.5 are excused, from 60.5 on it is too long.
    assert away == [s < EXCUSED_OUTAGE_S for s in seconds]
    assert excuses(hearing, (71.5, True), (72, True)) == [True, False]


def test_what_came_while_we_were_held_up_is_read_first() -> None:
    # The store did not answer for a minute, and no tick came through.
    assert excuses(Hearing(), (0, True), (0.5, True), (60, True), (60.5, True)) == [
        True,
        False,
        True,
        False,
    ]


def test_a_fast_clock_is_no_reason() -> None:
    hearing = Hearing()
    # 200 s of the zone's pass in one real second.
    assert [hearing.excuses(200 * s, s, connected=True) for s in (0.0, 0.5, 1.0)] == [
        True,
        False,
        False,
    ]


def test_it_is_told_once_that_nobody_can_be_heard_and_once_that_we_hear_again() -> None:
    hearing = Hearing()
    hearing.hear(990.6)
    assert hearing.news(1_000, connected=True) == ()
    hearing.lose(1_001)  # noticed late: the last message came 10 s ago
    # Told with its true beginning, which is before it was noticed.
    assert hearing.news(1_001.5, connected=False) == (HearingLost(1_001, 990),)
    hearing.lose(1_004)  # the next attempt failed, too
    assert hearing.news(1_060, connected=False) == ()
    assert hearing.news(1_061.5, connected=True) == (HearingRegained(1_061),)
    assert hearing.news(1_062, connected=True) == ()


def test_a_connection_that_is_back_at_once_was_deaf_if_nothing_had_come_for_long() -> None:
    hearing = Hearing()
    hearing.hear(980)
    hearing.lose(1_000)
    hearing.hear(1_000.3)  # what the broker kept comes as soon as we are back
    assert hearing.news(1_000.5, connected=True) == (
        HearingLost(1_000, 980),
        HearingRegained(1_000),
    )


def test_a_short_outage_is_not_worth_a_word() -> None:
    hearing = Hearing()
    hearing.hear(999)
    hearing.lose(1_000)
    assert hearing.news(999 + TOLD_AFTER_S - 0.5, connected=False) == ()
    assert hearing.news(999 + TOLD_AFTER_S + 0.5, connected=True) != ()
    hearing.hear(1_010)
    hearing.lose(1_010.5)
    assert hearing.news(1_011, connected=True) == ()
    assert hearing.news(1_100, connected=True) == ()


def test_a_dispatcher_that_starts_where_the_last_one_was_deaf_says_that_it_hears() -> None:
    hearing = Hearing(is_lost=True)
    assert hearing.news(1_000, connected=False) == ()
    assert hearing.news(1_001, connected=True) == (HearingRegained(1_001),)
