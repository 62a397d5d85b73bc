"""Whole recordings of OKX: nothing is refused or left unread, and contract sizes are found without a listing."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from engine.events import Liquidation, OpenInterest
from engine.venues.base import Parsed, Verdict
from engine.venues.okx.parse import OkxParser
from engine.venues.okx.symbols import infer
from tests.recorded import recorded

pytestmark = pytest.mark.recorded

CAPTURES = [
    ("okx-2021-07-22.jsonl.gz", 1504, 46, 36),
    ("okx-2022-02-27.jsonl.gz", 3679, 19, 19),
    ("okx-2022-05-13.jsonl.gz", 290, 28, 74),
]


def replay(name: str, parser: OkxParser, with_rest: bool = True) -> Iterator[tuple[dict[str, Any], Parsed]]:
    """Every frame and answer of a capture with what became of it."""
    with gzip.open(recorded("captures", name), "rt") as lines:
        for line in lines:
            row = json.loads(line)
            if row.get("v") != "okx" or "d" not in row:
                continue
            if "r" not in row:
                yield row, parser.frame(row["d"], row["c"], row["t"])
            elif with_rest:
                yield row, parser.response(row["r"], row["s"], row["d"], row["t"])


@pytest.mark.parametrize(("name", "books", "tickers", "trades"), CAPTURES)
def test_captures(name: str, books: int, tickers: int, trades: int) -> None:
    parser = OkxParser()
    verdicts: Counter[Verdict] = Counter()
    kinds: Counter[str] = Counter()
    for row, parsed in replay(name, parser):
        verdicts[parsed.verdict] += 1
        for event in parsed.events:
            kinds[type(event).__name__] += 1
            if "checksum" in row["d"]:
                assert getattr(event, "checksum", None) is not None
            size = getattr(event, "size", 1.0)
            assert size > 0.0
    assert set(verdicts) == {Verdict.ACCEPTED, Verdict.CONTROL}
    assert kinds["BookSnapshot"] + kinds["BookDelta"] == books
    assert (kinds["Ticker"], kinds["Quote"], kinds["Trade"]) == (tickers, tickers, trades)
    assert not any(one.inferred for one in parser.instruments())


@pytest.mark.parametrize("name", [name for name, *_ in CAPTURES])
def test_inference_agrees_with_the_listing(name: str) -> None:
    listed, guessed = OkxParser(), OkxParser()
    names = []
    for row, parsed in replay(name, listed):
        if "r" not in row:
            break
        for one in parsed.listing:
            guess = infer(one.symbol)
            if (guess.kind, guess.base, guess.quote, guess.inverse) != (one.kind, one.base, one.quote, one.inverse):
                names.append(one.symbol)
    assert not names
    for _ in replay(name, guessed, with_rest=False):
        pass
    found = [one for one in guessed.instruments() if one.contract_size is not None and one.kind != "spot"]
    assert found
    for one in found:
        assert one.contract_size == pytest.approx(listed.instrument(one.symbol).contract_size), one.symbol


def test_composite_capture() -> None:
    verdicts = Counter(parsed.verdict for _, parsed in replay("composite-four-venues.jsonl.gz", OkxParser()))
    assert set(verdicts) == {Verdict.ACCEPTED, Verdict.CONTROL}


@pytest.mark.parametrize("name", ["okx_futures", "okx_spot", "okx_swap"])
def test_single_frames_of_many_years(name: str) -> None:
    """Wire before v5 (`table`) is unknown, v5 of every year is read, nothing is refused."""
    parser = OkxParser()
    for text in recorded("frames", f"tardis-node-{name}.jsonl").read_text().splitlines():
        message = json.loads(text)
        parsed = parser.frame(text, "c", 1_791_565_601_482_000_000)
        if "event" in message:
            assert parsed.verdict is Verdict.CONTROL
        elif "table" in message or message["arg"]["channel"] in ("price-limit", "liquidations"):
            assert parsed.verdict is Verdict.UNKNOWN
        else:
            assert parsed.verdict is Verdict.ACCEPTED, parsed.detail


def test_many_channels_of_2022() -> None:
    parser = OkxParser()
    verdicts: Counter[Verdict] = Counter()
    for text in recorded("frames", "crypto-msg-parser-okx.jsonl").read_text().splitlines():
        message = json.loads(text)
        parsed = parser.frame(text, "c", 1_791_565_601_482_000_000)
        assert parsed.verdict is (Verdict.ACCEPTED if "arg" in message else Verdict.UNKNOWN), parsed.detail
        verdicts[parsed.verdict] += 1
    assert verdicts[Verdict.ACCEPTED] > 30
    sizes = {one.symbol: one.contract_size for one in parser.instruments()}
    assert sizes["BTC-USDT-SWAP"] == sizes["BTC-USDT-220624"] == 0.01
    assert sizes["BTC-USD-SWAP"] == sizes["BTC-USD-220624"] == 100.0


def test_live_liquidations() -> None:
    parser = OkxParser()
    sides = []
    for line in recorded("frames", "liquidation_frames_live.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["venue"] == "okx":
            parsed = parser.frame(json.dumps(row["frame"], separators=(",", ":")), "c", 1)
            sides += [(e.symbol, e.side, e.sampled) for e in parsed.events if isinstance(e, Liquidation)]
    assert sides == [
        ("CNPY-USDT-SWAP", "short", True),
        ("BTC-USDT-SWAP", "long", True),
        ("CELO-USDT-SWAP", "short", True),
        ("MINA-USDT-SWAP", "short", True),
    ]


def test_rest_bodies_of_2026() -> None:
    parser = OkxParser()
    for line in recorded("rest", "okx_public_2026-09.jsonl").read_text().splitlines():
        row = json.loads(line)
        query = "?instId=BTC-USDT-SWAP&period=5m" if "rubik" in row["path"] else ""
        parsed = parser.response(f"GET {row['path']}{query}", 200, json.dumps(row["data"]), 1_789_242_000_000_000_000)
        assert (parsed.verdict, parsed.detail) == (Verdict.ACCEPTED, "")
        if row["path"].endswith("open-interest"):
            first = parsed.events[0]
            assert isinstance(first, OpenInterest)
            assert first.base == pytest.approx(27600.2194)
            assert first.usd == pytest.approx(2146320021.55)
        if row["path"].endswith("liquidation-orders"):
            sizes = [event.size for event in parsed.events if isinstance(event, Liquidation)]
            # Contracts of 0.01 BTC, learnt from the open interest that came before.
            assert sizes[0] == pytest.approx(0.0356)
