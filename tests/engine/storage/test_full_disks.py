"""Disks without room and folders that may not be written: what was there stays whole, and what happened is said with
the name of the file. Each runs in a process of its own, whose limits are its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

ROOT = Path(__file__).resolve().parents[3]
SUBJECTS = ["console", "bans", "exports", "recording", "candles"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and mounts of Linux")


def attempts(how: str, folder: Path, *before: str) -> list[dict[str, Any]]:
    """What the writers tell, run by the command `before`."""
    words = [*before, sys.executable, "-m", "tests.engine.storage.full_disk_writers", how, str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [msgspec.json.decode(line) for line in done.stdout.splitlines()]


def whole_and_told(found: list[dict[str, Any]], reasons: tuple[str, ...], folder: Path) -> None:
    assert list(dict.fromkeys(one["subject"] for one in found)) == SUBJECTS
    for one in found:
        assert one["whole"], one
        assert one["left"] == [], one
        if one["room"] == 0:
            assert str(folder / f"{one['subject']}-0") in one["told"], one
        if one["told"]:
            assert any(reason in one["told"] for reason in reasons), one
        if one["subject"] == "candles" and len(found) > len(SUBJECTS):
            assert one["told"].count("could not be kept") == 1
            assert one["told"].endswith("candles are kept again")


def test_files_that_may_not_grow_leave_what_was_there(tmp_path: Path) -> None:
    whole_and_told(attempts("limit", tmp_path), ("File too large", "disk I/O error"), tmp_path)


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    mount = f'mount -t tmpfs -o size=1m tmpfs "{tmp_path}"'
    own = [] if os.geteuid() == 0 else ["--map-root-user"]
    if unshare is None or subprocess.run([unshare, *own, "--mount", "sh", "-c", mount], check=False).returncode:
        pytest.skip("a small disk of its own cannot be mounted here")
    found = attempts("full", tmp_path, unshare, *own, "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh")
    whole_and_told(found, ("No space left on device", "database or disk is full"), tmp_path)


def test_a_folder_that_may_not_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    before: list[str] = []
    if os.geteuid() == 0:
        # Root writes anywhere, unless that right is taken from it.
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("root writes anywhere here")
        before = [setpriv, "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
    whole_and_told(attempts("read-only", tmp_path, *before), ("Permission denied",), tmp_path)
