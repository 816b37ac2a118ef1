"""A silence counts only from when we could hear."""

from vehicles.hearing import EXCUSED_OUTAGE_S, Hearing


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
