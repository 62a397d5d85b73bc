"""Chooses the book of an asset that the depth pane shows: the symbol's own, another venue's, or all merged.

Called by the depth pane and its presenter. A choice is a text that both screens share: empty for the symbol's own book,
`merged`, or the venue and quote currency of a peer. A book that is not verified, or whose venue is not live, may never
be drawn or merged; the pane names it with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Final

from engine.instruments import Instrument
from engine.snapshot import Ladder, Snapshot
from tui.presenters.columns import VENUE_MARKS
from tui.presenters.depth_ladder import book_tick
from tui.presenters.view import View, count_text, venue_title, venue_warning

OWN: Final = ""
MERGED: Final = "merged"

_ABSENCE: Final = {
    "absent": "no book: this recording or venue sends none for this symbol",
    "syncing": "book syncing: waiting for its first verified snapshot",
    "resyncing": "book resyncing: a message was missed, so the old book was discarded",
}
_SHORT: Final = {"absent": "no book", "syncing": "syncing", "resyncing": "resyncing"}

_Levels = tuple[tuple[str, str, float], ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A book to draw, or why there is none."""

    title: str
    """Symbol and venue, for the border."""
    ladder: Ladder
    tick: float | None
    quote: str
    note: str = ""
    """Shown first, because this is not the symbol's own book."""
    short: str = ""
    """A shorter note for low panes; empty: there is none."""
    trouble: str = ""
    """Why nothing can be drawn."""
    is_alarming: bool = False
    unit: float = 1.0
    """A price of the symbol times this is a price of the ladder."""
    is_merged: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    """One book of the asset."""

    instrument: Instrument
    ladder: Ladder
    unit: float


def peers_of(snapshot: Snapshot, row: int) -> tuple[Instrument, ...]:
    """The other trading perpetuals, quoted in dollars, on the asset of a row: those that the engine compares."""
    own = snapshot.instruments[row]
    if not own.is_rankable:
        return ()
    return tuple(
        one
        for one in snapshot.instruments
        if one is not own
        and (one.asset, one.category, one.status) == (own.asset, own.category, "trading")
        and one.is_rankable
    )


def step_choice(view: View, choice: str, step: int) -> str:
    """The next (+1) or previous (-1) book: the symbol's own, each peer's, all merged."""
    parts = _parts(view)
    if len(parts) < 2:
        return choice
    choices = list(dict.fromkeys([OWN, *(_name(part.instrument) for part in parts[1:]), MERGED]))
    place = choices.index(choice) if choice in choices else 0
    return choices[(place + step) % len(choices)]


def shown(view: View, choice: str) -> Shown | None:
    """The chosen book, or the symbol's own if the asset lacks it. None until the engine focuses on the symbol."""
    parts = _parts(view)
    if not parts:
        return None
    if choice == MERGED and len(parts) > 1:
        return _merged(view, parts)
    part = next((part for part in parts[1:] if _name(part.instrument) == choice), parts[0])
    instrument, ladder = part.instrument, part.ladder
    title = f"{instrument.symbol} · {venue_title(instrument.venue)}"
    note = ""
    if part is not parts[0]:
        own = parts[0].instrument
        note = f"another book than the row's: {venue_title(instrument.venue)} {instrument.symbol}"
        note += f", priced for {instrument.base}, not {own.base}" if part.unit != 1.0 else ""
    warning = venue_warning(view, instrument.venue)
    if warning and view.snapshot.mode != "replay":
        trouble, alarming = f"no book shown: {warning}", True
    else:
        trouble, alarming = _absence(ladder, asked=bool(note) and view.snapshot.mode != "replay")
        if warning and not trouble:
            note = "; ".join(filter(None, (note, f"{warning}: the book as it last was")))
    return Shown(
        title, ladder, instrument.tick, instrument.quote, note, trouble=trouble, is_alarming=alarming, unit=part.unit
    )


def _absence(ladder: Ladder, *, asked: bool) -> tuple[str, bool]:
    """Why a ladder cannot be drawn, and whether that is a fault; empty if it can."""
    if ladder.status == "absent" and asked:
        return "no book yet: it is requested while it is selected", False
    if ladder.status != "synced":
        return _ABSENCE.get(ladder.status, ladder.status), ladder.status == "resyncing"
    return ("", False) if ladder.bids and ladder.asks else ("the book has only one side", False)


