"""What goes between the console and the engine's process arrives whole, or not at all."""

from __future__ import annotations

import io
import itertools
import os
import pickle
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.documents import encode, explain_document, scan_document
from engine.snapshot import Snapshot
from tests.engine.builders import make_focus
from tests.engine.view_builders import AT_MS, make_view
from tests.tui.fake_source import ROWS, scene
from tui.engine_process.pictures import PictureReader, PictureWriter
from tui.engine_process.wire import Kind, packed, read_frame, unpacked, write_frame

BODIES = st.lists(st.tuples(st.sampled_from(Kind), st.binary(max_size=200)), max_size=5)


class Pipe:
    """Both ends, and what went through."""

    def __init__(self) -> None:
        self.reader = PictureReader()
        self.writer = PictureWriter(self.send)
        self.kinds: list[Kind] = []

    def send(self, kind: Kind, body: bytes) -> None:
        through = io.BytesIO()
        write_frame(through, kind, body)
        through.seek(0)
        frame = read_frame(through)
        assert frame is not None
        self.kinds.append(kind)
        self.reader.take(*frame)

    def carried(self, snapshot: Snapshot) -> Snapshot:
        """As it stands at the other end."""
        self.writer.write(snapshot)
        found = self.reader.latest()
        assert found is not None
        return found


@given(BODIES, st.integers(0, 40))
def test_frames_come_whole_and_a_cut_one_is_the_end(frames: list[tuple[Kind, bytes]], missing: int) -> None:
    pipe = io.BytesIO()
    ends = [0]
    for kind, body in frames:
        write_frame(pipe, kind, body)
        ends.append(pipe.tell())
    left = max(0, pipe.tell() - missing)
    cut = io.BytesIO(pipe.getvalue()[:left])
    whole = [frame for frame, end in zip(frames, ends[1:], strict=True) if end <= left]
    assert [read_frame(cut) for _ in whole] == whole
    assert read_frame(cut) is None


def test_a_picture_says_the_same_at_the_other_end() -> None:
    sent = replace(scene(), focus=make_focus(make_view(ROWS, 3, AT_MS), 4, 3))
    found = Pipe().carried(sent)
    assert encode(scan_document(found)) == encode(scan_document(sent))
    for row in range(ROWS):
        assert encode(explain_document(found, row)) == encode(explain_document(sent, row))
    whole, again = unpacked(packed(sent)), unpacked(packed(found))
    assert repr(again) == repr(whole), "with whatever no document shows"
    assert dict(found.board.readings["rsi"].notes) == dict(sent.board.readings["rsi"].notes)
    assert (found.instruments, found.row_of("bitget-usdt", "none")) == (sent.instruments, None)


def test_what_stays_the_same_travels_once_and_is_the_same_object_there() -> None:
    pipe, first = Pipe(), scene()
    one = pipe.carried(first)
    assert pipe.kinds == [Kind.PART, Kind.PART, Kind.PART, Kind.PICTURE]
    assert pipe.reader.latest() is one, "nothing newer has come"
    two = pipe.carried(replace(first, sequence=first.sequence + 1))
    assert pipe.kinds[4:] == [Kind.PICTURE]
    for name in ("instruments", "columns", "board", "rankings", "liquidations"):
        assert getattr(two, name) is getattr(one, name), name
    assert two.sequence == one.sequence + 1
    closed = replace(two.columns, trend=two.columns.trend + 1.0)
    three = pipe.carried(replace(first, columns=closed))
    assert pipe.kinds[5:] == [Kind.PART, Kind.PART, Kind.PICTURE], "the trend, and the scan that it is of"
    assert np.array_equal(three.columns.trend, closed.trend, equal_nan=True)
    assert three.instruments is one.instruments
    scanned = pipe.carried(replace(first, columns=replace(closed)))
    assert pipe.kinds[8:] == [Kind.PART, Kind.PICTURE]
    assert scanned.columns.trend is three.columns.trend


