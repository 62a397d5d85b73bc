"""Three minutes of console and engine on a market that goes wrong, as a program of its own: `pytest -m long`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.long
def test_three_minutes_of_faults_leave_nothing_behind() -> None:
    words = [sys.executable, "-m", "bench.soak", "--minutes", "3", "--rate", "1500", "--assets", "20", "--seed", "2"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "compared with the market" in done.stdout
