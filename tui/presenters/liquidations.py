"""The liquidation ticker: totals of both sides, the last hour by minute, and the newest forced orders.

Called by the liquidations pane. `long` means that a long position was liquidated; it is spelled out because venues
report the side of the closing order instead. A total that includes a sampling venue is a lower bound, marked `≥`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Final

import numpy as np

from engine.snapshot import Focus, LiquidationLine, LiquidationTotals
from tui.presenters.columns import VENUE_MARKS, symbol_text
from tui.presenters.format import bar_text, pad, price_text, usd_text
from tui.presenters.lines import BLANK, Line, right, wrapped
from tui.presenters.liquidation_minutes import minute_lines, minute_rows, no_feed
from tui.presenters.view import View, feed_warning, sentence, since_text, time_text, venue_title

MINIMUMS_USD: Final = (0.0, 1_000.0, 10_000.0, 50_000.0, 100_000.0, 500_000.0, 1_000_000.0)
HOUR_MS: Final = 3_600_000
_WINDOWS: Final = {60_000: "1m", 300_000: "5m", HOUR_MS: "1h"}


def next_minimum(current: float, step: int) -> float:
    """The next larger (+1) or smaller (-1) minimum size; smaller liquidations are hidden."""
    place = sum(1 for value in MINIMUMS_USD if value <= current) - 1
    return MINIMUMS_USD[min(len(MINIMUMS_USD) - 1, max(0, place + step))]


def total_lines(totals: Sequence[LiquidationTotals], width: int) -> list[Line]:
    """One line per window: long against short, with the balance between them."""
    lines: list[Line] = []
    bar_width = max(0, min(24, width - 38))
    for total in totals:
        mark = "≥" if total.sampled_venues else " "
        whole = total.long_usd + total.short_usd
        share = total.long_usd / whole if whole > 0 else float("nan")
        longs = bar_text(share, bar_width) if whole > 0 and bar_width else ""
        lines.append(
            (
                (f"{_WINDOWS.get(total.window_ms, str(total.window_ms)):<3}", "heading"),
                ("long ", "muted"),
                (right(mark + usd_text(total.long_usd), 8), "liq-long"),
                ("  short ", "muted"),
                (right(mark + usd_text(total.short_usd), 8), "liq-short"),
                ("  ", ""),
                (longs, "liq-long"),
                ("─" * (bar_width - len(longs)), "liq-short" if whole > 0 else "track"),
            )
        )
    return lines


def passes(line: LiquidationLine, minimum_usd: float) -> bool:
    """Whether a line is shown; one with unknown size in dollars is shown only if there is no minimum."""
    return minimum_usd <= 0 or line.notional_usd >= minimum_usd


def liquidation_line(line: LiquidationLine, view: View, ticks: dict[tuple[str, str], float | None], width: int) -> Line:
    """One liquidation. Wide panes add the price and the venue's full name; the size is always shown."""
    large = line.notional_usd >= view.large_usd
    style = "liq-long" if line.side == "long" else "liq-short"
    size = "not USD" if isnan(line.notional_usd) else usd_text(line.notional_usd)
    emphasis = f"{style} strong reverse" if large else style
    wide = width >= 60
    symbol_width = min(20, width - 47) if wide else max(7, width - 29)
    spans: list[tuple[str, str]] = [
        (time_text(line.ts_ms, view.zone) + " ", "muted"),
        (pad(symbol_text(line.symbol), symbol_width) + " ", "strong" if large else ""),
        (pad(line.side.upper(), 5), style),
        (right(size, 8), emphasis),
    ]
    if wide:
        tick = ticks.get((line.venue, line.symbol))
        spans.append((right(price_text(line.price, tick, 11), 12), ""))
    spans.append((f"  {venue_title(line.venue) if wide else VENUE_MARKS.get(line.venue, line.venue[:2])}", "muted"))
    if line.sampled:
        spans.append((" sampled" if width >= 74 else "*", "muted"))
    return tuple(spans)


def liquidation_lines(view: View, minimum_usd: float, width: int, rows: int) -> list[Line]:
    """Totals, the last hour by minute if there is room, then liquidations, newest first; at most `rows` lines."""
    snapshot, since = view.snapshot, view.snapshot.liquidations_since_ms
    if since is None:
        return sentence(no_feed(snapshot), width)
    totals = snapshot.liquidation_totals if rows >= 8 else snapshot.liquidation_totals[1:2]
    lines = [*total_lines(totals, width), *_short_windows(totals, view, width)]
    shown = [line for line in snapshot.liquidations if passes(line, minimum_usd)]
    drawn = minute_lines(snapshot.liquidation_minutes, width, minute_rows(rows)) if rows >= 16 else []
    lines += [BLANK, *drawn] if drawn else []
    if rows >= 12:
        lines.append(BLANK)
    if not snapshot.liquidations:
        return [*lines, *sentence(f"no liquidation {since_text(since, snapshot.at_ms, view.zone)}", width)]
    if not shown:
        lowers = f"{view.keys.text('liquidations_less')} lowers the limit"
        none = f"none of at least {usd_text(minimum_usd)} among the newest 500; {lowers}"
        return [*lines, *sentence(none, width)]
    ticks = {(i.venue, i.symbol): i.tick for i in snapshot.instruments} if width >= 60 else {}
    return [*lines, *(liquidation_line(line, view, ticks, width) for line in shown[: max(0, rows - len(lines))])]


def _short_windows(totals: Sequence[LiquidationTotals], view: View, width: int) -> list[Line]:
    """Which of these windows began before the first feed was confirmed, so that their totals cover less."""
    since, at_ms = view.snapshot.liquidations_since_ms, view.snapshot.at_ms
    short = [_WINDOWS.get(t.window_ms, str(t.window_ms)) for t in totals if since and at_ms - since < t.window_ms]
    if not short or since is None:
        return []
    return wrapped(f"{', '.join(short)}: {since_text(since, at_ms, view.zone)} only", width, "muted")


def _none_of_symbol(view: View, focus: Focus) -> str:
    """That there was no liquidation of the symbol, and since when that is known."""
    since, at_ms = focus.liquidations_since_ms, view.snapshot.at_ms
    if since is None:
        return no_feed(view.snapshot, " of this symbol")
    minutes = focus.liquidation_minutes
    if minutes is not None and np.nansum((minutes.long_usd, minutes.short_usd)) > 0:
        return "none of this symbol among the newest 500 of all"
    told = "in the last hour" if at_ms - since >= HOUR_MS else since_text(since, at_ms, view.zone)
    return f"no liquidation of this symbol {told}"


def symbol_liquidation_lines(view: View, width: int, rows: int) -> list[Line]:
    """The liquidations of the symbol under the cursor."""
    focus, instrument = view.focus, view.instrument
    if instrument is None or focus is None:
        return sentence("waiting for the engine to load this symbol", width)
    lines = minute_lines(focus.liquidation_minutes, width, minute_rows(rows))
    if not focus.liquidations:
        if lines:
            return [*lines, *sentence("none of this symbol among the newest 500 of all", width)]
        return sentence(feed_warning(view) or _none_of_symbol(view, focus), width)
    ticks = {(instrument.venue, instrument.symbol): instrument.tick}
    shown = focus.liquidations[: max(0, rows - len(lines))]
    return [*lines, *(liquidation_line(line, view, ticks, width) for line in shown)]
