"""The newest trades, funding and open interest of one symbol.

Called by the symbol's screen.
"""

from __future__ import annotations

import numpy as np

from tui.presenters.format import percent_text, price_text, usd_text
from tui.presenters.gauges import sparkline
from tui.presenters.lines import Line, right
from tui.presenters.view import View, feed_warning, sentence, time_text


def tape_lines(view: View, width: int, rows: int) -> list[Line]:
    """Trades, newest first; the taker's side stands as a word's letter and a colour."""
    focus, instrument = view.focus, view.instrument
    if focus is None or instrument is None:
        return sentence("waiting for the engine to turn to this symbol", width)
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


def history_lines(view: View, width: int) -> list[Line]:
    """Funding and open interest: the present figure, the history as a sparkline, and its change."""
    focus, row = view.focus, view.row
    if focus is None or row is None:
        return sentence("waiting for the engine to turn to this symbol", width)
    columns = view.snapshot.columns
    funding, interval = float(columns.funding_frac[row]), float(columns.funding_interval_h[row])
    every = f" per {interval:g}h" if np.isfinite(interval) else ""
    room = max(8, width - 2)
    lines: list[Line] = [
        (("FUNDING", "heading"), (f"  {percent_text(funding, 4, 9)}{every if np.isfinite(funding) else ''}", "")),
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
