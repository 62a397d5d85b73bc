"""A synthetic market from one seed: random but plausible arrays in the shape of `MarketView`.

For the benchmarks of the scan and the tests of the scores. Prices are random walks; volumes and flows have heavy tails
and some persistence. Nothing is fitted to any venue, so no score of it means anything.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from engine.arrays import Floats, Ints
from engine.instruments import Instrument
from engine.market.view import Bars, Books, Derivatives, Liquidations, MarketView, Tape
from engine.timeframes import INTERVAL_MS

START_MS: Final = 1_700_006_400_000
"""A 4 h boundary, so that every timeframe closes there."""
FUNDING_MS: Final = 8 * 3_600_000
VENUES: Final = ("binance-usdm", "bybit-linear", "okx")


def instruments(rows: int) -> tuple[Instrument, ...]:
    """`rows` instruments on three venues, BTC and ETH first; every sixth of the later ones is a spot leg."""
    made: list[Instrument] = []
    for row in range(rows):
        place, venue = divmod(row, len(VENUES))
        asset = ("BTC", "ETH")[place] if place < 2 else f"A{place:03d}"
        spot = place >= 2 and row % 6 == 5
        made.append(
            Instrument(
                venue="binance-spot" if spot else VENUES[venue],
                symbol=f"{asset}USDT",
                kind="spot" if spot else "perp",
                base=asset,
                quote="USDT",
                asset=asset,
                tick=0.01,
                funding_interval_h=None if spot else 8.0,
                max_leverage=None if spot or venue == 0 else (125.0, 100.0, 75.0, 50.0, 20.0)[place % 5],
            )
        )
    return tuple(made)


def spot_rows(listed: tuple[Instrument, ...]) -> Ints:
    """Row of each perpetual's spot leg; -1 if there is none."""
    spot = {one.asset: row for row, one in enumerate(listed) if one.kind == "spot"}
    return np.array([-1 if one.kind == "spot" else spot.get(one.asset, -1) for one in listed], dtype=np.int64)


def _bars(rng: np.random.Generator, close_now: Floats, volume_day: Floats, interval_ms: int, width: int) -> Bars:
    rows = len(close_now)
    sigma = 0.0008 * np.sqrt(interval_ms / 60_000)
    step = rng.normal(0.0, sigma, (rows, width)) * (1.0 + 0.5 * np.abs(rng.standard_t(4, (rows, width))))
    path = np.cumsum(step, axis=1)
    close = close_now[:, None] * np.exp(path - path[:, -1:])
    opened = close * np.exp(-step)
    reach = sigma * np.abs(rng.normal(0.0, 0.7, (2, rows, width)))
    usual = volume_day * interval_ms / 86_400_000
    volume = usual[:, None] * rng.lognormal(-0.3, 0.8, (rows, width))
    buy_share = np.clip(0.5 + rng.normal(0.0, 0.06, (rows, width)) + 2.0 * step, 0.02, 0.98)
    ends = START_MS - interval_ms * np.arange(width, 0, -1, dtype=np.int64)
    return Bars(
        interval_ms=interval_ms,
        open_ms=np.broadcast_to(ends, (rows, width)).copy(),
        open=opened,
        high=np.maximum(opened, close) * np.exp(reach[0]),
        low=np.minimum(opened, close) * np.exp(-reach[1]),
        close=close,
        volume_usd=volume,
        buy_usd=volume * buy_share,
        trades=rng.integers(10, 5000, (rows, width)),
        count=np.full(rows, width, dtype=np.int64),
        revision=np.full(rows, width, dtype=np.int64),
    )


