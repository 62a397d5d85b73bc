"""The simulated market's events and query results: plain records in exact integers.

Made by `engine.simulator.world`, read by the simulated exchanges, which convert them to each venue's messages. Prices
are in ticks, sizes in steps of the instrument, times in milliseconds since the epoch, money in tick-steps (ticks times
steps: one is worth `tick * step * contract_size` of the quote currency). Keep wire formats out of here.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.simulator.sim_instrument import SimInstrument

PositionSide = Literal["long", "short"]
Status = Literal["hidden", "pending", "trading", "delisted"]
"""`hidden`: not yet announced; `pending`: announced, not trading; `delisted`: ended for good."""
RatioName = Literal["accounts", "top_accounts", "top_positions"]
Levels = list[tuple[int, int]]
"""(ticks, steps) of price levels, best first; in a `BookChange` in no order, and steps 0 removes the level."""


class Trade(msgspec.Struct, frozen=True, gc=False):
    """Fills of one taker order at one price."""

    instrument: SimInstrument
    ms: int
    id: int
    """Counts up by 1 per instrument (an aggregate trade id)."""
    first: int
    """Id of the first single fill in it; single fills count up by 1 per instrument."""
    last: int
    ticks: int
    steps: int
    buy: bool
    """The taker bought."""
    order: int
    """Number of the taker order, shared by the trades of one sweep; counts up per instrument."""


class BookChange(msgspec.Struct, frozen=True, gc=False):
    """Levels that changed together, with their new sizes; `steps` 0 removes a level."""

    instrument: SimInstrument
    ms: int
    first: int
    """First update id of the matching engine in it; always one more than `last` of the previous change."""
    last: int
    bids: Levels
    """In no order."""
    asks: Levels


class Liquidation(msgspec.Struct, frozen=True, gc=False):
    """A position closed by the venue; its fills are `Trade`s of their own, emitted just before."""

    instrument: SimInstrument
    ms: int
    side: PositionSide
    """The position that was closed: a long is closed by selling."""
    steps: int
    bankruptcy_ticks: int
    """Limit of the closing order: its mean fill is at this price or better."""
    filled: int
    """Tick-steps traded by the closing order; `filled / steps` is its mean price in ticks."""

    @property
    def fill_ticks(self) -> int:
        """Mean fill, to the nearest tick."""
        return (2 * self.filled + self.steps) // (2 * self.steps)


class FundingSettled(msgspec.Struct, frozen=True, gc=False):
    """A funding settlement."""

    instrument: SimInstrument
    ms: int
    rate_e8: int
    """Fraction per interval in units of 1e-8; positive: longs pay."""
    mark: int
    """Mark price in hundredths of a tick."""


class OpenInterestChanged(msgspec.Struct, frozen=True, gc=False):
    """Open interest, one side counted; emitted about once a second while it changes."""

    instrument: SimInstrument
    ms: int
    steps: int


class Announced(msgspec.Struct, frozen=True, gc=False):
    """A new listing was announced: the instrument is now `pending` and trades from `instrument.listed_ms`."""

    instrument: SimInstrument
    ms: int


class Listed(msgspec.Struct, frozen=True, gc=False):
    """Trading began."""

    instrument: SimInstrument
    ms: int


class Delisted(msgspec.Struct, frozen=True, gc=False):
    """Trading ended for good; the book was emptied by a change just before."""

    instrument: SimInstrument
    ms: int


Happening = Trade | BookChange | Liquidation | FundingSettled | OpenInterestChanged | Announced | Listed | Delisted


class BookState(msgspec.Struct, frozen=True):
    """A full book, or its best levels."""

    instrument: SimInstrument
    ms: int
    """Of the last change."""
    update_id: int
    """`last` of the last change."""
    bids: Levels
    asks: Levels


class Best(msgspec.Struct, frozen=True):
    """Best quotes. 0 ticks and 0 steps: that side is empty."""

    instrument: SimInstrument
    ms: int
    update_id: int
    bid: int
    bid_steps: int
    ask: int
    ask_steps: int


class Bar(msgspec.Struct, frozen=True):
    """One candle."""

    open_ms: int
    interval_ms: int
    open: int
    high: int
    low: int
    close: int
    """Ticks. A bar without trades has the previous close as all four prices."""
    steps: int
    buy_steps: int
    """The part of `steps` bought by takers."""
    quote: int
    """Tick-steps."""
    buy_quote: int
    trades: int
    """Single fills."""
    closed: bool


class Ticker(msgspec.Struct, frozen=True):
    """Rolling 24 hours; the start of the window moves in steps of 15 minutes."""

    ms: int
    open_ms: int
    open: int
    high: int
    low: int
    last: int
    last_steps: int
    """Size of the last trade."""
    steps: int
    quote: int
    trades: int
    first_id: int
    """First and last id of the single fills in it."""
    last_id: int


class Mark(msgspec.Struct, frozen=True):
    """Mark and index price, both in hundredths of a tick (`SimInstrument.fine_text`)."""

    ms: int
    mark: int
    index: int


class FundingState(msgspec.Struct, frozen=True):
    """The current state of the next funding settlement."""

    ms: int
    rate_e8: int
    """Predicted rate, fraction per interval in units of 1e-8."""
    next_ms: int
    interval_h: int
    last_rate_e8: int
    """The rate settled last."""


class InterestPoint(msgspec.Struct, frozen=True):
    """Open interest at the end of a period."""

    ms: int
    steps: int
    mark: int
    """Hundredths of a tick."""


class RatioPoint(msgspec.Struct, frozen=True):
    """Shares of longs and shorts at the end of a period, in units of 1e-4; they sum to 10,000."""

    ms: int
    long_e4: int
    short_e4: int


class TakerPoint(msgspec.Struct, frozen=True):
    """Taker volumes of the period that opened at `ms`."""

    ms: int
    buy_steps: int
    sell_steps: int


class Totals(msgspec.Struct, frozen=True):
    """Exact totals of one instrument since the world began, to compare with what a consumer computed."""

    trades: int
    fills: int
    buy_steps: int
    sell_steps: int
    buy_quote: int
    sell_quote: int
    liquidations_long: int
    liquidations_short: int
    liquidated_long_steps: int
    liquidated_short_steps: int
    open_interest_steps: int
    book_changes: int
