"""What a pane is given to draw: one snapshot, the symbol under the cursor and how times are read.

Made by the app eight times a second for the screen in front. Panes read it and keep nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Final

from engine.instruments import Instrument
from engine.snapshot import Feed, Focus, Snapshot
from tui.presenters.lines import Line, wrapped

VENUE_TITLES: Final[dict[str, str]] = {
    "binance-usdm": "Binance",
    "binance-spot": "Binance spot",
    "bybit-linear": "Bybit",
    "bybit-spot": "Bybit spot",
    "okx": "OKX",
    "bitget-usdt": "Bitget",
}
_WORDS: Final = frozenset({"rsi", "ao", "macd", "cci", "atr", "adl", "cmf", "obv", "vwap"})


@dataclass(frozen=True, slots=True)
class Risk:
    """What a position may cost, from the configuration."""

    equity_usd: float = 10_000.0
    risk_frac: float = 0.01
    """Of equity, lost at the stop."""
    depth_cap_frac: float = 0.1
    """Largest share of the depth within 1 % of mid that one position may take."""


@dataclass(frozen=True, slots=True)
class View:
    """One moment for the panes; `row` is the instrument under the cursor, None where there is none."""

    snapshot: Snapshot
    row: int | None
    now_ms: int
    """Event time in demo and replay, the machine's in live."""
    zone: tzinfo | None = None
    """None: the user's own."""
    risk: Risk = field(default_factory=Risk)
    large_usd: float = 100_000.0
    """A liquidation of this size is highlighted."""

    @property
    def instrument(self) -> Instrument | None:
        return None if self.row is None else self.snapshot.instruments[self.row]

    @property
    def focus(self) -> Focus | None:
        """The details of the symbol under the cursor; None until the engine has turned to it."""
        focus = self.snapshot.focus
        return focus if focus is not None and focus.row == self.row else None

    @property
    def feed(self) -> Feed | None:
        """The stream that the symbol's data comes from."""
        instrument = self.instrument
        return next((f for f in self.snapshot.feeds if instrument and f.venue == instrument.venue), None)


def time_text(ts_ms: int, zone: tzinfo | None, form: str = "%H:%M:%S") -> str:
    """An event time in the user's zone."""
    return datetime.fromtimestamp(ts_ms / 1000, tz=UTC).astimezone(zone).strftime(form)


def zone_text(ts_ms: int, zone: tzinfo | None) -> str:
    """The zone's short name at that time."""
    return datetime.fromtimestamp(ts_ms / 1000, tz=UTC).astimezone(zone).tzname() or "local"


def venue_title(venue: str) -> str:
    """The venue as people call it; an unknown one by its id."""
    return VENUE_TITLES.get(venue, venue)


def words(name: str) -> str:
    """A component's or face's name as shown: `open_interest` -> `open interest`, `rsi` -> `RSI`."""
    return name.upper() if name in _WORDS else name.replace("_", " ")


def count_text(number: int, noun: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def feed_warning(view: View) -> str:
    """What is wrong with the stream of the symbol under the cursor, in words; empty while it is live."""
    return "" if view.instrument is None else venue_warning(view, view.instrument.venue)


def venue_warning(view: View, venue: str) -> str:
    """What is wrong with the stream of a venue, in words; empty while it is live."""
    feed = next((feed for feed in view.snapshot.feeds if feed.venue == venue), None)
    if feed is None or feed.state == "live":
        return ""
    return f"{venue_title(venue)} {feed.state}" + (f": {feed.detail}" if feed.detail else "")


def sentence(text: str, width: int, style: str = "muted") -> list[Line]:
    """A pane's whole content when it has nothing to show but a reason."""
    return [(("", ""),), *((((" ", ""), *line)) for line in wrapped(text, max(4, width - 2), style))]


NO_SYMBOL: Final[Mapping[str, str]] = {
    "prism": "no symbol under the cursor: the table is empty",
    "depth": "no symbol under the cursor, so no book",
}
