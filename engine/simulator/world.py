"""The simulated market of all venues: seeded, exact, in simulated time, one world for all servers.

`engine.simulator.serving` moves it with `advance`; the simulated exchanges convert what happened to their venue's
messages and answer requests from its queries. The same spec and start give the same happenings, however `advance` is
cut into steps. Keep it free of clocks and sockets, and let nothing in it grow without bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from engine.simulator.episodes import Episode
from engine.simulator.happenings import (
    Bar,
    Best,
    BookState,
    FundingSettled,
    FundingState,
    Happening,
    InterestPoint,
    Mark,
    RatioName,
    RatioPoint,
    Status,
    TakerPoint,
    Ticker,
    Totals,
    Trade,
)
from engine.simulator.market.candles import INTERVALS, Candles, bars_of, length_of
from engine.simulator.market.catalogue import catalogue
from engine.simulator.market.chance import Chance
from engine.simulator.market.derivatives import Derivatives, funding_ms
from engine.simulator.market.driver import ANNOUNCED_BEFORE_MS, DAY_MS, Driver
from engine.simulator.market.founding import Pasts, lines_of, stages
from engine.simulator.market.line import Line
from engine.simulator.market.live_bars import LiveBars
from engine.simulator.market.plan import Plan
from engine.simulator.market.positioning import Points, Positioning
from engine.simulator.market.regimes import Regimes
from engine.simulator.market.stage import Stage
from engine.simulator.market.tickers import Tickers
from engine.simulator.sim_instrument import SimInstrument, SimVenue

ALL_VENUES: tuple[SimVenue, ...] = ("binance-usdm", "binance-spot", "bybit-linear", "bybit-spot", "okx", "bitget-usdt")


@dataclass(frozen=True, slots=True)
class WorldSpec:
    """The parameters of a world."""

    seed: int
    assets: int = 190
    """Number of crypto assets, most traded first (at least 1); 190 give over 400 perpetuals on all venues."""
    venues: tuple[SimVenue, ...] = ALL_VENUES
    rate_frames_per_s: float = 3_000.0
    """Trades and book changes per second over all instruments, on average, outside bursts."""
    episodes: tuple[Episode, ...] | None = None
    """None: a seeded plan that never ends. Empty: no episodes."""
    listings: bool = True
    """Whether instruments are listed and delisted while the world runs (the first within minutes)."""


class World:
    """The market. All methods that take an instrument take one of `instruments`."""

    instruments: tuple[SimInstrument, ...]
    """All present and future instruments, the hidden ones included, in a fixed order."""
    now_ms: int
    """The world's time: everything up to and including this millisecond has happened."""

    def __init__(self, spec: WorldSpec, start_ms: int) -> None:
        found = catalogue(spec.assets, spec.venues, start_ms, listings=spec.listings)
        self.instruments = instruments = found.instruments
        self.now_ms = start_ms
        self._by_name: dict[tuple[str, str], SimInstrument] = {(one.venue, one.symbol): one for one in instruments}
        chance = Chance(spec.seed)
        lines, paces = lines_of(found, spec.seed, spec.rate_frames_per_s, start_ms, chance)
        self._lines = lines
        regimes = Regimes(
            found.assets,
            np.array(found.asset_of),
            np.array(found.volume_usd),
            np.array([line.order_steps * line.start_ticks * line.instrument.quote_unit for line in lines]),
            np.array(paces),
            np.array([line.start_ticks for line in lines]),
            np.array([one.quote_unit for one in instruments]),
            chance,
        )
        sigma = np.array([found.assets[line.asset].daily_sigma for line in lines])
        self._positioning = positioning = Positioning(instruments, sigma, spec.seed, start_ms, chance)
        by_asset: dict[str, list[Line]] = {}
        for line in lines:
            by_asset.setdefault(line.instrument.asset, []).append(line)
        plan = Plan(spec.seed, start_ms, spec.episodes, *stages(lines))
        self._stage = Stage(plan, by_asset, regimes, positioning, chance, [asset.name for asset in found.assets])
        bars, points = LiveBars(len(lines), start_ms), Points()
        self._driver = Driver(lines, regimes, positioning, self._stage, bars, points, chance, start_ms)
        self._past = Pasts(found, lines, spec.seed, start_ms).of
        self._candles = Candles(bars, start_ms)
        self._tickers = Tickers(self._driver, self._candles, self._past)
        self._derivatives = Derivatives(self._driver, positioning, points, self._past, start_ms)

    def advance(self, to_ms: int) -> Iterator[Happening]:
        """What happens after `now_ms` up to and including `to_ms`, in order of time.

        Must be drained. While draining, queries may be ahead of what was yielded by the rest of a simultaneous group (a
        sweep and its book change); update ids show it. Raises ValueError for a target in the past.
        """
        if to_ms < self.now_ms:
            raise ValueError(f"the world is at {self.now_ms} already and cannot go back to {to_ms}")
        return self._advanced(to_ms)

    def _advanced(self, to_ms: int) -> Iterator[Happening]:
        yield from self._driver.run(to_ms)
        self.now_ms = to_ms

    def find(self, venue: str, symbol: str) -> SimInstrument | None:
        """The instrument of that name; None if there is none or it has not been announced."""
        found = self._by_name.get((venue, symbol))
        return None if found is None or self.status(found) == "hidden" else found

    def listed(self, venue: str) -> list[SimInstrument]:
        """The venue's current listing, in a fixed order: `pending`, `trading` and, for a day, `delisted`."""
        now = self._driver.now_ms
        return [
            one
            for one in self.instruments
            if one.venue == venue
            and (status := self.status(one)) != "hidden"
            and not (status == "delisted" and one.delisted_ms is not None and now > one.delisted_ms + DAY_MS)
        ]

    def status(self, instrument: SimInstrument) -> Status:
        """Whether the instrument trades now, and if not, why."""
        line = self._lines[instrument.index]
        if line.trading:
            return "trading"
        if line.ended:
            return "delisted"
        return "pending" if self._driver.now_ms >= instrument.listed_ms - ANNOUNCED_BEFORE_MS else "hidden"

    def book(self, instrument: SimInstrument, depth: int | None = None) -> BookState:
        """The current book: all levels, or the best `depth` per side."""
        return self._lines[instrument.index].book(depth)

    def best(self, instrument: SimInstrument) -> Best:
        """The current best quotes."""
        line = self._lines[instrument.index]
        if not line.bid_keys:
            return Best(instrument, line.book_ms, line.update_id, 0, 0, 0, 0)
        bid, ask = line.bid_keys[-1], line.ask_keys[-1]
        return Best(instrument, line.book_ms, line.update_id, bid, line.bid_size[bid], -ask, line.ask_size[ask])

    def candles(self, instrument: SimInstrument, interval: str, count: int, end_ms: int | None = None) -> list[Bar]:
        """Up to `count` bars that open at or before `end_ms` (None: now), oldest first; the last may be forming.

        `interval`: 1m 3m 5m 15m 30m 1h 2h 4h 1d. History before the world's start is generated, the same every time.
        Beyond the rings of the start (1,000 minutes; 520 bars of 5m, 15m, 1h and 4h) only longer bars are available.
        """
        length = length_of(interval, INTERVALS)
        now = self._driver.now_ms
        line = self._lines[instrument.index]
        last = (now if end_ms is None else min(end_ms, now)) // length
        if instrument.delisted_ms is not None and line.ended:
            last = min(last, (instrument.delisted_ms - 1) // length)
        first = max(last - count + 1, instrument.listed_ms // length)
        if last < first or not (line.trading or line.ended):
            return []
        first, rows = self._candles.rows(
            line.index, self._past(line.index), lambda: self._driver.forming(line), length, first, last - first + 1
        )
        return bars_of(rows, first, length, now)

    def ticker_24h(self, instrument: SimInstrument) -> Ticker:
        """Rolling statistics of 24 hours."""
        return self._tickers.ticker(self._lines[instrument.index])

    def mark(self, instrument: SimInstrument) -> Mark:
        """Mark and index price of a perpetual."""
        mark, index = self._driver.marks(instrument.index)
        return Mark(self._driver.now_ms, mark, index)

    def funding(self, instrument: SimInstrument) -> FundingState:
        """The next funding settlement of a perpetual."""
        row, now = instrument.index, self._driver.now_ms
        period = funding_ms(instrument)
        return FundingState(
            now,
            self._driver.rate(row),
            (now // period + 1) * period,
            instrument.funding_interval_h,
            int(self._positioning.last_rate[row]),
        )

    def funding_history(self, instrument: SimInstrument, count: int, end_ms: int | None = None) -> list[FundingSettled]:
        """Up to `count` settlements at or before `end_ms`, oldest first."""
        return self._derivatives.funding_history(instrument, count, end_ms)

    def open_interest(self, instrument: SimInstrument) -> int:
        """Open interest in steps, one side counted."""
        return self._lines[instrument.index].oi

    def open_interest_history(
        self, instrument: SimInstrument, period: str, count: int, end_ms: int | None = None
    ) -> list[InterestPoint]:
        """Up to `count` points at period ends at or before `end_ms`, oldest first; `period`: 5m 15m 30m 1h 4h 1d."""
        start_oi = self._lines[instrument.index].start_oi
        return self._derivatives.open_interest_history(instrument, start_oi, period, count, end_ms)

    def ratios(
        self, instrument: SimInstrument, kind: RatioName, period: str, count: int, end_ms: int | None = None
    ) -> list[RatioPoint]:
        """Long/short ratios; arguments as for `open_interest_history`."""
        return self._derivatives.ratios(instrument, kind, period, count, end_ms)

    def taker_volumes(
        self, instrument: SimInstrument, period: str, count: int, end_ms: int | None = None
    ) -> list[TakerPoint]:
        """Taker volumes of closed periods, oldest first, exactly as in `candles`."""
        length = length_of(period, INTERVALS)
        end = self._driver.now_ms if end_ms is None else min(end_ms, self._driver.now_ms)
        bars = self.candles(instrument, period, count, end // length * length - length)
        return [TakerPoint(bar.open_ms, bar.buy_steps, bar.steps - bar.buy_steps) for bar in bars if bar.closed]

    def recent_trades(
        self,
        instrument: SimInstrument,
        count: int,
        from_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
    ) -> list[Trade]:
        """Trades, oldest first. With `from_id` or `start_ms` the first `count` from there on, else the last `count`.

        Only the latest trades are kept (a few minutes of them).
        """
        held = self._lines[instrument.index].recent
        if not held or count <= 0:
            return []
        if from_id is not None:
            # Ids have no gaps.
            skip = max(0, from_id - held[0].id)
            return list(islice(held, skip, skip + count))
        if start_ms is None and end_ms is None:
            return list(islice(held, max(0, len(held) - count), None))
        within = [
            one for one in held if (start_ms is None or one.ms >= start_ms) and (end_ms is None or one.ms <= end_ms)
        ]
        return within[-count:] if start_ms is None else within[:count]

    def totals(self, instrument: SimInstrument) -> Totals:
        """Totals since the world began."""
        line = self._lines[instrument.index]
        return Totals(
            trades=line.trades,
            fills=line.fills,
            buy_steps=line.buy_steps,
            sell_steps=line.sell_steps,
            buy_quote=line.buy_quote,
            sell_quote=line.sell_quote,
            liquidations_long=line.liquidations_long,
            liquidations_short=line.liquidations_short,
            liquidated_long_steps=line.liquidated_long_steps,
            liquidated_short_steps=line.liquidated_short_steps,
            open_interest_steps=line.oi,
            book_changes=line.book_changes,
        )

    def delist(self, instrument: SimInstrument) -> None:
        """Delist an instrument at the next millisecond; does nothing if it does not trade."""
        if self._lines[instrument.index].trading:
            self._driver.end(instrument.index, self.now_ms + 1)

    def truth(self) -> Iterator[dict[str, Any]]:
        """Truth records since the last call, one JSON line each.

        Each episode has a `plan` at its start, with phases and the faces that should show them, and an `outcome` at its
        end.
        """
        return iter(self._stage.truths())
