"""Which processes run, for tests of children that must end with their parent."""

from __future__ import annotations

import os
import time
from pathlib import Path


def is_running(pid: int) -> bool:
    """Whether there is such a process, and not only its exit code."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def wait_until_gone(pid: int, seconds: float = 60.0) -> bool:
    """Whether it ends within this time."""
    end = time.monotonic() + seconds
    while is_running(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not is_running(pid)


def children_of(pid: int) -> list[int]:
    """Processes that this one started and that run."""
    found = Path(f"/proc/{pid}/task")
    return [
        int(child)
        for task in (found.iterdir() if found.exists() else ())
        for child in (task / "children").read_text(encoding="ascii").split()
    ]


def state_of(pid: int) -> str:
    """What the system says of it, its signals and its threads, for the message of a failed test."""
    threads = (path.read_text(encoding="ascii") for path in Path(f"/proc/{pid}/task").glob("*/wchan"))
    return Path(f"/proc/{pid}/status").read_text(encoding="ascii") + "\n".join(threads)
