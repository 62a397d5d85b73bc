"""The market at a glance: its counts are the snapshot's, and what is not known is not drawn as nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from textual.color import Color

from engine.snapshot import LiquidationMinutes
from tests.tui.fake_source import SIZES, make_app, scene, settle, text_of
from themes.loader import load
from tui.presenters.gauges import heat_style
from tui.presenters.heat_map import HeatMap
from tui.presenters.lines import Line, plain, width_of
from tui.presenters.market import market_lines
from tui.presenters.view import View
from tui.screens.market import MarketScreen
from tui.widgets.paint import Palette
from tui.widgets.theme_colours import contrast

BASE = scene()
ROWS = np.concatenate([BASE.ranking.candidates, BASE.ranking.vetoed])


def drawn(width: int, **changes: object) -> list[Line]:
    shot = replace(BASE, **changes)  # type: ignore[arg-type]
    heat = HeatMap()
    heat.update(shot, 0.0)
    return market_lines(View(shot, None, shot.at_ms), heat, width)


def text(width: int = 110, **changes: object) -> str:
    lines = drawn(width, **changes)
    assert all(width_of(line) <= width for line in lines)
    return plain(lines)


def test_breadth_counts_what_has_a_figure_and_nothing_else() -> None:
    change = np.full(len(BASE.instruments), np.nan)
    change[ROWS[:5]], change[ROWS[5:8]], change[ROWS[8]] = 0.01, -0.02, 0.0
    told = text(columns=replace(BASE.columns, change_1h_frac=change, change_24h_frac=np.full_like(change, np.nan)))
    line = next(line for line in told.split("\n") if line.startswith(" 1 h"))
    assert "5 up" in line
    assert "of perpetuals" in told.split("\n")[0], "not of coins, which stand on several venues"
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
    styles = {
        name.strip(" []").split()[0]: style for line in drawn(200, board=board) for name, style in line if name.strip()
    }
    assert styles[BASE.instruments[int(thin[0])].asset] == "muted"


def by_minute(known: int, sampled: tuple[str, ...] = (), **sums: dict[int, float]) -> LiquidationMinutes:
    """`known` minutes; sums of a side by how many minutes ago."""
    sides = {side: np.full(60, np.nan) for side in ("long", "short")}
    for side, values in sides.items():
        values[60 - known :] = 0.0
        for ago, usd in sums.get(side, {}).items():
            values[59 - ago] = usd
    return LiquidationMinutes(0, sides["long"], sides["short"], sampled)


def test_minutes_are_the_engines_own_sums_and_not_those_of_the_lines_kept() -> None:
    minutes = by_minute(60, long={50: 7e6, 0: 1e6}, short={3: 3.5e6})
    for lines in (BASE.liquidations, ()):
        told = text(liquidations=lines, liquidation_minutes=minutes).split("\n")
        assert "the last 60 minutes, now at the right, one √ scale" in "".join(told)
        longs = next(line for line in told if line.startswith(" long  "))
        shorts = next(line for line in told if line.startswith(" short "))
        assert longs.endswith("most $7.00M")
        assert shorts.endswith("most $3.50M")
        bars = longs[7:67]
        assert [place for place, cell in enumerate(bars) if cell != "·"] == [9, 59]
        assert (bars[9], bars[59]) == ("█", "▄"), "the root of a seventh of the largest"
        assert shorts[7:67][56] == "▆"


def test_minutes_before_the_first_known_are_not_drawn_as_quiet() -> None:
    assert "the last 1 minute," in text(liquidation_minutes=by_minute(1, long={0: 5.0}))
    assert "the last 45 minutes" in text(liquidation_minutes=by_minute(45, long={0: 5.0}))
    assert "no liquidation feed is confirmed yet" in text(liquidation_minutes=by_minute(0))
    assert "no liquidation feed in this recording so far" in text(liquidation_minutes=None, mode="replay")
    told = text(60, liquidation_minutes=by_minute(60, short={0: 5.0}))
    assert "the last 34 minutes, √ scale" in told
    assert "√ scale; a lower bound" in text(60, liquidation_minutes=by_minute(60, ("binance-usdm",), short={0: 5.0}))


def test_one_spike_does_not_hide_the_other_minutes() -> None:
    told = text(liquidation_minutes=by_minute(60, long={9: 40e6, 5: 400e3, 3: 3.6e6, 1: 1.0}))
    bars = next(line for line in told.split("\n") if line.startswith(" long  "))[7:67]
    assert [bars[59 - ago] for ago in (9, 5, 3, 1, 0)] == ["█", "▁", "▃", "▁", "·"]


def test_a_sampling_venue_makes_the_minutes_a_lower_bound() -> None:
    assert "lower bound" not in text(liquidation_minutes=by_minute(9, long={0: 5.0}))
    told = text(liquidation_minutes=by_minute(9, ("binance-usdm",), long={0: 5.0}))
    assert "lower bound" in told
    assert "most ≥$5" in told


def test_the_map_names_each_asset_once_with_its_score() -> None:
    told = text(width=200)
    cells = told[told.index("HEAT BY SCORE") :]
    assets = {BASE.instruments[row].asset for row in ROWS}
    assert f"{len(assets)} assets by 24h volume" in cells
    assert (
        cells.split("\n")[1].strip(" [").split()[0]
        == max(
            (BASE.instruments[row] for row in ROWS),
            key=lambda one: BASE.columns.volume_24h_usd[BASE.instruments.index(one)],
        ).asset
    )


def test_a_long_name_on_the_map_keeps_its_distance_from_the_score() -> None:
    instruments = tuple(replace(one, asset=f"FARTCOINANDMORE{n}") for n, one in enumerate(BASE.instruments))
    told = text(width=110, instruments=instruments)
    cells = [line for line in told[told.index("HEAT BY SCORE") :].split("\n")[1:] if "FARTC" in line]
    assert cells
    for line in cells:
        assert re.fullmatch(r"([ \[]+\S+… +[\d.·]+\]? *)+", line), line


@pytest.mark.parametrize("size", SIZES)
async def test_it_opens_follows_the_market_and_closes(tmp_path: Path, size: tuple[int, int]) -> None:
    app, source, clock = make_app(tmp_path)
    async with app.run_test(size=size) as pilot:
        await settle(app, clock, pilot)
        await pilot.press("a")
        await settle(app, clock, pilot)
        assert isinstance(app.screen, MarketScreen)
        assert "BREADTH" in text_of(app)
        source.snapshot = replace(BASE, liquidation_minutes=None, sequence=BASE.sequence + 1)
        await settle(app, clock, pilot)
        app.screen.query_one("#report").last()  # type: ignore[attr-defined]
        app.screen.query_one("#report").first()  # type: ignore[attr-defined]
        await pilot.pause()
        assert "no liquidation feed is confirmed yet" in text_of(app)
        await pilot.press("a")
        await settle(app, clock, pilot)
        assert not isinstance(app.screen, MarketScreen)


def cells(width: int, **changes: object) -> dict[str, tuple[str, str]]:
    """Score and style of each asset on the map."""
    lines = drawn(width, **changes)
    at = next(n for n, line in enumerate(lines) if line and line[0][0] == "HEAT BY SCORE")
    found = [(name.strip(" []").split(), style) for line in lines[at + 1 :] for name, style in line if name.strip()]
    return {words[0]: (words[1], style) for words, style in found}


def test_neighbouring_scores_have_neighbouring_colours_and_neutral_ones_hardly_any() -> None:
    for name in ("prism-dark", "prism-light", "prism-contrast", "prism-colour-blind"):
        theme = load().themes[name]
        variables = {**theme.variables, "background": str(theme.background), "foreground": str(theme.foreground)}
        palette = Palette(variables, Color.parse(variables["background"]))
        grounds = [palette.style(heat_style(score)) for score in range(0, 101, 5)]
        papers = [style.bgcolor.get_truecolor() for style in grounds if style.bgcolor]
        assert len(set(papers)) == 21
        away = [contrast(paper, Color.parse(variables["background"]).rgb) for paper in papers]
        assert away[:11] == sorted(away[:11], reverse=True), name
        assert away[10:] == sorted(away[10:]), name
        assert away[10] < 1.35, "a neutral score is near the ground"
        for style in grounds:
            assert style.color is not None
            assert style.bgcolor is not None
            assert contrast(style.color.get_truecolor(), style.bgcolor.get_truecolor()) >= 4.5
    assert heat_style(39.9) == heat_style(40.1)


def test_cells_without_a_ground_are_explained_where_there_are_any() -> None:
    full = replace(BASE.board, coverage=np.ones_like(BASE.board.coverage))
    assert "plain: less than half the data" not in text(board=full)
    coverage = full.coverage.copy()
    coverage[ROWS[:7]] = 0.2
    assert "plain: less than half the data" in text(board=replace(full, coverage=coverage))
    assert {style for _, style in cells(110, board=full).values()} <= {
        "strong reverse",
        *(f"heat-{level}" for level in range(21)),
    }


def test_free_columns_go_to_the_names() -> None:
    instruments = tuple(replace(one, asset=f"FARTCO{n:02d}") for n, one in enumerate(BASE.instruments))
    for width in (80, 110, 118):
        assert not [name for name in cells(width, instruments=instruments) if name.endswith("…")], width


@pytest.mark.parametrize("width", [56, 71, 90, 120])
def test_headings_of_the_map_are_whole_at_every_width(width: int) -> None:
    coverage = np.full_like(BASE.board.coverage, 0.9)
    coverage[::3] = 0.2
    minutes = by_minute(60, ("binance-usdm",), long={0: 5.0})
    lines = drawn(width, board=replace(BASE.board, coverage=coverage), liquidation_minutes=minutes)
    assert all(width_of(line) <= width for line in lines)
    assert "…" not in plain(lines)
