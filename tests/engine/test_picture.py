"""What a snapshot costs beside the scan: the trend of the table is read from the rows whose bars changed, no others."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import engine.picture
from engine.config.schema import Config
from engine.events import BookSnapshot, Funding, Liquidation, Quote
from engine.instruments import Instrument
from engine.market.quotes import QUOTE_LIMIT_MS
from engine.picture import TREND_POINTS, TREND_STEP, trend_points
from engine.pipeline import Pipeline
from tests.engine.builders import make_view
from tests.engine.market.market_events import MINUTE, T0, candle, instrument, trade

QUARTER = 15 * MINUTE
START = T0 // QUARTER * QUARTER
NAMES = ("AUSDT", "BUSDT", "CUSDT")


def close(pipeline: Pipeline, name: str, number: int, price: float) -> None:
    """Let one bar of 15m close."""
    one = instrument(name)
    pipeline.state.apply(candle(START + number * QUARTER, QUARTER, price, of=one), one)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows' closes were read, each time any were."""
    counts: list[int] = []

    def counted(closes: NDArray[np.float64]) -> NDArray[np.float64]:
        counts.append(len(closes))
        return trend_points(closes)

    monkeypatch.setattr(engine.picture, "trend_points", counted)
    return counts


def test_snapshots_read_the_closes_of_changed_rows_alone(read: list[int]) -> None:
    pipeline = Pipeline(Config(), "replay")
    for name in NAMES:
        for number in range(100):
            close(pipeline, name, number, 10.0 + number)
    held = []
    for _ in range(20):
        pipeline.scan()
        held.append(pipeline.snapshot().columns.trend)
    assert read == [3], "one reading of all rows serves twenty snapshots"
    assert all(one is held[0] for one in held), "and one array stands in all of them"
    assert held[0].nbytes == len(NAMES) * TREND_POINTS * 8
    before = held[0].copy()
    close(pipeline, "BUSDT", 100, 500.0)
    pipeline.scan()
    after = pipeline.snapshot().columns.trend
    assert read == [3, 1], "a bar that closes costs its own row"
    assert after[1, -1] == 500.0
    assert (after[[0, 2]] == before[[0, 2]]).all()
    assert (held[0] == before).all(), "what was handed out does not change"


def test_a_new_epoch_forgets_the_rows_of_the_old_one(read: list[int]) -> None:
    pipeline = Pipeline(Config(), "replay")
    for name, price in (("AUSDT", 1.0), ("BUSDT", 2.0)):
        close(pipeline, name, 0, price)
    assert pipeline.snapshot().columns.trend[:, -1].tolist() == [1.0, 2.0]
    pipeline.clear()
    for name, price in (("BUSDT", 2.0), ("AUSDT", 1.0)):
        close(pipeline, name, 0, price)
    assert pipeline.snapshot().columns.trend[:, -1].tolist() == [2.0, 1.0]


def test_points_are_two_hours_apart_and_missing_ones_stay_missing() -> None:
    closes = np.arange(200.0).reshape(2, 100)
    points = trend_points(closes)
    assert points[0].tolist() == [99.0 - TREND_STEP * back for back in range(TREND_POINTS - 1, -1, -1)]
    young = trend_points(closes[:, -17:])
    assert np.isnan(young[:, : TREND_POINTS - 3]).all()
    assert young[0, -3:].tolist() == [83.0, 91.0, 99.0]
    assert not np.shares_memory(points, closes)


def prove(pipeline: Pipeline, of: Instrument, bid: str, ask: str) -> None:
    """Let the book of an instrument be proven with one level a side."""
    book = BookSnapshot(of.venue, of.symbol, T0, T0 * 1_000_000, [(bid, "2")], [(ask, "3")], 1, 0, True)
    pipeline.books.apply(book)


