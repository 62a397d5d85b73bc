"""A plausible synthetic `MarketView`: random walks, proven books, tape, open interest and funding from one seed.

Used through `tests.engine.builders`. Every timeframe is a walk of its own that ends at the row's last price, so
timeframes agree on the present but are not resamples of each other; tests that need that resample for themselves.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from engine.arrays import Floats, Ints
from engine.instruments import Instrument, asset_of
from engine.market.view import Bars, Books, Derivatives, Liquidations, MarketView, Tape
from engine.timeframes import INTERVAL_MS

AT_MS: Final = 1_760_445_137_000
"""2025-10-14 12:32:17 UTC: in the middle of a bar of every timeframe."""

BARS: Final[dict[str, int]] = {"1m": 240, "5m": 300, "15m": 240, "4h": 150}
KNOWN: Final[tuple[tuple[str, str, str, float, float, float], ...]] = (
    ("binance-usdm", "BTCUSDT", "BTC", 112_000.0, 0.1, 9e9),
    ("binance-usdm", "ETHUSDT", "ETH", 4_100.0, 0.01, 6e9),
    ("bybit-linear", "BTCUSDT", "BTC", 112_010.0, 0.1, 5e9),
    ("okx", "BTC-USDT-SWAP", "BTC", 112_005.0, 0.1, 4e9),
    ("binance-usdm", "SOLUSDT", "SOL", 202.0, 0.01, 2e9),
    ("binance-usdm", "1000PEPEUSDT", "1000PEPE", 0.0074, 1e-7, 4e8),
    ("bybit-linear", "XRPUSDT", "XRP", 2.49, 1e-4, 6e8),
    ("binance-usdm", "DOGEUSDT", "DOGE", 0.205, 1e-5, 7e8),
    ("okx", "WIF-USDT-SWAP", "WIF", 0.53, 1e-4, 3e7),
    ("bybit-linear", "TURBOUSDT", "TURBO", 0.0021, 1e-6, 2e6),
)
SPOT: Final = ("binance-spot", "BTCUSDT", "BTC", 111_990.0, 0.01, 2e9)
LEVELS: Final = 20


def make_instruments(rows: int) -> tuple[Instrument, ...]:
    """`rows` instruments, well-known ones first; with 4 rows or more the last is BTC on spot, which is not ranked."""
    made = [_instrument(*KNOWN[i][:3], KNOWN[i][4]) for i in range(min(rows, len(KNOWN)))]
    venues = ("binance-usdm", "bybit-linear", "okx")
    for number in range(len(made), rows):
        base = f"COIN{number:03d}"
        symbol = f"{base}-USDT-SWAP" if venues[number % 3] == "okx" else f"{base}USDT"
        made.append(_instrument(venues[number % 3], symbol, base, 1e-4))
    if rows >= 4:
        made[-1] = _instrument(*SPOT[:3], SPOT[4], kind="spot")
    return tuple(made)


def _instrument(venue: str, symbol: str, base: str, tick: float, kind: str = "perp") -> Instrument:
    asset, multiplier = asset_of(base)
    return Instrument(
        venue=venue,
        symbol=symbol,
        kind="spot" if kind == "spot" else "perp",
        base=base,
        quote="USDT",
        asset=asset,
        multiplier=multiplier,
        tick=tick,
        step=0.001,
        funding_interval_h=None if kind == "spot" else 8.0,
    )


def make_bars(rng: Generator, interval: str, last: Floats, count: Ints, at_ms: int, width: int) -> Bars:
    """Random-walk bars of one timeframe `[rows, width]`, the newest closing before `at_ms` at `last`."""
    rows = len(last)
    interval_ms = INTERVAL_MS[interval]
    step = 0.0009 * np.sqrt(interval_ms / 60_000)
    moves = rng.standard_t(4, (rows, width)) * step
    log_close = np.log(last)[:, None] - (moves.sum(axis=1)[:, None] - np.cumsum(moves, axis=1))
    close = np.exp(log_close)
    opened = np.exp(log_close - moves)
    high = np.maximum(opened, close) * (1 + np.abs(rng.normal(0, step / 2, close.shape)))
    low = np.minimum(opened, close) * (1 - np.abs(rng.normal(0, step / 2, close.shape)))
    volume = rng.lognormal(13, 0.6, close.shape) * (interval_ms / 60_000) * (1 + 400 * np.abs(moves))
    buy = volume * np.clip(0.5 + 60 * moves + rng.normal(0, 0.08, close.shape), 0.02, 0.98)
    newest = at_ms // interval_ms * interval_ms - interval_ms
    open_ms = newest - interval_ms * np.arange(width - 1, -1, -1, dtype=np.int64)
    absent = np.arange(width)[None, :] < width - count[:, None]
    trades = rng.integers(20, 2_000, close.shape)
    return Bars(
        interval_ms=interval_ms,
        open_ms=np.where(absent, -1, open_ms[None, :]),
        open=np.where(absent, np.nan, opened),
        high=np.where(absent, np.nan, high),
        low=np.where(absent, np.nan, low),
        close=np.where(absent, np.nan, close),
        volume_usd=np.where(absent, np.nan, volume),
        buy_usd=np.where(absent, np.nan, buy),
        trades=np.where(absent, -1, trades),
        count=count,
        revision=count.copy(),
    )


def _make_tape(rng: Generator, volume: Floats, at_ms: int, seconds: int = 900) -> Tape:
    rows = len(volume)
    traded = rng.random((rows, seconds)) < 0.7
    per_second = np.nan_to_num(volume)[:, None] / 86_400
    buy = np.where(traded, per_second * rng.lognormal(0, 1, traded.shape), 0.0)
    sell = np.where(traded, per_second * rng.lognormal(0, 1, traded.shape), 0.0)
    large = rng.random(traded.shape) < 0.02
    history = np.clip(rng.normal(0.3, 0.06, (rows, 200)), 0, 1)
    trades = np.where(traded, rng.integers(1, 40, traded.shape), 0).astype(np.int32)
    return Tape(
        buy_usd=buy,
        sell_usd=sell,
        trades=trades,
        buys=trades - trades * 3 // 7,
        since_ms=np.full(rows, at_ms - seconds * 1_000, dtype=np.int64),
        newest_ms=np.full(rows, at_ms - 250, dtype=np.int64),
        in_book_ms=np.full(rows, at_ms - 250, dtype=np.int64),
        large_usd=np.maximum(per_second[:, 0] * 5, 100.0),
        large_buy_usd=np.where(large, buy, 0.0),
        large_sell_usd=np.where(large, sell, 0.0),
        bucket_imbalance=np.clip(rng.normal(0, 0.3, (rows, 50)), -1, 1),
        vpin_history=history,
        buckets=np.full(rows, 250, dtype=np.int64),
    )


def _make_books(
    rng: Generator, last: Floats, ticks: Floats, volume: Floats, proven: NDArray[np.bool_], at: int
) -> Books:
    rows = len(last)
    mid_tick = np.round(last / ticks)
    spread = 1 + rng.integers(0, 2, rows)
    # Levels spread over about 1.5 % of the price, whatever the tick.
    pace = np.maximum(1, np.round(last / ticks * 0.015 / LEVELS))[:, None] * np.arange(LEVELS)[None, :]
    bid = np.round((mid_tick[:, None] - pace) * ticks[:, None], 9)
    ask = np.round((mid_tick[:, None] + spread[:, None] + pace) * ticks[:, None], 9)
    usd = np.nan_to_num(volume)[:, None] * 2e-4 * rng.lognormal(0, 0.6, (rows, LEVELS))
    usd_ask = np.nan_to_num(volume)[:, None] * 2e-4 * rng.lognormal(0, 0.6, (rows, LEVELS))
    unproven = ~proven[:, None]
    top = usd[:, :10].sum(axis=1), usd_ask[:, :10].sum(axis=1)
    flow = np.where(proven[:, None, None], rng.lognormal(9, 1, (rows, 2, 60)), np.nan)
    return Books(
        bid=np.where(unproven, np.nan, bid),
        bid_size=np.where(unproven, np.nan, usd / bid),
        ask=np.where(unproven, np.nan, ask),
        ask_size=np.where(unproven, np.nan, usd_ask / ask),
        updated_ms=np.where(proven, at - 120, -1).astype(np.int64),
        status=tuple("synced" if ok else "absent" for ok in proven),
        imbalance_ema=np.where(proven, (top[0] - top[1]) / (top[0] + top[1] + 1e-9), np.nan),
        added_usd=flow,
        cancelled_usd=flow * 0.8,
        refill=np.where(unproven, np.nan, rng.uniform(-1, 1, (rows, 2))),
        microprice_drift_bps=np.where(proven, rng.normal(0, 0.5, rows), np.nan),
    )


def _make_derivatives(
    rng: Generator, last: Floats, ticks: Floats, volume: Floats, perp: NDArray[np.bool_], at_ms: int
) -> Derivatives:
    rows = len(last)
    walk = np.cumsum(rng.normal(0, 0.002, (rows, 96)), axis=1)
    oi = np.where(perp, np.nan_to_num(volume) * 0.4, np.nan)
    oi_history = oi[:, None] * np.exp(walk - walk[:, -1:])
    closes = last[:, None] * np.exp(0.5 * (walk - walk[:, -1:]) + rng.normal(0, 0.002, (rows, 96)))
    known = np.full(rows, at_ms - 900, dtype=np.int64)
    settled_ago = np.arange(95, -1, -1)[None, :] * 28_800_000
    kind_times = np.where(perp[:, None], at_ms - 120_000, -1) * np.ones((1, 4), dtype=np.int64)
    return Derivatives(
        last=last,
        last_ms=known,
        bid=np.round(np.round(last / ticks) * ticks, 9),
        ask=np.round((np.round(last / ticks) + 1) * ticks, 9),
        quote_ms=known,
        mark=np.where(perp, last * 1.0001, np.nan),
        index=np.where(perp, last * 0.9999, np.nan),
        mark_ms=np.where(perp, at_ms - 500, -1).astype(np.int64),
        funding_frac=np.where(perp, rng.normal(1e-4, 8e-5, rows), np.nan),
        funding_interval_h=np.where(perp, 8.0, np.nan),
        next_funding_ms=np.where(perp, (at_ms // 28_800_000 + 1) * 28_800_000, -1).astype(np.int64),
        funding_ms=np.where(perp, at_ms - 500, -1).astype(np.int64),
        funding_history=np.where(perp[:, None], rng.normal(1e-4, 8e-5, (rows, 96)), np.nan),
        funding_history_ms=np.where(perp[:, None], at_ms // 28_800_000 * 28_800_000 - settled_ago, -1).astype(np.int64),
        open_interest_usd=oi,
        open_interest_ms=np.where(perp, at_ms - 20_000, -1).astype(np.int64),
        oi_history_usd=oi_history,
        oi_history_close=closes,
        ratios=np.where(perp[:, None, None], rng.lognormal(0.2, 0.3, (rows, 4, 96)), np.nan),
        ratios_ms=kind_times.astype(np.int64),
        volume_24h_usd=volume,
        volume_24h_source=tuple("ticker" for _ in range(rows)),
        change_1h_frac=rng.normal(0, 0.008, rows),
        change_24h_frac=rng.normal(0, 0.04, rows),
        oi_change_1h_frac=np.where(perp, rng.normal(0, 0.02, rows), np.nan),
    )


def make_view(rows: int = 12, seed: int = 1, at_ms: int = AT_MS, *, complete: bool = False) -> MarketView:
    """A market of `rows` instruments. Unless `complete`, row 2 has no proven book, row 5 is a young listing with 9
    bars of 15m and 2 of 4h, and row 7 has no open interest; the last row (4 rows or more) is spot either way."""
    rng = np.random.default_rng(seed)
    instruments = make_instruments(rows)
    known = [
        KNOWN[i] if i < len(KNOWN) else ("", "", "", 0.1 + 0.37 * i, 1e-4, 3e7 / (1 + i % 17)) for i in range(rows)
    ]
    if rows >= 4:
        known[-1] = SPOT
    ticks = np.array([entry[4] for entry in known])
    last = np.round(np.round(np.array([entry[3] for entry in known]) * rng.normal(1, 0.004, rows) / ticks) * ticks, 9)
    volume = np.array([entry[5] for entry in known])
    perp = np.array([i.is_rankable for i in instruments])
    flawed = np.full(rows, not complete)
    index = np.arange(rows)
    derivatives = _make_derivatives(rng, last, ticks, volume, perp, at_ms)
    derivatives.oi_history_usd[flawed & (index == 7)] = np.nan
    derivatives.open_interest_usd[flawed & (index == 7)] = np.nan
    bars = {}
    for interval, width in BARS.items():
        young = max(1, min(width, 135 * 60_000 // INTERVAL_MS[interval])) if interval != "4h" else 2
        count = np.where(flawed & (index == 5), young, width).astype(np.int64)
        bars[interval] = make_bars(rng, interval, last, count, at_ms, width)
    spot_of = {i.asset: row for row, i in enumerate(instruments) if i.kind == "spot"}
    assets = [i.asset for i in instruments]
    return MarketView(
        epoch=1,
        at_ms=at_ms,
        instruments=instruments,
        rankable=perp,
        bars=bars,
        tape=_make_tape(rng, volume, at_ms),
        books=_make_books(rng, last, ticks, volume, ~(flawed & (index == 2)), at_ms),
        derivatives=derivatives,
        liquidations=Liquidations(
            long_usd=rng.lognormal(8, 2, (rows, 60)) * (rng.random((rows, 60)) < 0.2),
            short_usd=rng.lognormal(8, 2, (rows, 60)) * (rng.random((rows, 60)) < 0.2),
            since_ms=np.where(perp, at_ms - 3_600_000, -1).astype(np.int64),
            sampled=np.array([i.venue.startswith("binance") for i in instruments]),
        ),
        spot_rows=np.array([spot_of.get(asset, -1) if perp[row] else -1 for row, asset in enumerate(assets)]),
        peers=tuple(
            tuple(o for o in range(rows) if o != row and perp[o] and assets[o] == assets[row]) for row in range(rows)
        ),
    )
