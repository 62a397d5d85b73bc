"""Markets that unfold bar by bar, for the tests of the bar faces: views of a panel of candles cut at any bar."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Ints
from engine.market.view import Bars, MarketView
from engine.timeframes import INTERVAL_MS, SCORED
from tests.engine.builders import make_view
from tests.engine.indicators.candle_panels import Panel, recorded_panels, walks

COLUMNS = ("open", "high", "low", "close", "volume_usd", "buy_usd")


def cut(panel: Panel, interval_ms: int, upto: Ints, width: int = 500, revision: Ints | None = None) -> Bars:
    """The store's window when row i has closed `upto[i]` of its bars; revisions count the bars unless given."""
    rows, total = panel.close.shape
    upto = np.minimum(upto, panel.count)
    source = total - panel.count[:, None] + upto[:, None] - width + np.arange(width)
    absent = source < (total - panel.count)[:, None]
    source = np.clip(source, 0, total - 1)
    values = (panel.open, panel.high, panel.low, panel.close, panel.volume, panel.buy)
    taken = {
        name: np.where(absent, np.nan, np.take_along_axis(x, source, axis=1))
        for name, x in zip(COLUMNS, values, strict=True)
    }
    return Bars(
        interval_ms=interval_ms,
        open_ms=np.where(absent, -1, np.take_along_axis(panel.open_ms, source, axis=1)),
        trades=np.full((rows, width), -1),
        count=np.minimum(upto, width),
        revision=upto.copy() if revision is None else revision,
        **taken,
    )


def market(bars: dict[str, Bars], at_ms: int | None = None, epoch: int = 1) -> MarketView:
    """A view of these bars; at the close of the newest unless `at_ms` is given."""
    newest = max(int(one.open_ms[:, -1].max()) + one.interval_ms for one in bars.values())
    rows = len(bars["5m"].count)
    view = make_view(rows)
    return replace(view, bars={**view.bars, **bars}, at_ms=newest if at_ms is None else at_ms, epoch=epoch)


def walk_bars(counts: dict[str, list[int]], seed: int = 1) -> dict[str, Bars]:
    """Bars of every scored timeframe with as many bars a row as `counts` says, all ending together."""
    made = {}
    for number, name in enumerate(SCORED):
        panel = walks([max(count, 1) for count in counts[name]], seed + 10 * number, INTERVAL_MS[name])
        made[name] = cut(panel, INTERVAL_MS[name], np.array(counts[name]))
    return made


def recorded_bars() -> dict[str, Bars]:
    """Everything recorded of 30 Bybit symbols, each timeframe to its own end."""
    panels = recorded_panels().items()
    return {name: cut(panel, INTERVAL_MS[name], panel.count, width=panel.close.shape[1]) for name, panel in panels}


def altered(bars: Bars, **columns: NDArray[np.float64]) -> Bars:
    """The same bars with some columns replaced."""
    arrays = {one.name: getattr(bars, one.name) for one in fields(bars) if one.name != "interval_ms"}
    return Bars(interval_ms=bars.interval_ms, **{**arrays, **columns})


def of_rows(bars: Bars, rows: list[int]) -> Bars:
    """Some rows, in that order."""
    arrays = {one.name: getattr(bars, one.name)[rows] for one in fields(bars) if one.name != "interval_ms"}
    return Bars(interval_ms=bars.interval_ms, **arrays)
