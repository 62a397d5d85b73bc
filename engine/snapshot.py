"""What leaves the engine: one immutable, self-contained picture of everything at one instant.

Published by `engine.runtime` after each scan; pulled by the console at its own pace and by the
headless commands once. Nothing in it changes after it was made and nothing in it refers back to live
state, so it can be kept, compared, or sent to another process. Event-time only: no wall-clock value
stands here except in `Health`, which no document prints for a replay.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from engine.instruments import Instrument
from engine.prism.across import Compared
from engine.prism.board import Board
from engine.prism.past import Change
from engine.prism.standing import Standing
from engine.prism.traps import Traps
from engine.ranking.result import Ranking

SNAPSHOT_VERSION: Final = 1

Mode = Literal["live", "demo", "replay"]
FeedState = Literal["connecting", "syncing", "live", "stale", "down"]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Feed:
    """One venue's stream as it stands."""

    venue: str
    state: FeedState
    detail: str
    """In words what is wrong and what prism does about it; empty while live."""
    age_ms: int | None
    """Event-time age of its newest frame at the snapshot."""
    frames: int
    rejected: int
    unknown: int
    books_synced: int
    books_resyncing: int
    latency_ms: float | None = None
    """Round trip of the newest answered ping or request; None: not measured."""
    skew_ms: float | None = None
    """The venue's clock less this machine's; None: not measured."""
    off_ms: float | None = None
    """The venue's clock less what receive times go by, which is this machine's clock set right where several venues
    agree that it is wrong; None: not measured."""
    requests: str = ""
    """In words what its REST hosts refuse or wait for; empty while they answer. Says nothing about the streams."""
    channels: int = 0
    """Subscriptions that are wanted; 0 where nobody holds connections (a recording)."""
    channels_live: int = 0
    """Those that have delivered and are within their time, or may be silent."""
    reconnects: int = 0
    backfill: int = 0
    """Requests for candles that are still to be made."""
    waiting: int = 0
    """Its frames that were received and not read yet."""
    trade_holes: int = 0
    """How often trades never came though the connection stood, where the venue's numbers prove it."""
    withheld: int = 0
    """Messages that were not believed for a price far from all else that is known of the instrument."""


@dataclass(frozen=True, slots=True)
class LiquidationLine:
    """One liquidation as the ticker shows it."""

    ts_ms: int
    venue: str
    symbol: str
    side: Literal["long", "short"]
    """The position that was liquidated."""
    price: float
    size_base: float
    notional_usd: float
    """NaN for instruments not quoted in dollars."""
    sampled: bool


@dataclass(frozen=True, slots=True)
class LiquidationTotals:
    """Liquidated notional of all venues over one window; a lower bound where a venue samples."""

    window_ms: int
    long_usd: float
    short_usd: float
    sampled_venues: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LiquidationMinutes:
    """Liquidated notional by minute of the last hour, `[60]`, oldest first; the last minute is still running."""

    first_ms: int
    """Event time at which the first of them began."""
    long_usd: Floats
    """NaN where not known: before the first liquidation was seen, or not quoted in dollars. A lower bound where a
    venue samples."""
    short_usd: Floats
    sampled_venues: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TapeLine:
    """One trade of the focused symbol."""

    ts_ms: int
    price: float
    size_base: float
    notional_usd: float
    taker_buy: bool


@dataclass(frozen=True, slots=True)
class Ladder:
    """A book as shown. Only ever a proven one; otherwise both sides are empty and `status` says why."""

    status: str
    """`synced`, `syncing`, `resyncing` or `absent`."""
    bids: tuple[tuple[str, str, float], ...]
    """(price text, size in base as text, notional in quote), best first."""
    asks: tuple[tuple[str, str, float], ...]
    updated_ms: int | None


@dataclass(frozen=True, slots=True)
class PeerBook:
    """The book of another perpetual on the focused symbol's asset, quoted in dollars."""

    row: int
    ladder: Ladder
    """In the peer's own prices, whose unit may hold another number of coins (`Instrument.multiplier`)."""


@dataclass(frozen=True, slots=True)
class ChartBars:
    """Closed bars of one timeframe of the focused symbol plus the forming one, oldest first, `[bars]`."""

    interval_ms: int
    open_ms: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume_usd: Floats
    forming: bool
    """The last bar is not closed yet."""


