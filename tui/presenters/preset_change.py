"""The effect of a preset switch in one line: `relaxed: +14 symbols, -0; BASUSDT enters at 7`.

Called by the app when the user switches. Both rankings are of the same scan, so only the presets differ.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.instruments import Instrument
from engine.ranking.result import Ranking
from tui.presenters.columns import symbol_text
from tui.presenters.view import count_text


def preset_change(before: Ranking, after: Ranking, instruments: Sequence[Instrument]) -> str:
    """How many symbols enter and leave; the best ranked newcomer, or else leaver, by name and rank."""
    was, now = before.candidates.tolist(), after.candidates.tolist()
    held, kept = set(was), set(now)
    enters = [(place, row) for place, row in enumerate(now, 1) if row not in held]
    leaves = [(place, row) for place, row in enumerate(was, 1) if row not in kept]
    told = f"{after.preset}: +{count_text(len(enters), 'symbol')}, -{len(leaves):,}"
    if enters:
        place, row = enters[0]
        return f"{told}; {symbol_text(instruments[row].symbol)} enters at {place}"
    if leaves:
        place, row = leaves[0]
        return f"{told}; {symbol_text(instruments[row].symbol)} leaves, was {place}"
    return told
