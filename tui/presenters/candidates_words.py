"""The sentences of the candidates table: why it is empty, and why the row under the cursor is still there.

Used by `tui.presenters.candidates`. Functions of a sheet and the user's choices; nothing here decides which rows are
shown.
"""

from __future__ import annotations

import numpy as np

from engine.ranking.result import GATES
from engine.ranking.words import gate_title, veto_text
from tui.actions import Keymap
from tui.presenters.columns import symbol_text
from tui.presenters.no_candidates import WAITING
from tui.presenters.row import Key
from tui.presenters.sheet import Sheet, telling
from tui.presenters.view import count_text
from tui.presenters.view_state import ViewState
from tui.presenters.waiting import lost_words


def left_words(sheet: Sheet, row: int, key: Key, state: ViewState) -> str:
    """Why a row no longer belongs among those shown, and stays only because the cursor is on it."""
    symbol = symbol_text(key.symbol)
    if state.watch_only and key not in state.watched:
        return f"{symbol} is no longer on the watch-list"
    veto = veto_text(sheet.ranking, row)
    if veto is not None and not state.vetoed and not sheet.is_cached:
        return f"{symbol} is gated now: {veto}"
    if state.vetoed and veto is None:
        return f"{symbol} passes all gates now"
    return f"{symbol} no longer matches {' and '.join(state.filters()) or 'this view'}"


def gated_words(sheet: Sheet, row: int, key: Key) -> str:
    """Which gate stops a row that is shown among those that pass; empty if none does."""
    veto = veto_text(sheet.ranking, row)
    return f"{symbol_text(key.symbol)} is gated: {veto}" if veto is not None else ""


def empty_words(sheet: Sheet | None, state: ViewState, elsewhere: int, keymap: Keymap) -> str:
    """Why no row is shown, a line for each reason; `elsewhere` rows match in the other view, of passing or gated
    rows."""
    if sheet is None or sheet.snapshot.at_ms == 0:
        return WAITING
    if not sheet.rows:
        return "waiting for the venues' instruments"
    ranked, gated = len(sheet.ranking.candidates), len(sheet.ranking.vetoed)
    if not ranked + gated:
        return "no perpetual quoted in dollars yet"
    shows_gated = state.vetoed or sheet.is_cached
    if state.watch_only and not state.watched:
        return f"the watch-list is empty: {keymap.text('watch')} puts the symbol under the cursor on it"
    key = keymap.text("vetoed")
    offered = gated if shows_gated else ranked + gated if state.watch_only else ranked
    if offered or elsewhere:
        told = f"none of {count_text(offered, 'row')} matches {' and '.join(state.filters()) or 'this view'}"
        matching = "matches" if elsewhere == 1 else "match"
        kind = f"{'passing' if shows_gated else 'gated'} row"
        return f"{told}\n{count_text(elsewhere, kind)} {matching}; press {key}" if elsewhere else told
    if state.vetoed:
        return f"no row is gated by {sheet.preset} ({ranked} pass; press {key})"
    lost = [words] if (words := lost_words(sheet.snapshot.feeds)) else []
    if bool(np.isnan(sheet.numbers("score")).all()):
        return "\n".join((*lost, f"warming: no score yet for {count_text(gated, 'instrument')}"))
    none = f"no row passes {sheet.preset} ({gated} gated; press {key})"
    return "\n".join((*lost, none, *_what_stops(sheet)))


def _what_stops(sheet: Sheet) -> list[str]:
    """The gates that stop most rows, and whether history is still being loaded."""
    failed = telling(sheet.ranking.gate_passed[sheet.ranking.vetoed])
    counts = {name: int(failed[:, at].sum()) for at, (name, _) in enumerate(GATES)}
    worst = sorted((name for name in counts if counts[name]), key=lambda name: -counts[name])[:3]
    told = [f"gated by {', '.join(f'{gate_title(name)} {counts[name]}' for name in worst)}"] if worst else []
    asked = sum(feed.backfill for feed in sheet.snapshot.feeds)
    if asked:
        told.append(
            f"history is still coming: {asked} more answers from the venues; each raises the coverage of scores"
        )
    return told
