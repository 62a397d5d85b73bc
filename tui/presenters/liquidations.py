"""The liquidation ticker: totals of both sides, the last hour by minute, and the newest forced orders.

Called by the liquidations pane. `long` means that a long position was liquidated, in words, since venues name
the side of the closing order. A total that contains a sampling venue is a lower bound and is marked `≥`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Final

from engine.snapshot import LiquidationLine, LiquidationTotals
from tui.presenters.columns import VENUE_MARKS, symbol_text
from tui.presenters.format import bar_text, pad, price_text, usd_text
from tui.presenters.lines import BLANK, Line, right
from tui.presenters.liquidation_minutes import minute_lines, minute_rows
from tui.presenters.view import View, feed_warning, sentence, time_text, venue_title

MINIMUMS_USD: Final = (0.0, 1_000.0, 10_000.0, 50_000.0, 100_000.0, 500_000.0, 1_000_000.0)
_WINDOWS: Final = {60_000: "1m", 300_000: "5m", 3_600_000: "1h"}


def next_minimum(current: float, step: int) -> float:
    """The next larger (+1) or smaller (-1) size below which liquidations are hidden."""
    place = sum(1 for value in MINIMUMS_USD if value <= current) - 1
    return MINIMUMS_USD[min(len(MINIMUMS_USD) - 1, max(0, place + step))]


def total_lines(totals: Sequence[LiquidationTotals], width: int) -> list[Line]:
    """One line a window: long against short with the balance between them."""
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
    """Whether a line is shown; one whose size in dollars is not known shows only while nothing is hidden."""
    return minimum_usd <= 0 or line.notional_usd >= minimum_usd


def liquidation_line(line: LiquidationLine, view: View, ticks: dict[tuple[str, str], float | None], width: int) -> Line:
    """One liquidation. Wide panes add the price and the venue's full name; the size is never left out."""
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
    """Totals, a heading and at most `rows` lines in all; the newest liquidation first, in rows that do not move."""
    snapshot = view.snapshot
    lines = total_lines(snapshot.liquidation_totals, width) if rows >= 8 else total_lines(
        snapshot.liquidation_totals[1:2], width
    )  # fmt: skip
    shown = [line for line in snapshot.liquidations if passes(line, minimum_usd)]
    drawn = minute_lines(snapshot.liquidation_minutes, width, minute_rows(rows)) if rows >= 16 else []
    lines += [BLANK, *drawn] if drawn else []
    lines.append(BLANK) if rows >= 12 else None
    if not snapshot.liquidations:
        return [*lines, *sentence("no liquidation reported since the start", width)]
    if not shown:
        return [
            *lines,
            *sentence(f"none of at least {usd_text(minimum_usd)} among the newest 500; M shows smaller", width),
        ]
    ticks = {(i.venue, i.symbol): i.tick for i in snapshot.instruments} if width >= 60 else {}
    return [*lines, *(liquidation_line(line, view, ticks, width) for line in shown[: max(0, rows - len(lines))])]


def symbol_liquidation_lines(view: View, width: int, rows: int) -> list[Line]:
    """The liquidations of the symbol under the cursor alone."""
    focus, instrument = view.focus, view.instrument
    if instrument is None or focus is None:
        return sentence("waiting for the engine to turn to this symbol", width)
    lines = minute_lines(focus.liquidation_minutes, width, minute_rows(rows))
    if not focus.liquidations:
        if lines:
            return [*lines, *sentence("none of this symbol among the newest 500 of all", width)]
        return sentence(feed_warning(view) or "no liquidation of this symbol in the last hour", width)
    ticks = {(instrument.venue, instrument.symbol): instrument.tick}
    shown = focus.liquidations[: max(0, rows - len(lines))]
    return [*lines, *(liquidation_line(line, view, ticks, width) for line in shown)]
