"""The view model of the candidates table: which rows are shown, in which order, and what each cell says.

The table widget passes it snapshots and the user's choices and asks for the rows on screen; only those are formatted.
Rows are instruments, never positions. Values are as new as the newest snapshot. The order is rebuilt at most once per
`ORDER_PERIOD_S` and changes only as `tui.presenters.ordering` allows; an action of the user reorders at once. No
Textual here, and no clock: `now_s` is passed in, from any monotonic clock.
"""

from __future__ import annotations

import math
from collections.abc import Container
from dataclasses import replace
from typing import Any, Final

import numpy as np

from engine.prism.faces import FACES
from engine.snapshot import Snapshot
from tui.actions import Keymap
from tui.presenters.candidates_words import empty_words, gated_words, left_words
from tui.presenters.columns import BY_KEY, Column
from tui.presenters.filter_expression import Filter, parse
from tui.presenters.ordering import Hysteresis, moves
from tui.presenters.rank_history import RankHistory
from tui.presenters.row import Key
from tui.presenters.row_views import Marks, RowView, RowViews
from tui.presenters.selection import Selection, select
from tui.presenters.sheet import LABELS, NUMBERS, Sheet
from tui.presenters.view_state import ViewState, ViewStatus

ORDER_PERIOD_S: Final = 1.0
"""Least time between two automatic reorders."""
_CHOOSE_ROWS: Final = frozenset({"preset", "text", "expression", "side", "venues", "watch_only", "vetoed"})
"""Choices that decide which rows are shown: a row that they exclude goes, even if the cursor is on it."""

EXPORTED: Final[dict[str, str]] = {
    "gate": "first_failed",
    "last": "price",
    "spread": "spread_bps",
    "volume": "volume_24h_usd",
    "depth": "depth_1pct_usd",
    "r": "r_frac",
    "reward_risk": "reward_risk_tp2_net",
    "funding": "funding_8h",
    **{f"face.{face}": face for face in FACES},
}
"""Names in export files, where they differ from those of columns and filters: as in the CSV and JSON of `prism scan`.
There, `r` is a distance in quote currency, while here it is a share of the entry, and `volume` is a face."""