def _parts(view: View) -> list[_Part]:
    """The symbol's own book first, then its peers' by row; empty until the engine focuses on the symbol."""
    focus, own = view.focus, view.instrument
    if focus is None or own is None:
        return []
    held = view.snapshot.instruments
    peers = [(held[peer.row], peer.ladder) for peer in focus.peer_books]
    return [
        _Part(instrument, ladder, instrument.multiplier / own.multiplier)
        for instrument, ladder in ((own, focus.ladder), *peers)
    ]


def _name(instrument: Instrument) -> str:
    return f"{instrument.venue} {instrument.quote}"


def _merged(view: View, parts: Sequence[_Part]) -> Shown:
    own = parts[0].instrument
    reasons = [_why_not(view, part) for part in parts]
    good = [part for part, reason in zip(parts, reasons, strict=True) if not reason]
    titles = _titles(parts)
    left_out = ", ".join(f"{title} ({reason})" for title, reason in zip(titles, reasons, strict=True) if reason)
    title = f"{own.asset} · {count_text(len(good), 'book')} merged"
    if not good:
        trouble = f"no verified book of {own.asset} to merge: {left_out}"
        return Shown(
            title,
            Ladder("absent", (), (), None),
            own.tick,
            own.quote,
            trouble=trouble,
            is_alarming=True,
            is_merged=True,
        )
    marks = [VENUE_MARKS.get(part.instrument.venue, part.instrument.venue) for part in parts]
    missing = [f"{mark} ({reason})" for mark, reason in zip(marks, reasons, strict=True) if reason]
    quotes = {part.instrument.quote for part in good}
    ladder = Ladder("synced", _side(good, "bids"), _side(good, "asks"), None)
    basis = good[0]
    return Shown(
        title=title,
        ladder=ladder,
        tick=book_tick(basis.ladder, basis.instrument.tick) / basis.unit,
        quote=quotes.pop() if len(quotes) == 1 else "USD",
        note=f"MERGED {', '.join(_kept(titles, reasons))}" + (f" · without {left_out}" if left_out else ""),
        short=f"MERGED {' '.join(_kept(marks, reasons))}" + (f" · without {' '.join(missing)}" if missing else ""),
        is_merged=True,
    )


def _kept(names: Sequence[str], reasons: Sequence[str]) -> list[str]:
    """The names that have no reason against them."""
    return [name for name, reason in zip(names, reasons, strict=True) if not reason]


def _titles(parts: Sequence[_Part]) -> list[str]:
    """Venue names, with the quote currency if a venue has several books."""
    books = Counter(part.instrument.venue for part in parts)
    return [
        venue_title(one.venue) + (f" {one.quote}" if books[one.venue] > 1 else "")
        for one in (part.instrument for part in parts)
    ]


def _why_not(view: View, part: _Part) -> str:
    """Why a book cannot be merged; empty if it can."""
    feed = next((feed for feed in view.snapshot.feeds if feed.venue == part.instrument.venue), None)
    if view.snapshot.mode != "replay" and feed is not None and feed.state != "live":
        return feed.state
    ladder = part.ladder
    if ladder.status != "synced":
        return _SHORT.get(ladder.status, ladder.status)
    if not ladder.bids or not ladder.asks:
        return "one side only"
    return "contract size not known" if isnan(ladder.bids[0][2]) else ""


def _side(parts: Sequence[_Part], side: str) -> _Levels:
    """One side of all books, best first, in the first symbol's prices and as far as every book reaches.

    Beyond the end of the shortest book, a sum would cover fewer books than the title says.
    """
    asks = side == "asks"
    books: list[_Levels] = [getattr(part.ladder, side) for part in parts]
    ends = [float(levels[-1][0]) / part.unit for part, levels in zip(parts, books, strict=True)]
    end = min(ends) if asks else max(ends)
    merged = [
        (float(price) / part.unit, price if part.unit == 1.0 else f"{float(price) / part.unit:.15g}", size, notional)
        for part, levels in zip(parts, books, strict=True)
        for price, size, notional in levels
    ]
    kept = [level for level in merged if (level[0] <= end if asks else level[0] >= end)]
    kept.sort(key=lambda level: level[0] if asks else -level[0])
    return tuple((price, size, notional) for _, price, size, notional in kept)