@dataclass(frozen=True, slots=True)
class Focus:
    """Everything about the one symbol the user looks at."""

    row: int
    ladder: Ladder
    charts: dict[str, ChartBars]
    """By timeframe: `1m`, `5m`, `15m`, `4h`; empty arrays where there are no bars."""
    tape: tuple[TapeLine, ...]
    """Newest first, at most 200."""
    liquidations: tuple[LiquidationLine, ...]
    open_interest_usd: Floats
    """15m history, oldest first, NaN where not known."""
    funding_frac: Floats
    """Settled rates, oldest first."""
    structure: tuple[tuple[str, float], ...] = ()
    """Named structural prices (`POC 24h`, `VAH 24h`, `swing high`, ...) for the chart and the targets."""
    across: tuple[Compared, ...] = ()
    """What the asset's venues say together and apart; empty where one venue alone trades it."""
    change: Change | None = None
    """Since its score was last 10 points away, under the configured face weights; None: never, as far as is kept."""
    standing: Standing | None = None
    """Percentiles of its raw readings."""
    liquidation_minutes: LiquidationMinutes | None = None
    """Of this symbol; None before the first event."""
    peer_books: tuple[PeerBook, ...] = ()
    """Of the other rankable perpetuals on the same asset, by row; empty where one alone trades it."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Market readings of the table, `[rows]`, NaN where not known."""

    last: Floats
    last_ms: Ints
    bid: Floats
    ask: Floats
    spread_bps: Floats
    change_1h_frac: Floats
    change_24h_frac: Floats
    volume_24h_usd: Floats
    funding_frac: Floats
    funding_interval_h: Floats
    open_interest_usd: Floats
    oi_change_1h_frac: Floats
    newest_ms: Ints
    """Event time of the newest message of any kind; -1: none."""
    deep: Bools
    """Its trades and its whole book are followed now; the others have candles, quotes and statistics."""
    trend: Floats
    """`[rows, 12]` closes of 15m bars two hours apart, oldest first, the newest closed bar last; NaN before the first
    bar. One array stands in all snapshots between which no bar closed."""


@dataclass(frozen=True, slots=True)
class ReplayStatus:
    """Where a recording stands."""

    name: str
    start_ms: int
    end_ms: int | None
    """None until the recording was read to its end once."""
    at_ms: int
    speed: float
    """Times real time; infinity for as fast as possible."""
    paused: bool
    finished: bool
    loop: int
    """How often it began; 1 the first time."""
    bad_lines: int


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took, milliseconds, NaN where it was not measured."""

    p50_ms: float
    p99_ms: float
    most_ms: float


@dataclass(frozen=True, slots=True)
class Vitals:
    """What an engine measured of itself: durations of the newest 256 of each kind."""

    scan: Spread
    publish: Spread
    loop_late: Spread
    """How much later than it wished its loop woke; not measured for recordings."""
    collection: Spread
    """Pauses of garbage collection, of the whole process."""
    collections: int
    """How many of them so far."""
    memory_bytes: float
    """Resident, of the whole process; NaN where the system does not tell."""
    memory_peak_bytes: float
    paused: int
    """How often reading a socket stopped because too much waited, over the connections that stand."""
    lightened: str
    """In words what is done without because there is too much to do; empty while nothing is."""
    stalled: str = ""
    """For how long its loop stood still within the last ten minutes, and where; empty where it did not."""


@dataclass(frozen=True, slots=True)
class Health:
    """How the engine itself does. Wall-clock figures: shown, never written into a replay's document."""

    frames_per_s: float
    """NaN, like the durations, where nobody measured it."""
    scan_ms: float
    """Duration of the newest scan."""
    scan_p99_ms: float
    scans: int
    frames: int
    conflated: int
    queue: int
    """Frames waiting."""
    notices: tuple[str, ...] = ()
    """Newest first: what the user should know (bad lines, resyncs, a restarted task)."""
    vitals: Vitals | None = None
    """None: nobody measures."""


@dataclass(frozen=True, slots=True)
class Mood:
    """The market in one line."""

    btc_change_24h_frac: float
    breadth_frac: float
    """Share of rankable rows with a 1 h change above 0, of those where it is known; NaN: none known."""
    rows_with_change: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole picture."""

    epoch: int
    sequence: int
    mode: Mode
    at_ms: int
    """Event time; 0 before the first event."""
    preset: str
    instruments: tuple[Instrument, ...]
    board: Board
    rankings: dict[str, Ranking]
    """By preset name, all of them."""
    columns: Columns
    feeds: tuple[Feed, ...]
    liquidations: tuple[LiquidationLine, ...]
    """Newest first, at most 500."""
    liquidation_totals: tuple[LiquidationTotals, ...]
    """For 1 m, 5 m and 1 h."""
    mood: Mood
    health: Health
    focus: Focus | None = None
    replay: ReplayStatus | None = None
    traps: Traps | None = None
    """What speaks against following the scores; None: nobody looked."""
    liquidation_minutes: LiquidationMinutes | None = None
    """Of every venue and symbol; None before the first event."""
    cached_age_ms: int | None = None
    """How long ago `at_ms` was, where the picture is of candles that an earlier run kept since no venue answers:
    nothing in it is live then, and nobody is ranked. None: what the venues send."""
    version: int = field(default=SNAPSHOT_VERSION)

    @property
    def ranking(self) -> Ranking:
        """The verdict of the preset in force."""
        return self.rankings[self.preset]

    def row_of(self, venue: str, symbol: str) -> int | None:
        """Row number of an instrument, or None where the snapshot does not hold it."""
        for row, instrument in enumerate(self.instruments):
            if instrument.symbol == symbol and instrument.venue == venue:
                return row
        return None
