"""`prism inspect` against an independent reading of the same bytes, over every recording."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine.inspection import Inspection, inspect
from engine.transport.capture_writer import CaptureWriter
from tests.conformance.oracle import DOLLARS, Oracle, Tally
from tests.recorded import captures, recorded

pytestmark = pytest.mark.recorded

EXACT_TYPES = ("trade", "book_delta", "book_snapshot", "candle", "liquidation")
EXACT_BINANCE_TYPES = (*EXACT_TYPES, "mark", "funding", "ticker")


@cache
def readings(name: str) -> tuple[dict[str, Any], Oracle]:
    path = recorded("captures", name)
    return inspect(path), Oracle().read(path)


def close(ours: float | None, theirs: Decimal | None) -> bool:
    if ours is None or theirs is None:
        return ours is None and theirs is None
    return math.isclose(ours, float(theirs), rel_tol=1e-12, abs_tol=0.0)


@pytest.mark.parametrize("name", captures())
def test_the_capture_and_its_venues(name: str) -> None:
    document, oracle = readings(name)
    capture = document["capture"]
    assert (capture["files"], capture["lines"], capture["bad_lines"]) == (1, oracle.lines, 0)
    assert (capture["first_ms"], capture["last_ms"]) == (oracle.first_ns // 10**6, oracle.last_ns // 10**6)
    assert [venue["venue"] for venue in document["venues"]] == sorted(oracle.venues)
    for venue in document["venues"]:
        plain = oracle.venues[venue["venue"]]
        assert (venue["frames"], venue["control"]) == (plain.frames, plain.control)
        assert (venue["rejected"], venue["unknown"]) == (0, 0)
        assert venue["events"] == sum(venue["by_type"].values())
        exact = EXACT_BINANCE_TYPES if venue["venue"].startswith("binance") else EXACT_TYPES
        assert {kind: venue["by_type"][kind] for kind in exact} == {kind: plain.events[kind] for kind in exact}
        assert (venue["sequence_gaps"], venue["checksum_failures"]) == (plain.gaps, plain.checksum_failures)
        assert (plain.gaps, plain.checksum_failures, venue["resyncs"]) == (0, 0, 0)
        assert (venue["rest"]["rejected"], venue["rest"]["unknown"]) == (0, 0)


@pytest.mark.parametrize("name", captures())
def test_the_instruments(name: str) -> None:
    document, oracle = readings(name)
    keys = [(row["venue"], row["symbol"]) for row in document["instruments"]]
    assert keys == sorted(oracle.tallies)
    for row in document["instruments"]:
        venue, symbol = row["venue"], row["symbol"]
        listed = oracle.venues[venue].listing.get(symbol)
        assert row["inferred"] is (listed is None)
        assert row["quote"] == oracle.quote_of(venue, symbol)
        assert row["kind"] == kind_of(venue, symbol)
        if listed is not None:
            tick, step, contract = listed_steps(venue, listed)
            assert (row["tick"], row["step"], row["contract_size"]) == (tick, step, contract)


def kind_of(venue: str, symbol: str) -> str:
    if venue.endswith("spot"):
        return "spot"
    if venue == "okx":
        parts = symbol.split("-")
        return {2: "spot", 3: "perp" if parts[-1] == "SWAP" else "future", 5: "option"}[len(parts)]
    return "future" if "_" in symbol else "perp"


def listed_steps(venue: str, listed: dict[str, Any]) -> tuple[float, float, float]:
    if venue.startswith("binance"):
        filters = {each["filterType"]: each for each in listed["filters"]}
        return float(filters["PRICE_FILTER"]["tickSize"]), float(filters["LOT_SIZE"]["stepSize"]), 1.0
    if venue.startswith("bybit"):
        lot = listed["lotSizeFilter"]
        return float(listed["priceFilter"]["tickSize"]), float(lot.get("qtyStep") or lot["basePrecision"]), 1.0
    contract = 1.0
    if listed["instType"] != "SPOT":
        contract = float(Decimal(listed["ctVal"]) * Decimal(listed["ctMult"]))
    return float(listed["tickSz"]), float(listed["lotSz"]), contract


@pytest.mark.parametrize("name", captures())
def test_trades_and_liquidations(name: str) -> None:
    document, oracle = readings(name)
    for row in document["instruments"]:
        tally = oracle.tallies[row["venue"], row["symbol"]]
        trades, liquidations = row["trades"], row["liquidations"]
        dollars = oracle.quote_of(row["venue"], row["symbol"]) in DOLLARS
        assert (trades["count"], liquidations["count"]) == (tally.trades, tally.liquidations)
        for side in ("buy", "sell"):
            assert close(trades[f"{side}_base"], tally.base[side]), (row["symbol"], side)
            assert close(trades[f"{side}_usd"], tally.quote[side] if dollars else None), (row["symbol"], side)
        for position in ("long", "short"):
            assert close(liquidations[f"{position}_usd"], tally.liquidated[position] if dollars else None)
        assert trades["last_price"] == (None if tally.last_price is None else float(tally.last_price))


@pytest.mark.parametrize("name", captures())
def test_books(name: str) -> None:
    document, oracle = readings(name)
    for row in document["instruments"]:
        venue, symbol = row["venue"], row["symbol"]
        plain = oracle.tallies[venue, symbol].book
        assert row["book"]["status"] == plain.status
        for side, levels in zip(("bids", "asks"), plain.top(10), strict=True):
            assert len(row["book"][side]) == len(levels)
            for (price, size), (plain_price, plain_size) in zip(row["book"][side], levels, strict=True):
                assert price == plain_price
                assert close(float(size), oracle.in_base(venue, symbol, plain_price, plain_size))
                assert "e" not in size.lower()


@pytest.mark.parametrize("name", captures())
def test_candles(name: str) -> None:
    document, oracle = readings(name)
    for row in document["instruments"]:
        tally = oracle.tallies[row["venue"], row["symbol"]]
        dollars = oracle.quote_of(row["venue"], row["symbol"]) in DOLLARS
        assert list(row["candles"]) == sorted(
            tally.newest, key=lambda interval: (interval[-1] == "h", int(interval[:-1]))
        )
        for interval, candle in row["candles"].items():
            check_candle(candle, interval, tally, dollars=dollars)


def check_candle(candle: dict[str, Any], interval: str, tally: Tally, *, dollars: bool) -> None:
    open_ms, _, values = tally.newest[interval]
    last = candle["last"]
    assert candle["closed"] == len(tally.closed[interval])
    assert last["open_ms"] == open_ms
    assert [last[key] for key in ("open", "high", "low", "close")] == [float(value or "nan") for value in values[:4]]
    for key, value in zip(("volume_usd", "buy_usd"), values[4:], strict=True):
        assert last[key] == (float(value) if dollars and value is not None else None)


@pytest.mark.parametrize("name", captures())
def test_mark_index_funding_and_open_interest(name: str) -> None:
    document, oracle = readings(name)
    for row in document["instruments"]:
        tally = oracle.tallies[row["venue"], row["symbol"]]
        stated = (tally.mark, tally.index, tally.funding, tally.interest)
        ours = (row["mark"], row["index"], row["funding_frac"], row["open_interest_usd"])
        assert ours == tuple(None if text is None else float(text) for text in stated)


@pytest.mark.parametrize("name", captures())
def test_inferred_steps_are_one_unit_of_the_last_decimal_in_use(name: str) -> None:
    """All the recorded trades and levels of an unlisted instrument lie on the inferred grid."""
    document, oracle = readings(name)
    for row in document["instruments"]:
        if not row["inferred"] or row["tick"] is None:
            continue
        tick = Decimal(repr(row["tick"]))
        book = oracle.tallies[row["venue"], row["symbol"]].book
        prices = [Decimal(text) for side in (book.bids, book.asks) for text in side]
        if row["trades"]["last_price"] is not None:
            prices.append(Decimal(repr(row["trades"]["last_price"])))
        assert all(price % tick == 0 for price in prices)
        assert all(
            Decimal(size) % Decimal(repr(row["step"])) == 0 for side in (book.bids, book.asks) for size in side.values()
        )


def test_depth_and_symbol_narrow_the_document() -> None:
    inspection = Inspection(recorded("captures", "okx-2022-05-13.jsonl.gz"))
    document = inspection.document(depth=2, symbol="btc-usdt")
    assert [row["symbol"] for row in document["instruments"]] == ["BTC-USDT"]
    assert [len(document["instruments"][0]["book"][side]) for side in ("bids", "asks")] == [2, 2]
    assert document["instruments"][0]["book"]["bids"] == inspection.document()["instruments"][1]["book"]["bids"][:2]
    assert inspection.document(depth=0)["instruments"][0]["book"]["bids"] == []


def test_two_readings_are_the_same_to_the_byte() -> None:
    path = recorded("captures", "composite-four-venues.jsonl.gz")
    assert json.dumps(inspect(path)) == json.dumps(inspect(path))


def test_a_venue_without_a_parser_is_counted_as_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.inspection.make_parsers", dict)
    path = tmp_path / "some.jsonl"
    with CaptureWriter(path, "2026-01-01T00:00:00Z", "test") as writer:
        writer.frame(1, "bitget-usdt", "public", "{}")
        writer.response(2, "bitget-usdt", "GET /", 200, "{}")
    inspection = Inspection(path)
    venue = inspection.document()["venues"][0]
    assert (venue["frames"], venue["unknown"], venue["rest"]["unknown"]) == (1, 1, 1)
    assert inspection.notices == [
        "bitget-usdt: 2 messages of an unknown kind, the first: prism does not read this venue's messages"
    ]