def _tape(rng: np.random.Generator, volume_day: Floats, seconds: int) -> Tape:
    rows = len(volume_day)
    busy = rng.random((rows, seconds)) < 0.6
    total = volume_day[:, None] / 86_400 * rng.lognormal(0.0, 1.2, (rows, seconds)) * busy
    lean = np.clip(0.5 + rng.normal(0.0, 0.05, (rows, 1)) + rng.normal(0.0, 0.2, (rows, seconds)), 0.0, 1.0)
    buy, sell = total * lean, total * (1.0 - lean)
    large = rng.random((rows, seconds)) < 0.02
    imbalance = np.clip(rng.normal(0.0, 0.3, (rows, 50)), -1.0, 1.0)
    history = np.clip(rng.normal(0.24, 0.03, (rows, 200)), 0.0, 1.0)
    history[:, -1] = np.abs(imbalance).mean(axis=1)
    trades = (rng.poisson(3.0, (rows, seconds)) * busy).astype(np.int32)
    newest_ms = START_MS - rng.integers(0, 5000, rows)
    return Tape(
        buy_usd=buy,
        sell_usd=sell,
        trades=trades,
        buys=np.rint(trades * lean).astype(np.int32),
        since_ms=np.full(rows, START_MS - 3_600_000, dtype=np.int64),
        newest_ms=newest_ms,
        in_book_ms=newest_ms,
        large_usd=volume_day / 86_400 * 8.0,
        large_buy_usd=buy * large,
        large_sell_usd=sell * large,
        bucket_imbalance=imbalance,
        vpin_history=history,
        buckets=np.full(rows, 250, dtype=np.int64),
    )


def _books(rng: np.random.Generator, mid: Floats, volume_day: Floats, levels: int) -> Books:
    rows = len(mid)
    gap = rng.uniform(0.5, 4.0, rows) * 1e-4
    away = np.cumsum(rng.exponential(1.0, (2, rows, levels)), axis=2) * gap[None, :, None]
    usd = volume_day[None, :, None] * 2e-5 * rng.lognormal(0.0, 0.8, (2, rows, levels))
    bid, ask = mid[:, None] * (1.0 - away[0]), mid[:, None] * (1.0 + away[1])
    churn = volume_day[:, None, None] * 1e-6
    drift = rng.normal(0.0, 0.3, rows) * gap * 0.5e4
    return Books(
        bid=bid,
        bid_size=usd[0] / bid,
        ask=ask,
        ask_size=usd[1] / ask,
        updated_ms=START_MS - rng.integers(0, 2000, rows),
        status=("synced",) * rows,
        imbalance_ema=np.clip(rng.normal(0.0, 0.25, rows), -1.0, 1.0),
        added_usd=churn * rng.exponential(1.0, (rows, 2, 60)),
        cancelled_usd=churn * rng.exponential(1.0, (rows, 2, 60)),
        refill=np.clip(rng.normal(0.2, 0.4, (rows, 2)), -1.0, 1.0),
        microprice_drift_bps=drift,
    )


