"""The input of every pane: one snapshot, the symbol under the cursor, the time and zone, and the user's risk settings.

The app makes it eight times a second for the screen in front. Panes read it and must never change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Final

from tui.actions import Keymap
from tui.presenters.lines import Line, wrapped
from tui.presenters.told import Told

if TYPE_CHECKING:
    from engine.instruments import Instrument
    from engine.prism.board import Board
    from engine.snapshot import Focus, Snapshot

VENUE_TITLES: Final[dict[str, str]] = {
    "binance-usdm": "Binance",
    "binance-spot": "Binance spot",
    "bybit-linear": "Bybit",
    "bybit-spot": "Bybit spot",
    "okx": "OKX",
    "bitget-usdt": "Bitget",
}
_WORDS: Final = frozenset({"rsi", "ao", "macd", "cci", "atr", "cmf", "obv", "vwap"})
_SPOKEN: Final[dict[str, str]] = {
    "adl": "A/D",  # not ADL, which is auto-deleveraging to every trader of perpetuals
    "divergence": "volume divergence",
    "williams_r": "Williams %R",
    "long_short_ratio": "long/short ratio",
    "support_resistance": "support/resistance",
}
"""Names that would mislead, or say too little, if only their underscores were replaced."""


@dataclass(frozen=True, slots=True)
class Risk:
    """Limits of a position, from the configuration."""

    equity_usd: float = 10_000.0
    risk_frac: float = 0.01
    """Share of equity lost at the stop."""
    depth_cap_frac: float = 0.1
    """Largest share of the depth within 1 % of mid that one position may take."""


@dataclass(frozen=True, slots=True)
class View:
    """What the panes show now; `row` is the instrument under the cursor, or None."""

    snapshot: Snapshot
    row: int | None
    now_ms: int
    """Event time in demo and replay, the machine's clock in live."""
    zone: tzinfo | None = None
    """None: the machine's local zone."""
    risk: Risk = field(default_factory=Risk)
    large_usd: float = 100_000.0
    """Liquidations of this size or more are highlighted."""
    told: tuple[Told, ...] = ()
    """The newest quick notices of this run, oldest first."""
    unlisted: str = ""
    """Symbol and venue of what the screens are about if the snapshot does not list it; `row` is None then."""
    alerts: str = ""
    """What the header says of alerts while they are on; empty: off."""
    keys: Keymap = field(default_factory=Keymap)
    """For texts that name a key."""

    @property
    def instrument(self) -> Instrument | None:
        return None if self.row is None else self.snapshot.instruments[self.row]

    @property
    def board(self) -> Board:
        """The scores under the current preset; a preset with its own face weights has its own board."""
        own = self.snapshot.ranking.board
        return self.snapshot.board if own is None else own

    @property
    def focus(self) -> Focus | None:
        """The details of the symbol under the cursor; None until the engine focuses on it."""
        focus = self.snapshot.focus
        return focus if focus is not None and focus.row == self.row else None


def time_text(ts_ms: int, zone: tzinfo | None, form: str = "%H:%M:%S") -> str:
    """An event time in the user's zone."""
    return datetime.fromtimestamp(ts_ms / 1000, tz=UTC).astimezone(zone).strftime(form)


def since_text(since_ms: int, at_ms: int, zone: tzinfo | None) -> str:
    """A time in the user's zone, and how long ago it is: `since 22:27 (5 min)`."""
    ago_ms = max(0, at_ms - since_ms)
    form, ago = ("%H:%M", f"{ago_ms // 60_000} min") if ago_ms >= 60_000 else ("%H:%M:%S", f"{ago_ms // 1000} s")
    return f"since {time_text(since_ms, zone, form)} ({ago})"


def zone_text(ts_ms: int, zone: tzinfo | None) -> str:
    """The zone's short name at that time."""
    return datetime.fromtimestamp(ts_ms / 1000, tz=UTC).astimezone(zone).tzname() or "local"


def venue_title(venue: str) -> str:
    """The venue's usual name; its id if unknown."""
    return VENUE_TITLES.get(venue, venue)


def words(name: str) -> str:
    """A component's or face's name as shown: `open_interest` -> `open interest`, `rsi` -> `RSI`."""
    return name.upper() if name in _WORDS else _SPOKEN.get(name, name.replace("_", " "))


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
    """The content of a pane that can only show the reason why it is empty."""
    return [(("", ""),), *((((" ", ""), *line)) for line in wrapped(text, max(4, width - 2), style))]


def no_symbol(view: View, pane: str) -> str:
    """Why a pane has no row to show."""
    return f"{view.unlisted} is not listed at this moment" if view.unlisted else _NO_SYMBOL[pane]


_NO_SYMBOL: Final[Mapping[str, str]] = {
    "prism": "no symbol under the cursor: the table is empty",
    "depth": "no symbol under the cursor, so no book",
}
