"""Synthetic markets, boards and snapshots for tests: same arguments, same arrays.

`make_view` is the market, `make_board` scores that add up exactly as a board must, `make_snapshot` the whole
picture with every preset ranked, books, charts, tape and liquidations. Shared by tests of the ranking, the
documents and the console. Not a model of any market: only shapes, units and accounts are right.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats
from engine.config.presets import FACE_WEIGHTS
from engine.market.view import MarketView
from engine.picture import trend_points
from engine.prism.board import COMPONENT_NAMES, COMPONENTS, FACE_OF, FACES, Board, Reading, Status
from engine.ranking.result import Ranking
from engine.snapshot import (
    ChartBars,
    Columns,
    Feed,
    Focus,
    Health,
    Ladder,
    LiquidationLine,
    LiquidationMinutes,
    LiquidationTotals,
    Mode,
    Mood,
    PeerBook,
    Snapshot,
    TapeLine,
)
from tests.engine.ranking_builders import make_rankings
from tests.engine.view_builders import AT_MS, BARS, make_bars, make_instruments, make_view

__all__ = ["AT_MS", "BARS", "make_bars", "make_board", "make_instruments", "make_snapshot", "make_view"]


UNITS: Final[dict[str, str]] = {
    "rsi": "index", "ao": "atr", "macd": "atr", "williams_r": "index", "cci": "index", "atr": "frac",
    "volume_delta": "frac", "adl": "frac", "cmf": "frac", "relative_volume": "log2", "obv": "z", "divergence": "slope",
    "impact": "bps", "funding": "frac", "vwap": "percent", "order_block": "atr", "support_resistance": "atr",
}  # fmt: skip
TIMEFRAMED: Final = frozenset({*COMPONENTS["technical"], *COMPONENTS["volume"], "order_block", "vwap"})


def make_board(view: MarketView, seed: int = 1, face_weights: dict[str, float] | None = None) -> Board:
    """Random scores that lean one way per row, statuses that follow what the view lacks, and exact accounts."""
    rng = np.random.default_rng(seed + 1_000)
    rows, width = view.rows, len(COMPONENT_NAMES)
    lean = rng.normal(0, 26, rows)
    score = np.clip(50 + lean[:, None] + rng.normal(0, 10, (rows, width)), 0, 100)
    divergence = np.zeros((rows, width))
    frames = np.full((rows, width, 3), np.nan)
    status = np.zeros((rows, width), dtype=np.int8)
    notes: dict[str, dict[int, str]] = {name: {} for name in COMPONENT_NAMES}
    for c, name in enumerate(COMPONENT_NAMES):
        if name in TIMEFRAMED:
            divergence[:, c] = np.clip(rng.normal(0, 3, rows), -10, 10)
            frames[:, c, :] = np.clip(score[:, c, None] + rng.normal(0, 6, (rows, 3)), 0, 100)
        _mark(view, name, status[:, c], notes[name])
    status[~view.rankable] = Status.MISSING
    ok = status == Status.OK
    score[~ok], divergence[~ok] = np.nan, 0.0
    readings = {
        name: Reading(
            raw=score[:, c] - 50,
            unit=UNITS.get(name, "score"),
            score=score[:, c],
            status=status[:, c],
            timeframes=frames[:, c] if name in TIMEFRAMED else None,
            divergence=divergence[:, c] if name in TIMEFRAMED else None,
            notes=notes[name],
            inputs={
                "last price": (view.derivatives.last, "quote", view.derivatives.last_ms),
                f"{name} window": (np.full(rows, 14.0), "bars", None),
            },
        )
        for c, name in enumerate(COMPONENT_NAMES)
    }
    return _account(view.at_ms, score, divergence, status, frames, readings, face_weights or FACE_WEIGHTS)


def _mark(view: MarketView, name: str, status: NDArray[np.int8], notes: dict[int, str]) -> None:
    book = name in COMPONENTS["orderbook"] or name == "market_making"
    for row in range(view.rows):
        bars = int(view.bars["15m"].count[row])
        if book and view.books.status[row] != "synced":
            status[row], notes[row] = Status.MISSING, f"book {view.books.status[row]}"
        elif name in COMPONENTS["technical"] and bars < 15:
            status[row], notes[row] = Status.WARMING, f"warming: {bars}/15 bars"
        elif name == "position_heat" and np.isnan(view.derivatives.open_interest_usd[row]):
            status[row], notes[row] = Status.MISSING, "no open interest"


def _account(
    at_ms: int,
    score: Floats,
    divergence: Floats,
    status: NDArray[np.int8],
    frames: Floats,
    readings: dict[str, Reading],
    face_weights: dict[str, float],
) -> Board:
    rows = len(score)
    ok = status == Status.OK
    nominal = np.array([weight for face in FACES for weight in COMPONENTS[face].values()])
    shares = np.array([face_weights[face] for face in FACES])
    weight, impact = np.zeros_like(score), np.zeros_like(score)
    adjusted = np.clip(score + divergence, 0, 100)
    face_score, face_coverage = np.full((rows, 6), np.nan), np.zeros((rows, 6))
    face_divergence = np.zeros((rows, 6))
    for f in range(6):
        inside = np.array(FACE_OF) == f
        held = np.where(ok[:, inside], nominal[inside], 0.0)
        face_coverage[:, f] = held.sum(axis=1)
        weight[:, inside] = held / np.where(face_coverage[:, f] > 0, face_coverage[:, f], 1)[:, None]
        impact[:, inside] = np.where(ok[:, inside], weight[:, inside] * adjusted[:, inside], 0.0)
        face_score[:, f] = np.where(face_coverage[:, f] > 0, impact[:, inside].sum(axis=1), np.nan)
        face_divergence[:, f] = np.where(ok[:, inside], divergence[:, inside], 0.0).sum(axis=1)
    alive = ~np.isnan(face_score)
    held = np.where(alive, shares, 0.0)
    total = held.sum(axis=1)
    face_weight = held / np.where(total > 0, total, 1)[:, None]
    face_impact = np.where(alive, face_weight * face_score, 0.0)
    return Board(
        at_ms=at_ms,
        raw=np.where(ok, score - 50, np.nan),
        units=tuple(UNITS.get(name, "score") for name in COMPONENT_NAMES),
        score=score,
        divergence=divergence,
        adjusted=adjusted,
        weight=weight,
        impact=impact,
        status=status,
        timeframes=frames,
        face_score=face_score,
        face_weight=face_weight,
        face_impact=face_impact,
        face_divergence=face_divergence,
        face_coverage=face_coverage,
        prism=np.where(total > 0, face_impact.sum(axis=1), np.nan),
        coverage=face_coverage @ shares,
        readings=readings,
    )


def make_columns(view: MarketView) -> Columns:
    """The table's market readings, taken from the view."""
    d = view.derivatives
    return Columns(
        last=d.last,
        last_ms=d.last_ms,
        bid=d.bid,
        ask=d.ask,
        spread_bps=(d.ask - d.bid) / ((d.ask + d.bid) / 2) * 1e4,
        change_1h_frac=d.change_1h_frac,
        change_24h_frac=d.change_24h_frac,
        volume_24h_usd=d.volume_24h_usd,
        funding_frac=d.funding_frac,
        funding_interval_h=d.funding_interval_h,
        open_interest_usd=d.open_interest_usd,
        oi_change_1h_frac=d.oi_change_1h_frac,
        newest_ms=np.maximum(d.last_ms, d.quote_ms),
        deep=(view.tape.since_ms >= 0) & (view.books.updated_ms >= 0),
        trend=trend_points(view.bars["15m"].close),
    )


