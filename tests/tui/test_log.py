"""The log of the engine: several prisms write one file."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tui.log import SharedHandler, write_log


def write(handler: SharedHandler, text: str) -> None:
    handler.handle(logging.LogRecord("prism", logging.INFO, "", 0, text, (), None))


def test_lines_of_two_programs_are_kept_when_one_of_them_sets_the_log_aside(tmp_path: Path) -> None:
    path = tmp_path / "prism.log"
    one, other = (SharedHandler(path, maxBytes=100, backupCount=1, encoding="utf-8") for _ in range(2))
    write(one, "a" * 60)
    write(other, "b" * 60)  # sets the log with the first line aside
    write(one, "c" * 20)
    assert path.read_text() == "b" * 60 + "\n" + "c" * 20 + "\n"
    assert path.with_suffix(".log.1").read_text() == "a" * 60 + "\n"
    write(other, "d" * 60)
    assert path.read_text() == "d" * 60 + "\n"
    assert path.with_suffix(".log.1").read_text() == "b" * 60 + "\n" + "c" * 20 + "\n"
    one.close()
    other.close()


def test_a_log_that_was_removed_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "prism.log"
    handler = SharedHandler(path, maxBytes=1_000, backupCount=1, encoding="utf-8")
    write(handler, "before")
    path.unlink()
    write(handler, "after")
    handler.close()
    assert path.read_text() == "after\n"


def test_a_log_that_is_started_again_has_one_line_for_each_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.log.user_log_path", lambda name: tmp_path / name)
    log = logging.getLogger("prism")
    before = list(log.handlers)
    try:
        write_log()
        write_log()
        log.warning("heard once")
        assert (tmp_path / "prism" / "prism.log").read_text().count("heard once") == 1
    finally:
        for handler in [one for one in log.handlers if one not in before]:
            log.removeHandler(handler)
            handler.close()
