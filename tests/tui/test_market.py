"""The market at a glance: its counts are the snapshot's, and what is not known is not drawn as nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.snapshot import LiquidationLine
from tests.tui.fake_source import SIZES, make_app, scene, settle, text_of
from tui.presenters.lines import plain, width_of
from tui.presenters.market import KEPT, MINUTE_MS, market_lines, minute_sums
from tui.presenters.view import View
from tui.screens.market import MarketScreen

BASE = scene()
ROWS = np.concatenate([BASE.ranking.candidates, BASE.ranking.vetoed])


def liquidation(ts_ms: int, side: str, usd: float, sampled: bool = False) -> LiquidationLine:
    return LiquidationLine(ts_ms, "okx", "X", side, 1.0, usd, usd, sampled)  # type: ignore[arg-type]


def text(width: int = 110, height: int = 40, **changes: object) -> str:
    shot = replace(BASE, **changes)  # type: ignore[arg-type]
    lines = market_lines(View(shot, None, shot.at_ms), width, height)
    assert all(width_of(line) <= width for line in lines)
    return plain(lines)


def test_breadth_counts_what_has_a_figure_and_nothing_else() -> None:
    change = np.full(len(BASE.instruments), np.nan)
    change[ROWS[:5]], change[ROWS[5:8]], change[ROWS[8]] = 0.01, -0.02, 0.0
    told = text(columns=replace(BASE.columns, change_1h_frac=change, change_24h_frac=np.full_like(change, np.nan)))
    line = next(line for line in told.split("\n") if line.startswith(" 1 h"))
    assert "5 up" in line
    assert "3 down, 1 unchanged" in line
    assert "24 h no perpetual has this figure yet" in " ".join(told.split())


def test_the_bands_hold_every_scored_perpetual_once() -> None:
    told = text().split("\n")
    at = next(n for n, line in enumerate(told) if line.startswith("SCORES"))
    counts = [int(line[16:21]) for line in told[at + 1 : at + 6]]
    assert sum(counts) == int(np.isfinite(BASE.board.prism[ROWS]).sum())
    assert counts[4] == int((BASE.board.prism[ROWS] >= 80).sum())


def test_scores_of_little_data_are_neither_counted_nor_coloured() -> None:
    coverage = BASE.board.coverage.copy()
    thin = ROWS[:7]
    coverage[thin] = 0.2
    board = replace(BASE.board, coverage=coverage)
    assert "; 7 with less are not counted" in text(board=board)
    shot = replace(BASE, board=board)
    lines = market_lines(View(shot, None, shot.at_ms), 200, 60)
    styles = {name.strip().split()[0]: style for line in lines for name, style in line if name.strip()}
    assert styles[BASE.instruments[int(thin[0])].asset] == "muted"


def test_minutes_sum_each_side_apart() -> None:
    now = 1_000 * MINUTE_MS + 30_000
    lines = [
        liquidation(now - 1_000, "long", 10.0),
        liquidation(now - 20_000, "long", 5.0),
        liquidation(now - 31_000, "short", 7.0),
        liquidation(now - 2 * MINUTE_MS, "long", float("nan")),
        liquidation(now - 99 * MINUTE_MS, "long", 3.0),
    ]
    longs, shorts = minute_sums(lines, now, 3)
    assert longs.tolist() == [0.0, 0.0, 15.0]
    assert shorts.tolist() == [0.0, 7.0, 0.0]


def test_minutes_before_the_oldest_kept_are_not_drawn_as_quiet() -> None:
    now = BASE.at_ms
    few = tuple(liquidation(now - n * 10, "long", 5.0) for n in range(10))
    assert "the last 1 minute," in text(liquidations=few)
    old = (*few, liquidation(now - 90 * MINUTE_MS, "short", 5.0))
    assert "the last 60 minutes" in text(liquidations=old)
    full = tuple(liquidation(now - n * 3 * MINUTE_MS // KEPT, "long", 5.0) for n in range(KEPT))
    assert any(f"the last {n} minute" in text(liquidations=full) for n in (2, 3))
    assert "lower bound" not in text(liquidations=full)
    assert "lower bound" in text(liquidations=(liquidation(now, "short", 5.0, sampled=True),))
    assert "none reported since the start" in text(liquidations=())


def test_the_map_names_each_asset_once_with_its_score() -> None:
    told = text(width=200, height=60)
    cells = told[told.index("HEAT BY SCORE") :]
    assets = {BASE.instruments[row].asset for row in ROWS}
    assert f"{len(assets)} of {len(assets)} assets" in cells
    assert (
        cells.split("\n")[1].split()[0]
        == max(
            (BASE.instruments[row] for row in ROWS),
            key=lambda one: BASE.columns.volume_24h_usd[BASE.instruments.index(one)],
        ).asset
    )


@pytest.mark.parametrize("size", SIZES)
async def test_it_opens_follows_the_market_and_closes(tmp_path: Path, size: tuple[int, int]) -> None:
    app, source, clock = make_app(tmp_path)
    async with app.run_test(size=size) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("a")
        await settle(app, clock, pilot)
        assert isinstance(app.screen, MarketScreen)
        assert "BREADTH" in text_of(app)
        source.snapshot = replace(BASE, liquidations=(), sequence=BASE.sequence + 1)
        await settle(app, clock, pilot)
        app.screen.query_one("#report").last()  # type: ignore[attr-defined]
        app.screen.query_one("#report").first()  # type: ignore[attr-defined]
        await pilot.pause()
        assert "none reported since the start" in text_of(app)
        await pilot.press("a")
        await settle(app, clock, pilot)
        assert not isinstance(app.screen, MarketScreen)
