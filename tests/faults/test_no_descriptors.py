"""A program without a free file descriptor: it goes on, says so, and connects again once there are some."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.short_of_descriptors import SHORT_S

ROOT = Path(__file__).resolve().parents[2]
RECOVERS_S = 15.0
"""The longest wait between two attempts, the attempt, and what is subscribed on the new connections."""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted in /proc")
def test_without_descriptors_it_says_so_goes_on_and_connects_again_once_there_are_some() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.short_of_descriptors"],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["alive"]
    assert told["failure"] is None
    assert told["scans"] >= SHORT_S / 2, "every half a second, and on a busy machine every two"
    assert all("too many open files here (see `ulimit -n`)" in words for words in told["details"]), told["details"]
    assert all("; attempt " in words for words in told["details"]), told["details"]
    assert told["recovered_s"] < RECOVERS_S
    assert all(synced > 0 and not broken for synced, broken in told["books"]), told["books"]
    # Connections for requests that were idle before may be closed meanwhile; none is left over.
    assert told["descriptors_after"] <= told["descriptors"] + 2
