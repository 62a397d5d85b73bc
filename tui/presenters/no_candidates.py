"""The view model of the candidates table before the first snapshot: the user's choices and no rows.

The table uses it in place of `tui.presenters.candidates.CandidatesModel`, so that the first paint does not load the
arrays and the snapshot's types. Nothing that imports them may be imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.presenters.columns import Column
from tui.presenters.row import Key
from tui.presenters.view_state import ViewState, ViewStatus

if TYPE_CHECKING:
    from tui.presenters.row_views import RowView

WAITING: Final = "waiting for data"


class NoCandidates:
    """See the module; each member answers as that of an empty `CandidatesModel`."""

    sheet: Final = None
    count: Final = 0
    pinned: Final = 0
    order_revision: Final = 0

    def __init__(self, state: ViewState) -> None:
        self.state: Final = state
        self.anchor: Key | None = None

    def hold(self, until_s: float) -> None:
        """Does nothing: there is no order to keep."""

    def key_at(self, index: int) -> Key | None:
        return None

    def index_of(self, key: Key | None) -> int | None:
        return None

    def prepare(self, start: int, stop: int, columns: tuple[Column, ...], now_s: float) -> list[RowView]:
        return []

    def view_at(self, index: int, columns: tuple[Column, ...], now_s: float) -> RowView | None:
        return None

    def status(self) -> ViewStatus:
        return ViewStatus(
            preset=self.state.preset or "",
            shown=0,
            candidates=0,
            gated=0,
            sorted_by=self.state.ordered_by,
            descending=self.state.descending,
            filters=self.state.filters(),
            notices=(),
            frozen_age_s=None,
            would_move=0,
            waiting=False,
            left="",
            elsewhere=0,
            cached_age_s=None,
            empty=WAITING,
        )
