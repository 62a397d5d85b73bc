"""The capture reader over every form a recording takes, whole, torn, damaged or hostile."""

from __future__ import annotations

import gzip
import io
import os
import tracemalloc
from pathlib import Path

import pytest
import zstandard

from engine.errors import CaptureError
from engine.transport import capture, capture_lines
from engine.transport.capture import CaptureReader, ConnectionEvent, Frame, Response
from engine.transport.capture_writer import CaptureWriter
from tests.recorded import captures, recorded

HEADER = b'{"capture":1,"created":"2026-01-01T00:00:00Z","source":"test","note":"n"}\n'
ENDINGS = ("jsonl", "jsonl.gz", "jsonl.zst")


def line(t: int, text: str = "{}", venue: str = "okx") -> bytes:
    return f'{{"t":{t},"v":"{venue}","c":"public","d":"{text}"}}\n'.encode()


def packed(data: bytes, ending: str) -> bytes:
    if ending.endswith("gz"):
        return gzip.compress(data, mtime=0)
    return zstandard.compress(data) if ending.endswith("zst") else data


def written(folder: Path, data: bytes, ending: str = "jsonl", name: str = "some") -> Path:
    path = folder / f"{name}.{ending}"
    path.write_bytes(packed(data, ending))
    return path


@pytest.mark.parametrize("ending", ENDINGS)
def test_records_come_back_as_written(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"some.{ending}"
    with CaptureWriter(path, "2026-01-01T00:00:00Z", "test", "note") as writer:
        writer.event(1, "okx", "public", "open")
        writer.frame(2, "okx", "public", '{"a":"é\\n测"}')
        writer.response(3, "binance-usdm", "GET /x?y=1", 200, "[]")
    reader = CaptureReader(path)
    assert list(reader) == [
        ConnectionEvent(1, "okx", "public", "open"),
        Frame(2, "okx", "public", '{"a":"é\\n测"}'),
        Response(3, "binance-usdm", "GET /x?y=1", 200, "[]"),
    ]
    assert (reader.files, reader.lines, reader.bad_lines, reader.first_ns, reader.last_ns) == (1, 3, 0, 1, 3)
    assert reader.notices == []
    assert (reader.header.created, reader.header.source) == ("2026-01-01T00:00:00Z", "test")


@pytest.mark.parametrize("ending", ENDINGS)
def test_writer_is_stable_to_the_byte(tmp_path: Path, ending: str) -> None:
    paths = [tmp_path / f"{name}.{ending}" for name in ("first", "second")]
    for path in paths:
        with CaptureWriter(path, "2026-01-01T00:00:00Z", "test") as writer:
            writer.frame(2, "okx", "public", "pong" * 1000)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_iterating_again_starts_anew(tmp_path: Path) -> None:
    reader = CaptureReader(written(tmp_path, HEADER + line(1) + b"rubbish\n" + line(2)))
    assert list(reader) == list(reader)
    assert (reader.lines, reader.bad_lines) == (3, 1)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("header", [HEADER, HEADER.rstrip()])
def test_header_alone_is_a_capture_of_no_lines(tmp_path: Path, ending: str, header: bytes) -> None:
    reader = CaptureReader(written(tmp_path, header, ending))
    assert list(reader) == []
    assert (reader.lines, reader.bad_lines, reader.first_ns, reader.notices) == (0, 0, None, [])


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "empty"),
        (b"\n", "not JSON"),
        (b"not json\n", "not JSON"),
        (b"\xff\xfe\n", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1]\n", "not a capture header"),
        (b'{"t":1,"v":"okx","c":"public","d":"x"}\n', "not a capture header"),
        (b'{"capture":2}\n', "version 2"),
        (b'{"capture":"1"}\n', "version 1, and"),
        (b'{"capture":true}\n', "version True"),
        (b'{"capture":1e999}\n', "not"),
    ],
)
def test_what_is_no_capture_is_refused_by_name(tmp_path: Path, data: bytes, told: str) -> None:
    with pytest.raises(CaptureError, match=r"some\.jsonl: .*") as caught:
        CaptureReader(written(tmp_path, data))
    assert told in caught.value.message
    assert "A capture is" in caught.value.message


