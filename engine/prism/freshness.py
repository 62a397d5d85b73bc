"""Staleness: the age of each source and the limit above which it is not scored.

Read by the live faces. The limits are the project's own: each is a few periods of the slowest venue's push of that
source, so that one late message is not a fault. Ages are event time at the scan; nothing here reads a clock.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.arrays import Bools, Floats, Ints
from engine.market.view import Bars, MarketView
from engine.prism.board import Status
from engine.prism.draft import Draft
from engine.prism.roster import Roster

TAPE_LIMIT_MS: Final = 120_000
"""Since the newest trade of any row of the venue: a coin without trades is quiet, not broken."""
BOOK_LIMIT_MS: Final = 120_000
"""Since the newest applied message of the row's own book. In a quiet book nothing changes for minutes, and OKX confirms
an unchanged one about every 60 s."""
BEHIND_LIMIT_MS: Final = 15_000
"""How much older a book may be than the row's newest trade that should have changed it, and than the newest book, trade
or quote of its venue, without which the connection itself is in doubt. A trade filled only by orders that no public
book shows (retail price improvement, OKX's ELP) changes none."""
PRICE_LIMIT_MS: Final = 15 * 60_000
"""Since the last trade, or the best quotes if they are newer."""
FUNDING_LIMIT_MS: Final = 120_000
"""Mark price and funding estimate: pushed at least every minute."""
OPEN_INTEREST_LIMIT_MS: Final = 15 * 60_000
"""Polled every few minutes if no stream carries it."""
RATIO_LIMIT_MS: Final = 30 * 60_000
"""Published for periods of 5 to 15 minutes, after the period has closed."""
VENUE_LIMIT_MS: Final = 120_000
"""Since the newest message of any scored kind from the venue; used for feeds that may legitimately be silent."""
CANDLE_GRACE_MS: Final = 120_000
"""How much later than one interval after its predecessor a closed bar may arrive."""


def age_ms(view: MarketView, times_ms: Ints) -> Floats:
    """`[rows]` age at the scan; NaN if the time is -1."""
    return np.where(times_ms >= 0, (view.at_ms - times_ms).astype(np.float64), np.nan)


def tape_stale(view: MarketView, roster: Roster) -> Bools:
    """`[rows]` no row of the venue has traded within `TAPE_LIMIT_MS`."""
    return view.at_ms - roster.newest_of_venue(view.tape.newest_ms) > TAPE_LIMIT_MS


def venue_stale(view: MarketView, roster: Roster) -> Bools:
    """`[rows]` the venue sent no message of any scored kind within `VENUE_LIMIT_MS`."""
    facts, feed = view.derivatives, view.liquidations
    liquidated = (feed.long_usd[:, -2:] + feed.short_usd[:, -2:]).sum(axis=1) > 0.0
    newest = np.maximum.reduce(
        [
            view.tape.newest_ms,
            view.books.updated_ms,
            facts.last_ms,
            facts.quote_ms,
            facts.mark_ms,
            np.where(liquidated, view.at_ms, -1),
        ]
    )
    return view.at_ms - roster.newest_of_venue(newest) > VENUE_LIMIT_MS


def books_stale(view: MarketView, roster: Roster) -> Bools:
    """`[rows]` the book is too old, behind its own trades, or of a venue that is silent; False without a book."""
    books, tape = view.books.updated_ms, view.tape
    of_venue = roster.newest_of_venue(np.maximum.reduce([books, tape.newest_ms, view.derivatives.quote_ms]))
    is_late = (view.at_ms - books > BOOK_LIMIT_MS) | (tape.in_book_ms - books > BEHIND_LIMIT_MS)
    return (books >= 0) & (is_late | (view.at_ms - of_venue > BEHIND_LIMIT_MS))


def bars_stale(view: MarketView, bars: Bars) -> Bools:
    """`[rows]` the bar after the newest closed one is overdue; False without any bar."""
    closed_ms = bars.open_ms[:, -1] + bars.interval_ms
    return (bars.open_ms[:, -1] >= 0) & (view.at_ms - closed_ms > bars.interval_ms + CANDLE_GRACE_MS)


def refuse_without_book(draft: Draft, view: MarketView, roster: Roster) -> None:
    """Refuse rows without a synced book (MISSING, the book's status as reason), with one of `books_stale` (STALE) or
    with an empty side (MISSING)."""
    books = view.books
    absent = books.updated_ms < 0
    if absent.any():
        states = np.array(books.status)
        for state in np.unique(states[absent]).tolist():
            draft.refuse(absent & (states == state), Status.MISSING, f"book {state}")
    age = age_ms(view, books.updated_ms)
    draft.refuse_values(books_stale(view, roster), Status.STALE, age, 1000.0, lambda ms: f"book {ms / 1000:.0f} s old")
    empty = np.isnan(books.bid[:, 0]) | np.isnan(books.ask[:, 0])
    draft.refuse(empty, Status.MISSING, "one side of the book is empty")
