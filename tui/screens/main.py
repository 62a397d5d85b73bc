"""The main screen: candidates, the account of the one under the cursor, liquidations and its book.

Pushed by the app at start and never popped. It owns the table and its prompt; the symbol under the cursor and the
preset belong to the app, since the symbol's screen shares them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import ClassVar, Literal

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.suggester import Suggester
from textual.widget import Widget

from engine.prism.board import FACES
from tui.export import ExportError, write_export
from tui.presenters.columns import BY_KEY
from tui.presenters.filter_expression import FilterError, complete
from tui.presenters.format import long_age_text
from tui.presenters.lines import Line
from tui.presenters.saved_filters import changed, next_name, read_wish
from tui.presenters.selection import ViewState
from tui.presenters.view import View, count_text
from tui.presenters.waiting import Waiting
from tui.presenters.welcome import welcome_lines
from tui.screens.pane_screen import PaneScreen, SizeClass
from tui.widgets.candidates import CandidatesTable
from tui.widgets.pane import Bar
from tui.widgets.panes import DepthPane, LiquidationsPane, PrismPane
from tui.widgets.prompt import Prompt, Verdict

_TABLE_MOVES = {"first": "cursor_home", "last": "cursor_end"}
_HELP = (
    "Every perpetual that passes the preset's gates, ranked by conviction. SCORE runs from 0, bearish, to 100, "
    "bullish; 50 says nothing. The six letters are the faces: Technical, Volume, order Flow, order Book, Structure, "
    "sentiMent. COV is the share of the score's weight that rests on good data; thinly covered scores are dimmed. TR "
    "counts the traps, what speaks against taking the side (⚑2: two); Enter shows what each saw. ✦ marks a symbol "
    "listed within 24 h. The order is made anew at most once a second and the cursor stays on its symbol. While you "
    "press keys nothing changes places: what would is counted as waiting, and does so two seconds after the last "
    "key. z holds everything still, v shows what a gate stopped, nearest to passing first."
)


class Candidates(CandidatesTable, inherit_bindings=False):
    """The table without the scroll keys that Textual would give it: keys belong to the table of actions."""


class NameSuggester(Suggester):
    """Goes on with the name that stands at the end of an expression."""

    def __init__(self, kept: Collection[str]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._kept = sorted(kept)

    async def get_suggestion(self, value: str) -> str | None:
        named = next((name for name in self._kept if value and name.startswith(value) and name != value), None)
        if named is not None:
            return named
        found = complete(value, limit=1)
        return value[: found[0].start] + found[0].text if found and found[0].start < len(value) else None


class MainScreen(PaneScreen):
    """See the module."""

    KIND: ClassVar[Literal["main", "drill"]] = "main"
    ORDER: ClassVar[tuple[str, ...]] = ("candidates", "prism", "depth", "liquidations")
    SHOWN: ClassVar[dict[SizeClass, frozenset[str]]] = {"medium": frozenset(ORDER), "wide": frozenset(ORDER)}

    def __init__(
        self, table: ViewState, face: str, depth_group: int, minimum_usd: float, flash: bool, depth_book: str = ""
    ) -> None:
        super().__init__()
        self._table_state = table
        self._choices = (face, depth_group, minimum_usd, depth_book)
        self._flash = flash

    def panes(self) -> Iterator[Widget]:
        face, group, minimum, book = self._choices
        yield Candidates(self._table_state, flash=self._flash, id="candidates")
        yield PrismPane(id="prism", face=face)
        yield DepthPane(id="depth", group=group, book=book)
        yield LiquidationsPane(id="liquidations", minimum_usd=minimum)

    def compose(self) -> ComposeResult:
        yield from super().compose()
        yield Prompt(id="prompt")

    @property
    def table(self) -> CandidatesTable:
        """The candidates."""
        return self.query_one(CandidatesTable)

    @property
    def prompt(self) -> Prompt:
        """The input line."""
        return self.query_one(Prompt)

    def title_of(self, name: str) -> str:
        return "candidates" if name == "candidates" else super().title_of(name)

    def help_of(self, name: str) -> str:
        return _HELP if name == "candidates" else super().help_of(name)

    def present(self, view: View) -> None:
        if self.shape != "tiny" and self.table.display:
            self.table.update_snapshot(view.snapshot, self.console.now_s())
            self._head()
        super().present(view)

    def wait(self, reason: Waiting, view: View | None) -> None:
        self.table.wait(reason.lines)
        self._head(reason.headline)
        super().wait(reason, view)

    def _head(self, reason: str = "") -> None:
        status = self.table.status
        title = f"candidates · {status.preset}" if status.preset else "candidates"
        if self.table.state.vetoed:
            title = f"stopped by a gate of {status.preset}"
        arrow = "↓" if status.descending else "↑"
        counted = f"{status.shown} shown · {status.candidates} pass · {status.gated} gated"
        if status.waiting and status.would_move:
            counted += f" · {status.would_move} wait"
        filters = " · ".join(status.filters)
        if status.cached_age_s is not None:
            title = "cached candles"
            counted = f"{status.shown} shown · none ranked · {long_age_text(status.cached_age_s)} old"
        order = f"{arrow} {status.sorted_by}"
        if status.cached_age_s is not None and self.table.state.heading == "rank":
            order = "most traded first" if status.descending is BY_KEY["rank"].descending else "least traded first"
        subtitle = reason or (f"{counted} · {order}" + (f" · {filters}" if filters else ""))
        for name, text in (("border_title", title), ("border_subtitle", subtitle)):
            if getattr(self, f"_{name}_shown", None) != text:
                setattr(self, f"_{name}_shown", text)
                setattr(self.table, name, Text(text))

    def told(self, view: View | None) -> list[Line]:
        status = self.table.status
        if status.frozen_age_s is not None and not self.table.display:
            text = f" table frozen {status.frozen_age_s:.0f} s ago · {status.would_move} rows would move · z goes on"
            return [((text, "accent strong"),)]
        return []

    @on(CandidatesTable.Highlighted)
    def _highlighted(self, event: CandidatesTable.Highlighted) -> None:
        event.stop()
        self.console.highlight(event.key)

    @on(CandidatesTable.Selected)
    def _selected(self, event: CandidatesTable.Selected) -> None:
        event.stop()
        self.console.highlight(event.key)
        self.console.open_symbol()

    @on(CandidatesTable.StateChanged)
    def _state_changed(self, event: CandidatesTable.StateChanged) -> None:
        event.stop()
        self._head()
        self.console.remember_table(event.state)

    def lay_out(self) -> None:
        super().lay_out()
        self._welcome()

    def _welcome(self) -> None:
        """The lines for newcomers, until they hide them."""
        bar = self.query_one("#welcome", Bar)
        bar.display = shown = not self.console.greeted and self.shape != "tiny"
        if shown:
            bar.show_lines(welcome_lines(self.console.keymap, self.console.config_would_be, self.app.size.width))

    def do_move(self, how: str) -> None:
        if self.front == "candidates":
            move = getattr(self.table, _TABLE_MOVES.get(how, how), None)
            if move is not None:
                move()
        else:
            super().do_move(how)

    def do_open(self) -> None:
        if self.console.key is None:
            self.console.tell("no symbol under the cursor to open")
        else:
            self.console.open_symbol()

    def do_back(self) -> None:
        if self.prompt.is_open:
            self.prompt.close(accepted=False)
        elif self.single or self.front != "candidates":
            super().do_back()
        elif self.table.status.filters:
            self.table.clear_filters()
            self.console.tell("filters cleared")
        elif not self.console.greeted:
            self.console.remember(greeted=True)
            self._welcome()

    def do_find(self) -> None:
        self._open_prompt("find", self.table.state.text, self._find, None)

    def do_filter(self) -> None:
        self._open_prompt("filter", self.table.state.expression, self._filter, NameSuggester(self.console.kept_filters))

    def do_filter_next(self) -> None:
        kept = self.console.kept_filters
        if not kept:
            self.console.tell(
                f"no filter is kept; {self.console.keymap.text('filter')} and `NAME: EXPRESSION` keeps one"
            )
            return
        name = next_name(kept, self.table.state.expression)
        error = self.table.set_expression(kept.get(name, ""))
        if error is not None:
            self.console.tell(f"filter {name}: {error.message}", severity="warning")
        else:
            self.console.tell(f"filter {name}: {kept[name]}" if name else "no filter")

    def _open_prompt(self, kind: str, text: str, judge: object, suggester: Suggester | None) -> None:
        if self.front != "candidates" and not self.table.display:
            self.focus_pane("candidates")
        self.prompt.open(kind, text, self._find if kind == "find" else self._filter, suggester)

    def _find(self, text: str) -> Verdict:
        self.table.set_text_filter(text)
        return Verdict(count_text(self.table.status.shown, "row"))

    def _filter(self, text: str) -> Verdict:
        wish = read_wish(text, self.console.kept_filters)
        if wish.complaint:
            return Verdict("", wish.complaint)
        error: FilterError | None = self.table.set_expression(wish.expression)
        if error is not None:
            return Verdict("", error.message, error.position + wish.offset)
        note = f"enter {'forgets' if wish.forgets else 'keeps it as'} `{wish.keeps}`, escape goes back"
        return Verdict(count_text(self.table.status.shown, "row"), note=note if wish.keeps else "")

    @on(Prompt.Closed)
    def _prompt_closed(self, event: Prompt.Closed) -> None:
        event.stop()
        if not event.accepted:
            self._find(event.text) if event.kind == "find" else self._filter(event.text)
        elif event.kind == "filter":
            kept = self.console.kept_filters
            self.console.remember(filters=changed(kept, read_wish(event.text, kept)))
        self.table.focus()

    def do_sort(self, step: str) -> None:
        self.table.sort_next() if step == "1" else self.table.sort_previous()

    def do_reverse(self) -> None:
        self.table.reverse()

    def do_face(self, face: str) -> None:
        if self.front == "candidates":
            self.table.sort_by(f"face.{face}")
        self._set_face(face)

    def do_face_next(self) -> None:
        pane = self.query_one(PrismPane)
        self._set_face(FACES[(FACES.index(pane.face) + 1) % len(FACES)])

    def _set_face(self, face: str) -> None:
        pane = self.query_one(PrismPane)
        pane.face = face
        pane.again()
        self.console.remember(face=face)

    def do_direction(self) -> None:
        self.table.cycle_side()
        self.console.tell({"both": "long and short"}.get(self.table.state.side, f"{self.table.state.side} only"))

    def do_watch(self) -> None:
        self.table.toggle_watch()
        key = self.table.cursor_key
        if key is not None:
            held = key in self.table.state.watched
            self.console.tell(f"{key.symbol} {'is on' if held else 'is off'} the watch-list")

    def do_watch_only(self) -> None:
        self.table.toggle_watch_only()

    def do_pin(self) -> None:
        self.table.toggle_pin()

    def do_vetoed(self) -> None:
        self.table.toggle_vetoed()

    def do_freeze(self) -> None:
        self.table.toggle_freeze()
        self.console.refresh_view()

    def do_depth(self, step: str) -> None:
        self.console.remember(depth_grouping=self.query_one(DepthPane).step_group(int(step)))

    def do_book(self, step: str) -> None:
        self.console.choose_book(self.query_one(DepthPane).step_book(int(step)))

    def do_liquidations(self, step: str) -> None:
        self.console.remember(liquidation_minimum_usd=self.query_one(LiquidationsPane).step_minimum(int(step)))

    def do_export(self, form: str) -> None:
        names, rows = self.table.model.export()
        try:
            path = write_export(names, rows, "json" if form == "json" else "csv", self.console.export_folder())
        except ExportError as error:
            self.console.tell(str(error), severity="error")
        else:
            self.console.tell(f"{count_text(len(rows), 'row')} written to {path}")
