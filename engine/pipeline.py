"""The engine's core without threads, sockets or clocks: records in, snapshots out.

Records go through `engine.intake` into books and state. A scan turns the state into scores and rankings; a snapshot is
made of them on request. The runtime drives it from its loop and the headless commands drive it directly, so both give
the same bytes for the same recording. It must not be shared between threads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from engine.config.schema import Config, preset_name, presets_of
from engine.instruments import Instrument
from engine.intake import Intake
from engine.market.view import MarketView
from engine.picture import Picture
from engine.prism.board import Board
from engine.prism.past import Past
from engine.prism.row_memo import RowMemo
from engine.prism.score import Scorer
from engine.prism.standing import Standings
from engine.prism.standstill import Standstill
from engine.ranking.ranker import Ranker
from engine.ranking.result import Ranking
from engine.snapshot import Feed, Health, Mode, ReplayStatus, Snapshot

TAPE_S: Final = 60
"""Seconds of taker flow that the book columns need."""


class _Scan(NamedTuple):
    """What one scan found."""

    view: MarketView
    board: Board
    rankings: dict[str, Ranking]


class _Now(NamedTuple):
    """Fields of a snapshot that change without a scan, by their names there."""

    sequence: int
    preset: str
    feeds: tuple[Feed, ...]
    health: Health
    replay: ReplayStatus | None


class _Made(NamedTuple):
    """The newest snapshot, and what it was made of."""

    scan: _Scan
    focus: tuple[str, str] | None
    snapshot: Snapshot


class Pipeline(Intake):
    """From records to snapshots, for one configuration."""

    def __init__(self, config: Config, mode: Mode) -> None:
        super().__init__()
        self.config = config
        self.mode: Mode = mode
        self.presets = presets_of(config)
        self.preset = preset_name(config.engine.preset) or "balanced"
        self.scans = 0
        self._focus: tuple[str, str] | None = None
        self._sequence = 0
        self._begin_scores()

    def _begin_scores(self) -> None:
        self.scorer = Scorer()
        self.past = Past()
        self.standings = Standings()
        self.standstill = Standstill()
        self.ranker = Ranker(self.config.engine.taker_fees)
        self._trends = RowMemo()
        self._scan: _Scan | None = None
        self._made: _Made | None = None

    def clear(self) -> None:
        """Forget the market and begin a new epoch; focus, preset and notices stay."""
        self.state.clear()
        self._begin_intake()
        self._begin_scores()

    def focus(self, venue: str, symbol: str) -> None:
        """Fill `Snapshot.focus` for this instrument from the next snapshot on."""
        self._focus = (venue, symbol)

    @property
    def focused(self) -> tuple[str, str] | None:
        """The instrument whose details snapshots hold."""
        return self._focus

    def set_preset(self, name: str) -> None:
        """Publish with this preset in force; unknown names are ignored."""
        if name in self.presets:
            self.preset = name

    def ranked(self) -> list[Instrument]:
        """The perpetuals of the newest scan by rank under the preset in force: candidates, then the vetoed."""
        if self._scan is None:
            return []
        view, _, rankings = self._scan
        ranking = rankings[self.preset]
        return [view.instruments[row] for row in [*ranking.candidates.tolist(), *ranking.vetoed.tolist()]]

    def legs(self) -> dict[tuple[str, str], Instrument]:
        """By (venue, symbol) of a perpetual, the spot instrument that the newest scan compares it with."""
        if self._scan is None:
            return {}
        view = self._scan[0]
        return {
            (one.venue, one.symbol): view.instruments[leg]
            for one, leg in zip(view.instruments, view.spot_rows.tolist(), strict=True)
            if leg >= 0
        }

    def volumes(self) -> dict[tuple[str, str], float]:
        """24 h volume in dollars by (venue, symbol) as of the newest scan; unknown ones are left out."""
        if self._scan is None:
            return {}
        view = self._scan[0]
        usd = view.derivatives.volume_24h_usd.tolist()
        return {(one.venue, one.symbol): v for one, v in zip(view.instruments, usd, strict=True) if v == v}

    def scan(self) -> None:
        """Score and rank the market as of the newest record, or as of the time given to `quiet_until` if later."""
        self.catch_up()
        state = self.state
        at_ms = state.present_ms(max(self.clock_ms, self._quiet_until_ms))
        self._quiet_until_ms = 0
        summed_ms = state.summed_ms(at_ms)
        instruments = state.universe.frozen()
        tape = state.tape.view(summed_ms) if at_ms else None
        blank = np.zeros((len(instruments), TAPE_S))
        sold = blank if tape is None else tape.sell_usd[:, -TAPE_S:]
        bought = blank if tape is None else tape.buy_usd[:, -TAPE_S:]
        books = self.books.columns(summed_ms, instruments, sold, bought)
        view = self._rankable(state.view(at_ms, books))
        board = self.scorer.score(view, self.config.engine.face_weights)
        if at_ms == state.at_ms:
            # A scan past the newest event, when nothing was received, is not a sample.
            self.past.take(board)
            self.standings.take(board)
            self.standstill.take(view)
        self.scans += 1
        self._scan = _Scan(view, board, self.ranker.rank(board, view, self.presets, self.scorer.structure.prices))

    def _rankable(self, view: MarketView) -> MarketView:
        """`view` without perpetuals on stocks, metals and currencies, unless the user wants them ranked."""
        if self.config.engine.include_tradfi or all(i.category == "crypto" for i in view.instruments):
            return view
        crypto = np.array([i.category == "crypto" for i in view.instruments], dtype=np.bool_)
        return replace(view, rankable=view.rankable & crypto)

    def snapshot(
        self,
        health: Health | None = None,
        replay: ReplayStatus | None = None,
        feeds: Sequence[Feed] | None = None,
    ) -> Snapshot:
        """The newest scan as a snapshot that refers to no live state; scans first if there was no scan yet.

        `feeds`: state of the venues, from the owner of the connections; None: derived from the records. What only a
        scan changes is the same object in every snapshot of that scan.
        """
        if self._scan is None:
            self.scan()
        assert self._scan is not None
        view, board, rankings = scan = self._scan
        self._sequence += 1
        picture = Picture(self.state, self.books, self.scorer, self.past, self.standings, self._trends)
        now = _Now(
            self._sequence,
            self.preset,
            picture.feeds(self.tallies, self.clock_ms) if feeds is None else tuple(feeds),
            health or self._health(),
            replay,
        )
        made = self._made
        if made is None or made.scan is not scan:
            snapshot = picture.snapshot(
                view, board, rankings, mode=self.mode, focus=self._focus, traps=self.scorer.traps(view, board),
                **now._asdict(),
            )  # fmt: skip
        else:
            held = made.snapshot.focus
            if held is None or made.focus != self._focus:
                focus = picture.focus(view, board, self._focus)
            else:
                focus = picture.with_newer_books(view, held)
            snapshot = replace(made.snapshot, focus=focus, **now._asdict())
        self._made = _Made(scan, self._focus, snapshot)
        return snapshot

    def _health(self) -> Health:
        """Counts only: without a clock there are no rates or durations."""
        return Health(
            math.nan, math.nan, math.nan, self.scans, self.frames, self.conflated, 0, tuple(self.notices),
            notice_times_ms=self.notices.times_ms,
        )  # fmt: skip
