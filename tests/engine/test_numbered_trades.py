"""Trades that never came though the connection stood: from the venue's frames to the mark, the count and the request,
and that recordings without a hole show none."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

import pytest

from engine.config.schema import Config
from engine.pipeline import Pipeline
from engine.transport.capture import CaptureReader
from engine.transport.capture_records import ConnectionEvent, Frame, Record
from tests.recorded import recorded

START_MS = 1_700_000_000_000


def ns(ms: int) -> int:
    return (START_MS + ms) * 1_000_000


def binance(venue: str) -> Callable[[int, int], Frame]:
    def frame(ms: int, number: int) -> Frame:
        data = {"e": "aggTrade", "E": START_MS + ms, "s": "BTCUSDT", "a": number, "p": "100", "q": "1", "f": number,
                "l": number, "T": START_MS + ms, "m": False}  # fmt: skip
        return Frame(ns(ms), venue, "market/1", json.dumps({"stream": "btcusdt@aggTrade", "data": data}))

    return frame


def okx(ms: int, number: int) -> Frame:
    """Three trades in one, so `number` stands for three ids."""
    row = {"instId": "BTC-USDT", "tradeId": str(3 * number), "px": "100", "sz": "1", "side": "buy",
           "ts": str(START_MS + ms), "count": "3", "source": "0", "seqId": 7}  # fmt: skip
    arg = {"channel": "trades", "instId": "BTC-USDT"}
    return Frame(ns(ms), "okx", "public/1", json.dumps({"arg": arg, "data": [row]}))


def bybit(ms: int, number: int) -> Frame:
    row = {"T": START_MS + ms, "s": "BTCUSDT", "S": "Buy", "v": "1", "p": "100", "i": str(number), "BT": False,
           "seq": number}  # fmt: skip
    said = {"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": START_MS + ms, "data": [row]}
    return Frame(ns(ms), "bybit-linear", "linear/1", json.dumps(said))


NUMBERED = [binance("binance-usdm"), binance("binance-spot"), okx]


@pytest.mark.parametrize("frame", NUMBERED, ids=["binance-usdm", "binance-spot", "okx"])
def test_a_lost_frame_is_marked_counted_and_asked_for(frame: Callable[[int, int], Frame]) -> None:
    pipeline, asked = Pipeline(Config(), "live"), list[tuple[str, str, int, int]]()
    pipeline.lost_trades = lambda *what: asked.append(what)
    for ms, number in ((0, 5), (100, 6), (200, 7), (500, 10), (600, 11), (2_600, 12)):
        pipeline.ingest(frame(ms, number))
        pipeline.catch_up()
    sample = frame(0, 5)
    symbol = "BTC-USDT" if sample.venue == "okx" else "BTCUSDT"
    assert asked == [(sample.venue, symbol, START_MS + 200, START_MS + 500)]
    assert pipeline.tallies[sample.venue].trade_holes == 1
    assert pipeline.state.tape.since_ms[0] == START_MS + 500


def test_a_venue_that_does_not_number_its_trades_has_no_holes() -> None:
    pipeline = Pipeline(Config(), "live")
    for ms, number in ((0, 5), (100, 9), (5_000, 20)):
        pipeline.ingest(bybit(ms, number))
    pipeline.catch_up()
    assert pipeline.tallies["bybit-linear"].trade_holes == 0
    assert pipeline.state.tape.since_ms[0] == START_MS


def test_a_break_of_the_connection_is_no_hole_of_its_own() -> None:
    pipeline, frame = Pipeline(Config(), "live"), binance("binance-usdm")
    pipeline.ingest(frame(0, 5))
    pipeline.ingest(ConnectionEvent(ns(10), "binance-usdm", "market/1", "error"))
    pipeline.ingest(ConnectionEvent(ns(20), "binance-usdm", "market/1", "open"))
    pipeline.ingest(frame(30, 90))
    pipeline.ingest(frame(9_000, 91))
    pipeline.catch_up()
    assert pipeline.tallies["binance-usdm"].trade_holes == 0


def test_connections_that_overlap_at_a_hand_over_leave_no_hole() -> None:
    pipeline, frame = Pipeline(Config(), "live"), binance("binance-usdm")
    # The new connection runs ahead of the old one, which then brings what is missing between them.
    for ms, number in ((0, 1), (100, 2), (900, 9), (910, 3), (920, 4), (930, 5), (940, 6), (950, 10), (960, 7),
                       (970, 8), (980, 9), (5_000, 11)):  # fmt: skip
        pipeline.ingest(frame(ms, number))
        pipeline.catch_up()
    assert pipeline.tallies["binance-usdm"].trade_holes == 0
    assert pipeline.state.tape.duplicates == 1


# Recordings.


def ids_of(record: Record) -> list[tuple[str, int]]:
    """(symbol, id) of the numbered trades in a recorded frame, read without the parsers."""
    if not isinstance(record, Frame) or ("aggTrade" not in record.text and '"trades"' not in record.text):
        return []
    said = json.loads(record.text)
    if record.venue == "okx":
        if said.get("arg", {}).get("channel") != "trades":
            return []
        return [(row["instId"], int(row["tradeId"])) for row in said.get("data", ())]
    data = said.get("data", said)
    return [(data["s"], data["a"])] if data.get("e") == "aggTrade" else []


def records(name: str) -> Iterator[Record]:
    yield from CaptureReader(recorded("captures", name))


CAPTURES = [
    ("binance-spot-2021-04-05", 1_240),
    ("binance-spot-2021-08-14", 28),
    ("binance-usdm-2021-04-05", 574),
    ("binance-usdm-2021-04-17", 185),
    ("binance-usdm-2021-07-22", 91),
    ("binance-usdm-2026-09-27", 4),
    ("okx-2021-07-22", 36),
    ("okx-2022-02-27", 19),
    ("okx-2022-05-13", 74),
    ("composite-four-venues", 2_180),
]


def read(kept: Iterator[Record], end_ns: int = 0) -> Pipeline:
    """A pipeline that read these and then waited for what may be late."""
    pipeline = Pipeline(Config(), "replay")
    for number, record in enumerate(kept):
        pipeline.ingest(record)
        end_ns = max(end_ns, record.t)
        if number % 50 == 0:
            pipeline.catch_up()
    pipeline.clock_ms = end_ns // 1_000_000 + 60_000
    pipeline.catch_up()
    return pipeline


@pytest.mark.recorded
@pytest.mark.parametrize(("name", "trades"), CAPTURES)
def test_recordings_number_their_trades_without_a_hole(name: str, trades: int) -> None:
    seen = 0

    def counted() -> Iterator[Record]:
        nonlocal seen
        for record in records(f"{name}.jsonl.gz"):
            seen += len(ids_of(record))
            yield record

    pipeline = read(counted())
    assert seen == trades
    assert sum(tally.trade_holes for tally in pipeline.tallies.values()) == 0


@pytest.mark.recorded
@pytest.mark.parametrize("name", ["binance-spot-2021-04-05", "binance-usdm-2021-04-05", "okx-2022-05-13"])
def test_frames_taken_out_of_a_recording_are_its_holes_and_no_others(name: str) -> None:
    place: Counter[str] = Counter()
    total = Counter(symbol for record in records(f"{name}.jsonl.gz") for symbol, _ in ids_of(record))
    expected: dict[str, int] = defaultdict(int)

    def thinned() -> Iterator[Record]:
        """Without the 4th of every seven trades of a symbol, but for the last, which nothing follows."""
        for record in records(f"{name}.jsonl.gz"):
            found = ids_of(record)
            for symbol, _ in found:
                place[symbol] += 1
            if len(found) == 1 and place[found[0][0]] % 7 == 4 and place[found[0][0]] < total[found[0][0]]:
                expected[record.venue] += 1
                continue
            yield record

    pipeline = read(thinned())
    assert sum(expected.values()) >= 8
    assert {venue: tally.trade_holes for venue, tally in pipeline.tallies.items() if tally.trade_holes} == expected
