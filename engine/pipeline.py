"""The engine's core without threads, sockets or clocks: records in, snapshots out.

One record of a capture (or, live, of a socket) goes through parser, books and state; best quotes wait for the next
scan, and only the newest of a stream is read then. A scan turns the state into scores, rankings and, when asked, a
snapshot. The runtime drives it from its loop, the headless commands drive it directly, so both give the same bytes for
the same recording. Not to be shared between threads.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from engine.config.schema import Config, preset_name, presets_of
from engine.events import BookDelta, BookSnapshot, Trade
from engine.market.books import BookStore
from engine.market.state import MarketState
from engine.market.view import MarketView
from engine.picture import Picture
from engine.prism.board import Board
from engine.prism.score import Scorer
from engine.ranking.ranker import Ranker
from engine.ranking.result import Ranking
from engine.snapshot import Health, Mode, ReplayStatus, Snapshot
from engine.transport.capture_records import ConnectionEvent, Frame, Record, Response
from engine.venues.base import VenueParser, Verdict
from engine.venues.registry import conflation_keys, make_parsers

TAPE_S: Final = 60
"""Seconds of taker flow that the books' columns need."""
MAX_NOTICES: Final = 50


@dataclass(slots=True)
class VenueTally:
    """What one venue's frames turned out to be."""

    frames: int = 0
    verdicts: list[int] = field(default_factory=lambda: [0] * len(Verdict))
    """By verdict, how many frames."""
    newest_ms: int = -1
    """Receive time of the newest frame, milliseconds."""
    open: bool = False
    detail: str = ""
    """The newest rejection or refusal, cleaned."""


class Pipeline:
    """From records to snapshots, for one configuration."""

    def __init__(self, config: Config, mode: Mode) -> None:
        self.config = config
        self.mode: Mode = mode
        self.presets = presets_of(config)
        self.preset = preset_name(config.engine.preset) or "balanced"
        self.state = MarketState()
        self.notices: deque[str] = deque(maxlen=MAX_NOTICES)
        self.scans = 0
        self.frames = 0
        self.conflated = 0
        """Frames that were never read because a newer one replaced them before a scan."""
        self.clock_ms = 0
        """Receive time of the newest record, milliseconds."""
        self._focus: tuple[str, str] | None = None
        self._sequence = 0
        self._begin()

    def _begin(self) -> None:
        self.parsers = make_parsers()
        self._key_of = conflation_keys()
        self._newest: dict[tuple[str, str], Frame] = {}
        self.books = BookStore(texts=False)
        self.scorer = Scorer()
        self.ranker = Ranker(self.config.engine.taker_fees)
        self.tallies: dict[str, VenueTally] = {}
        self._scan: tuple[MarketView, Board, dict[str, Ranking]] | None = None

    def clear(self) -> None:
        """Forget the market and begin a new epoch; focus, preset and notices stay."""
        self.state.clear()
        self._begin()

    def focus(self, venue: str, symbol: str) -> None:
        """Fill `Snapshot.focus` for this instrument from the next snapshot on."""
        self._focus = (venue, symbol)

    def set_preset(self, name: str) -> None:
        """Publish with this preset in force; unknown names are left aside."""
        if name in self.presets:
            self.preset = name

    def ingest(self, record: Record) -> None:
        """Take one record. Whatever a venue sent, this does not raise."""
        venue, recv_ns = record.venue, record.t
        self.clock_ms = recv_ns // 1_000_000
        tally = self.tallies.get(venue)
        if tally is None:
            tally = self.tallies[venue] = VenueTally()
        if isinstance(record, ConnectionEvent):
            self._connection(record, tally)
            return
        parser = self.parsers.get(venue)
        if parser is None:
            return
        if isinstance(record, Frame):
            self.frames += 1
            tally.frames += 1
            tally.newest_ms = self.clock_ms
            key_of = self._key_of.get(venue)
            if key_of is not None and (key := key_of(record.text)) is not None:
                if self._newest.setdefault((venue, key), record) is not record:
                    self._newest[venue, key] = record
                    self.conflated += 1
                return
        self._read(record, parser, tally)

    def catch_up(self) -> None:
        """Read the newest of what was conflated since the last time; a scan does so itself."""
        for record in self._newest.values():
            self._read(record, self.parsers[record.venue], self.tallies[record.venue])
        self._newest.clear()

    def _read(self, record: Frame | Response, parser: VenueParser, tally: VenueTally) -> None:
        venue, recv_ns = record.venue, record.t
        if isinstance(record, Frame):
            parsed = parser.frame(record.text, record.connection, recv_ns)
            tally.verdicts[parsed.verdict] += 1
        else:
            parsed = parser.response(record.request, record.status, record.body, recv_ns)
            if parsed.listing:
                self.state.refine(parsed.listing)
        if parsed.detail:
            tally.detail = parsed.detail
        books, apply, instrument = self.books, self.state.apply, parser.instrument
        for event in parsed.events:
            if isinstance(event, BookDelta | BookSnapshot):
                books.apply(event)
            elif isinstance(event, Trade):
                books.traded(venue, event.symbol, event.ts_ms, event.taker_buy)
            apply(event, instrument(event.symbol))

    def scan(self) -> None:
        """Score and rank the market as it stands."""
        self.catch_up()
        state = self.state
        at_ms = state.at_ms
        instruments = state.universe.frozen()
        tape = state.tape.view(at_ms) if at_ms else None
        blank = np.zeros((len(instruments), TAPE_S))
        sold = blank if tape is None else tape.sell_usd[:, -TAPE_S:]
        bought = blank if tape is None else tape.buy_usd[:, -TAPE_S:]
        books = self.books.columns(at_ms, instruments, sold, bought)
        view = self._rankable(state.view(at_ms, books))
        board = self.scorer.score(view, self.config.engine.face_weights)
        self.scans += 1
        self._scan = (view, board, self.ranker.rank(board, view, self.presets, self.scorer.structure.prices))

    def _rankable(self, view: MarketView) -> MarketView:
        """`view` without perpetuals on stocks, metals and currencies, unless the user wants them ranked."""
        if self.config.engine.include_tradfi or all(i.category == "crypto" for i in view.instruments):
            return view
        crypto = np.array([i.category == "crypto" for i in view.instruments], dtype=np.bool_)
        return replace(view, rankable=view.rankable & crypto)

    def snapshot(self, health: Health | None = None, replay: ReplayStatus | None = None) -> Snapshot:
        """The newest scan as a picture that refers to nothing live; scans first where there was none."""
        if self._scan is None:
            self.scan()
        assert self._scan is not None
        view, board, rankings = self._scan
        self._sequence += 1
        picture = Picture(self.state, self.books, self.scorer.structure)
        return picture.snapshot(
            view,
            board,
            rankings,
            sequence=self._sequence,
            mode=self.mode,
            preset=self.preset,
            focus=self._focus,
            feeds=picture.feeds(self.tallies, self.clock_ms),
            health=health or self._health(),
            replay=replay,
        )

    def _health(self) -> Health:
        """Counts alone: who drives the pipeline without a clock has no rates and durations."""
        return Health(math.nan, math.nan, math.nan, self.scans, self.frames, self.conflated, 0, tuple(self.notices))

    def _connection(self, record: ConnectionEvent, tally: VenueTally) -> None:
        tally.open = record.what == "open"
        if not tally.open:
            self.state.interrupted(record.venue)
            self.notices.appendleft(f"{record.venue}: connection {record.connection} {record.what}")
