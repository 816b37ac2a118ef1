"""The bounded queues and what they do when full."""

import asyncio

from dispatcher.queues import Inbox, LatestByKey


async def test_only_the_newest_value_of_a_key_is_kept() -> None:
    queue: LatestByKey[str, int] = LatestByKey(bound=10)
    for key, value in [("s1", 1), ("s2", 1), ("s1", 2), ("s1", 3)]:
        queue.put(key, value)
    # s1 came first and keeps its place; its values 1 and 2 were overtaken.
    assert [await queue.get(), await queue.get()] == [("s1", 3), ("s2", 1)]
    assert (queue.replaced, queue.dropped, len(queue)) == (2, 0, 0)


async def test_with_too_many_keys_the_longest_waiting_goes() -> None:
    queue: LatestByKey[str, int] = LatestByKey(bound=2)
    for key in ("s1", "s2", "s1", "s3"):
        queue.put(key, 0)
    assert [await queue.get(), await queue.get()] == [("s2", 0), ("s3", 0)]
    assert (queue.replaced, queue.dropped) == (1, 1)


async def test_getting_waits_for_the_next_value() -> None:
    queue: LatestByKey[str, int] = LatestByKey(bound=2)
    queue.put("s1", 1)
    assert await queue.get() == ("s1", 1)
    getting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    assert not getting.done()
    queue.put("s1", 2)
    assert await getting == ("s1", 2)


async def test_an_inbox_is_first_in_first_out() -> None:
    inbox: Inbox[int] = Inbox(droppable_bound=3)
    for number in range(6):
        inbox.put(number, droppable_by="s1" if number % 2 == 0 else None)
    assert [await inbox.get() for _ in range(6)] == [0, 1, 2, 3, 4, 5]
    assert inbox.dropped == 0


async def test_a_full_inbox_drops_the_oldest_it_may() -> None:
    inbox: Inbox[str] = Inbox(droppable_bound=2)
    for name in ("event 1", "position 1", "event 2", "position 2", "event 3", "position 3"):
        inbox.put(name, droppable_by="s1" if name.startswith("position") else None)
    # Three positions against a bound of two; events do not count and never go.
    assert [await inbox.get() for _ in range(len(inbox))] == [
        "event 1",
        "event 2",
        "position 2",
        "event 3",
        "position 3",
    ]
    assert inbox.dropped == 1


async def test_who_talks_too_much_drowns_out_nobody_else() -> None:
    inbox: Inbox[str] = Inbox(droppable_bound=4)
    inbox.put("quiet 1", droppable_by="quiet")
    for number in range(100):
        inbox.put(f"loud {number}", droppable_by="loud")
    # The bound leaves the loud one three places, and whoever comes anew takes one of these
    # unless it has something older of its own.
    inbox.put("quiet 2", droppable_by="quiet")
    assert [await inbox.get() for _ in range(4)] == ["loud 97", "loud 98", "loud 99", "quiet 2"]
    assert inbox.dropped == 98
    for number in range(4):
        inbox.put(f"loud {number}", droppable_by="loud")
    inbox.put("new", droppable_by="new")
    assert [await inbox.get() for _ in range(4)] == ["loud 1", "loud 2", "loud 3", "new"]


async def test_places_taken_become_free_again() -> None:
    inbox: Inbox[int] = Inbox(droppable_bound=1)
    for number in range(3):
        inbox.put(number, droppable_by="s1")
        assert await inbox.get() == number
    inbox.put(3, droppable_by="s1")
    inbox.clear()
    inbox.put(4, droppable_by="s1")
    assert (await inbox.get(), inbox.dropped) == (4, 0)
