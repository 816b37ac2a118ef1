"""What one process decided, another one decides again: no chance of its own may have crept in."""

import json
import os
import subprocess
import sys
from pathlib import Path

RINGMASTER = "import sys; sys.argv[0] = 'ringmaster'; from dispatcher.cli import main; main()"


def ringmaster(*arguments: str, hash_seed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RINGMASTER, *arguments],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_runs_journal_is_decided_again_in_another_process(tmp_path: Path) -> None:
    journal = tmp_path / "run.journal"
    ran = ringmaster(
        *("run", "--for", "8s", "--speed", "60", "--shuttles", "8", "--riders-per-hour", "300"),
        *("--seed", "3", "--json", "--journal-out", str(journal)),
        hash_seed="1",
    )
    assert ran.returncode == 0, ran.stderr
    figures = json.loads(ran.stdout.splitlines()[-1])
    assert figures["accepted"] > 0
    replayed = ringmaster("replay", str(journal), hash_seed="2026")
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    said = replayed.stdout
    assert said.startswith(f"{figures['journal_events']} events")
    assert "every decision is the same" in said