class CandidatesModel:
    """One table's worth of candidates."""

    def __init__(self, state: ViewState | None = None, keymap: Keymap | None = None) -> None:
        self._keymap = keymap or Keymap()
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
        self._places: dict[Key, int] = {}
        self._ordered_s = -math.inf
        self._would_move = 0
        self._held_until_s = -math.inf
        self._waiting = False
        self._hysteresis = Hysteresis()
        self._ranks = RankHistory()
        self._views = RowViews()
        self.anchor: Key | None = None
        """The row under the cursor: only the user can remove it from the view, not the market."""
        self.order_revision = 0
        """Rises whenever the order or the set of rows changes."""
        if state is not None:
            self.change(0.0, **{name: getattr(state, name) for name in ViewState.__dataclass_fields__})

    @property
    def state(self) -> ViewState:
        """The user's current choices."""
        return self._state

    @property
    def order(self) -> tuple[Key, ...]:
        """The rows, from the top."""
        return tuple(self._order)

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self._order)

    @property
    def formatted(self) -> int:
        """Total rows formatted so far."""
        return self._views.formatted

    @property
    def sheet(self) -> Sheet | None:
        """The values shown: the newest, or the frozen ones."""
        return self._sheet

    @property
    def pinned(self) -> int:
        """How many rows at the top are pinned."""
        return next((place for place, key in enumerate(self._order) if key not in self._state.pinned), len(self._order))

    def key_at(self, index: int) -> Key | None:
        """The row at a position (from 0), or None beyond the end."""
        return self._order[index] if 0 <= index < len(self._order) else None

    def index_of(self, key: Key | None) -> int | None:
        """The position of a row, or None if it is not shown."""
        return self._index.get(key) if key is not None else None

    def hold(self, until_s: float) -> None:
        """Keep the order until then, because the user is reading; values still update."""
        self._held_until_s = until_s

    def note_ranks(self, snapshot: Snapshot) -> None:
        """Keep the ranks of a snapshot for the change of rank, even if the table is not shown with it."""
        self._ranks.add(snapshot)

    def update(self, snapshot: Snapshot, now_s: float) -> bool:
        """Take a newer snapshot; True if the order or the set of rows changed.

        While frozen, the snapshot is used only for the age and the count of rows that would move.
        """
        if snapshot is self._newest:
            return self._tick(now_s)
        restarted = self._newest is not None and snapshot.epoch != self._newest.epoch
        self._newest = snapshot
        self._ranks.add(snapshot)
        if self._state.frozen and self._sheet is not None and not restarted:
            return self._tick(now_s)
        rows, preset = self._rows, self._sheet.preset if self._sheet is not None else ""
        if preset == self._preset_in(snapshot) and self._sheet is not None and self._sheet.takes(snapshot):
            return self._tick(now_s)
        self._show(snapshot)
        if (
            restarted
            or preset != self._preset_in(snapshot)
            or (rows is not self._rows and any(key not in self._rows for key in self._order))
        ):
            self._ordered_s = -math.inf
        return self._tick(now_s)

    def change(self, now_s: float, *, keep_row: bool = False, **wishes: Any) -> None:
        """Apply the user's choices, fields of `ViewState`, and reorder at once.

        The row under the cursor stays unless the choices decide which rows are shown; with `keep_row` it always stays.
        Raises FilterError for an expression that cannot be parsed and KeyError for an unknown sort column; then nothing
        has changed.
        """
        state = replace(self._state, **wishes)
        if state.sort not in BY_KEY:
            raise KeyError(f"there is no column {state.sort!r}; the columns are {', '.join(BY_KEY)}")
        expression = self._filter
        if state.expression != self._state.expression:
            expression = parse(state.expression) if state.expression.strip() else None
        chosen = {name for name in wishes if getattr(state, name) != getattr(self._state, name)}
        thawed = self._state.frozen and not state.frozen
        other_preset = state.preset != self._state.preset
        self._state, self._filter = state, expression
        if thawed and self._newest is not None:
            self._show(self._newest)
        elif other_preset and self._sheet is not None:
            self._show(self._sheet.snapshot)
        self._views.forget_marks()
        self._reorder(now_s, by_user=True, keep_row=keep_row or not chosen & _CHOOSE_ROWS)

    def prepare(self, start: int, stop: int, columns: tuple[Column, ...], now_s: float) -> list[RowView]:
        """The rows at positions `start` to `stop`, formatted for `columns`; fewer if the list ends sooner."""
        if self._sheet is None:
            return []
        keys = self._order[max(0, start) : max(0, stop)]
        marked = [(key, self._rows[key], self._marks(key)) for key in keys]
        return self._views.views(self._sheet, self._serial, marked, columns, now_s)

    def _marks(self, key: Key) -> Marks:
        return Marks(
            pinned=key in self._state.pinned,
            left=key == self._left,
            watched=key in self._state.watched,
            gated=self._is_gated(key),
        )

    def _is_gated(self, key: Key) -> bool:
        """Whether a row is shown among those that pass although a gate stops it, because it is pinned or watched."""
        sheet = self._sheet
        if sheet is None or sheet.is_cached or self._state.vetoed:
            return False
        return math.isnan(sheet.number("rank", self._rows[key]))

    def view_at(self, index: int, columns: tuple[Column, ...], now_s: float) -> RowView | None:
        """The row at one position, formatted if its newest values have not been yet."""
        key = self.key_at(index)
        if key is None or self._sheet is None:
            return None
        found = self._views.current(key, self._serial, columns)
        return found or self.prepare(index, index + 1, columns, now_s)[0]

    def status(self) -> ViewStatus:
        """The texts around the table."""
        state, sheet, newest = self._state, self._sheet, self._newest
        frozen_age = None
        if state.frozen and sheet is not None and newest is not None:
            frozen_age = max(0, newest.at_ms - sheet.snapshot.at_ms) / 1000
        # All counts are of the scan that the order is of: newer ones would contradict it while it is held.
        selection = self._selection
        elsewhere = selection.elsewhere if selection is not None else 0
        return ViewStatus(
            preset=sheet.preset if sheet is not None else state.preset or "",
            shown=len(self._order),
            candidates=selection.passing if selection is not None else 0,
            gated=selection.gated if selection is not None else 0,
            sorted_by=state.ordered_by,
            descending=state.descending,
            filters=state.filters(),
            notices=selection.lacking if selection is not None else (),
            frozen_age_s=frozen_age,
            would_move=self._would_move if state.frozen or self._waiting else 0,
            waiting=self._waiting and not state.frozen,
            left=self._left_words(),
            elsewhere=elsewhere,
            cached_age_s=sheet.cached_age_s if sheet is not None else None,
            empty=empty_words(sheet, state, elsewhere, self._keymap) if self._is_empty() else "",
        )

    def _is_empty(self) -> bool:
        """Whether there is no row, or none but pinned ones and the one under the cursor, which this view does not
        keep."""
        if not self._order or self._sheet is None or self._selection is None:
            return not self._order
        ranking, state = self._sheet.ranking, self._state
        # The order may be older than the ranking, which then has rows that only wait to be shown.
        offered = len(ranking.vetoed if state.vetoed or self._sheet.is_cached else ranking.candidates)
        return not self._selection.matching and (not offered or bool(state.filters()))

    def export(self) -> tuple[tuple[str, ...], list[tuple[str | float | None, ...]]]:
        """Names and unformatted values of the rows shown, in their order; None if not known."""
        numbers = [name for name in NUMBERS if not name.startswith("component.")]
        names = tuple(EXPORTED.get(name, name) for name in (*LABELS, *numbers))
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
        self._hold_places()

    def _hold_places(self) -> None:
        """Let the rows shown keep the ranks of their order while it is kept."""
        assert self._sheet is not None
        places = np.full(self._sheet.rows, np.nan)
        for key, place in self._places.items():
            if (row := self._rows.get(key)) is not None:
                places[row] = place
        self._sheet.hold_places(places)

    def _ranked_places(self, order: list[Key]) -> dict[Key, int]:
        """The ranks of the rows of an order by rank, given out from the top: a row that waits to be overtaken keeps
        the better one. Pinned rows have their own."""
        assert self._sheet is not None
        if self._state.sort != "rank":
            return {}
        rank = self._sheet.numbers("rank")
        held = [key for key in order if key not in self._state.pinned and not math.isnan(rank[self._rows[key]])]
        ranks = sorted((int(rank[self._rows[key]]) for key in held), reverse=self._state.descending)
        return dict(zip(held, ranks, strict=True))

    def _tick(self, now_s: float) -> bool:
        if now_s - self._ordered_s < ORDER_PERIOD_S and not self._awaits_first():
            return False
        # An order with rows that no longer exist cannot be kept (`_ordered_s` is -inf then).
        can_stay = bool(self._order) and math.isfinite(self._ordered_s)
        if can_stay and self._state.frozen:
            self._ordered_s = now_s
            self._would_move = self._count_moves()
            return False
        if can_stay and now_s < self._held_until_s:
            self._ordered_s = now_s
            self._would_move = self._count_waiting()
            self._waiting = True
            return False
        return self._reorder(now_s, by_user=False)

    def _awaits_first(self) -> bool:
        """Whether an empty, unfiltered table now has rows: there is no order yet that could be kept."""
        state = self._state
        if self._order or self._sheet is None or state.frozen or state.filters():
            return False
        ranking = self._sheet.ranking
        return bool(len(ranking.vetoed if state.vetoed or self._sheet.is_cached else ranking.candidates))

    def _count_waiting(self) -> int:
        """How many rows the next reorder would move."""
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

    def _reorder(self, now_s: float, by_user: bool, keep_row: bool = True) -> bool:
        if self._sheet is None:
            return False
        self._ordered_s = now_s
        self._waiting = False
        selection = self._selection = select(self._sheet, self._state, self._filter)
        left: Key | None = None
        if by_user:
            self._hysteresis.forget()
            order = self._keys(selection)
            left = self._keep_anchor(order, set(order)) if keep_row else None
        else:
            order, left = self._settled(selection, self._hysteresis)
        changed = order != self._order or left != self._left
        places = self._ranked_places(order)
        if places != self._places:
            self._places = places
            self._hold_places()
            self._views.forget_marks()
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
        """The next order, and the row under the cursor if it stays only because of the cursor."""
        target = self._keys(selection)
        pairs = zip(selection.classes.tolist(), selection.values.tolist(), strict=True)
        values = dict(zip(target, pairs, strict=True))
        order = hysteresis.settle(self._order, target, values, BY_KEY[self._state.column].margin)
        return order, self._keep_anchor(order, values)

    def _keep_anchor(self, order: list[Key], present: Container[Key]) -> Key | None:
        """Put the row under the cursor back at its position if the market removed it from this view."""
        anchor = self.anchor
        if anchor is None or anchor in present or anchor not in self._index or anchor not in self._rows:
            return None
        order.insert(min(self._index[anchor], len(order)), anchor)
        return anchor

    def _left_words(self) -> str:
        if self._sheet is None:
            return ""
        if self._left is None:
            return self._gated_words(self.anchor)
        return left_words(self._sheet, self._rows[self._left], self._left, self._state)

    def _gated_words(self, key: Key | None) -> str:
        """Which gate stops a row that is shown among those that pass; empty if it passes."""
        if self._sheet is None or key is None or key not in self._index or not self._is_gated(key):
            return ""
        return gated_words(self._sheet, self._rows[key], key)