def _liquidations(view: MarketView, seed: int, count: int) -> tuple[LiquidationLine, ...]:
    rng = np.random.default_rng(seed + 2_000)
    perps = np.flatnonzero(view.rankable)
    lines = []
    for number in range(count if len(perps) else 0):
        row = int(perps[rng.integers(len(perps))])
        instrument, price = view.instruments[row], float(view.derivatives.last[row])
        notional = float(rng.lognormal(9, 1.5))
        lines.append(
            LiquidationLine(
                ts_ms=view.at_ms - 1_700 * number,
                venue=instrument.venue,
                symbol=instrument.symbol,
                side="long" if rng.random() < 0.5 else "short",
                price=price,
                size_base=notional / price,
                notional_usd=notional,
                sampled=instrument.venue.startswith("binance"),
            )
        )
    return tuple(lines)


def _minutes(view: MarketView, row: int | None = None) -> LiquidationMinutes:
    """The view's minutes summed, the first quarter of an hour not known."""
    held = view.liquidations
    rows = slice(None) if row is None else slice(row, row + 1)
    long_usd, short_usd = held.long_usd[rows].sum(axis=0), held.short_usd[rows].sum(axis=0)
    long_usd[:15] = short_usd[:15] = np.nan
    return LiquidationMinutes(view.at_ms // 60_000 * 60_000 - 59 * 60_000, long_usd, short_usd, ("binance-usdm",))


def _ladder(view: MarketView, row: int) -> Ladder:
    """The view's levels of one row."""
    books, sides = view.books, []
    for prices, sizes in ((books.bid[row], books.bid_size[row]), (books.ask[row], books.ask_size[row])):
        pairs = [(float(p), float(s)) for p, s in zip(prices, sizes, strict=True) if not np.isnan(p)]
        sides.append(tuple((f"{p:.8g}", f"{s:.6g}", p * s) for p, s in pairs))
    return Ladder(books.status[row], sides[0], sides[1], int(books.updated_ms[row]) if sides[0] else None)


def make_focus(view: MarketView, row: int, seed: int = 1) -> Focus:
    """Book, charts, tape and liquidations of one row."""
    rng = np.random.default_rng(seed + 3_000)
    last = float(view.derivatives.last[row])
    charts = {}
    for name, bars in view.bars.items():
        held = slice(bars.close.shape[1] - int(bars.count[row]), None)
        charts[name] = ChartBars(
            interval_ms=bars.interval_ms,
            open_ms=bars.open_ms[row, held],
            open=bars.open[row, held],
            high=bars.high[row, held],
            low=bars.low[row, held],
            close=bars.close[row, held],
            volume_usd=bars.volume_usd[row, held],
            forming=False,
        )
    tape = []
    for number in range(60):
        price, size = last * float(rng.normal(1, 1e-4)), float(rng.lognormal(5, 1)) / last
        tape.append(TapeLine(view.at_ms - 350 * number, price, size, price * size, bool(rng.random() < 0.5)))
    instrument = view.instruments[row]
    return Focus(
        row=row,
        ladder=_ladder(view, row),
        charts=charts,
        tape=tuple(tape),
        liquidations=tuple(
            line
            for line in _liquidations(view, seed, 120)
            if (line.venue, line.symbol) == (instrument.venue, instrument.symbol)
        ),
        open_interest_usd=view.derivatives.oi_history_usd[row],
        funding_frac=view.derivatives.funding_history[row],
        structure=(("POC 24h", last * 0.998), ("VAH 24h", last * 1.01), ("VAL 24h", last * 0.99)),
        liquidation_minutes=_minutes(view, row),
        liquidations_since_ms=view.at_ms - 7_200_000,
        peer_books=tuple(
            PeerBook(peer, _ladder(view, peer))
            for peer, other in enumerate(view.instruments)
            if view.rankable[row] and view.rankable[peer] and peer != row and other.asset == instrument.asset
        ),
    )


def make_feeds(view: MarketView) -> tuple[Feed, ...]:
    """A live feed per venue of the view."""
    venues = sorted({instrument.venue for instrument in view.instruments})
    return tuple(
        Feed(
            venue=venue,
            state="live",
            detail="",
            age_ms=120,
            frames=48_211,
            rejected=0,
            unknown=3,
            books_synced=sum(
                i.venue == venue and s == "synced" for i, s in zip(view.instruments, view.books.status, strict=True)
            ),
            books_resyncing=0,
        )
        for venue in venues
    )


def make_snapshot(
    rows: int = 12,
    seed: int = 1,
    at_ms: int = AT_MS,
    *,
    preset: str = "balanced",
    mode: Mode = "demo",
    focus_row: int | None = 0,
    complete: bool = False,
    view: MarketView | None = None,
    board: Board | None = None,
    rankings: dict[str, Ranking] | None = None,
) -> Snapshot:
    """The whole picture of a synthetic market; any of its parts may be given instead of made."""
    view = view or make_view(rows, seed, at_ms, complete=complete)
    board = board or make_board(view, seed)
    lines = _liquidations(view, seed, 120)
    btc = next((row for row, i in enumerate(view.instruments) if i.asset == "BTC"), None)
    change = view.derivatives.change_1h_frac[view.rankable]
    return Snapshot(
        epoch=view.epoch,
        sequence=seed,
        mode=mode,
        at_ms=view.at_ms,
        preset=preset,
        instruments=view.instruments,
        board=board,
        rankings=rankings or make_rankings(board, view),
        columns=make_columns(view),
        feeds=make_feeds(view),
        liquidations=lines,
        liquidation_totals=tuple(
            LiquidationTotals(
                window_ms=window,
                long_usd=sum(x.notional_usd for x in lines if x.side == "long" and view.at_ms - x.ts_ms < window),
                short_usd=sum(x.notional_usd for x in lines if x.side == "short" and view.at_ms - x.ts_ms < window),
                sampled_venues=("binance-usdm",),
            )
            for window in (60_000, 300_000, 3_600_000)
        ),
        mood=Mood(
            btc_change_24h_frac=float("nan") if btc is None else float(view.derivatives.change_24h_frac[btc]),
            breadth_frac=float((change > 0).mean()) if len(change) else float("nan"),
            rows_with_change=len(change),
        ),
        health=Health(
            frames_per_s=1_834.0, scan_ms=11.2, scan_p99_ms=24.9, scans=412, frames=301_122, conflated=55, queue=0
        ),
        focus=None if focus_row is None or focus_row >= view.rows else make_focus(view, focus_row, seed),
        liquidation_minutes=_minutes(view),
        liquidations_since_ms=view.at_ms - 7_200_000,
    )
