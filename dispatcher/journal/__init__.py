"""The journal and its snapshots: the only truth about a zone's service."""

from dispatcher.journal.connect import StoreAwaited, connect_journal
from dispatcher.journal.contract import (
    ENTRY_ID_MARK,
    Appended,
    Entry,
    Journal,
    Lasting,
    LeaseAnswer,
    Record,
    Snapshot,
)
from dispatcher.journal.erasures import Erasure, Erasures, Undated
from dispatcher.journal.errors import (
    DamagedJournal,
    DiscardedRecords,
    ErasedRecord,
    JournalError,
    LeaseOfAnother,
    StaleEpoch,
    StoreUnavailable,
    UnexpectedPosition,
    UnknownOutcome,
    UnsuitableSettings,
)
from dispatcher.journal.export import (
    export_journal,
    import_journal,
    read_journal_file,
    zone_of_journal_file,
)
from dispatcher.journal.memory import MemoryJournal
from dispatcher.journal.memory_trail import MemoryTrail
from dispatcher.journal.stored import StoredJournal
from dispatcher.journal.trail import Trail, TrailEntry, TrailFound, TrailKind, TrailQuestion

__all__ = [
    "ENTRY_ID_MARK",
    "Appended",
    "DamagedJournal",
    "DiscardedRecords",
    "Entry",
    "ErasedRecord",
    "Erasure",
    "Erasures",
    "Journal",
    "JournalError",
    "Lasting",
    "LeaseAnswer",
    "LeaseOfAnother",
    "MemoryJournal",
    "MemoryTrail",
    "Record",
    "Snapshot",
    "StaleEpoch",
    "StoreAwaited",
    "StoreUnavailable",
    "StoredJournal",
    "Trail",
    "TrailEntry",
    "TrailFound",
    "TrailKind",
    "TrailQuestion",
    "Undated",
    "UnexpectedPosition",
    "UnknownOutcome",
    "UnsuitableSettings",
    "connect_journal",
    "export_journal",
    "import_journal",
    "read_journal_file",
    "zone_of_journal_file",
]
