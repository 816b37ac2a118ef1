"""Decides a recorded journal again and prints what came of it, for another process to compare."""

import sys
from pathlib import Path

from sketched_service import a_street

from dispatcher.journal import read_journal_file
from dispatcher.replay import ReplayResult, replay
from dispatcher.zone_engine import ZoneEngine


def replayed(file: Path) -> ReplayResult:
    return replay(ZoneEngine(a_street()), read_journal_file(file))


if __name__ == "__main__":
    result = replayed(Path(sys.argv[1]))
    print(result.digest, result.events, hash("another in each process"))
