"""The market at one instant, as arrays over rows: the input of the scores.

Filled by `engine.market.state` just before each scan and read by `engine.prism` and `engine.ranking`. A row is an
instrument; row numbers are stable for the life of an epoch. Arrays may be views of live columns, so readers must not
write to them or keep them after the scan. NaN means that the value is not known; a count or an age says why.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Bools, Floats, Ints
from engine.instruments import Instrument

Counts = NDArray[np.int32] | NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bars:
    """Closed bars of one timeframe: `[rows, W]`, right-aligned (column -1 is each row's newest), NaN to the left.

    A row's bars are consecutive: if bars are missing in time, only those after the newest gap are given.
    Volumes are in quote currency and, for instruments not quoted in dollars, NaN.
    """

    interval_ms: int
    open_ms: Ints
    """-1 if there is no bar."""
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume_usd: Floats
    buy_usd: Floats
    """Taker buy volume; NaN if the venue's candles carry none."""
    trades: Counts
    """-1 if the venue does not count them."""
    count: Ints
    """`[rows]` closed bars kept, at most W."""
    revision: Ints
    """`[rows]` rises by one with every bar appended; jumps by a million if older bars changed, so that incremental
    results must be recomputed."""


@dataclass(frozen=True, slots=True)
class Tape:
    """Taker flow by second of event time: `[rows, S]`, column -1 is the second of `at_ms`, 0 without trades."""

    buy_usd: Floats
    sell_usd: Floats
    trades: Counts
    buys: Counts
    """Of `trades`, those whose taker bought. Counted as the venue sends them: if it joins the fills of one order at one
    price, they are one trade."""
    since_ms: Ints
    """`[rows]` event time of the first trade seen; -1: none, so the columns mean nothing for this row."""
    newest_ms: Ints
    """`[rows]` event time of the newest trade; -1: none."""
    in_book_ms: Ints
    """`[rows]` event time of the newest trade that changed the public book; -1: none."""
    large_usd: Floats
    """`[rows]` the symbol's own rolling 99th percentile of trade notional; NaN below 200 trades."""
    large_buy_usd: Floats
    """`[rows, S]` per second, the part of `buy_usd` in trades of at least `large_usd` at the time of the trade."""
    large_sell_usd: Floats
    bucket_imbalance: Floats
    """`[rows, 50]` (buy - sell) / volume of the last 50 volume buckets of 1/50 of the trailing 24 h volume each,
    right-aligned, NaN if fewer are full."""
    vpin_history: Floats
    """`[rows, H]` VPIN after each full bucket once 50 are full, right-aligned, NaN-padded."""
    buckets: Ints
    """`[rows]` full buckets so far."""
    revision: Ints | None = None
    """`[rows]` rises with every trade that changed a column of the row; None: not counted, so cache nothing by it."""


@dataclass(frozen=True, slots=True)
class Books:
    """Synced books only: every array is NaN for a row whose book is absent, syncing or resyncing. Sizes in base."""

    bid: Floats
    """`[rows, L]` prices, best first, NaN-padded."""
    bid_size: Floats
    ask: Floats
    ask_size: Floats
    updated_ms: Ints
    """`[rows]` event time of the newest applied message; -1: no synced book."""
    status: tuple[str, ...]
    """Per row: `synced`, `syncing`, `resyncing` or `absent`."""
    imbalance_ema: Floats
    """`[rows]` time-weighted depth-10 imbalance, half-life 10 s of event time."""
    added_usd: Floats
    """`[rows, 2, 60]` notional added at the top 10 levels (bid, ask) by second of the last minute, column -1 newest."""
    cancelled_usd: Floats
    """Same shape: notional removed there other than by trades (see `engine.market.book_flow`)."""
    refill: Floats
    """`[rows, 2]` over 1 minute, (times the best bid or ask was refilled within 1 s of being taken - times it was not)
    / times it was taken; NaN: none were taken."""
    microprice_drift_bps: Floats
    """`[rows]` mean of (microprice - mid) / mid over the last minute, basis points."""
    revision: Ints | None = None
    """`[rows]` rises whenever the row's levels may have changed; None: not counted, so cache nothing by it."""


@dataclass(frozen=True, slots=True)
class Derivatives:
    """Reference prices, funding, open interest and 24 h statistics. `[rows]` unless stated otherwise."""

    last: Floats
    """Newest traded price (trade, ticker or closed candle, whichever is newest)."""
    last_ms: Ints
    bid: Floats
    """Best quotes: from the synced book, else from the quote feed."""
    ask: Floats
    quote_ms: Ints
    mark: Floats
    index: Floats
    mark_ms: Ints
    funding_frac: Floats
    """Current estimate for the next settlement, per interval."""
    funding_interval_h: Floats
    next_funding_ms: Ints
    funding_ms: Ints
    funding_history: Floats
    """`[rows, 96]` settled rates, right-aligned, NaN-padded. Each is for the interval that ended with it."""
    funding_history_ms: Ints
    """`[rows, 96]` times of these settlements, -1-padded."""
    open_interest_usd: Floats
    open_interest_ms: Ints
    oi_history_usd: Floats
    """`[rows, 96]` open interest at the end of each closed 15m slot of event time, right-aligned, NaN-padded."""
    oi_history_close: Floats
    """`[rows, 96]` last price at the same instants."""
    ratios: Floats
    """`[rows, 4, 96]` by kind (accounts, top_accounts, top_positions, taker_volume), right-aligned, NaN-padded."""
    ratios_ms: Ints
    """`[rows, 4]` time of the newest; -1: none."""
    volume_24h_usd: Floats
    volume_24h_source: tuple[str, ...]
    """Per row `ticker`, `candles` (sum of 24 h of bars), or empty if not known."""
    change_1h_frac: Floats
    change_24h_frac: Floats
    oi_change_1h_frac: Floats


@dataclass(frozen=True, slots=True)
class Liquidations:
    """Liquidated notional by minute of event time, `[rows, 60]`, column -1 is the minute of `at_ms`."""

    long_usd: Floats
    short_usd: Floats
    since_ms: Ints
    """`[rows]` time since when the row's liquidations are reported: the venue's confirmation of the subscription, or
    its first liquidation if there is no confirmation; -1: nothing shows that they are."""
    sampled: Bools
    revision: Ints | None = None
    """`[rows]` a new number whenever a column of the row or the minute changed; None: not counted, so cache nothing by
    it."""


@dataclass(frozen=True, slots=True)
class MarketView:
    """The whole market at `at_ms` of event time."""

    epoch: int
    """Rises when the state is cleared (a looping demo, a seek); rows of different epochs are not comparable."""
    at_ms: int
    instruments: tuple[Instrument, ...]
    """By row."""
    rankable: Bools
    bars: dict[str, Bars]
    """`5m`, `15m`, `4h` (scored) and `1m`."""
    tape: Tape
    books: Books
    derivatives: Derivatives
    liquidations: Liquidations
    spot_rows: Ints
    """`[rows]` row of the asset's spot leg (same company first, else the most traded); -1: none seen."""
    peers: tuple[tuple[int, ...], ...]
    """By row, the rows of the other perpetuals on the same asset."""

    @property
    def rows(self) -> int:
        return len(self.instruments)
