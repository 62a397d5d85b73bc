"""Position heat and the crowd's components against slow readings of their definitions, on markets full of holes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.synthetic_view import synthetic_view
from engine.market.view import Bars, MarketView
from engine.prism.board import Reading, Status
from engine.prism.score import Scorer
from tests.engine.prism import crowd_oracles as oracle

ROWS = 32
SEEDS = range(6)


def read(view: MarketView) -> dict[str, Reading]:
    return Scorer().score(view).readings


def hurt(view: MarketView, seed: int) -> MarketView:
    """The market with holes, silences, newcomers and things that nobody publishes, row by row at random."""
    rng = np.random.default_rng(seed)

    def some(share: float) -> Any:
        return rng.random(ROWS) < share

    at = view.at_ms
    facts, tape, feed = view.derivatives, view.tape, view.liquidations
    history, closes = facts.oi_history_usd.copy(), facts.oi_history_close.copy()
    # Walks wild enough for estimated liquidations to be near, crossed, or both.
    closes *= np.exp(np.cumsum(rng.normal(0, 0.006, closes.shape), axis=1) * rng.random((ROWS, 1)))
    history[some(0.1)] = history[0, :1]
    for row in np.flatnonzero(some(0.4)).tolist():
        (history, closes)[row % 2][row, rng.integers(0, 96)] = np.nan
    settled = facts.funding_history * rng.choice([-1.0, 1.0, 0.0], (ROWS, 1), p=[0.4, 0.5, 0.1])
    for row in np.flatnonzero(some(0.5)).tolist():
        settled[row, : 96 - rng.integers(0, 20)] = np.nan
    # Settled every 1, 2, 4 or 8 hours, which changes now and then, some milliseconds late, some not known.
    spacing = rng.choice([1, 2, 4, 8], (ROWS, 96)) * np.where(rng.random((ROWS, 96)) < 0.03, 5, 1)
    steady = some(0.5)[:, None]
    spacing = np.where(steady, np.where(np.arange(96) < rng.integers(0, 96, (ROWS, 1)), 8, spacing[:, :1]), spacing)
    paid = at - 60_000 - np.cumsum(spacing[:, ::-1], axis=1)[:, ::-1] * 3_600_000 + rng.integers(0, 20, (ROWS, 96))
    trades = np.where(some(0.3)[:, None] & (np.arange(tape.trades.shape[1]) < 890), 0, tape.trades)
    kept = rng.random((2, ROWS, 60)) < rng.choice([0.02, 0.2, 1.0], (1, ROWS, 1))
    burst = np.where(some(0.4)[:, None] & (np.arange(60) // 4 == rng.integers(0, 15, (ROWS, 1))), 40.0, 1.0)
    return replace(
        view,
        bars={
            "1m": shortened(view.bars["1m"], rng, 60, some(0.2), some(0.2)),
            "5m": shortened(one_sided(view.bars["5m"], rng), rng, 12, some(0.4), some(0.4)),
            "15m": shortened(view.bars["15m"], rng, 33, some(0.15), some(0.1)),
            "4h": view.bars["4h"],
        },
        derivatives=replace(
            facts,
            oi_history_usd=history,
            oi_history_close=closes,
            funding_history=settled,
            funding_history_ms=paid,
            open_interest_usd=np.where(some(0.1), np.nan, facts.open_interest_usd),
            open_interest_ms=np.where(some(0.1), at - 16 * 60_000, facts.open_interest_ms),
            funding_frac=np.where(some(0.1), np.nan, facts.funding_frac * rng.choice([-1, 1], ROWS)),
            funding_ms=np.where(some(0.1), at - 121_000, facts.funding_ms),
            funding_interval_h=np.where(some(0.3), np.nan, rng.choice([1.0, 4.0, 8.0], ROWS)),
            volume_24h_usd=np.where(some(0.2), np.nan, facts.volume_24h_usd),
            change_1h_frac=np.where(some(0.2), np.nan, facts.change_1h_frac),
            change_24h_frac=np.where(some(0.2), np.nan, facts.change_24h_frac),
        ),
        tape=replace(
            tape,
            trades=trades,
            buys=rng.binomial(trades, 0.55).astype(np.int32),
            since_ms=np.where(some(0.2), -1, np.where(some(0.2), at - 600_000, tape.since_ms)),
            newest_ms=np.where(some(0.5), at - 30_000, tape.newest_ms),
            in_book_ms=np.where(some(0.5), at - 30_000, tape.newest_ms),
        ),
        liquidations=replace(
            feed,
            long_usd=feed.long_usd * kept[0] * burst,
            short_usd=feed.short_usd * kept[1],
            since_ms=np.where(some(0.1), -1, at - rng.integers(0, 7_200_000, ROWS)),
        ),
        # Half of these had trades since, so that only the others are quiet.
        books=replace(
            view.books,
            updated_ms=np.where(some(0.2), at - 121_000, np.where(some(0.3), at - 20_000, view.books.updated_ms)),
        ),
    )


def one_sided(bars: Bars, rng: np.random.Generator) -> Bars:
    """In some rows every bar rises, in some every bar falls, and in some none moves."""
    way = rng.choice([np.nan, 1.0, -1.0, 0.0], (ROWS, 1), p=[0.4, 0.2, 0.2, 0.2])
    step = np.abs(np.log(bars.close / bars.open))
    return replace(bars, close=np.where(np.isnan(way), bars.close, bars.open * np.exp(way * step)))


def shortened(bars: Bars, rng: np.random.Generator, about: int, young: Any, late: Any) -> Bars:
    """Some rows with a few bars more or less than `about`, some late, some without taker volumes."""
    width = bars.close.shape[1]
    count = np.where(young, rng.integers(max(1, about - 3), about + 3, ROWS), bars.count)
    absent = np.arange(width)[None, :] < width - count[:, None]
    opened = np.where(late[:, None], bars.open_ms - 3 * bars.interval_ms, bars.open_ms)
    prices: dict[str, Any] = {
        name: np.where(absent, np.nan, getattr(bars, name)) for name in ("open", "high", "low", "close")
    }
    return replace(
        bars,
        open_ms=np.where(absent, -1, opened),
        **prices,
        volume_usd=np.where(absent, np.nan, bars.volume_usd),
        buy_usd=np.where(absent | (rng.random((ROWS, 1)) < 0.5), np.nan, bars.buy_usd),
        trades=np.where(absent, -1, bars.trades),
        count=count,
    )


@pytest.fixture(params=SEEDS)
def view(request: pytest.FixtureRequest) -> MarketView:
    whole = synthetic_view(rows=ROWS, width=120, levels=60, seed=request.param)
    return hurt(whole, request.param)


def agree(reading: Reading, expected: Sequence[float | None]) -> None:
    """The same rows score, and the same."""
    scored = [None if value is None else pytest.approx(value, abs=1e-9, rel=1e-9) for value in expected]
    found = [None if np.isnan(value) else value for value in reading.score.tolist()]
    assert found == scored
    assert np.array_equal(reading.status == Status.OK, [value is not None for value in expected])
    # A market in which nothing scores, or everything does, would prove little.
    assert 0 < sum(value is None for value in expected) < ROWS


def test_position_heat(view: MarketView) -> None:
    facts = view.derivatives
    agree(
        read(view)["position_heat"],
        [
            None
            if view.at_ms - facts.open_interest_ms[row] > 15 * 60_000
            else oracle.heat(facts.oi_history_usd[row].tolist(), facts.oi_history_close[row].tolist())
            for row in range(ROWS)
        ],
    )


def test_funding(view: MarketView) -> None:
    agree(read(view)["funding"], [oracle.funding(view, row) for row in range(ROWS)])


def test_funding_volatility(view: MarketView) -> None:
    facts = view.derivatives
    history = facts.funding_history.copy()
    history[0] = np.nan
    held = replace(view, derivatives=replace(facts, funding_history=history))
    expected = []
    for row, one in enumerate(view.instruments):
        stated = float(facts.funding_interval_h[row])
        hours = stated if stated == stated else one.funding_interval_h
        expected.append(oracle.funding_volatility(history[row].tolist(), facts.funding_history_ms[row].tolist(), hours))
    agree(read(held)["funding_volatility"], expected)


def test_liquidations(view: MarketView) -> None:
    for ms in (0, 1, 20_500, 59_999):
        later = replace(view, at_ms=view.at_ms - view.at_ms % 60_000 + ms)
        agree(read(later)["liquidations"], [liquidations_of(later, row) for row in range(ROWS)])


def liquidations_of(view: MarketView, row: int) -> float | None:
    """Of all perpetuals on the asset whose feed has stood for five minutes."""
    feed, one = view.liquidations, view.instruments[row]
    seen = ((view.at_ms - feed.since_ms) / 60_000).tolist()
    pooled = [
        other
        for other, peer in enumerate(view.instruments)
        if (peer.asset, peer.kind) == (one.asset, "perp") and feed.since_ms[other] >= 0 and seen[other] >= 5
    ]
    if one.kind != "perp" or not pooled:
        return None
    volumes = [float(view.derivatives.volume_24h_usd[other]) for other in pooled]
    return oracle.liquidations(
        [sum(feed.long_usd[other, minute] for other in pooled) for minute in range(60)],
        [sum(feed.short_usd[other, minute] for other in pooled) for minute in range(60)],
        max(seen[other] for other in pooled),
        sum(volume for volume in volumes if volume == volume) if any(v == v for v in volumes) else float("nan"),
        view.at_ms % 60_000 / 1000,
    )


def test_volume_sentiment(view: MarketView) -> None:
    agree(read(view)["volume_sentiment"], [oracle.volume_sentiment(view, row) for row in range(ROWS)])


def test_mood(view: MarketView) -> None:
    agree(read(view)["mood"], oracle.mood(view))


def test_risk(view: MarketView) -> None:
    agree(read(view)["risk"], oracle.risk(view))
