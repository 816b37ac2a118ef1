"""What can go wrong between the dispatcher and its journal."""

# ruff: noqa: N818 - each name says what is the case; "Error" would say it twice


class JournalError(Exception):
    """Any trouble with the journal."""


class StaleEpoch(JournalError):
    """Another dispatcher has taken this zone over; nothing was written.

    The one that sees this must stop deciding: its successor has the journal.
    """

    def __init__(self, epoch: int, current: int) -> None:
        of_whom = "" if epoch != current else " of another run"
        super().__init__(f"epoch {epoch} was given, but the journal is in epoch {current}{of_whom}")
        self.epoch = epoch
        self.current = current


class LeaseOfAnother(JournalError):
    """Another run holds the zone's lease; nothing was begun."""

    def __init__(self, owner: str, left_s: float) -> None:
        super().__init__(f"{owner or 'another dispatcher'} leads the zone, for {left_s:.1f} s more")
        self.owner = owner
        self.left_s = left_s


class UnexpectedPosition(JournalError):
    """The journal has moved on since the caller last read it; nothing was written."""

    def __init__(self, expected: int, actual: int) -> None:
        super().__init__(f"expected the journal to end at {expected}, but it ends at {actual}")
        self.expected = expected
        self.actual = actual


class StoreUnavailable(JournalError):
    """The store could not be reached or refused; nothing was written. Trying again is safe."""


class UnknownOutcome(JournalError):
    """The connection was lost after the command was sent; it may or may not have been written.

    Read the journal's end again before anything else. Sending again blindly would be
    stopped by the expected position, but a caller that has not read what was written
    no longer knows the state it decides from.
    """


class UnsuitableSettings(JournalError):
    """The store runs with settings under which an acknowledged event could be lost."""


class DamagedJournal(JournalError):
    """A record is missing, or is not what an append could have written."""


class DiscardedRecords(JournalError):
    """Records older than a kept snapshot were asked for, but have been discarded."""

    def __init__(self, after: int, first: int) -> None:
        super().__init__(f"records after {after} were asked for, but the first kept one is {first}")
        self.after = after
        self.first = first


class ErasedRecord(JournalError):
    """Something was to be decided again whose rider's place has been erased."""

    def __init__(self, position: int) -> None:
        super().__init__(
            f"the rider's place in record {position} has been erased, so what followed cannot be "
            "decided again"
        )
        self.position = position