def test_the_focus_holds_the_books_of_the_same_asset_elsewhere() -> None:
    pipeline = Pipeline(Config(), "replay")
    own = instrument("PEPEUSDT", "okx")
    thousand = instrument("1000PEPEUSDT", "bybit-linear")
    unproven, other = instrument("PEPEUSDT", "bitget-usdt"), instrument("BTCUSDT")
    spot, coin = instrument("PEPEUSDT", "binance-spot"), instrument("PEPEBTC")
    for one in (own, thousand, unproven, other, spot, coin):
        pipeline.state.apply(trade(T0, of=one), one)
    for one in (own, thousand, spot, coin, other):
        prove(pipeline, one, "0.5", "0.75")
    pipeline.focus(own.venue, own.symbol)
    focus = pipeline.snapshot().focus
    assert focus is not None
    assert [peer.row for peer in focus.peer_books] == [1, 2], "neither spot, nor another quote, nor another asset"
    proven, absent = (peer.ladder for peer in focus.peer_books)
    assert proven.status == "synced"
    assert proven.bids == (("0.5", "2", 1.0),), "in the peer's own prices"
    assert proven.asks == (("0.75", "3", 2.25),)
    assert (absent.status, absent.bids, absent.asks) == ("absent", (), ())
    pipeline.books.interrupted("bybit-linear", ["1000PEPEUSDT"], "its connection broke")
    focus = pipeline.snapshot().focus
    assert focus is not None
    lost = focus.peer_books[0].ladder
    assert lost.status == "resyncing"
    assert lost.bids == lost.asks == ()


@pytest.mark.parametrize("symbol", ["binance-spot BTCUSDT", "okx ETHUSDT"])
def test_what_is_traded_alone_or_is_no_perpetual_has_no_peers(symbol: str) -> None:
    pipeline = Pipeline(Config(), "replay")
    for one in (instrument(), instrument("BTCUSDT", "binance-spot"), instrument("ETHUSDT", "okx")):
        pipeline.state.apply(trade(T0, of=one), one)
    pipeline.focus(*symbol.split())
    focus = pipeline.snapshot().focus
    assert focus is not None
    assert focus.peer_books == ()


def test_a_symbol_listed_since_the_newest_scan_has_no_focus_yet() -> None:
    pipeline = Pipeline(Config(), "replay")
    pipeline.state.apply(trade(T0), instrument())
    pipeline.scan()
    newer = instrument("ETHUSDT")
    pipeline.state.apply(trade(T0, of=newer), newer)
    pipeline.focus(newer.venue, newer.symbol)
    assert pipeline.snapshot().focus is None
    pipeline.scan()
    assert pipeline.snapshot().focus is not None


def test_a_focus_knows_when_funding_is_settled() -> None:
    pipeline = Pipeline(Config(), "replay")
    for name in NAMES[:2]:
        close(pipeline, name, 0, 10.0)
    due = START + 4 * 60 * MINUTE
    one = instrument("AUSDT")
    pipeline.state.apply(Funding(one.venue, one.symbol, START, START, 0.0001, due, 8.0), one)
    for name, told in (("AUSDT", due), ("BUSDT", None)):
        pipeline.focus(one.venue, name)
        focus = pipeline.snapshot().focus
        assert focus is not None
        assert focus.next_funding_ms == told


def test_a_picture_knows_since_when_liquidations_are_reported() -> None:
    pipeline = Pipeline(Config(), "replay")
    for name in NAMES[:2]:
        close(pipeline, name, 0, 10.0)
    one = instrument("AUSDT")
    pipeline.focus(one.venue, "AUSDT")
    assert pipeline.snapshot().liquidations_since_ms is None
    pipeline.state.liquidations_stand(one.venue, "AUSDT", START)
    pipeline.scan()
    assert pipeline.snapshot().liquidations_since_ms == START
    for name, told in (("AUSDT", START), ("BUSDT", None)):
        pipeline.focus(one.venue, name)
        focus = pipeline.snapshot().focus
        assert focus is not None
        assert focus.liquidations_since_ms == told


