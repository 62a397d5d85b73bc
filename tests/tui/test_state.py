"""The state file survives a round trip, and no content of it can stop the console."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tui.slow_disk import HungDisk
from tui.state import MAX_STATE_BYTES, STATE_VERSION, ConsoleState, Instrument, StateWriter, fit_to_show, load, save


def test_what_was_saved_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "console.json"
    state = ConsoleState(
        preset="strict",
        watched=(Instrument("okx", "BTC-USDT-SWAP"), Instrument("bybit-linear", "币安人生USDT")),
        expression="score > 70",
        liquidation_minimum_usd=50_000.0,
    )
    assert save(path, state) is None
    assert load(path) == (state, None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["console.json"]


def test_the_version_is_always_written_so_that_another_prism_can_tell(tmp_path: Path) -> None:
    path = tmp_path / "console.json"
    save(path, ConsoleState())
    assert msgspec.json.decode(path.read_bytes())["version"] == STATE_VERSION


def test_no_file_is_not_worth_a_notice(tmp_path: Path) -> None:
    assert load(tmp_path / "console.json") == (ConsoleState(), None)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"version": 99}',
        b'{"preset": 5}',
        b'{"watched": [["okx"]]}',
        b'{"filters": {"a": "score > 1 \\u001b]0;owned\\u0007"}}',
        b'{"filters": {"\\u202ea": "score > 1"}}',
        b"\xff\xfe",
        b"[" * 100_000,
        b" " * (MAX_STATE_BYTES + 1),
    ],
)
def test_an_unusable_file_is_set_aside_with_a_notice(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "console.json"
    (tmp_path / "console.json.bad-1").write_bytes(b"older")
    path.write_bytes(content)
    state, notice = load(path)
    assert state == ConsoleState()
    assert notice is not None
    assert "console.json.bad-2" in notice
    assert not path.exists()
    assert (tmp_path / "console.json.bad-2").read_bytes() == content
    assert (tmp_path / "console.json.bad-1").read_bytes() == b"older"


def test_a_choice_that_this_prism_does_not_know_is_left_out_and_the_rest_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "console.json"
    pinned = (Instrument("okx", "BTC-USDT-SWAP"),)
    save(path, ConsoleState(sort="moon_phase", reverse=True, expression="score > moon", pinned=pinned))
    state, notice = load(path)
    assert state == ConsoleState(pinned=pinned)
    assert notice is not None
    assert "moon_phase does not exist" in notice
    assert "`score > moon` was dropped" in notice
    assert [entry.name for entry in tmp_path.iterdir()] == ["console.json"]
    # The next save drops both from the file too.
    assert save(path, msgspec.structs.replace(state, preset="strict"), state) is None
    assert load(path) == (ConsoleState(pinned=pinned, preset="strict"), None)


def test_a_folder_that_cannot_be_written_is_a_notice(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    notice = save(blocked / "console.json", ConsoleState())
    assert notice is not None
    assert "this run only" in notice


def test_consoles_side_by_side_keep_what_each_of_them_changed(tmp_path: Path) -> None:
    path = tmp_path / "console.json"
    a, b, c = (Instrument("okx", name) for name in "ABC")
    start = ConsoleState(watched=(a, b), filters={"one": "score > 1", "two": "score > 2"}, side="long")
    save(path, start)
    # The other one takes A off, adds C, drops a filter and changes its preset.
    assert save(path, msgspec.structs.replace(start, watched=(b, c), filters={"two": "score > 2"}, preset="strict"),
                start) is None  # fmt: skip
    ours = msgspec.structs.replace(
        start, watched=(a, b, Instrument("okx", "D")), filters={**start.filters, "three": "1"}, side="short"
    )
    assert save(path, ours, start) is None
    found, notice = load(path)
    assert notice is None
    assert found.watched == (b, c, Instrument("okx", "D"))
    assert found.filters == {"two": "score > 2", "three": "1"}
    assert (found.side, found.preset) == ("short", "strict")


def test_a_change_that_could_not_be_written_is_written_with_the_next(tmp_path: Path) -> None:
    path = tmp_path / "console.json"
    kept = ConsoleState()
    save(path, kept)
    # The first change of the two met a full disk: the caller goes on with what was last kept.
    state = msgspec.structs.replace(kept, preset="strict", theme="nord")
    assert save(path, state, kept) is None
    assert load(path) == (state, None)


def test_a_file_of_another_version_that_came_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "console.json"
    save(path, ConsoleState())
    path.write_bytes(b'{"version": 99}')
    assert save(path, ConsoleState(preset="strict"), ConsoleState()) is None
    assert load(path)[0].preset == "strict"
    assert (tmp_path / "console.json.bad-1").read_bytes() == b'{"version": 99}'


@settings(max_examples=150, deadline=None)
@given(typed=st.text(max_size=60) | st.text(alphabet="a\u0301\u1112\u1161\u200d\u202e\x1b\u0600 é", max_size=30))
def test_whatever_was_typed_into_a_filter_nothing_is_lost_at_the_next_start(
    tmp_path_factory: pytest.TempPathFactory, typed: str
) -> None:
    path = tmp_path_factory.mktemp("state") / "console.json"
    quoted = "symbol == '" + typed.replace("'", "") + "'"
    state = ConsoleState(watched=(Instrument("okx", "X"),), find=typed, expression=quoted, filters={"kept": typed})
    save(path, fit_to_show(state))
    read, notice = load(path)
    assert notice is None
    assert read.watched == state.watched
    assert read == fit_to_show(read)


def test_a_slow_disk_delays_nobody_and_takes_the_newest_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hung_disk = HungDisk(monkeypatch)
    path, kept = tmp_path / "console.json", ConsoleState()
    save(path, kept)
    hung_disk.hang()
    writer = StateWriter(path, kept)
    for number in range(20):
        writer.write(msgspec.structs.replace(kept, sort="score", depth_grouping=number))
    assert not writer.flush(0.05), "the disk has not answered"
    assert load(path)[0] == kept
    hung_disk.answer()
    assert writer.flush(60)
    assert load(path) == (msgspec.structs.replace(kept, sort="score", depth_grouping=19), None)
    assert hung_disk.writes <= 2, "the one under way and the newest"


def test_a_writer_that_has_nothing_to_write_keeps_nobody_waiting(tmp_path: Path) -> None:
    assert StateWriter(tmp_path / "console.json", ConsoleState()).flush(0)


def test_a_state_that_cannot_be_written_is_told_and_written_with_the_next(tmp_path: Path) -> None:
    path, kept, told = tmp_path / "in" / "console.json", ConsoleState(), list[str]()
    (tmp_path / "in").write_text("in the way")
    writer = StateWriter(path, kept, told.append)
    changed = msgspec.structs.replace(kept, preset="strict")
    writer.write(changed)
    assert writer.flush(60)
    assert told == [writer.notice]
    assert "this run only" in writer.notice
    (tmp_path / "in").unlink()
    writer.write(msgspec.structs.replace(changed, theme="nord"))
    assert writer.flush(60)
    assert writer.notice == ""
    assert load(path)[0] == ConsoleState(preset="strict", theme="nord")
