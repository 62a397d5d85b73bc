"""The live state of one instrument of the simulated market: its book, its counters and the traits of its order flow.

Plain attributes that `engine.simulator.market.matching` and its neighbours read and write on every event. A book side
is a dict of sizes and a sorted list of keys (ticks for bids, minus ticks for asks), so that the last key is the best
price.
"""

from __future__ import annotations

from collections import deque

from engine.simulator.happenings import BookState, Levels, Trade
from engine.simulator.market.ladders import Ladder
from engine.simulator.sim_instrument import SimInstrument


class Line:
    """The current state of one instrument."""

    __slots__ = (
        "ask_keys",
        "ask_size",
        "asset",
        "at",
        "base",
        "bid_keys",
        "bid_size",
        "book_changes",
        "book_ms",
        "buy_quote",
        "buy_steps",
        "churn",
        "depth",
        "ended",
        "fill_id",
        "fills",
        "fills_a_day",
        "forced",
        "gap",
        "half",
        "heat",
        "high",
        "index",
        "instrument",
        "jump",
        "last",
        "last_steps",
        "levels",
        "liquidated_long_steps",
        "liquidated_short_steps",
        "liquidations_long",
        "liquidations_short",
        "longs",
        "low",
        "most_heat",
        "oi",
        "oi_due",
        "oi_home",
        "oi_told",
        "oi_usual",
        "open",
        "order_id",
        "order_steps",
        "perp",
        "pull",
        "recent",
        "scale",
        "sell_quote",
        "sell_steps",
        "shorts",
        "size",
        "span",
        "start_oi",
        "start_ticks",
        "tilt",
        "trade_id",
        "trades",
        "trading",
        "update_id",
    )  # fmt: skip

    def __init__(self, instrument: SimInstrument, asset: int, start_ticks: float, keep: int) -> None:
        self.instrument = instrument
        self.index = instrument.index
        self.asset = asset
        self.perp = instrument.kind == "perp"
        self.start_ticks = start_ticks
        self.trading = False
        self.ended = False
        # Traits, set by `traits.shape`.
        self.half = 1.0
        """Half the usual spread, ticks."""
        self.scale = 1.0
        """Distance of fair value from mid, in ticks, at which its pull on takers is full."""
        self.gap = 1
        """Usual distance of new levels behind the best, ticks."""
        self.span = 100.0
        """Extent of the book from the best price, ticks."""
        self.levels = 20
        self.size = 10.0
        """Mean size of a level near the top, steps."""
        self.order_steps = 10.0
        """Mean size of a taker order, steps."""
        self.base = 1.0
        """Events per second at rest."""
        self.jump = 0.5
        """What a trade adds to `heat`, the excitement of the event rate."""
        self.fills_a_day = 10_000.0
        self.most_heat = 10.0
        """Upper bound of `heat`, because bursts end when those who trade are done."""
        self.pull = 0.3
        self.depth = 1.0
        self.tilt = 0.0
        """Imbalance of resting sizes, -1 to 1: positive favours bids."""
        # State.
        self.heat = 0.0
        self.at = 0
        self.bid_keys: list[int] = []
        self.bid_size: dict[int, int] = {}
        self.ask_keys: list[int] = []
        self.ask_size: dict[int, int] = {}
        self.update_id = 0
        self.book_ms = 0
        self.trade_id = 0
        self.fill_id = 0
        self.order_id = 0
        self.last = max(1, round(start_ticks))
        self.last_steps = 0
        # The forming minute; `open` 0: no trade yet.
        self.open = 0
        self.high = 0
        self.low = 0
        # Since the world began.
        self.trades = 0
        self.fills = 0
        self.buy_steps = 0
        self.sell_steps = 0
        self.buy_quote = 0
        self.sell_quote = 0
        self.book_changes = 0
        self.recent: deque[Trade] = deque(maxlen=keep)
        # Positions.
        self.oi = 0
        self.start_oi = 0
        self.oi_usual = 0
        self.oi_home = 0
        """Level that open interest reverts to."""
        self.oi_told = 0
        self.oi_due = 0
        self.churn = 0
        self.longs = Ladder(1)
        self.shorts = Ladder(-1)
        self.forced: deque[tuple[bool, int, int]] = deque()
        """Pending liquidations: (sells, steps, bankruptcy ticks)."""
        self.liquidations_long = 0
        self.liquidations_short = 0
        self.liquidated_long_steps = 0
        self.liquidated_short_steps = 0

    def bids(self, depth: int | None) -> Levels:
        """Best first."""
        sizes = self.bid_size
        keys = self.bid_keys if depth is None else self.bid_keys[-depth:]
        return [(key, sizes[key]) for key in reversed(keys)]

    def asks(self, depth: int | None) -> Levels:
        """Best first."""
        sizes = self.ask_size
        keys = self.ask_keys if depth is None else self.ask_keys[-depth:]
        return [(-key, sizes[key]) for key in reversed(keys)]

    def book(self, depth: int | None) -> BookState:
        """The current book, all of it or the best `depth` levels per side; `depth` at least 1."""
        return BookState(self.instrument, self.book_ms, self.update_id, self.bids(depth), self.asks(depth))