def _derivatives(rng: np.random.Generator, price: Floats, volume_day: Floats, books: Books) -> Derivatives:
    rows = len(price)
    just_now = START_MS - rng.integers(0, 5000, rows)
    interest = volume_day * rng.lognormal(-1.0, 0.6, rows)
    history = interest[:, None] * np.exp(np.cumsum(rng.normal(0.0, 0.004, (rows, 96)), axis=1))
    settled = 1e-4 + np.cumsum(rng.normal(0.0, 2e-5, (rows, 96)), axis=1)
    settled_ms = np.tile(START_MS // FUNDING_MS * FUNDING_MS - np.arange(95, -1, -1) * FUNDING_MS, (rows, 1))
    return Derivatives(
        last=price,
        last_ms=just_now,
        bid=books.bid[:, 0],
        ask=books.ask[:, 0],
        quote_ms=just_now,
        mark=price * 1.0001,
        index=price,
        mark_ms=just_now,
        funding_frac=settled[:, -1] + rng.normal(0.0, 2e-5, rows),
        funding_interval_h=np.full(rows, FUNDING_MS / 3_600_000),
        next_funding_ms=np.full(rows, START_MS + 3_600_000, dtype=np.int64),
        funding_ms=just_now,
        funding_history=settled,
        funding_history_ms=settled_ms,
        open_interest_usd=history[:, -1],
        open_interest_ms=just_now,
        oi_history_usd=history,
        oi_history_close=price[:, None] * np.exp(np.cumsum(rng.normal(0.0, 0.003, (rows, 96)), axis=1)),
        ratios=rng.lognormal(0.2, 0.4, (rows, 4, 96)),
        ratios_ms=np.full((rows, 4), START_MS - 300_000, dtype=np.int64),
        volume_24h_usd=volume_day,
        volume_24h_source=("ticker",) * rows,
        change_1h_frac=rng.normal(0.0, 0.01, rows),
        change_24h_frac=rng.normal(0.0, 0.05, rows),
        oi_change_1h_frac=rng.normal(0.0, 0.01, rows),
    )


def _liquidations(rng: np.random.Generator, volume_day: Floats) -> Liquidations:
    rows = len(volume_day)
    struck = rng.random((2, rows, 60)) < 0.1
    usd = volume_day[None, :, None] * 2e-6 * rng.lognormal(0.0, 1.5, (2, rows, 60)) * struck
    return Liquidations(
        long_usd=usd[0],
        short_usd=usd[1],
        since_ms=np.full(rows, START_MS - 7_200_000, dtype=np.int64),
        sampled=np.arange(rows) % 3 == 0,
    )


def synthetic_view(
    rows: int = 600, width: int = 500, levels: int = 200, seconds: int = 900, seed: int = 7
) -> MarketView:
    """A whole market at `START_MS`; the same arguments give the same arrays."""
    rng = np.random.default_rng(seed)
    listed = instruments(rows)
    price = rng.lognormal(2.0, 2.5, rows)
    volume_day = rng.lognormal(17.0, 1.5, rows)
    books = _books(rng, price, volume_day, levels)
    return MarketView(
        epoch=1,
        at_ms=START_MS,
        instruments=listed,
        rankable=np.array([one.is_rankable for one in listed], dtype=np.bool_),
        bars={name: _bars(rng, price, volume_day, length, width) for name, length in INTERVAL_MS.items()},
        tape=_tape(rng, volume_day, seconds),
        books=books,
        derivatives=_derivatives(rng, price, volume_day, books),
        liquidations=_liquidations(rng, volume_day),
        spot_rows=spot_rows(listed),
        peers=((),) * rows,
    )


def bar_closed(bars: Bars, seed: int) -> Bars:
    """The same bars with one more closed for every row, the oldest dropped."""
    rng = np.random.default_rng(seed)
    rows = len(bars.count)

    def appended(values: Floats, newest: Floats) -> Floats:
        return np.concatenate([values[:, 1:], newest[:, None]], axis=1)

    opened = bars.close[:, -1]
    close = opened * np.exp(rng.normal(0.0, 0.001, rows))
    volume = bars.volume_usd[:, -1] * rng.lognormal(0.0, 0.5, rows)
    return replace(
        bars,
        open_ms=np.concatenate([bars.open_ms[:, 1:], bars.open_ms[:, -1:] + bars.interval_ms], axis=1),
        open=appended(bars.open, opened),
        high=appended(bars.high, np.maximum(opened, close) * 1.0003),
        low=appended(bars.low, np.minimum(opened, close) * 0.9997),
        close=appended(bars.close, close),
        volume_usd=appended(bars.volume_usd, volume),
        buy_usd=appended(bars.buy_usd, volume * rng.uniform(0.4, 0.6, rows)),
        trades=np.concatenate([bars.trades[:, 1:], bars.trades[:, -1:]], axis=1),
        count=np.minimum(bars.count + 1, bars.close.shape[1]),
        revision=bars.revision + 1,
    )


def all_bars_closed(view: MarketView, seed: int) -> MarketView:
    """The view with one more closed bar on every timeframe. All else stays, also the time, so bars run ahead of it."""
    return replace(view, bars={name: bar_closed(bars, seed + i) for i, (name, bars) in enumerate(view.bars.items())})
