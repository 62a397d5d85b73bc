"""Without a network: the market as kept candles left it, never ranked, and gone with the first word of a venue."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from engine.config.schema import Config
from engine.events import Candle
from engine.instruments import Instrument
from engine.kept_bar import Kept, Key
from engine.kept_market import NO_LEVELS, KeptMarket, is_offline
from engine.live import LiveEngine
from engine.pipeline import Pipeline
from engine.ranking.result import LevelStatus
from engine.snapshot import Feed, FeedState, Snapshot
from engine.storage.candle_store import CandleStore
from engine.timeframes import INTERVAL_MS
from engine.wiring import Wiring
from tests.engine.test_live_engine import FAPI, Scripted
from tests.engine.transport.fake_net import answer
from tests.engine.transport.stepped_clock import SteppedClock
from tests.simulation.disk import Disk
from tests.simulation.loop import SimClock

MINUTE = 60_000
END_MS = 1_790_006_400_000
"""When the newest kept bar closed; every interval ends there."""
HOUR_12_MIN = 3 * 3_600_000 + 12 * MINUTE


def perp(symbol: str, venue: str = "binance-usdm") -> Instrument:
    base = symbol.removesuffix("USDT")
    return Instrument(venue, symbol, "perp", base, "USDT", base, tick=0.1)


def bars(interval_ms: int, price: float, count: int = 300, end_ms: int = END_MS) -> list[Kept]:
    """Bars that swing and rise a little, the last one closing at `price`."""
    first = end_ms - count * interval_ms
    found: list[Kept] = []
    last = 0.0
    for n in range(count):
        close = price * (1 + 0.01 * math.sin(n / 9) * (1 - (n + 1) / count) - 0.0001 * (count - n - 1))
        opened = last or close
        high, low = max(opened, close) * 1.001, min(opened, close) * 0.999
        found.append(Kept(first + n * interval_ms, opened, high, low, close, 100.0, 100.0 * close, 55.0 * close, 10))
        last = close
    return found


def kept(*named: tuple[str, float], end_ms: int = END_MS) -> list[tuple[tuple[str, str, int], list[Kept]]]:
    return [
        (("binance-usdm", symbol, ms), bars(ms, price, end_ms=end_ms // ms * ms))
        for symbol, price in named
        for ms in INTERVAL_MS.values()
    ]


def live(*states: FeedState) -> Snapshot:
    feeds = tuple(Feed(f"v{at}", state, "", None, 0, 0, 0, 0, 0) for at, state in enumerate(states))
    return Pipeline(Config(), "live").snapshot(feeds=feeds)


def cached(series: list[tuple[Key, list[Kept]]], listings: Mapping[str, list[Instrument]] | None = None) -> KeptMarket:
    held = dict(series)

    async def read(key: Key) -> list[Kept]:
        return held[key]

    return KeptMarket(Config(), held, read, listings or {})


async def filled(market: KeptMarket) -> KeptMarket:
    while market.unread:
        await market.read()
    return market


def test_only_a_market_without_an_event_and_without_hope_of_one_is_offline() -> None:
    assert is_offline(live("down", "down"))
    assert is_offline(live("down", "connecting"))
    assert not is_offline(live("connecting", "connecting")), "it has only just begun"
    assert not is_offline(live("down", "live"))
    assert not is_offline(live("down", "syncing"))
    assert not is_offline(live())
    assert not is_offline(replace(live("down"), at_ms=1)), "what it has of this run is shown, marked as it is"


async def test_prices_and_readings_are_those_of_the_candles_and_nobody_is_ranked() -> None:
    named = [("BTCUSDT", 60_000.0), ("ETHUSDT", 3_000.0)]
    market = await filled(cached(kept(*named), {"binance-usdm": [perp("BTCUSDT"), perp("ETHUSDT")]}))
    empty = live("down", "connecting")
    shown = market.instead_of(empty, END_MS + HOUR_12_MIN, ("binance-usdm", "ETHUSDT"))
    assert shown.cached_age_ms == HOUR_12_MIN
    assert (shown.at_ms, shown.feeds, shown.health) == (END_MS, empty.feeds, empty.health)
    assert shown.epoch != empty.epoch, "the screen begins anew when the live market comes"
    assert [one.tick for one in shown.instruments] == [0.1, 0.1]
    assert shown.columns.last.tolist() == pytest.approx([60_000.0, 3_000.0])
    for known in (shown.columns.change_1h_frac, shown.columns.change_24h_frac, shown.columns.volume_24h_usd):
        assert np.isfinite(known).all()
    assert np.isfinite(shown.board.prism).all()
    assert np.isnan(shown.columns.bid).all()
    assert np.isnan(shown.columns.funding_frac).all()
    for ranking in shown.rankings.values():
        assert not len(ranking.candidates)
        assert ranking.vetoed.tolist() == [0, 1], "the most traded first"
        assert not ranking.gate_passed.all(axis=1).any()
        assert (ranking.levels.status == LevelStatus.MISSING).all()
        assert np.isnan(ranking.levels.entry).all()
        assert np.isnan(ranking.levels.target).all()
        assert set(ranking.levels.notes.values()) == {NO_LEVELS}
    assert math.isnan(shown.mood.breadth_frac)
    assert shown.focus is not None
    assert shown.focus.row == 1
    assert shown.focus.ladder.status == "absent"
    assert len(shown.focus.charts["15m"].close) > 200


async def test_the_live_market_is_shown_as_soon_as_it_holds_anything() -> None:
    market = await filled(cached(kept(("BTCUSDT", 60_000.0))))
    for real in (live("connecting"), live("live", "down"), replace(live("down"), at_ms=END_MS)):
        assert market.instead_of(real, END_MS, None) is real
    assert market.instead_of(live("down"), END_MS, None).cached_age_ms == 0
    unread = cached(kept(("BTCUSDT", 60_000.0)))
    real = live("down")
    assert unread.instead_of(real, END_MS, None) is real
    assert cached([]).instead_of(real, END_MS, None) is real


async def test_what_was_followed_no_more_is_not_shown_and_without_a_listing_symbols_must_do() -> None:
    series = kept(("BTCUSDT", 60_000.0), ("GONEUSDT", 1.0), ("[31mUSDT", 1.0))
    listed = await filled(cached(series, {"binance-usdm": [perp("BTCUSDT")]}))
    assert [one.symbol for one in listed.instead_of(live("down"), END_MS, None).instruments] == ["BTCUSDT"]
    older = await filled(cached([*series, *kept(("A\x1b[31mUSDT", 1.0), ("B\u202eUSDT", 1.0))]))
    shown = older.instead_of(live("down"), END_MS, None)
    assert [one.symbol for one in shown.instruments] == ["BTCUSDT", "GONEUSDT", "[31mUSDT"]
    assert shown.instruments[0].asset == "BTC"


def candles(symbol: str, interval_ms: int, end_ms: int) -> list[Candle]:
    return [
        Candle(
            "binance-usdm", symbol, bar.open_ms + interval_ms, 0, interval_ms, bar.open_ms, bar.open, bar.high, bar.low,
            bar.close, bar.volume_base, bar.volume_quote, bar.taker_buy_quote, bar.trades, closed=True,
        )
        for bar in bars(interval_ms, 50.0, end_ms=end_ms // interval_ms * interval_ms)
    ]  # fmt: skip


async def test_an_engine_without_a_network_shows_what_it_kept_until_a_venue_answers(tmp_path: Path) -> None:
    clock = SteppedClock()
    disk = Disk(cast(SimClock, clock), seed=1)
    now_ms = clock.now_ns() // 1_000_000
    end_ms = (now_ms - HOUR_12_MIN) // MINUTE * MINUTE

    async def an_earlier_run() -> None:
        store = await disk.open()
        for interval_ms in INTERVAL_MS.values():
            await store.save(candles("BTCUSDT", interval_ms, end_ms))
        await store.save_listing("binance-usdm", [perp("BTCUSDT")])

    earlier = asyncio.create_task(an_earlier_run())
    await clock.advance_until(earlier.done, 60)
    earlier.result()
    seen: list[Snapshot] = []

    class Watched(Scripted):
        async def open_candles(self, path: Path) -> CandleStore:
            return await disk.open()

        def _publish(self, *, force: bool = False) -> None:
            LiveEngine._publish(self, force=force)
            if self._latest is not None:
                seen.append(self._latest)

    engine = Watched(clock, Wiring(candles=tmp_path))
    # Sockets hang and requests find nobody, until the venue's listing and prices are there.
    await engine.run(60)
    cached = [one for one in seen if one.cached_age_ms is not None]
    assert cached, [feed.state for feed in seen[-1].feeds]
    assert cached[-1].columns.last.tolist() == pytest.approx([50.0])
    assert [one.symbol for one in cached[-1].instruments] == ["BTCUSDT"]
    assert cached[-1].cached_age_ms == pytest.approx(HOUR_12_MIN + 60_000, abs=90_000)
    assert not any(len(r.candidates) for one in cached for r in one.rankings.values())
    assert not engine._pipeline.state.at_ms, "nothing kept went into the live market"

    seen.clear()
    again = Watched(clock, Wiring(candles=tmp_path))
    symbol = {
        "symbol": "BTCUSDT", "pair": "BTCUSDT", "contractType": "PERPETUAL", "status": "TRADING", "baseAsset": "BTC",
        "quoteAsset": "USDT", "marginAsset": "USDT", "onboardDate": 1, "filters": [], "underlyingType": "COIN",
    }  # fmt: skip
    again.net.on_get(FAPI, answer({}))
    again.net.on_get(FAPI + "/fapi/v1/exchangeInfo", answer({"serverTime": now_ms, "symbols": [symbol]}))
    await again.run(60)
    assert seen[-1].cached_age_ms is None
    assert seen[-1].epoch == 1
    assert [one.symbol for one in seen[-1].instruments] == ["BTCUSDT"], "its kept bars are in the live market now"
    disk.close()


async def test_the_newest_bars_make_a_first_picture_and_in_the_end_all_of_them_score() -> None:
    series = kept(("BTCUSDT", 60_000.0), ("ETHUSDT", 3_000.0))
    market, real = cached(series), live("down")
    assert market.instead_of(real, END_MS, None) is real
    while market.instead_of(real, END_MS, None) is real:
        await market.read()
    first = market.instead_of(real, END_MS, None)
    assert market.unread
    assert first.columns.last.tolist() == pytest.approx([60_000.0, 3_000.0])
    assert np.isfinite(first.columns.volume_24h_usd).all()
    last = (await filled(market)).instead_of(real, END_MS, None)
    whole = Pipeline(Config(), "live")
    for (venue, symbol, interval_ms), held in series:
        whole.restore(whole.parsers[venue].instrument(symbol), interval_ms, held)
    board = whole.snapshot().board
    assert np.array_equal(last.board.prism, board.prism)
    assert np.array_equal(last.board.status, board.status)
    assert (last.board.coverage > first.board.coverage).all()
