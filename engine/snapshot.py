"""The engine's output: an immutable, self-contained snapshot of everything at one instant.

Published by `engine.runtime` after each scan; pulled by the console at its own pace and by the headless commands once.
Nothing in it may change after it was made or refer to live state, so it can be kept, compared, or sent to another
process. In a replay all times come from the recording, except in `Health`, whose wall-clock figures no document prints.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from engine.arrays import Bools, Floats, Ints
from engine.instruments import Instrument
from engine.prism.across import Compared
from engine.prism.board import Board
from engine.prism.past import Change
from engine.prism.standing import Standing
from engine.prism.traps import Traps
from engine.ranking.result import Ranking
from engine.written import Written

SNAPSHOT_VERSION: Final = 1

Mode = Literal["live", "demo", "replay"]
FeedState = Literal["connecting", "syncing", "live", "stale", "down"]
SILENT_MS: Final = 15_000
"""A venue that sent no market data for longer is stale, live and in a recording."""


@dataclass(frozen=True, slots=True)
class Feed:
    """The state of one venue's streams."""

    venue: str
    state: FeedState
    detail: str
    """What is wrong and what prism does about it, as text; empty if nothing is."""
    age_ms: int | None
    """Age of its newest market-data frame, on the receive clock; None: none yet."""
    frames: int
    rejected: int
    unknown: int
    books_synced: int
    books_resyncing: int
    latency_ms: float | None = None
    """Round trip of a ping or, without pings, of a request; None: not measured."""
    skew_ms: float | None = None
    """The venue's clock less this machine's; None: not measured."""
    off_ms: float | None = None
    """The venue's clock less the receive clock, which is this machine's, corrected if the venues' clocks show that it
    is wrong; None: not measured."""
    requests: str = ""
    """What its REST hosts refuse or wait for, as text; empty while they answer. Says nothing about the streams."""
    channels: int = 0
    """Subscriptions wanted; 0 for a recording, which has no connections."""
    channels_live: int = 0
    """Of those, the ones that deliver within their time limit or may be silent."""
    reconnects: int = 0
    backfill: int = 0
    """Requests for candles that are still to be made."""
    waiting: int = 0
    """Its frames that were received but not yet read."""
    trade_holes: int = 0
    """How often trades were lost on a connection that was up, as the venue's trade numbers prove."""
    withheld: int = 0
    """Messages that were rejected because their price is far from everything else known of the instrument."""


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
    """Liquidated notional of all venues over one window; a lower bound if a venue publishes only a sample."""

    window_ms: int
    long_usd: float
    short_usd: float
    sampled_venues: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LiquidationMinutes:
    """Liquidated notional by minute of the last hour, `[60]`, oldest first; the last minute is still running."""

    first_ms: int
    """Event time at which the first minute began."""
    long_usd: Floats
    """NaN if not known: before the first liquidation was seen, or not quoted in dollars. A lower bound if a venue
    publishes only a sample."""
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
    """A book as shown. Levels only if it is proven complete; otherwise both sides are empty and `status` says why."""

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
    """By timeframe: `1m`, `5m`, `15m`, `4h`; empty arrays if there are no bars."""
    tape: tuple[TapeLine, ...]
    """Newest first, at most 200."""
    liquidations: tuple[LiquidationLine, ...]
    open_interest_usd: Floats
    """15m history, oldest first, NaN if not known."""
    funding_frac: Floats
    """Settled rates, oldest first."""
    structure: tuple[tuple[str, float], ...] = ()
    """Named structural prices (`POC 24h`, `VAH 24h`, `swing high`, ...) for the chart and the targets."""
    across: tuple[Compared, ...] = ()
    """Inputs compared across the asset's venues; empty if only one venue trades it."""
    change: Change | None = None
    """Since its score was last 10 points away, under the configured face weights; None: never, within the history
    kept."""
    standing: Standing | None = None
    """Percentiles of its raw readings."""
    liquidation_minutes: LiquidationMinutes | None = None
    """Of this symbol; None before the first event."""
    peer_books: tuple[PeerBook, ...] = ()
    """Of the other rankable perpetuals on the same asset, by row; empty if there are none."""
    liquidations_since_ms: int | None = None
    """Time since when its liquidations are reported; None: nothing shows that they are."""
    next_funding_ms: int | None = None
    """When the running funding rate is settled; None: the venue does not say."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Market readings of the table, `[rows]`, NaN if not known."""

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
    """Its trades and full-depth book are followed now; the others have candles, quotes and statistics."""
    trend: Floats
    """`[rows, 12]` closes of 15m bars two hours apart, oldest first, the newest closed bar last; NaN before the first
    bar. Snapshots share one array until a bar closes."""