def test_between_scans_the_focus_travels_without_what_only_a_scan_changes() -> None:
    pipe, view = Pipe(), make_view(ROWS, 3, AT_MS)
    first = replace(scene(), focus=make_focus(view, 4, 3))
    assert first.focus is not None
    one = pipe.carried(first)
    assert pipe.kinds == [*[Kind.PART] * 4, Kind.PICTURE]
    newer = replace(first.focus, ladder=make_focus(view, 4, 8).ladder)
    two = pipe.carried(replace(first, focus=newer))
    assert pipe.kinds[5:] == [Kind.PICTURE]
    assert one.focus is not None
    assert two.focus is not None
    assert two.focus.ladder == newer.ladder
    assert two.focus.charts is one.focus.charts
    assert pipe.carried(replace(first, focus=None)).focus is None
    assert pipe.kinds[6:] == [Kind.PICTURE]
    other = pipe.carried(replace(first, focus=make_focus(view, 7, 3)))
    assert pipe.kinds[7:] == [Kind.PART, Kind.PICTURE]
    assert other.focus is not None
    assert other.focus.row == 7


STEPS = st.sampled_from(["scan", "health", "focus", "books", "none", "preset"])


@settings(max_examples=12)
@given(st.lists(st.tuples(STEPS, st.booleans()), min_size=4, max_size=12))
def test_whatever_changes_and_whoever_looks_a_picture_says_what_was_sent(steps: list[tuple[str, bool]]) -> None:
    pipe, view, sent = Pipe(), make_view(6, 3, AT_MS), scene(rows=6)
    for number, (step, is_looked_at) in enumerate(steps, 1):
        focus = sent.focus
        if step == "scan":
            sent = replace(scene(rows=6, seed=number), focus=focus and make_focus(view, focus.row, number))
        elif step == "health":
            sent = replace(sent, health=replace(sent.health, frames=number))
        elif step == "preset":
            sent = replace(sent, preset=sorted(sent.rankings)[number % len(sent.rankings)])
        elif step == "books" and focus is not None:
            sent = replace(sent, focus=replace(focus, ladder=make_focus(view, focus.row, number).ladder))
        else:
            sent = replace(sent, focus=None if step == "none" else make_focus(view, number % 6, number))
        sent = replace(sent, sequence=number)
        pipe.writer.write(sent)
        if is_looked_at:
            found = pipe.reader.latest()
            assert repr(unpacked(packed(found))) == repr(unpacked(packed(sent)))


def test_a_picture_that_nobody_looked_at_leaves_its_parts_to_the_next() -> None:
    pipe, large, small = Pipe(), scene(), scene(rows=5)
    pipe.writer.write(large)
    pipe.writer.write(small)
    pipe.writer.write(replace(small, sequence=9))
    found = pipe.reader.latest()
    assert found is not None
    assert (len(found.instruments), len(found.columns.trend), found.sequence) == (5, 5, 9)


def test_nothing_is_there_before_the_first_picture() -> None:
    pipe = Pipe()
    assert pipe.reader.latest() is None
    pipe.send(Kind.PART, packed((0, scene().instruments)))
    assert pipe.reader.latest() is None


@pytest.mark.parametrize("at", range(1, 10))
def test_a_picture_that_comes_while_the_one_before_is_put_together_is_not_lost(at: int) -> None:
    pipe, first, lines = Pipe(), scene(), itertools.count(1)
    newer = replace(first, sequence=first.sequence + 1)
    pipe.writer.write(first)

    def meanwhile(frame: FrameType, event: str, argument: object) -> Any:
        """The newer one comes before the line `at` that is run of `latest`."""
        if frame.f_code is not PictureReader.latest.__code__:
            return None
        if event == "line" and next(lines) == at:
            pipe.writer.write(newer)
        return meanwhile

    before = sys.gettrace()
    sys.settrace(meanwhile)
    try:
        pipe.reader.latest()
    finally:
        sys.settrace(before)
    if next(lines) <= at:
        pipe.writer.write(newer)
    found = pipe.reader.latest()
    assert found is not None
    assert found.sequence == newer.sequence


class Evil:
    def __init__(self, what: Any) -> None:
        self.what = what

    def __reduce__(self) -> Any:
        return self.what


@pytest.mark.parametrize(
    "what",
    [(os.system, ("true",)), (eval, ("1",)), (getattr, (1, "real")), (np.memmap, ("/dev/null",)), (Path, ("/",))],
)
def test_nothing_but_data_is_made_of_what_comes(what: Any) -> None:
    with pytest.raises(pickle.UnpicklingError, match="is no part of a picture"):
        unpacked(packed(Evil(what)))


def test_nothing_within_a_module_of_ours_is_reached_through_it() -> None:
    body = b"\x80\x04\x8c\x0fengine.snapshot\x94\x8c\x09np.memmap\x94\x93."
    with pytest.raises(pickle.UnpicklingError, match=r"engine\.snapshot\.np\.memmap"):
        unpacked(body)
