"""The view model of the candidates table: who is shown, in which order, and what each cell says.

The table widget feeds it snapshots and the user's wishes and asks for the rows on screen; it formats nothing
else. Rows are instruments, never positions. Two clocks: values are as new as the newest snapshot, the order is
made anew at most once in `ORDER_PERIOD_S` and then holds still by `tui.presenters.ordering`; what the user does
reorders at once. No Textual here, and no clock: `now_s` is passed in, from any monotonic clock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from engine.ranking.result import GATES
from engine.ranking.words import gate_title, veto_text
from engine.snapshot import Snapshot
from tui.presenters.columns import BY_KEY, Column
from tui.presenters.filter_expression import Filter, parse
from tui.presenters.ordering import Hysteresis, moves
from tui.presenters.rank_history import RankHistory
from tui.presenters.row_views import RowView, RowViews
from tui.presenters.selection import Selection, ViewState, select
from tui.presenters.sheet import LABELS, NUMBERS, Key, Sheet
from tui.presenters.waiting import lost_words

ORDER_PERIOD_S: Final = 1.0
"""The order is made anew at most this often by itself."""


@dataclass(frozen=True, slots=True)
class ViewStatus:
    """What stands around the table in words."""

    preset: str
    shown: int
    candidates: int
    """Rows that pass every gate of the preset."""
    gated: int
    """Rankable rows that fail one."""
    sorted_by: str
    descending: bool
    filters: tuple[str, ...]
    notices: tuple[str, ...]
    """What the expression could not judge."""
    frozen_age_s: float | None
    """Event time between the frozen picture and the newest one; None while it moves."""
    would_move: int
    """Rows that would enter, leave or change places if the order were not held; counted once a second."""
    waiting: bool
    """The order is held because the user is moving in it."""
    left: str
    """Why the row under the cursor no longer belongs in this view; empty where it does."""
    cached_age_s: float | None
    """Age of the cached candles that are shown for want of a venue; None where the data is live."""
    empty: str
    """Why there is no row, and what to do; empty where there is one."""


class CandidatesModel:
    """One table's worth of candidates."""

    def __init__(self, state: ViewState | None = None) -> None:
        self._state = ViewState()
        self._filter: Filter | None = None
        self._sheet: Sheet | None = None
        self._newest: Snapshot | None = None
        self._serial = 0
        self._rows: dict[Key, int] = {}
        self._order: list[Key] = []
        self._index: dict[Key, int] = {}
        self._selection: Selection | None = None
        self._left: Key | None = None
        self._ordered_s = -math.inf
        self._would_move = 0
        self._held_until_s = -math.inf
        self._waiting = False
        self._hysteresis = Hysteresis()
        self._ranks = RankHistory()
        self._views = RowViews()
        self.anchor: Key | None = None
        """The row under the cursor: it is not taken away by the market, only by the user."""
        self.order_revision = 0
        """Rises whenever the order or the set of rows changed."""
        if state is not None:
            self.change(0.0, **{name: getattr(state, name) for name in ViewState.__dataclass_fields__})

    @property
    def state(self) -> ViewState:
        """What the user asked for."""
        return self._state

    @property
    def order(self) -> tuple[Key, ...]:
        """The rows from the top."""
        return tuple(self._order)

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self._order)

    @property
    def formatted(self) -> int:
        """Rows written so far, ever."""
        return self._views.formatted

    @property
    def sheet(self) -> Sheet | None:
        """The values shown: the newest, or the frozen ones."""
        return self._sheet

    def key_at(self, index: int) -> Key | None:
        """The row at a position from 0, or None beyond the end."""
        return self._order[index] if 0 <= index < len(self._order) else None

    def index_of(self, key: Key | None) -> int | None:
        """The position of a row, or None where it is not shown."""
        return self._index.get(key) if key is not None else None

    def hold(self, until_s: float) -> None:
        """Leave the order as it is until then, since the user is reading; values stay as new as ever."""
        self._held_until_s = until_s

    def update(self, snapshot: Snapshot, now_s: float) -> bool:
        """Take a newer picture; True where the order or the set of rows changed.

        While frozen the picture is only compared with: it feeds the age and the count of rows that would move.
        """
        if snapshot is self._newest:
            return self._tick(now_s)
        restarted = self._newest is not None and snapshot.epoch != self._newest.epoch
        self._newest = snapshot
        self._ranks.add(snapshot)
        if self._state.frozen and self._sheet is not None and not restarted:
            return self._tick(now_s)
        rows, preset = self._rows, self._sheet.preset if self._sheet is not None else ""
        self._show(snapshot)
        if (
            restarted
            or preset != self._preset_in(snapshot)
            or (rows is not self._rows and any(key not in self._rows for key in self._order))
        ):
            self._ordered_s = -math.inf
        return self._tick(now_s)

    def change(self, now_s: float, **wishes: Any) -> None:
        """Apply the user's wishes, fields of `ViewState`, and reorder at once.

        Raises FilterError for an expression that cannot be read and KeyError for an unknown sort column; then
        nothing has changed.
        """
        state = replace(self._state, **wishes)
        if state.sort not in BY_KEY:
            raise KeyError(f"there is no column {state.sort!r}; the columns are {', '.join(BY_KEY)}")
        expression = self._filter
        if state.expression != self._state.expression:
            expression = parse(state.expression) if state.expression.strip() else None
        thawed = self._state.frozen and not state.frozen
        other_preset = state.preset != self._state.preset
        self._state, self._filter = state, expression
        if thawed and self._newest is not None:
            self._show(self._newest)
        elif other_preset and self._sheet is not None:
            self._show(self._sheet.snapshot)
        self._views.forget_marks()
        self._reorder(now_s, by_user=True)

    def prepare(self, start: int, stop: int, columns: tuple[Column, ...], now_s: float) -> list[RowView]:
        """The rows at positions `start` to `stop`, written in `columns`; fewer where the list ends sooner."""
        if self._sheet is None:
            return []
        pinned = set(self._state.pinned)
        keys = self._order[max(0, start) : max(0, stop)]
        return self._views.views(
            self._sheet,
            self._serial,
            [(key, self._rows[key], key in pinned, key == self._left) for key in keys],
            columns,
            now_s,
        )

    def view_at(self, index: int, columns: tuple[Column, ...], now_s: float) -> RowView | None:
        """The row at one position, written if it has not been since the newest values."""
        key = self.key_at(index)
        if key is None or self._sheet is None:
            return None
        found = self._views.current(key, self._serial, columns)
        return found or self.prepare(index, index + 1, columns, now_s)[0]

    def status(self) -> ViewStatus:
        """The words around the table."""
        state, sheet, newest = self._state, self._sheet, self._newest
        frozen_age = None
        if state.frozen and sheet is not None and newest is not None:
            frozen_age = max(0, newest.at_ms - sheet.snapshot.at_ms) / 1000
        ranking = sheet.ranking if sheet is not None else None
        return ViewStatus(
            preset=sheet.preset if sheet is not None else state.preset or "",
            shown=len(self._order),
            candidates=len(ranking.candidates) if ranking is not None else 0,
            gated=len(ranking.vetoed) if ranking is not None else 0,
            sorted_by="gates failed" if state.heading != state.sort else BY_KEY[state.sort].title,
            descending=state.descending,
            filters=state.filters(),
            notices=self._selection.lacking if self._selection is not None else (),
            frozen_age_s=frozen_age,
            would_move=self._would_move if state.frozen or self._waiting else 0,
            waiting=self._waiting and not state.frozen,
            left=self._left_words(),
            cached_age_s=sheet.cached_age_s if sheet is not None else None,
            empty="" if self._order else self._empty_words(),
        )

    def export(self) -> tuple[tuple[str, ...], list[tuple[str | float | None, ...]]]:
        """Names and values of what is shown, unformatted, in the order shown; None where not known."""
        numbers = [name for name in NUMBERS if not name.startswith("component.")]
        names = (*LABELS, *numbers)
        rows: list[tuple[str | float | None, ...]] = []
        if self._sheet is None:
            return names, rows
        for key in self._order:
            row = self._rows[key]
            texts = [self._sheet.texts(label)[row] or None for label in LABELS]
            values = [self._sheet.number(name, row) for name in numbers]
            rows.append((*texts, *(value if math.isfinite(value) else None for value in values)))
        return names, rows

    def _show(self, snapshot: Snapshot) -> None:
        before = self._sheet
        preset = self._preset_in(snapshot)
        sheet = Sheet(snapshot, preset, self._ranks.before(snapshot, preset))
        if before is None or before.instruments != sheet.instruments:
            self._rows = {Key(i.venue, i.symbol): row for row, i in enumerate(sheet.instruments)}
        else:
            sheet.adopt(before)
        self._sheet = sheet
        self._serial += 1

    def _tick(self, now_s: float) -> bool:
        if now_s - self._ordered_s < ORDER_PERIOD_S:
            return False
        if self._state.frozen and self._order:
            self._ordered_s = now_s
            self._would_move = self._count_moves()
            return False
        # An order that holds rows which are no more is not to be held (`_ordered_s` says so).
        if self._order and now_s < self._held_until_s and math.isfinite(self._ordered_s):
            self._ordered_s = now_s
            self._would_move = self._count_waiting()
            self._waiting = True
            return False
        return self._reorder(now_s, by_user=False)

    def _count_waiting(self) -> int:
        """Rows that the next order would move."""
        assert self._sheet is not None
        settled, _ = self._settled(select(self._sheet, self._state, self._filter), self._hysteresis.copy())
        return moves(self._order, settled)

    def _count_moves(self) -> int:
        if self._newest is None or self._sheet is None or self._newest is self._sheet.snapshot:
            return 0
        newest = Sheet(self._newest, self._preset_in(self._newest))
        instruments = newest.instruments
        target = [
            Key(instruments[row].venue, instruments[row].symbol)
            for row in select(newest, self._state, self._filter).rows
        ]
        return moves(self._order, target)

    def _preset_in(self, snapshot: Snapshot) -> str:
        preset = self._state.preset
        return preset if preset is not None and preset in snapshot.rankings else snapshot.preset

    def _reorder(self, now_s: float, by_user: bool) -> bool:
        if self._sheet is None:
            return False
        self._ordered_s = now_s
        self._waiting = False
        selection = self._selection = select(self._sheet, self._state, self._filter)
        left: Key | None = None
        if by_user:
            self._hysteresis.forget()
            order = self._keys(selection)
        else:
            order, left = self._settled(selection, self._hysteresis)
        changed = order != self._order or left != self._left
        if changed:
            self._order, self._left = order, left
            self._index = {key: index for index, key in enumerate(order)}
            self.order_revision += 1
            self._views.forget_marks()
        return changed

    def _keys(self, selection: Selection) -> list[Key]:
        assert self._sheet is not None
        instruments = self._sheet.instruments
        return [Key(instruments[row].venue, instruments[row].symbol) for row in selection.rows]

    def _settled(self, selection: Selection, hysteresis: Hysteresis) -> tuple[list[Key], Key | None]:
        """The order that follows the one shown, and the row under the cursor where it only stays for that."""
        target = self._keys(selection)
        pairs = zip(selection.classes.tolist(), selection.values.tolist(), strict=True)
        values = dict(zip(target, pairs, strict=True))
        order = hysteresis.settle(self._order, target, values, BY_KEY[self._state.sort].margin)
        return order, self._keep_anchor(order, values)

    def _keep_anchor(self, order: list[Key], present: dict[Key, tuple[int, float]]) -> Key | None:
        """Put the row under the cursor back where it stood if the market took it out of this view."""
        anchor = self.anchor
        if anchor is None or anchor in present or anchor not in self._index or anchor not in self._rows:
            return None
        order.insert(min(self._index[anchor], len(order)), anchor)
        return anchor

    def _left_words(self) -> str:
        if self._left is None or self._sheet is None:
            return ""
        row, symbol = self._rows[self._left], self._left.symbol
        veto = veto_text(self._sheet.ranking, row)
        if veto is not None and not self._state.vetoed and not self._sheet.is_cached:
            return f"{symbol} fell out: {veto}"
        if self._state.vetoed and veto is None:
            return f"{symbol} passes all gates now"
        return f"{symbol} no longer matches {' and '.join(self._state.filters()) or 'this view'}"

    def _empty_words(self) -> str:
        sheet, state = self._sheet, self._state
        if sheet is None or sheet.snapshot.at_ms == 0:
            return "waiting for data"
        if not sheet.rows:
            return "waiting for the venues' instruments"
        ranked, gated = len(sheet.ranking.candidates), len(sheet.ranking.vetoed)
        if not ranked + gated:
            return "no perpetual quoted in dollars yet"
        offered = gated if state.vetoed or sheet.is_cached else ranked
        if offered:
            return f"none of {offered} {'row' if offered == 1 else 'rows'} matches {' and '.join(state.filters())}"
        if state.vetoed:
            return f"no row is gated by {sheet.preset} ({ranked} pass; press v)"
        lost = [words] if (words := lost_words(sheet.snapshot.feeds)) else []
        if bool(np.isnan(sheet.numbers("score")).all()):
            return "\n".join((*lost, f"warming: no score yet for {gated} instruments"))
        return "\n".join((*lost, f"no row passes {sheet.preset} ({gated} gated; press v)", *self._what_stops(sheet)))

    def _what_stops(self, sheet: Sheet) -> list[str]:
        """The gates that stop most, and whether that is because data is still coming."""
        failed = ~sheet.ranking.gate_passed[sheet.ranking.vetoed]
        counts = {name: int(failed[:, at].sum()) for at, (name, _) in enumerate(GATES)}
        worst = sorted((name for name in counts if counts[name]), key=lambda name: -counts[name])[:3]
        told = [f"stopped by {', '.join(f'{gate_title(name)} {counts[name]}' for name in worst)}"] if worst else []
        asked = sum(feed.backfill for feed in sheet.snapshot.feeds)
        if asked:
            told.append(
                f"history is still coming: {asked} more answers of the venues, and scores gain coverage with each"
            )
        return told