@dataclass(frozen=True, slots=True)
class ReplayStatus:
    """The playback position of a recording."""

    name: str
    start_ms: int
    end_ms: int | None
    """None: not known yet."""
    at_ms: int
    speed: float
    """Multiple of real time; infinity for as fast as possible."""
    paused: bool
    finished: bool
    loop: int
    """Which repetition this is; 1 the first time."""
    bad_lines: int
    seek_ms: int | None = None
    """Target of the seek in progress; None if there is none."""
    next_ms: int | None = None
    """Receive time of the next record, while playback waits for it; None: it does not wait."""
    simulated: bool = False
    """It was recorded from the built-in exchange simulator."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Distribution of a duration, milliseconds; NaN if not measured."""

    p50_ms: float
    p99_ms: float
    most_ms: float


@dataclass(frozen=True, slots=True)
class Vitals:
    """What an engine measured of itself; durations over the newest 256 of each kind."""

    scan: Spread
    publish: Spread
    loop_late: Spread
    """How much later than scheduled the event loop woke; not measured for recordings."""
    collection: Spread
    """Pauses of garbage collection, of the whole process."""
    collections: int
    """Number of collections so far."""
    memory_bytes: float
    """Resident, of the whole process; NaN if the system does not report it."""
    memory_peak_bytes: float
    paused: int
    """How often reading a socket was paused because its queue was full, summed over the connections that are up."""
    lightened: str
    """What is left out because of overload, as text; empty if nothing is."""
    stalled: str = ""
    """The newest stall of the event loop within the last ten minutes, as text; empty if there was none."""


@dataclass(frozen=True, slots=True)
class Health:
    """State of the engine itself. Wall-clock figures: shown, but never written into a replay's document."""

    frames_per_s: float
    """NaN if not measured, like the durations."""
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
    """None: not measured."""
    written: Written | None = None
    """None: nothing is recorded."""
    notice_times_ms: tuple[int, ...] = ()
    """When each of `notices` was posted; 0: before the time was known."""


@dataclass(frozen=True, slots=True)
class Mood:
    """The market in one line."""

    btc_change_24h_frac: float
    """Of the most traded perpetual on BTC; NaN: not known."""
    breadth_frac: float
    """Share of rankable rows with a 1 h change above 0, of those with a known one; NaN: known for fewer than ten."""
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
    """Warnings against following the scores; None: not computed."""
    liquidation_minutes: LiquidationMinutes | None = None
    """Of every venue and symbol; None before the first event."""
    liquidations_since_ms: int | None = None
    """The first liquidation or the first confirmed feed of any venue: totals and minutes know nothing before it. None:
    nothing shows that any venue reports its liquidations."""
    cached_age_ms: int | None = None
    """How long ago `at_ms` was, if no venue can be reached and the snapshot is of candles stored by an earlier run:
    nothing in it is live and nothing is ranked. None: live data or a recording."""
    version: int = field(default=SNAPSHOT_VERSION)

    @property
    def ranking(self) -> Ranking:
        """The verdict of the preset in force."""
        return self.rankings[self.preset]

    def row_of(self, venue: str, symbol: str) -> int | None:
        """Row number of an instrument, or None if the snapshot does not contain it."""
        for row, instrument in enumerate(self.instruments):
            if instrument.symbol == symbol and instrument.venue == venue:
                return row
        return None
