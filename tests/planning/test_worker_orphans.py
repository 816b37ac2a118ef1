"""A worker does not outlive whoever asked it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Asks a worker something that takes for ever.
ASKER = """
import asyncio
from improver_workers import says_so_and_hangs
from dispatcher.planning.worker_process import WorkerProcess

async def main():
    worker = WorkerProcess(says_so_and_hangs, lambda question, answer: answer, name="w")
    await worker.ask(None, 600.0)

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_a_busy_worker_ends_when_its_asker_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "asker.py"
    script.write_text(ASKER)
    asker = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
    )
    assert asker.stdout is not None
    assert asker.stdout.readline() == "busy\n"
    asker.send_signal(signal.SIGKILL)
    # What both write to ends with the last of them.
    said, _ = asker.communicate(timeout=30)
    assert said == ""
