"""Builds a snapshot: copies live state and one scan's results into an immutable `Snapshot`.

Called by `engine.pipeline` when a snapshot is to be published, not at every scan. Everything returned from here must be
a copy or a fresh object, because the state goes on changing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.instruments import Instrument
from engine.market.books import BookStore
from engine.market.quotes import quotes
from engine.market.size_text import base_text
from engine.market.state import MarketState
from engine.market.view import Bars, MarketView
from engine.prism.board import Board, Reading
from engine.prism.mood import breadth
from engine.prism.past import Past
from engine.prism.row_memo import RowMemo
from engine.prism.score import Scorer
from engine.prism.standing import Standings
from engine.prism.traps import Traps
from engine.ranking.result import Ranking
from engine.snapshot import (
    SILENT_MS,
    ChartBars,
    Columns,
    Feed,
    FeedState,
    Focus,
    Health,
    Ladder,
    LiquidationLine,
    LiquidationMinutes,
    LiquidationTotals,
    Mode,
    Mood,
    PeerBook,
    ReplayStatus,
    Snapshot,
    TapeLine,
)
from engine.timeframes import MINUTE_MS
from engine.venues.base import Verdict

if TYPE_CHECKING:
    from engine.intake import VenueTally

LADDER_LEVELS: Final = 200
"""Levels per side handed to the depth pane."""
CHART_BARS: Final = 240
TREND_POINTS: Final = 12
TREND_STEP: Final = 8
"""Bars of 15m from one point of the trend to the next: two hours."""


class Picture:
    """Builds one snapshot of live state, then is dropped."""

    def __init__(
        self,
        state: MarketState,
        books: BookStore,
        scorer: Scorer,
        past: Past,
        standings: Standings,
        trends: RowMemo,
    ) -> None:
        """`trends` outlives the picture: it caches the trend lines, which only change when a bar closes."""
        self._state = state
        self._past = past
        self._standings = standings
        self._books = books
        self._scorer = scorer
        self._trends = trends

    def snapshot(
        self,
        view: MarketView,
        board: Board,
        rankings: Mapping[str, Ranking],
        *,
        sequence: int,
        mode: Mode,
        preset: str,
        focus: tuple[str, str] | None,
        feeds: tuple[Feed, ...],
        health: Health,
        replay: ReplayStatus | None,
        traps: Traps | None = None,
    ) -> Snapshot:
        """Everything as of `view`."""
        state = self._state
        kept = _kept(board)
        return Snapshot(
            epoch=view.epoch,
            sequence=sequence,
            mode=mode,
            at_ms=view.at_ms,
            preset=preset,
            instruments=view.instruments,
            board=kept,
            rankings={name: _rests_on(ranking, kept) for name, ranking in rankings.items()},
            columns=self._columns(view),
            feeds=feeds,
            liquidations=_lines(state.liquidations.lines(), view.at_ms),
            liquidation_totals=tuple(
                LiquidationTotals(sums.window_ms, sums.long_usd, sums.short_usd, sums.sampled_venues)
                for sums in (state.liquidations.totals(state.summed_ms(view.at_ms)) if view.at_ms else ())
            ),
            mood=_mood(view),
            health=health,
            focus=self.focus(view, board, focus),
            replay=replay,
            traps=traps,
            liquidation_minutes=self._minutes(view, None),
            liquidations_since_ms=state.liquidations.since_ms,
        )

    def feeds(self, tallies: Mapping[str, VenueTally], clock_ms: int) -> tuple[Feed, ...]:
        """Every venue that sent a record, by name, as of `clock_ms` on the receive clock."""
        return tuple(self._feed(venue, tallies[venue], clock_ms) for venue in sorted(tallies))

    def _feed(self, venue: str, tally: VenueTally, clock_ms: int) -> Feed:
        counts = self._books.counts(venue)
        age_ms = None if tally.newest_ms < 0 else max(0, clock_ms - tally.newest_ms)
        state: FeedState = "live"
        detail = ""
        if age_ms is None:
            state, detail = "connecting", "no frame yet"
        elif age_ms > SILENT_MS:
            state, detail = "stale", f"silent for {age_ms // 1000} s"
        elif counts.resyncing:
            detail = f"{counts.resyncing} books resyncing"
        return Feed(
            venue=venue,
            state=state,
            detail=detail,
            age_ms=age_ms,
            frames=tally.frames,
            rejected=tally.verdicts[Verdict.REJECTED],
            unknown=tally.verdicts[Verdict.UNKNOWN],
            books_synced=counts.synced,
            books_resyncing=counts.resyncing,
            withheld=self._state.plausible.withheld.get(venue, 0),
        )

    def _columns(self, view: MarketView) -> Columns:
        held = view.derivatives
        return Columns(
            last=held.last.copy(),
            last_ms=held.last_ms.copy(),
            bid=held.bid.copy(),
            ask=held.ask.copy(),
            spread_bps=quotes(view).spread_bps,
            change_1h_frac=held.change_1h_frac.copy(),
            change_24h_frac=held.change_24h_frac.copy(),
            volume_24h_usd=held.volume_24h_usd.copy(),
            funding_frac=held.funding_frac.copy(),
            funding_interval_h=held.funding_interval_h.copy(),
            open_interest_usd=held.open_interest_usd.copy(),
            oi_change_1h_frac=held.oi_change_1h_frac.copy(),
            newest_ms=self._state.newest_ms(),
            deep=(view.tape.since_ms >= 0) & (view.books.updated_ms >= 0),
            trend=self._trend(view.bars["15m"]),
        )

    def _trend(self, bars: Bars) -> NDArray[np.float64]:
        """Every row's trend of the last day; recomputed only for rows whose bars changed."""
        (points,) = self._trends.of((bars.revision,), lambda part: (trend_points(bars.close[part]),))
        return points

    def focus(self, view: MarketView, board: Board, key: tuple[str, str] | None) -> Focus | None:
        """Details of one instrument; None without one, and for one listed since the newest scan."""
        row = None if key is None else self._state.universe.row(*key)
        if row is None or row >= view.rows:
            return None
        instrument = view.instruments[row]
        return Focus(
            row=row,
            ladder=self._ladder(instrument),
            charts={name: self._chart(view, row, name) for name in view.bars},
            tape=tuple(
                TapeLine(
                    trade.ts_ms, trade.price, trade.size, _usd(instrument, trade.price * trade.size), trade.taker_buy
                )
                for trade in self._state.tape.prints.of(row)
                if trade.ts_ms <= view.at_ms
            ),
            liquidations=_lines(self._state.liquidations.lines_of(instrument.venue, instrument.symbol), view.at_ms),
            open_interest_usd=_known(view.derivatives.oi_history_usd[row]),
            funding_frac=_known(view.derivatives.funding_history[row]),
            structure=self._scorer.structure.levels_of(row),
            across=() if self._scorer.voices is None else self._scorer.voices.compared(row),
            change=self._past.change(board, row),
            standing=self._standings.of(board, row, view.rankable),
            liquidation_minutes=self._minutes(view, row),
            liquidations_since_ms=int(since) if (since := view.liquidations.since_ms[row]) >= 0 else None,
            peer_books=self._peer_books(view, row),
            next_funding_ms=int(settles) if (settles := view.derivatives.next_funding_ms[row]) > 0 else None,
        )

    def with_newer_books(self, view: MarketView, focus: Focus) -> Focus:
        """`focus`, made of the same scan, with the books as they are now. The rest is as of the scan, and is kept."""
        return dataclasses.replace(
            focus, ladder=self._ladder(view.instruments[focus.row]), peer_books=self._peer_books(view, focus.row)
        )

    def _minutes(self, view: MarketView, row: int | None) -> LiquidationMinutes | None:
        if not view.at_ms:
            return None
        held = self._state.liquidations.by_minute(self._state.summed_ms(view.at_ms), row)
        return LiquidationMinutes(held.first_minute * MINUTE_MS, held.long_usd, held.short_usd, held.sampled_venues)

    def _ladder(self, instrument: Instrument) -> Ladder:
        book = self._books.get(instrument.venue, instrument.symbol)
        if book is None:
            return Ladder("absent", (), (), None)
        bids, asks = book.top(LADDER_LEVELS)
        return Ladder(book.status, _priced(instrument, bids), _priced(instrument, asks), book.updated_ms)

    def _peer_books(self, view: MarketView, row: int) -> tuple[PeerBook, ...]:
        """Books of the asset's other perpetuals; none for a spot pair, which has no comparable book."""
        if not view.rankable[row]:
            return ()
        instrument = view.instruments[row]
        peers = self._state.universe.rows_of_asset(instrument.asset, instrument.category)
        return tuple(
            PeerBook(peer, self._ladder(view.instruments[peer]))
            for peer in peers
            if peer != row and peer < view.rows and view.rankable[peer]
        )

    def _chart(self, view: MarketView, row: int, name: str) -> ChartBars:
        bars = view.bars[name]
        count = min(int(bars.count[row]), CHART_BARS)
        first = bars.open_ms.shape[1] - count
        forming = self._state.candles.forming(row, name)
        tail = [] if forming is None else [forming]

        def column(closed: NDArray[np.float64], live: list[float]) -> NDArray[np.float64]:
            return np.concatenate((closed[row, first:], np.array(live, dtype=np.float64)))

        return ChartBars(
            interval_ms=bars.interval_ms,
            open_ms=np.append(bars.open_ms[row, first:], [bar.open_ms for bar in tail]).astype(np.int64),
            open=column(bars.open, [bar.open for bar in tail]),
            high=column(bars.high, [bar.high for bar in tail]),
            low=column(bars.low, [bar.low for bar in tail]),
            close=column(bars.close, [bar.close for bar in tail]),
            volume_usd=column(bars.volume_usd, [bar.volume_usd for bar in tail]),
            forming=forming is not None,
        )


