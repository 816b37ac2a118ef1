"""One run holds a zone's lease at a time, in memory and in the store alike."""

from collections.abc import Awaitable, Callable

import pytest

from dispatcher.journal import Journal, LeaseAnswer, LeaseOfAnother, StaleEpoch

RunsOut = Callable[[], Awaitable[None]]


async def ask(journal: Journal, run: str, *, leading: bool = False) -> LeaseAnswer:
    return await journal.hold_lease(
        f"host of {run}", run=run, lasts_s=6.0, place=f"place of {run}", leading=leading
    )


async def test_the_first_to_ask_has_it_and_others_hear_whose_it_is(journal: Journal) -> None:
    assert (await ask(journal, "one")).held
    answer = await ask(journal, "two")
    assert not answer.held
    assert (answer.owner, answer.run, answer.place) == ("host of one", "one", "place of one")
    assert 0 < answer.left_s <= 6.0
    # Asking again lengthens it.
    assert (await ask(journal, "one")).held


async def test_it_runs_out(journal: Journal, lease_runs_out: RunsOut) -> None:
    await ask(journal, "one")
    await lease_runs_out()
    assert (await ask(journal, "two")).held
    assert not (await ask(journal, "one")).held


async def test_it_can_be_given_back_by_whom_it_belongs_to(journal: Journal) -> None:
    await ask(journal, "one")
    await journal.release_lease("two")
    assert not (await ask(journal, "two")).held
    await journal.release_lease("one")
    assert (await ask(journal, "two")).held


async def test_nobody_begins_an_epoch_while_another_holds_it(
    journal: Journal, lease_runs_out: RunsOut
) -> None:
    await ask(journal, "one")
    with pytest.raises(LeaseOfAnother, match="host of one leads"):
        await journal.begin_epoch("there", run="two")
    assert await journal.begin_epoch("here", run="one") == 2
    await lease_runs_out()
    assert await journal.begin_epoch("there", run="two") == 3


async def test_who_leads_keeps_it_only_in_its_own_epoch(
    journal: Journal, lease_runs_out: RunsOut
) -> None:
    await ask(journal, "one")
    await journal.begin_epoch("here", run="one")
    assert (await ask(journal, "one", leading=True)).held
    await lease_runs_out()
    # Nobody else came: it may have it back.
    assert (await ask(journal, "one", leading=True)).held
    await lease_runs_out()
    await journal.begin_epoch("there", run="two")
    with pytest.raises(StaleEpoch):
        await ask(journal, "one", leading=True)