def test_a_picture_shows_nothing_newer_than_its_own_time() -> None:
    """While a recording is paused, events may have been read since the last scan."""
    pipeline, one = Pipeline(Config(), "replay"), instrument("AUSDT")
    pipeline.focus(one.venue, "AUSDT")

    def happen(at_ms: int) -> None:
        pipeline.state.apply(trade(at_ms, of=one), one)
        forced = Liquidation(one.venue, one.symbol, at_ms, at_ms * 1_000_000, "long", 100.0, 1.0, False)
        pipeline.state.apply(forced, one)

    happen(T0)
    pipeline.scan()
    happen(T0 + 2_000)
    for expected in ([T0], [T0 + 2_000, T0]):
        held = pipeline.snapshot()
        assert held.focus is not None
        assert held.at_ms == expected[0]
        assert [line.ts_ms for line in held.liquidations] == expected
        assert [line.ts_ms for line in held.focus.liquidations] == expected
        assert sorted((line.ts_ms for line in held.focus.tape), reverse=True) == expected
        pipeline.scan()


def test_snapshots_of_one_scan_share_what_only_a_scan_changes_and_have_the_books_of_now() -> None:
    pipeline, own, peer = Pipeline(Config(), "replay"), instrument("AUSDT"), instrument("AUSDT", "okx")
    for one in (own, peer):
        pipeline.state.apply(trade(T0, of=one), one)
        prove(pipeline, one, "10", "11")
    pipeline.focus(own.venue, own.symbol)
    first = pipeline.snapshot()
    for one in (own, peer):
        prove(pipeline, one, "12", "13")
    second = pipeline.snapshot()
    assert second.sequence == first.sequence + 1
    for name in ("instruments", "board", "rankings", "columns", "liquidations", "traps"):
        assert getattr(second, name) is getattr(first, name), name
    assert first.focus is not None
    assert second.focus is not None
    assert second.focus.charts is first.focus.charts
    for focus, bid in ((first.focus, "10"), (second.focus, "12")):
        assert focus.ladder.bids[0][0] == bid
        assert focus.peer_books[0].ladder.bids[0][0] == bid
    pipeline.scan()
    third = pipeline.snapshot()
    assert third.board is not second.board
    assert third.columns is not second.columns
    pipeline.clear()
    assert pipeline.snapshot().instruments == ()


def test_the_spread_of_old_quotes_is_not_known() -> None:
    pipeline = Pipeline(Config(), "replay")
    one, other = instrument("AUSDT"), instrument("BUSDT")
    pipeline.state.apply(Quote(one.venue, one.symbol, T0, T0 * 1_000_000, 99.9, 1.0, 100.1, 1.0), one)
    for passed_ms, known in ((QUOTE_LIMIT_MS, True), (QUOTE_LIMIT_MS + 1, False)):
        pipeline.state.apply(trade(T0 + passed_ms, of=other), other)
        pipeline.scan()
        columns = pipeline.snapshot().columns
        assert columns.bid[0] == 99.9
        assert columns.spread_bps[0] == pytest.approx(20.0 if known else np.nan, nan_ok=True)


def test_the_market_in_one_line_follows_the_most_traded_bitcoin_wherever_it_stands() -> None:
    view = make_view(12)
    facts = view.derivatives
    bitcoin = [row for row, one in enumerate(view.instruments) if one.asset == "BTC" and one.kind == "perp"]
    facts.change_24h_frac[bitcoin] = (-0.3, 0.02, 0.05)
    for leading, change in zip(bitcoin, (-0.3, 0.02, 0.05), strict=True):
        facts.volume_24h_usd[bitcoin] = 1_000.0
        facts.volume_24h_usd[leading] = 1e10
        assert engine.picture._mood(view).btc_change_24h_frac == change
    facts.volume_24h_usd[bitcoin] = np.nan
    assert engine.picture._mood(view).btc_change_24h_frac == -0.3, "by venue and symbol where nothing sets them apart"
    facts.change_24h_frac[bitcoin[0]] = np.nan
    assert engine.picture._mood(view).btc_change_24h_frac == 0.02, "one whose change is not known leads nobody"


def test_a_handful_of_rows_has_no_breadth() -> None:
    view = make_view(12)
    view.derivatives.change_1h_frac[:] = 0.01
    assert engine.picture._mood(view).breadth_frac == 1.0
    view.derivatives.change_1h_frac[2:] = np.nan
    mood = engine.picture._mood(view)
    assert (np.isnan(mood.breadth_frac), mood.rows_with_change) == (True, 2)
