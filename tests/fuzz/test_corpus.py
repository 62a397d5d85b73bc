"""What once crashed, was taken for something else or was found by the coverage-guided fuzzer, read again by its target.

A file is what the target takes: `tests.fuzz.targets` says what its first byte and its lines mean.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
FILES = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


def test_every_file_has_a_target() -> None:
    assert FILES
    assert {path.parent.name for path in FILES} <= set(TARGETS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_once_crashed_does_no_more(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=25)
@given(data=st.binary(max_size=400))
def test_no_bytes_at_all_crash_a_target(name: str, data: bytes) -> None:
    TARGETS[name](data)
