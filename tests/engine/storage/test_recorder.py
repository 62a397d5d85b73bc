"""Recordings as they are made: whole at every moment, bounded, and readable by the reader of captures."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.storage.recorder import FILE_NS, FREE_BYTES, Recorder
from engine.transport.capture import CaptureReader
from engine.transport.capture_records import ConnectionEvent, Frame, Record, Response

T0 = 1_790_000_000 * 10**9
PLENTY = 10**12


def recorder(folder: Path, **given: int) -> Recorder:
    return Recorder(folder, **{"max_bytes": PLENTY, **given}, free_bytes=lambda _: PLENTY)  # type: ignore[arg-type]


def frames(count: int, step_ns: int = 10**6, text: str = '{"a":1}') -> list[Record]:
    return [Frame(T0 + n * step_ns, "okx", "okx/public/1", text) for n in range(count)]


_VENUES = st.sampled_from(["okx", "binance-usdm", "bybit-spot"])
_TEXTS = st.text(max_size=60)
_RECORDS = st.one_of(
    st.builds(Frame, st.just(0), _VENUES, _TEXTS, _TEXTS),
    st.builds(Response, st.just(0), _VENUES, _TEXTS, st.integers(100, 599), _TEXTS),
    st.builds(ConnectionEvent, st.just(0), _VENUES, _TEXTS, st.sampled_from(["open", "close", "error"])),
)


@given(st.lists(_RECORDS, max_size=30))
@settings(deadline=None)
def test_what_was_taken_is_read_back(tmp_path_factory: pytest.TempPathFactory, records: list[Record]) -> None:
    folder = tmp_path_factory.mktemp("recording")
    stamped = [msgspec.structs.replace(one, t=T0 + n) for n, one in enumerate(records)]
    made = recorder(folder)
    for one in stamped:
        made.take(one)
    made.close()
    assert made.records == len(stamped)
    assert made.files == bool(stamped)
    if stamped:
        assert list(CaptureReader(folder)) == stamped


def test_each_file_is_readable_alone_and_they_follow_one_another(tmp_path: Path) -> None:
    made = recorder(tmp_path)
    taken = frames(40, FILE_NS // 10)
    for one in taken:
        made.take(one)
    made.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) == made.files == 4
    assert [one for file in files for one in CaptureReader(file)] == taken
    assert files[0].name == "capture-20260921T141320Z-0001.jsonl.zst"


def test_it_ends_at_its_size_in_words_and_within_a_second_of_records(tmp_path: Path) -> None:
    made = recorder(tmp_path, max_bytes=4_000)
    for n in range(200_000):
        made.take(Frame(T0 + n * 10**6, "okx", "c", f'{{"n":{n * 7919 % 100_003}}}'))
        if made.stopped:
            break
    assert "reached its size" in made.stopped
    held = made.records
    made.take(frames(1)[0])
    assert made.records == held
    assert len(list(CaptureReader(tmp_path))) == held


def test_a_disk_that_fills_up_ends_it(tmp_path: Path) -> None:
    free = [FREE_BYTES + 10**9]
    made = Recorder(tmp_path, max_bytes=PLENTY, free_bytes=lambda _: free[0])
    for one in frames(2_000):
        made.take(one)
    free[0] = FREE_BYTES - 1
    for one in frames(4_000):
        made.take(one)
    assert "are free on its disk" in made.stopped
    assert len(list(CaptureReader(tmp_path))) == made.records > 2_000


def test_a_folder_that_is_taken_away_ends_it_and_does_not_raise(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    made = recorder(folder)
    folder.rmdir()
    made.take(frames(1)[0])
    assert made.stopped == f"the recording in {folder} ended: No such file or directory"


def test_another_recording_is_never_overwritten(tmp_path: Path) -> None:
    first = recorder(tmp_path)
    first.take(frames(1)[0])
    first.close()
    second = recorder(tmp_path)
    second.take(frames(1)[0])
    assert "File exists" in second.stopped
    assert len(list(CaptureReader(tmp_path))) == 1


def test_being_killed_loses_no_more_than_the_last_second(tmp_path: Path) -> None:
    program = f"""
        import sys
        from pathlib import Path
        from engine.storage.recorder import Recorder
        from engine.transport.capture_records import Frame
        made = Recorder(Path(sys.argv[1]), max_bytes=10**12, free_bytes=lambda _: 10**12)
        for n in range(10_500):
            made.take(Frame({T0} + n * 10**6, "okx", "c", str(n)))
        print("written", flush=True)
        sys.stdin.read()
    """
    words = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"written\n"
        child.send_signal(signal.SIGKILL)
    reader = CaptureReader(tmp_path)
    texts = [record.text for record in reader if isinstance(record, Frame)]
    assert texts == [str(n) for n in range(len(texts))]
    assert len(texts) >= 9_500
    assert any("ends early" in notice for notice in reader.notices)