def test_absent_and_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="no such file"):
        CaptureReader(tmp_path / "absent.jsonl")
    with pytest.raises(CaptureError, match="by its name"):
        CaptureReader(written(tmp_path, HEADER, "txt"))
    with pytest.raises(CaptureError, match="no capture in this folder"):
        CaptureReader(tmp_path)
    with pytest.raises(CaptureError, match="cannot be read"):
        CaptureReader(tmp_path / ("long" * 200 + ".jsonl"))
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(CaptureError, match="by its name"):
        CaptureReader(tmp_path / "pipe.jsonl")


@pytest.mark.parametrize("ending", ["jsonl.gz", "jsonl.zst"])
def test_a_name_that_lies_about_compression_is_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"some.{ending}"
    path.write_bytes(HEADER + line(1))
    with pytest.raises(CaptureError, match="damaged"):
        CaptureReader(path)


@pytest.mark.parametrize("cut", range(1, len(line(2, "测试")) - 1))
def test_a_torn_last_line_is_dropped_with_a_notice(tmp_path: Path, cut: int) -> None:
    reader = CaptureReader(written(tmp_path, HEADER + line(1) + line(2, "测试")[:cut]))
    assert [record.t for record in reader] == [1]
    assert (reader.lines, reader.bad_lines) == (1, 0)
    assert reader.notices == ["some.jsonl: its last line, line 3, is torn and was dropped"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_end_is_that_of_the_last_whole_record(tmp_path: Path, ending: str) -> None:
    for data, end in ((HEADER, None), (HEADER + line(1) + line(7), 7), (HEADER + line(1) + line(7) + line(9)[:-5], 7)):
        reader = CaptureReader(written(tmp_path, data, ending))
        assert reader.end_ns() == end
        assert reader.lines == 0, "the counts are those of an iteration"


def test_the_end_of_a_large_folder_is_looked_for_where_it_begins_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, HEADER + line(1) + line(9), name="a")
    written(tmp_path, HEADER + line(2) + line(3), name="b")
    monkeypatch.setattr(capture, "END_BYTES", 10)
    assert CaptureReader(tmp_path).end_ns() == 3


def test_the_end_of_a_file_of_endless_lines_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "MOST_LINES", 2)
    assert CaptureReader(written(tmp_path, HEADER + line(1) + line(2))).end_ns() is None


def test_a_last_line_without_newline_is_kept_when_whole(tmp_path: Path) -> None:
    reader = CaptureReader(written(tmp_path, HEADER + line(1) + line(2).rstrip()))
    assert [record.t for record in reader] == [1, 2]
    assert reader.notices == []


def test_a_torn_line_ended_by_a_newline_is_torn_and_rubbish_there_is_bad(tmp_path: Path) -> None:
    reader = CaptureReader(written(tmp_path, HEADER + line(1) + line(2)[:-5] + b"\n"))
    assert len(list(reader)) == 1
    assert (reader.lines, reader.bad_lines) == (1, 0)
    reader = CaptureReader(written(tmp_path, HEADER + line(1) + b"rubbish\n"))
    assert len(list(reader)) == 1
    assert (reader.lines, reader.bad_lines) == (2, 1)


