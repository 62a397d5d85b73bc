"""The newest trades, funding and open interest of one symbol.

Called by the symbol's screen.
"""

from __future__ import annotations

from math import isfinite

import numpy as np

from tui.presenters.format import countdown_text, percent_text, price_text, usd_text
from tui.presenters.gauges import sparkline
from tui.presenters.lines import Line, right
from tui.presenters.view import View, feed_warning, sentence, time_text


def tape_lines(view: View, width: int, rows: int) -> list[Line]:
    """Trades, newest first; the taker's side is shown by a letter and a colour."""
    focus, instrument = view.focus, view.instrument
    if focus is None or instrument is None:
        return sentence("waiting for the engine to load this symbol", width)
    if not focus.tape:
        return sentence(
            feed_warning(view) or "no trade seen since the start: this symbol's trades may not be streamed", width
        )
    lines: list[Line] = []
    for trade in focus.tape[:rows]:
        style = "up" if trade.taker_buy else "down"
        lines.append(
            (
                (time_text(trade.ts_ms, view.zone) + " ", "muted"),
                ("B" if trade.taker_buy else "S", style),
                (right(price_text(trade.price, instrument.tick), 12), style),
                (right(usd_text(trade.notional_usd), 9), ""),
            )
        )
    return lines


def _funding(rate: float, interval_h: float, left_ms: int | None, width: int) -> Line:
    """The rate as the venue states it, the same per 8 h, and when it settles; as much of that as fits."""
    head = f"  {percent_text(rate, 4, 9)}"
    same = settles = ""
    if isfinite(rate) and interval_h > 0:
        head += f" per {interval_h:g}h"
        same = f" = {percent_text(rate * 8 / interval_h, 4, 9)} per 8h" if interval_h != 8 else ""
    # A settlement long past means that the venue sends nothing any more.
    if left_ms is not None and left_ms > -60_000:
        settles = f" · settles in {countdown_text(left_ms)}" if left_ms > 0 else " · settles now"
    room = width - len("FUNDING" + head)
    told = next((one for one in (same + settles, settles, same) if len(one) <= room), "")
    return (("FUNDING", "heading"), (head + told, ""))


def funding_line(view: View, width: int) -> Line:
    """The current funding rate of the symbol and when it settles. Needs a focus."""
    focus, row, columns = view.focus, view.row, view.snapshot.columns
    assert focus is not None
    assert row is not None
    settled_ms = focus.next_funding_ms
    return _funding(
        float(columns.funding_frac[row]),
        float(columns.funding_interval_h[row]),
        None if settled_ms is None else settled_ms - view.now_ms,
        width,
    )


def history_lines(view: View, width: int) -> list[Line]:
    """Funding and open interest: the current figure, the history as a sparkline, and the change of open interest."""
    focus, row = view.focus, view.row
    if focus is None or row is None:
        return sentence("waiting for the engine to load this symbol", width)
    columns = view.snapshot.columns
    room = max(8, width - 2)
    lines: list[Line] = [
        funding_line(view, width),
        ((sparkline(focus.funding_frac.tolist(), room) or "no settlement known", "accent"),),
    ]
    interest = focus.open_interest_usd
    known = interest[np.isfinite(interest)]
    change = known[-1] / known[0] - 1 if len(known) > 1 and known[0] else float("nan")
    span = f" over {len(interest) * 15 / 60:g}h" if np.isfinite(change) else ""
    now = float(columns.open_interest_usd[row])
    lines += [
        (("OPEN INTEREST", "heading"), (f"  {usd_text(now)}  {percent_text(change)}{span}", "")),
        ((sparkline(interest.tolist(), room) or "no history known", "accent"),),
    ]
    return lines
