"""Liquidations by minute as a bar chart: longs above the time axis, shorts below it.

Called by the presenter of the ticker. Both halves have one scale, so that they can be compared: heights are square
roots of the sums, because beside a cascade all other minutes would look alike. A minute without data is a dot on the
axis, so that it differs from a minute without liquidations.
"""

from __future__ import annotations

from math import isnan, sqrt
from typing import Final

from engine.snapshot import LiquidationMinutes, Snapshot
from tui.presenters.format import usd_text
from tui.presenters.gauges import column_cells
from tui.presenters.lines import Line, right

LABEL: Final = 6
"""Cells left of the bars."""
PEAK: Final = 9
"""Cells right of them, for the largest minute and the scale."""
LEAST_WIDTH: Final = LABEL + PEAK + 19
_MARK_EVERY: Final = 15


def minute_rows(height: int) -> int:
    """Rows for each half in a pane of `height` lines; 0: no chart."""
    return 0 if height < 6 else 1 if height < 16 else 2 if height < 24 else 3


def no_feed(snapshot: Snapshot, of: str = "") -> str:
    """Why nothing is known of liquidations: no venue has confirmed its feed, and none was received."""
    if snapshot.mode != "replay":
        return f"no liquidation feed{of} is confirmed yet"
    ended = snapshot.replay is not None and snapshot.replay.finished
    return f"no liquidation feed{of} in this recording{'' if ended else ' so far'}"


def minute_lines(minutes: LiquidationMinutes | None, width: int, rows: int) -> list[Line]:
    """The chart in `2 * rows + 1` lines; empty if there is no room or nothing to draw."""
    if minutes is None or rows < 1 or width < LEAST_WIDTH:
        return []
    columns = min(60, width - LABEL - PEAK)
    longs, shorts = minutes.long_usd[-columns:].tolist(), minutes.short_usd[-columns:].tolist()
    known = [value for value in (*longs, *shorts) if not isnan(value)]
    if not any(known):
        return []
    largest = max(known)
    bound = "≥" if minutes.sampled_venues else ""
    above = _half(longs, largest, rows, "liq-long", hanging=False)
    below = _half(shorts, largest, rows, "liq-short", hanging=True)
    lines: list[Line] = []
    for place, line in enumerate(reversed(above)):
        label = "long  " if place == rows - 1 else " " * LABEL
        peak = bound + usd_text(max((v for v in longs if not isnan(v)), default=0.0)) if place == 0 else ""
        lines.append(((label, "liq-long"), *line, (right(peak, PEAK), "muted")))
    lines.append(((" " * LABEL, ""), (_axis(longs), "muted"), (" √ by min", "muted")))
    for place, line in enumerate(below):
        label = "short " if place == 0 else " " * LABEL
        peak = bound + usd_text(max((v for v in shorts if not isnan(v)), default=0.0)) if place == rows - 1 else ""
        lines.append(((label, "liq-short"), *line, (right(peak, PEAK), "muted")))
    return lines


def _half(values: list[float], largest: float, rows: int, style: str, *, hanging: bool) -> list[Line]:
    """The bars of one side, one line per row from the axis outward."""
    bars = [column_cells(sqrt(value), sqrt(largest), rows, hanging=hanging) for value in values]
    lines: list[Line] = []
    for row in range(rows):
        spans: list[tuple[str, str]] = []
        for bar in bars:
            text, reversed_ = bar[row]
            name = f"{style} reverse" if reversed_ else style
            if spans and spans[-1][1] == name:
                spans[-1] = (spans[-1][0] + text, name)
            else:
                spans.append((text, name))
        lines.append(tuple(spans))
    return lines


def _axis(values: list[float]) -> str:
    """The time axis, with a mark every 15 minutes; minutes without data are dots."""
    cells = ["·" if isnan(value) else "─" for value in values]
    last = len(cells) - 1
    for ago in range(_MARK_EVERY, len(cells), _MARK_EVERY):
        text = f"-{ago}m"
        place = last - ago
        if place + len(text) < last:
            cells[place : place + len(text)] = text
    cells[-3:] = "now"
    return "".join(cells)
