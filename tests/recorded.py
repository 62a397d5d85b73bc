"""Where the recorded exchange traffic lies, for tests that read it.

The recordings are other people's data and are kept beside the project, not in it: the folder named by the
environment variable PRISM_RECORDED, else `shared/data` next to the checkout. Tests that need them skip with
the reason where they are absent.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("PRISM_RECORDED") or Path(__file__).resolve().parents[2] / "shared" / "data")


def recorded(*parts: str) -> Path:
    """Path of a recording below the data folder; skips the calling test where it is absent."""
    path = ROOT.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"recorded data absent: {path.name} (set PRISM_RECORDED to its folder)")
    return path


def captures() -> list[str]:
    """Names of all recorded captures; empty where there are none, so that parametrised tests collect nothing."""
    folder = ROOT / "captures"
    return sorted(path.name for path in folder.glob("*.jsonl.gz")) if folder.is_dir() else []
