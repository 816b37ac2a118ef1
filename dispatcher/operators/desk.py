"""Where operators' commands are taken in, whatever console they come from."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from dispatcher.codec import EventRecord, decode_payload
from dispatcher.domain.commands import CommandOutcome, CommandProblem
from dispatcher.domain.decisions import OperatorAnswered
from dispatcher.domain.events import OperatorEvent
from dispatcher.domain.ids import CommandId, OperatorId
from dispatcher.engine import Site, copy_state, find_command, ordered
from dispatcher.intake import NotTakenError, Receipt
from dispatcher.journal import Journal, JournalError
from dispatcher.operators.audit import AuditPage, list_commands
from dispatcher.operators.border import Build, event_builder
from dispatcher.operators.commands import Command
from dispatcher.operators.cost import CommandCost, Expected, cost_of
from dispatcher.operators.problems import CommandError, CostChangedError, DeskProblem
from dispatcher.service import Service

log = structlog.get_logger(__name__)

ANSWER_WITHIN_S: Final = 5.0
RETRY_AFTER_S: Final = 5
MOST_COSTS: Final = 8  # being worked out or waiting for it; each holds a copy of the state
MOST_LISTED: Final = 500

Aside = Callable[[Callable[[], CommandCost]], Awaitable[CommandCost]]
"""Works something out while the loop goes on."""


class OperatorDesk:
    """Checks commands, says what they cost, hands them in, and answers each once.

    A command has an id made where it was given. Given again with the same id and content it is
    answered as the first time and changes nothing, also after a restart. All methods raise
    ``CommandError`` where nothing can be said about a command itself.
    """

    def __init__(
        self,
        service: Service,
        site: Site,
        journal: Journal,
        *,
        aside: Aside = asyncio.to_thread,
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        self._service = service
        self._streets = site.streets
        self._journal = journal
        self._aside = aside
        self._answer_within_s = answer_within_s
        self._costing = asyncio.Lock()  # one at a time: what decides goes first
        self._costs = 0

    async def submit(
        self,
        operator_id: OperatorId,
        command_id: CommandId,
        command: Command,
        reason: str,
        *,
        expected: Expected | None = None,
    ) -> CommandOutcome:
        """Have a command carried out; whether it was, or why not.

        Parameters
        ----------
        expected
            What the operator was shown (``CommandCost.expected``). If anything has happened
            since, the cost is worked out anew, and nothing is done where that is worse.

        Raises
        ------
        CostChangedError
            It would now break promises that it would not have broken; it carries the new cost.
        CommandError
            It could not be taken in. After NOT_AVAILABLE it may be given again as it was.
        """
        build = event_builder(self._streets, operator_id, command_id, command, reason)
        given = build(0)
        if (known := self._known(given)) is not None:
            return known
        if expected is not None and expected.position != self._service.core.position:
            cost = await self._cost(build)
            if cost.refusal is None and cost.is_worse_than(expected):
                raise CostChangedError(cost)
        return await self._answer(await self._hand_in(build, given), given)

    async def preview(
        self, operator_id: OperatorId, command: Command, reason: str = "preview"
    ) -> CommandCost:
        """What a command would cost if it were given now. Nothing is changed or written."""
        build = event_builder(self._streets, operator_id, CommandId("preview"), command, reason)
        return await self._cost(build)

    async def list_commands(self, before: int | None = None, limit: int = 100) -> AuditPage:
        """Who ordered what, when and why, the newest first, and what came of it."""
        if not 1 <= limit <= MOST_LISTED or (before is not None and before < 1):
            raise CommandError(
                DeskProblem.INVALID,
                f"A page has 1 to {MOST_LISTED} commands, before a position from 1 on.",
                "Ask for such a page.",
            )
        try:
            return await list_commands(self._journal, self._service.core.state, before, limit)
        except JournalError as error:
            raise _not_available(f"the journal cannot be read just now: {error}") from error

    def _known(self, given: OperatorEvent) -> CommandOutcome | None:
        """What was answered when the same command was given before, while that is remembered."""
        assert given.operator_id is not None
        assert given.command_id is not None
        state = self._service.core.state
        known = find_command(state, given.operator_id, given.command_id)
        if known is None:
            return None
        if known.ordered != ordered(given):
            raise _id_reused()
        return known.outcome

    async def _cost(self, build: Build) -> CommandCost:
        if self._costs >= MOST_COSTS:
            raise CommandError(
                DeskProblem.TOO_BUSY,
                "Too many costs are being worked out.",
                f"Ask again in {RETRY_AFTER_S} s.",
                RETRY_AFTER_S,
            )
        self._costs += 1
        try:
            async with self._costing:
                service = self._service
                if not service.health.running or service.health.reloading:
                    raise _not_available("the state is being made")
                core = service.core
                engine, position = core.engine, core.position
                event = build(core.stamp_s(service.clock.now_s()))
                copied = copy_state(core.state)
                return await self._aside(lambda: cost_of(engine, copied, event, position))
        finally:
            self._costs -= 1

    async def _hand_in(self, build: Build, given: OperatorEvent) -> Receipt:
        # No rider's key begins so.
        key = f"!{given.operator_id}/{given.command_id}"
        try:
            return await self._service.submit(
                build,
                dedup_key=key,
                refusable=True,
                urgent=True,
                patience_s=self._answer_within_s,
            )
        except NotTakenError as error:
            raise _not_available(str(error), error.retry_after_s) from error

    async def _answer(self, receipt: Receipt, given: OperatorEvent) -> CommandOutcome:
        if not receipt.fresh:
            return await self._answer_again(receipt.position, given)
        assert receipt.applied is not None
        if receipt.applied.event is None:
            raise CommandError(
                DeskProblem.NOT_DECIDED,
                "This could not be decided because of a mistake of the dispatcher's.",
                "Nothing was done. Report it, with the journal exported.",
            )
        for decision in receipt.applied.decisions:
            if isinstance(decision, OperatorAnswered):
                outcome = decision.outcome
                refusal = outcome.refusal
                if refusal and refusal.problem is CommandProblem.COMMAND_ID_REUSED:
                    raise _id_reused()
                return outcome
        raise AssertionError("every command is answered")

    async def _answer_again(self, position: int, given: OperatorEvent) -> CommandOutcome:
        """It was in the journal already: given twice at once, or long ago."""
        if (known := self._known(given)) is not None:
            return known
        try:
            first = await self._event_at(position)
        except JournalError as error:
            raise _not_available(f"the journal cannot be read just now: {error}") from error
        if first is not None and ordered(first) != ordered(given):
            raise _id_reused()
        raise CommandError(
            DeskProblem.FORGOTTEN,
            f"This command was given long ago, as event {position}; it is not done again.",
            "Make a new id if it is to be done once more.",
        )

    async def _event_at(self, position: int) -> OperatorEvent | None:
        async for record in self._journal.read(position - 1):
            payload = decode_payload(record.payload)
            event = payload.event if isinstance(payload, EventRecord) else None
            return event if isinstance(event, OperatorEvent) else None
        return None


def _id_reused() -> CommandError:
    return CommandError(
        DeskProblem.COMMAND_ID_REUSED,
        "This command id was used for another command.",
        "Make a new id for a new command.",
    )


def _not_available(why: str, retry_after_s: int = RETRY_AFTER_S) -> CommandError:
    return CommandError(
        DeskProblem.NOT_AVAILABLE,
        f"This cannot be done just now: {why}.",
        f"Give it again, unchanged, in {retry_after_s} s.",
        retry_after_s,
    )
