"""A live market for `bench.scan`: a `Pipeline` filled from one seed, and advanced event by event between scans.

The stores are filled as after a backfill (bars are written to their columns, everything else arrives as events), so
that a scan reads the same memory as in the console: strided columns, verified books, a grid of seconds. Parsers and
sockets are not involved; `bench.frames` measures parsers, `bench.streams` sockets.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from bench.synthetic_view import START_MS, synthetic_view
from engine.config.schema import Config
from engine.events import (
    NAN,
    BookDelta,
    BookSnapshot,
    Candle,
    Funding,
    Liquidation,
    MarketEvent,
    MarkPrice,
    OpenInterest,
    Quote,
    Ratio,
    Ticker,
    Trade,
)
from engine.instruments import Instrument
from engine.intake import VenueTally
from engine.market.bars import BUY, CLOSE, HIGH, LOW, OPEN, VOLUME
from engine.market.derivatives import RATIO_KINDS
from engine.market.view import Bars, MarketView
from engine.pipeline import Pipeline
from engine.timeframes import INTERVAL_MS

TRADES_OF_TAPE: Final = 250
"""Trades per row in the 15 minutes before the first scan."""
LEVELS_OF_DELTA: Final = 10
SLOT_MS: Final = INTERVAL_MS["15m"]


class LiveMarket:
    """The pipeline and the events that move it."""

    def __init__(self, rows: int, bars: int, seed: int = 7) -> None:
        self.pipeline = Pipeline(Config(), "replay")
        self.now_ms = START_MS
        self._rng = np.random.default_rng(seed)
        view = synthetic_view(rows=rows, width=bars, seed=seed)
        self._listed = view.instruments
        self._price = view.derivatives.last.copy()
        self._daily = view.derivatives.volume_24h_usd
        self._sequences: list[int] = []
        self._levels: list[tuple[list[str], list[str]]] = []
        for row, instrument in enumerate(view.instruments):
            self._list(view, row, instrument)
        for name, columns in view.bars.items():
            self._load(name, columns)
        for row, instrument in enumerate(view.instruments):
            self._remember(view, row, instrument)
        self.pipeline.tallies |= {one.venue: VenueTally() for one in view.instruments}
        self.tick(0)

    def tick(self, step_ms: int, share: float = 1.0) -> None:
        """Let `step_ms` pass: a random share `share` of the rows gets about two trades each, a quote, a mark price and
        a book delta."""
        self.now_ms += step_ms
        rng, rows = self._rng, len(self._listed)
        moved = rng.random(rows) < share if share < 1.0 else np.ones(rows, dtype=np.bool_)
        self._price *= np.exp(rng.normal(0.0, 1e-4, rows))
        counts = rng.poisson(2.0, rows)
        sizes = self._daily / 86_400.0 * rng.lognormal(0.0, 1.0, rows)
        sides = rng.random(rows) < 0.5
        for row in np.flatnonzero(moved).tolist():
            instrument = self._listed[row]
            key = (instrument.venue, instrument.symbol, self.now_ms, self.now_ms * 1_000_000)
            price = float(self._price[row])
            for _ in range(int(counts[row])):
                self._take(instrument, Trade(*key, price, float(sizes[row]) / price, bool(sides[row])))
            self._take(instrument, Quote(*key, price * 0.9999, 1.0, price * 1.0001, 1.0))
            self._take(instrument, MarkPrice(*key, price, price))
            if instrument.kind == "perp":
                self._take(instrument, Funding(*key, 1e-4 + float(rng.normal(0.0, 1e-6)), None, None))
            self._take(instrument, self._delta(row, key))

    def close_bar(self, name: str) -> None:
        """Advance to the end of the forming bar of one timeframe, and close it for every row."""
        length = INTERVAL_MS[name]
        end_ms = (self.now_ms // length + 1) * length
        self.tick(end_ms - self.now_ms)
        for row, instrument in enumerate(self._listed):
            price = float(self._price[row])
            volume = float(self._daily[row]) * length / 86_400_000 * float(self._rng.lognormal(0.0, 0.5))
            bar = Candle(
                venue=instrument.venue,
                symbol=instrument.symbol,
                ts_ms=end_ms,
                recv_ns=end_ms * 1_000_000,
                interval_ms=length,
                open_ms=end_ms - length,
                open=price,
                high=price * 1.001,
                low=price * 0.999,
                close=price * 1.0002,
                volume_base=volume / price,
                volume_quote=volume,
                taker_buy_quote=volume * 0.52,
                trades=100,
                closed=True,
            )
            self._take(instrument, bar)

    def _take(self, instrument: Instrument, event: MarketEvent) -> None:
        """Do what `Pipeline.ingest` does with a parsed event."""
        pipeline = self.pipeline
        if isinstance(event, BookDelta | BookSnapshot):
            pipeline.books.apply(event)
        elif isinstance(event, Trade):
            pipeline.books.traded(event.venue, event.symbol, event.ts_ms, event.taker_buy)
        pipeline.state.apply(event, instrument)

    def _list(self, view: MarketView, row: int, instrument: Instrument) -> None:
        """Send the row's first messages: ticker and book snapshot."""
        before = self.now_ms - 120_000
        key = (instrument.venue, instrument.symbol, before, before * 1_000_000)
        price, daily = float(self._price[row]), float(self._daily[row])
        self._take(instrument, Ticker(*key, price, price, price, price, NAN, daily))
        books = view.books
        sides = []
        for prices, sizes in ((books.bid[row], books.bid_size[row]), (books.ask[row], books.ask_size[row])):
            sides.append([(repr(p), repr(s)) for p, s in zip(prices.tolist(), sizes.tolist(), strict=True)])
        self._levels.append(([level[0] for level in sides[0]], [level[0] for level in sides[1]]))
        self._take(instrument, BookSnapshot(*key, sides[0], sides[1], 1, 0, True))
        self._sequences.append(1)

    def _load(self, name: str, bars: Bars) -> None:
        frame = self.pipeline.state.candles.frames[name]
        rows, width = bars.close.shape
        columns = {OPEN: bars.open, HIGH: bars.high, LOW: bars.low, CLOSE: bars.close}
        columns |= {VOLUME: bars.volume_usd, BUY: bars.buy_usd}
        for place, values in columns.items():
            frame.values[:rows, place, -width:] = values
        frame.opened[:rows, -width:] = bars.open_ms
        frame.trades[:rows, -width:] = bars.trades
        frame.derived[:rows, -width:] = False
        frame.count[:] = bars.count.tolist()
        frame.newest[:] = bars.open_ms[:, -1].tolist()
        frame.revision[:] = bars.revision.tolist()
        frame.version += 1

    def _remember(self, view: MarketView, row: int, instrument: Instrument) -> None:
        """Send the row's history: trades, open interest, funding, ratios, and for some rows a liquidation."""
        rng = self._rng
        name = (instrument.venue, instrument.symbol)
        price = float(self._price[row])
        for second in np.sort(rng.integers(-900, 0, TRADES_OF_TAPE)).tolist():
            ts_ms = self.now_ms + second * 1000
            usd = float(self._daily[row]) / 86_400 * float(rng.lognormal(0.5, 1.2))
            trade = Trade(*name, ts_ms, ts_ms * 1_000_000, price, usd / price, bool(rng.random() < 0.5))
            self._take(instrument, trade)
        if instrument.kind != "perp":
            return
        held = view.derivatives
        for slot in range(96):
            ts_ms = self.now_ms - (95 - slot) * SLOT_MS
            stamp = (*name, ts_ms, ts_ms * 1_000_000)
            self._take(instrument, OpenInterest(*stamp, NAN, float(held.oi_history_usd[row, slot])))
            settled_ms = int(held.funding_history_ms[row, slot])
            rate = float(held.funding_history[row, slot])
            settled = Funding(*name, settled_ms, settled_ms * 1_000_000, rate, None, 8.0, settled=True)
            self._take(instrument, settled)
            for place, kind in enumerate(RATIO_KINDS):
                self._take(instrument, Ratio(*stamp, kind, float(held.ratios[row, place, slot]), SLOT_MS))
        if row % 2 == 0:
            ts_ms = self.now_ms - int(rng.integers(1, 3_000)) * 1000
            size = float(self._daily[row]) * 1e-6 / price
            self._take(instrument, Liquidation(*name, ts_ms, ts_ms * 1_000_000, "long", price, size, False))

    def _delta(self, row: int, key: tuple[str, str, int, int]) -> BookDelta:
        """New sizes at some of the better levels."""
        usd = float(self._daily[row]) * 2e-5
        sizes = self._rng.lognormal(0.0, 0.8, 2 * LEVELS_OF_DELTA) * usd / float(self._price[row])
        places = self._rng.integers(0, 60, 2 * LEVELS_OF_DELTA).tolist()
        bids, asks = self._levels[row]
        changed = [repr(size) for size in sizes.tolist()]
        held = self._sequences[row]
        self._sequences[row] = held + 1
        return BookDelta(
            *key,
            [(bids[place], size) for place, size in zip(places[:LEVELS_OF_DELTA], changed, strict=False)],
            [
                (asks[place], size)
                for place, size in zip(places[LEVELS_OF_DELTA:], changed[LEVELS_OF_DELTA:], strict=True)
            ],
            held + 1,
            held + 1,
            held,
        )
