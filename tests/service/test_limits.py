"""The token bucket refuses above its rate and says when to come back."""

import pytest

from dispatcher.limits import MOST_SENDERS, PerSender, TokenBucket


def test_a_burst_and_then_the_rate() -> None:
    bucket = TokenBucket(per_s=2.0, burst=3, now=100.0)
    assert [bucket.take(100.0) for _ in range(4)] == [0, 0, 0, 1]
    # Half a second makes one token.
    assert bucket.take(100.5) == 0
    assert bucket.take(100.5) == 1


def test_a_slow_rate_says_how_long_to_wait() -> None:
    bucket = TokenBucket(per_s=0.1, burst=1)
    assert bucket.take(0.0) == 0
    assert bucket.take(0.0) == 10
    # 4 s have made 0.4 of a token; the other 0.6 take 6 s.
    assert bucket.take(4.0) == 6


def test_it_never_holds_more_than_a_burst() -> None:
    bucket = TokenBucket(per_s=1.0, burst=2)
    assert [bucket.take(1_000.0) for _ in range(3)] == [0, 0, 1]


def test_time_put_back_makes_no_tokens() -> None:
    bucket = TokenBucket(per_s=1.0, burst=1)
    assert bucket.take(10.0) == 0
    assert bucket.take(5.0) == 1
    assert bucket.take(10.5) == 1


@pytest.mark.parametrize(("per_s", "burst"), [(0.0, 1), (1.0, 0), (-1.0, 1)])
def test_nonsense_is_refused(per_s: float, burst: int) -> None:
    with pytest.raises(ValueError, match="above zero"):
        TokenBucket(per_s, burst)


def test_every_sender_has_its_own() -> None:
    limit = PerSender(per_s=1.0, burst=2)
    assert [limit.take("ana", 0.0) for _ in range(3)] == [0, 0, 1]
    assert limit.take("bob", 0.0) == 0
    assert limit.take("ana", 1.0) == 0


def test_what_came_to_nothing_is_given_back_and_no_more() -> None:
    limit = PerSender(per_s=1.0, burst=2)
    assert [limit.take("ana", 0.0) for _ in range(2)] == [0, 0]
    limit.give_back("ana")
    limit.give_back("bob")  # who has taken nothing
    assert [limit.take("ana", 0.0) for _ in range(2)] == [0, 1]
    for _ in range(5):
        limit.give_back("ana")
    assert [limit.take("ana", 0.0) for _ in range(3)] == [0, 0, 1]


def test_senders_are_forgotten_when_there_are_too_many() -> None:
    limit = PerSender(per_s=1.0, burst=1)
    limit.take("ana", 0.0)
    for number in range(MOST_SENDERS - 1):
        limit.take(f"rider-{number}", 0.0)
    assert limit.take("ana", 0.0) == 1  # still known, and now heard last
    limit.take("one too many", 0.0)
    assert limit.take("ana", 0.0) == 1
    assert limit.take("rider-0", 0.0) == 0