BAD = {
    "rubbish": b"rubbish",
    "blank": b"",
    "not an object": b"[1,2]",
    "truncated": b'{"t":1,"v":"okx"',
    "not UTF-8": b'{"t":1,"v":"okx","c":"public","d":"\xff\xfe"}',
    "no time": b'{"v":"okx","c":"public","d":"x"}',
    "zero time": b'{"t":0,"v":"okx","c":"public","d":"x"}',
    "negative time": b'{"t":-5,"v":"okx","c":"public","d":"x"}',
    "true as time": b'{"t":true,"v":"okx","c":"public","d":"x"}',
    "text as time": b'{"t":"5","v":"okx","c":"public","d":"x"}',
    "fraction of time": b'{"t":1.5,"v":"okx","c":"public","d":"x"}',
    "endless time": b'{"t":1e999,"v":"okx","c":"public","d":"x"}',
    "time past 64 bits": b'{"t":99999999999999999999,"v":"okx","c":"public","d":"x"}',
    "no venue": b'{"t":1,"c":"public","d":"x"}',
    "no text": b'{"t":1,"v":"okx","c":"public"}',
    "no connection": b'{"t":1,"v":"okx","d":"x"}',
    "no status": b'{"t":1,"v":"okx","r":"GET /","d":"x"}',
    "text not a string": b'{"t":1,"v":"okx","c":"public","d":{}}',
    "other event": b'{"t":1,"v":"okx","c":"public","x":"explode"}',
    "deep": b'{"t":1,"v":"okx","c":"public","d":"x","z":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "surrogate": b'{"t":1,"v":"okx","c":"public","d":"\\ud800"}',
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_bad_line_is_counted_reported_and_skipped(tmp_path: Path, bad: bytes) -> None:
    reader = CaptureReader(written(tmp_path, HEADER + line(1) + bad + b"\n" + line(2)))
    assert [record.t for record in reader] == [1, 2]
    assert (reader.lines, reader.bad_lines) == (3, 1)
    assert [sample.line for sample in reader.bad_samples] == [3]
    assert reader.bad_samples[0].reason
    assert any("line 3" in notice for notice in reader.notices)


def test_only_the_first_bad_lines_are_described(tmp_path: Path) -> None:
    reader = CaptureReader(written(tmp_path, HEADER + b"\x1b[31mrubbish\n" * 5000 + line(1)))
    assert len(list(reader)) == 1
    assert reader.bad_lines == 5000
    assert [sample.line for sample in reader.bad_samples] == list(range(2, 22))
    assert len(reader.notices) == 21
    assert all(notice.isprintable() for notice in reader.notices)


def test_unknown_keys_are_ignored(tmp_path: Path) -> None:
    extra = b'{"zz":[{"deep":1e999}],"t":7,"v":"okx","c":"public","d":"x","q":null}\n'
    assert list(CaptureReader(written(tmp_path, HEADER + extra))) == [Frame(7, "okx", "public", "x")]


def test_lines_of_unknown_venues_are_counted_and_their_names_cleaned(tmp_path: Path) -> None:
    foreign = b"".join(line(5, venue=f"[red]\\u001b{number}") for number in range(30))
    reader = CaptureReader(written(tmp_path, HEADER + line(1) + foreign))
    assert len(list(reader)) == 1
    assert (reader.lines, reader.bad_lines, sum(reader.unknown_venues.values())) == (31, 0, 30)
    assert len(reader.unknown_venues) == 21
    assert all(notice.isprintable() for notice in reader.notices)


@pytest.mark.parametrize("ending", ["jsonl.gz", "jsonl.zst"])
def test_a_compressed_stream_that_ends_early_is_a_torn_end(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"some.{ending}"
    with CaptureWriter(path, "2026-01-01T00:00:00Z", "test") as writer:
        for number in range(1, 20_001):
            writer.frame(number, "okx", "public", os.urandom(24).hex())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    reader = CaptureReader(path)
    times = [record.t for record in reader]
    assert times == list(range(1, len(times) + 1))
    assert 5_000 < len(times) < 15_000
    assert reader.bad_lines == 0
    assert any("ends early" in notice for notice in reader.notices)


def test_a_damaged_gzip_stream_is_a_notice(tmp_path: Path) -> None:
    body = bytearray(gzip.compress(HEADER + b"".join(line(t, os.urandom(20).hex()) for t in range(1, 60_000)), mtime=0))
    middle = len(body) // 2
    body[middle : middle + 200] = b"\0" * 200
    path = tmp_path / "some.jsonl.gz"
    path.write_bytes(body)
    reader = CaptureReader(path)
    list(reader)
    assert any("damaged" in notice for notice in reader.notices)


@pytest.mark.parametrize("ending", ["jsonl.gz", "jsonl.zst"])
def test_members_one_after_another_are_one_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"some.{ending}"
    path.write_bytes(packed(HEADER + line(1), ending) + packed(line(2)[:10], ending) + packed(line(2)[10:], ending))
    reader = CaptureReader(path)
    assert [record.t for record in reader] == [1, 2]
    assert reader.notices == []


def bomb(ending: str, megabytes: int) -> bytes:
    """A header and one endless line, packed."""
    packer = zstandard.ZstdCompressor().stream_writer if ending.endswith("zst") else None
    target = io.BytesIO()
    out = packer(target, closefd=False) if packer else gzip.GzipFile("", "wb", 9, target, mtime=0)
    out.write(HEADER)
    for _ in range(megabytes):
        out.write(b"\0" * 2**20)
    out.write(b"\n" + line(9))
    out.close()
    return target.getvalue()


@pytest.mark.parametrize("ending", ["jsonl.gz", "jsonl.zst"])
def test_a_bomb_is_one_bad_line_in_bounded_memory(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_lines, "MAX_LINE_BYTES", 4 * 2**20)
    path = tmp_path / f"some.{ending}"
    path.write_bytes(bomb(ending, 200))
    tracemalloc.start()
    reader = CaptureReader(path)
    assert [record.t for record in reader] == [9]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert reader.bad_lines == 1
    assert "longer than" in reader.bad_samples[0].reason
    assert peak < 100 * 2**20


def test_a_folder_is_read_merged_by_time_and_ties_by_name(tmp_path: Path) -> None:
    written(tmp_path, HEADER + line(1, "b") + line(3, "b") + line(9, "b"), "jsonl.gz", "b")
    written(tmp_path, HEADER + line(2, "a") + line(3, "a"), "jsonl", "a")
    written(tmp_path, HEADER + line(3, "c") + line(3, "c2"), "jsonl.zst", "c")
    written(tmp_path, HEADER, "jsonl", "d")
    (tmp_path / "notes.txt").write_text("not a capture")
    (tmp_path / "inner.jsonl").mkdir()
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "a.jsonl")
    reader = CaptureReader(tmp_path)
    assert [(record.t, record.text) for record in reader if isinstance(record, Frame)] == [
        (1, "b"),
        (2, "a"),
        (3, "a"),
        (3, "b"),
        (3, "c"),
        (3, "c2"),
        (9, "b"),
    ]
    assert (reader.files, reader.lines, reader.first_ns, reader.last_ns) == (4, 7, 1, 9)
    assert reader.end_ns() == 9, "which stands in a file that began before others"


def test_a_folder_opens_files_only_when_due(tmp_path: Path) -> None:
    for number in range(300):
        written(tmp_path, HEADER + line(10 * number + 1) + line(10 * number + 2), name=f"part{number:04}")
    reader = CaptureReader(tmp_path)
    most = 0
    times = []
    for record in reader:
        times.append(record.t)
        most = max(most, len(os.listdir("/dev/fd")))
    assert times == sorted(times)
    assert len(times) == 600
    assert most < 60


def test_a_folder_with_an_empty_or_foreign_file(tmp_path: Path) -> None:
    written(tmp_path, HEADER + line(1), name="good")
    written(tmp_path, b"", name="new")
    reader = CaptureReader(tmp_path)
    assert len(list(reader)) == 1
    assert (reader.files, reader.notices) == (1, ["new.jsonl: empty, left out"])
    written(tmp_path, b"foreign\n", name="wrong")
    with pytest.raises(CaptureError, match=r"wrong\.jsonl"):
        CaptureReader(tmp_path)


@pytest.mark.recorded
@pytest.mark.parametrize("name", captures())
def test_every_recording_reads_without_a_bad_line(name: str) -> None:
    reader = CaptureReader(recorded("captures", name))
    count = sum(1 for _ in reader)
    assert count == reader.lines > 0
    assert reader.end_ns() == reader.last_ns
    assert reader.bad_lines == 0
    assert reader.notices == []