def trend_points(close: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every eighth close of right-aligned `[rows, W]`, counted from the newest back; `[rows, 12]`, oldest first, a
    copy."""
    rows, width = close.shape
    columns = width - 1 - TREND_STEP * np.arange(TREND_POINTS - 1, -1, -1)
    held = columns >= 0
    points = np.full((rows, TREND_POINTS), np.nan)
    points[:, held] = close[:, columns[held]]
    return points


def _kept(board: Board) -> Board:
    """The board with copies of the inputs that are live columns."""
    readings = {name: dataclasses.replace(held, inputs=_kept_inputs(held)) for name, held in board.readings.items()}
    return dataclasses.replace(board, readings=readings)


def _rests_on(ranking: Ranking, kept: Board) -> Ranking:
    """The ranking with its own board, if its preset has its own face weights, sharing the copied readings."""
    if ranking.board is None:
        return ranking
    return dataclasses.replace(ranking, board=dataclasses.replace(ranking.board, readings=kept.readings))


def _kept_inputs(reading: Reading) -> dict[str, tuple[NDArray[np.float64], str, NDArray[np.int64] | None]]:
    return {
        name: (values.copy(), unit, None if times is None else times.copy())
        for name, (values, unit, times) in reading.inputs.items()
    }


def _known(history: NDArray[np.float64]) -> NDArray[np.float64]:
    """A right-aligned history without the columns before its first value."""
    held = np.flatnonzero(~np.isnan(history))
    return history[held[0] :].copy() if len(held) else np.empty(0)


def _usd(instrument: Instrument, quote: float) -> float:
    return quote if instrument.quote_is_usd else float("nan")


def _priced(instrument: Instrument, levels: list[tuple[str, str]]) -> tuple[tuple[str, str, float], ...]:
    return tuple(
        (
            price,
            base_text(instrument, price, size),
            float(price) * instrument.base_size(float(size), float(price)),
        )
        for price, size in levels
    )


def _lines(records: tuple[Any, ...], at_ms: int) -> tuple[LiquidationLine, ...]:
    """Lines of the liquidations up to `at_ms`: what arrived since the scan belongs to the next one, as in the sums."""
    return tuple(
        LiquidationLine(**{f.name: getattr(record, f.name) for f in _LINE_FIELDS})
        for record in records
        if record.ts_ms <= at_ms
    )


_LINE_FIELDS: Final = dataclasses.fields(LiquidationLine)


def _mood(view: MarketView) -> Mood:
    change = view.derivatives.change_1h_frac[view.rankable]
    return Mood(
        btc_change_24h_frac=_btc_change(view),
        breadth_frac=breadth(view),
        rows_with_change=int(np.count_nonzero(np.isfinite(change))),
    )


def _btc_change(view: MarketView) -> float:
    """24 h change of the most traded BTC perpetual for which it is known, ties by venue and symbol; else NaN."""
    facts = view.derivatives
    known = [
        (-np.nan_to_num(facts.volume_24h_usd[row], nan=-1.0), one.venue, one.symbol, row)
        for row, one in enumerate(view.instruments)
        if one.asset == "BTC" and view.rankable[row] and np.isfinite(facts.change_24h_frac[row])
    ]
    return float(facts.change_24h_frac[min(known)[3]]) if known else float("nan")
