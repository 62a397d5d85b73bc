"""The cached market: built from candles of an earlier run, for a start at which no venue can be reached.

Made by `engine.live` and dropped at the first event from a venue. It has its own pipeline, scored as of its newest
candle, because cached and live data must never mix. Its snapshots say how old they are, rank nothing and hold no
levels: an old price is not one to enter at.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from engine.config.schema import Config
from engine.instruments import Instrument
from engine.kept_bar import Key, ReadBars
from engine.pipeline import Pipeline
from engine.ranking.result import LevelStatus, Ranking
from engine.snapshot import Mood, Snapshot
from engine.text import is_safe_symbol
from engine.timeframes import INTERVAL_MS

EPOCH: Final = 0
"""Epoch of its snapshots. A live market begins with 1, so that code that compares snapshots starts over then."""
NO_LEVELS: Final = "no levels from cached candles: they need a live price"

FIRST: Final[dict[str, int]] = {"1m": 3, "15m": 120}
"""Newest bars by timeframe that are read in before the first snapshot: enough for last prices, changes and volume of a
day. The rest, twenty times as much, follows; then everything that is computed from candles scores."""

Series = tuple[Instrument, int]


def is_offline(live: Snapshot) -> bool:
    """Whether the market has no event yet, a venue is down and none is better than connecting."""
    states = {feed.state for feed in live.feeds}
    return not live.at_ms and "down" in states and states <= {"down", "connecting"}


class KeptMarket:
    """The cached candles, read in step by step, and snapshots of them."""

    def __init__(
        self, config: Config, kept: Iterable[Key], read: ReadBars, listings: Mapping[str, Iterable[Instrument]]
    ) -> None:
        """`read` reads a series of `kept`. `listings`: the instruments followed, by venue. For a venue without one they
        are inferred from the symbols of `kept`."""
        self._pipeline = Pipeline(config, "live")
        self._read_bars = read
        self._listed = {venue: {one.symbol: one for one in listed} for venue, listed in listings.items()}
        known = list(self._known(kept))
        self._newest = {INTERVAL_MS[name]: count for name, count in FIRST.items()}
        self._first: deque[Series] = deque(series for series in known if series[1] in self._newest)
        # Coarse timeframes first, because missing coarse bars are summed from finer ones.
        known.sort(key=lambda series: -series[1])
        self._rest: deque[Series] = deque(known)
        self._picture: Snapshot | None = None
        self._made: tuple[int, tuple[str, str] | None] = (0, None)
        """The number of scans and the focus with which `_picture` was made."""

    @property
    def unread(self) -> int:
        """Number of candle series still to be read in."""
        return len(self._first) + len(self._rest)

    async def read(self) -> None:
        """Read in one more series. Scan after the last series of newest bars, and after the last of all."""
        unread = self._first or self._rest
        if not unread:
            return
        instrument, interval_ms = unread[0]
        bars = await self._read_bars((instrument.venue, instrument.symbol, interval_ms))
        unread.popleft()
        newest = self._newest.get(interval_ms, 0)
        # The rest newest first, because a bar must join those already there.
        taken = bars[-newest:] if unread is self._first else bars[: max(0, len(bars) - newest)][::-1]
        self._pipeline.restore(instrument, interval_ms, taken)
        if not unread:
            self._pipeline.scan()

    def instead_of(self, live: Snapshot, now_ms: int, focus: tuple[str, str] | None) -> Snapshot:
        """The cached snapshot while `live` is offline and empty, else `live` itself.

        Feeds, health, preset and sequence are those of `live`; `now_ms` is the receive clock's time.
        """
        if not is_offline(live) or not self._pipeline.scans:
            return live
        if self._picture is None or self._made != (self._pipeline.scans, focus):
            self._made = (self._pipeline.scans, focus)
            if focus is not None:
                self._pipeline.focus(*focus)
            self._picture = unranked(self._pipeline.snapshot())
        return replace(
            self._picture,
            sequence=live.sequence,
            preset=live.preset,
            feeds=live.feeds,
            health=live.health,
            cached_age_ms=max(0, now_ms - self._picture.at_ms),
        )

    def _known(self, kept: Iterable[Key]) -> Iterable[Series]:
        """The series of perpetuals that were still followed at the end of the earlier run."""
        parsers = self._pipeline.parsers
        for venue, symbol, interval_ms in kept:
            listed = self._listed.get(venue)
            instrument = None if listed is None else listed.get(symbol)
            if listed is None and venue in parsers and is_safe_symbol(symbol):
                instrument = parsers[venue].instrument(symbol)
            if instrument is not None and instrument.is_rankable:
                yield instrument, interval_ms


def unranked(picture: Snapshot) -> Snapshot:
    """`picture` without candidates, levels, liquidations, traps and mood, which are valid only at their time; most
    traded first."""
    volume = np.nan_to_num(picture.columns.volume_24h_usd, nan=-1.0)
    return replace(
        picture,
        epoch=EPOCH,
        rankings={name: _without_rank(ranking, volume) for name, ranking in picture.rankings.items()},
        liquidations=(),
        liquidation_totals=(),
        liquidation_minutes=None,
        traps=None,
        mood=Mood(math.nan, math.nan, 0),
    )


def _without_rank(ranking: Ranking, volume: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Ranking:
    rows = np.concatenate([ranking.candidates, ranking.vetoed]).astype(np.int64)
    levels = ranking.levels
    blank, blanks = np.full(len(volume), np.nan), np.full(levels.target.shape, np.nan)
    return replace(
        ranking,
        candidates=rows[:0],
        vetoed=rows[np.argsort(-volume[rows], kind="stable")],
        levels=replace(
            levels,
            status=np.full(len(volume), LevelStatus.MISSING, dtype=np.int8),
            entry=blank,
            stop=blank,
            target=blanks,
            risk=blank,
            reward_risk_net=blanks,
            notes=dict.fromkeys(range(len(volume)), NO_LEVELS),
        ),
    )
