"""Whole recordings of Bybit: nothing is refused or left unread, and their invariants hold."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from engine.events import BookDelta, BookSnapshot, Candle, Liquidation, OpenInterest, Ticker
from engine.venues.base import Parsed, Verdict
from engine.venues.bybit.parse import BybitParser
from engine.venues.bybit.symbols import infer
from tests.recorded import recorded

pytestmark = pytest.mark.recorded


def replay(name: str, parsers: dict[str, BybitParser]) -> Iterator[tuple[dict[str, Any], Parsed]]:
    """Every frame and answer of a capture that has a parser, with what became of it."""
    with gzip.open(recorded("captures", name), "rt") as lines:
        for line in lines:
            row = json.loads(line)
            parser = parsers.get(row.get("v", ""))
            if parser is None or "d" not in row:
                continue
            if "r" in row:
                yield row, parser.response(row["r"], row["s"], row["d"], row["t"])
            else:
                yield row, parser.frame(row["d"], row["c"], row["t"])


def test_live_capture_of_2026() -> None:
    parsers = {venue: BybitParser(venue) for venue in ("bybit-linear", "bybit-spot")}
    verdicts: Counter[Verdict] = Counter()
    kinds: Counter[str] = Counter()
    listed: Counter[str] = Counter()
    held: dict[tuple[str, str], int] = {}
    for _, parsed in replay("bybit-2026-08-09.jsonl.gz", parsers):
        verdicts[parsed.verdict] += 1
        for one in parsed.listing:
            listed[one.venue] += 1
        for event in parsed.events:
            kinds[type(event).__name__] += 1
            if isinstance(event, BookSnapshot):
                assert event.sequence is not None
                held[event.venue, event.symbol] = event.sequence
            elif isinstance(event, BookDelta):
                assert event.previous == held[event.venue, event.symbol]
                assert event.last is not None
                held[event.venue, event.symbol] = event.last
    assert verdicts == {Verdict.ACCEPTED: 2 + 2529 + 674, Verdict.CONTROL: 24}
    assert kinds["BookDelta"] == 2142
    assert kinds["BookSnapshot"] == 6
    assert kinds["Trade"] == 347
    assert kinds["OpenInterest"] == 105
    assert listed == {"bybit-linear": 800, "bybit-spot": 557}
    assert not any(one.inferred for parser in parsers.values() for one in parser.instruments())


def test_composite_capture() -> None:
    parsers = {venue: BybitParser(venue) for venue in ("bybit-linear", "bybit-spot")}
    verdicts = Counter(parsed.verdict for _, parsed in replay("composite-four-venues.jsonl.gz", parsers))
    assert set(verdicts) == {Verdict.ACCEPTED, Verdict.CONTROL}


def test_names_are_inferred_as_the_listing_has_them() -> None:
    parsers = {venue: BybitParser(venue) for venue in ("bybit-linear", "bybit-spot")}
    wrong = []
    for row, parsed in replay("bybit-2026-08-09.jsonl.gz", parsers):
        if "r" not in row:
            break
        for one in parsed.listing:
            guess = infer(one.venue, one.symbol)
            if (guess.kind, guess.base, guess.quote, guess.asset) != (one.kind, one.base, one.quote, one.asset):
                wrong.append(one.symbol)
    assert not wrong


@pytest.mark.parametrize(
    ("name", "interval_ms", "frames"),
    [("candles-2025-10-14.jsonl.gz", 300_000, 29970), ("candles-2025-10-10-crash.jsonl.gz", 900_000, 24060)],
)
def test_candle_captures(name: str, interval_ms: int, frames: int) -> None:
    count = 0
    for row, parsed in replay(name, {"bybit-linear": BybitParser("bybit-linear")}):
        assert parsed.verdict is Verdict.ACCEPTED
        candles = [event for event in parsed.events if isinstance(event, Candle)]
        assert len(candles) == len(parsed.events)
        if "r" in row:
            assert [one.open_ms for one in candles] == sorted(one.open_ms for one in candles)
            assert all(one.closed == (one.open_ms + one.interval_ms <= row["t"] // 1_000_000) for one in candles)
        else:
            count += 1
            assert candles[0].interval_ms == interval_ms
    assert count == frames


@pytest.mark.parametrize(("name", "venue"), [("bybit", "bybit-linear"), ("bybit_spot", "bybit-spot")])
def test_single_frames_of_many_years(name: str, venue: str) -> None:
    """Wire before v5 is unknown, v5 of every year is read, nothing is refused."""
    parser = BybitParser(venue)
    for text in recorded("frames", f"tardis-node-{name}.jsonl").read_text().splitlines():
        message = json.loads(text)
        parsed = parser.frame(text, "c", 1_791_565_601_482_000_000)
        is_v5 = "ts" in message and "type" in message
        if "success" in message:
            assert parsed.verdict is Verdict.CONTROL
        else:
            assert parsed.verdict is (Verdict.ACCEPTED if is_v5 else Verdict.UNKNOWN), text


def test_live_liquidations() -> None:
    parser = BybitParser("bybit-linear")
    sides = []
    for line in recorded("frames", "liquidation_frames_live.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["venue"] == "bybit":
            parsed = parser.frame(json.dumps(row["frame"], separators=(",", ":")), "c", 1)
            sides += [(e.symbol, e.side, e.size, e.sampled) for e in parsed.events if isinstance(e, Liquidation)]
    assert sides == [
        ("ICPUSDT", "long", 19.7, False),
        ("MARSCOINUSDT", "short", 2380.0, False),
        ("BTCUSDT", "long", 0.006, False),
        ("BTCUSDT", "long", 0.038, False),
    ]


def test_rest_bodies() -> None:
    parser = BybitParser("bybit-linear")
    queries = {"/v5/market/kline": "?interval=60", "/v5/market/account-ratio": "?period=5min"}
    for line in recorded("rest", "bybit_v5_2026-08.jsonl").read_text().splitlines():
        row = json.loads(line)
        request = f"GET {row['path']}{queries.get(row['path'], '')}"
        parsed = parser.response(request, 200, json.dumps(row["data"]), 1_786_820_700_000_000_000)
        hourly = row["path"] == "/v5/market/kline"
        assert parsed.verdict is (Verdict.UNKNOWN if hourly else Verdict.ACCEPTED)
    for line in recorded("rest", "bybit_v5_tickers.jsonl").read_text().splitlines():
        row = json.loads(line)
        spot = "spot" in row["query"]
        reader = BybitParser("bybit-spot" if spot else "bybit-linear")
        parsed = reader.response(f"GET {row['path']}?{row['query']}", 200, json.dumps(row["data"]), 1)
        assert (parsed.verdict, parsed.detail) == (Verdict.ACCEPTED, "")
        rows = row["data"]["result"]["list"]
        assert sum(isinstance(event, Ticker) for event in parsed.events) == len(rows)
        assert sum(isinstance(event, OpenInterest) for event in parsed.events) == (0 if spot else len(rows))
