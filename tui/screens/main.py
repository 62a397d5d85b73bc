"""The main screen: candidates, liquidations, and breakdown and book of the symbol under the cursor.

Pushed by the app at start and never popped. It owns the table and its prompt. The symbol under the cursor and the
preset belong to the app, because the symbol's screen shares them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.suggester import Suggester
from textual.widget import Widget

from tui import presenters
from tui.export import ExportError, path_text, write_export
from tui.presenters.columns import BY_KEY, glossary, symbol_text
from tui.presenters.footer import Hint
from tui.presenters.format import long_age_text
from tui.presenters.lines import Line
from tui.presenters.row import Key
from tui.presenters.view import View, count_text, venue_title
from tui.presenters.view_state import ViewState
from tui.presenters.waiting import Waiting
from tui.presenters.welcome import welcome_lines
from tui.screens.pane_screen import PaneScreen, SizeClass
from tui.widgets.bars import FooterBar
from tui.widgets.candidates import CandidatesTable
from tui.widgets.pane import BORDER, Bar, with_others
from tui.widgets.panes import DepthPane, LiquidationsPane, PrismPane
from tui.widgets.prompt import Prompt, Verdict

if TYPE_CHECKING:
    from engine.config.schema import ConsoleSection
    from engine.snapshot import Snapshot

_TABLE_MOVES = {"first": "cursor_home", "last": "cursor_end"}
_HELP = (
    "Every perpetual that passes the preset's gates, ranked by conviction. SCORE runs from 0, bearish, to 100, "
    "bullish; 50 is neutral. The six letters are the faces: Technical, Volume, order Flow, order Book, Structure, "
    "sentiMent. COV is coverage, the share of the score's weight that rests on good data; scores with low coverage are "
    "dimmed. TR counts the traps, warnings against taking the side (⚑2: two); {open} shows what each saw. ✦ marks a "
    "symbol listed within 24 h, ◇ one on your watch-list, ◆ a pinned one, ◈ one that is both. Dim rows are gated; they "
    "are shown because they are pinned or watched. The table is sorted at most once a second, and the cursor stays on "
    "its symbol. While you press keys no row moves: rows that would are counted as waiting, and move two seconds after "
    "the last key. {find} and {filter} search the rows that pass and count the gated rows that match as well. "
    "{watch_only} shows watched rows even if they are gated. {freeze} freezes the table. {vetoed} shows the gated "
    "rows, nearest to passing first."
)


class Candidates(CandidatesTable, inherit_bindings=False):
    """The table without Textual's own scroll keys: keys belong to the table of actions."""


class NameSuggester(Suggester):
    """Completes the name of a saved filter, or the name at the end of an expression."""

    def __init__(self, kept: Collection[str]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._kept = sorted(kept)

    async def get_suggestion(self, value: str) -> str | None:
        named = next((name for name in self._kept if value and name.startswith(value) and name != value), None)
        if named is not None:
            return named
        found = presenters.filter_completion.complete(value, limit=1)
        return value[: found[0].start] + found[0].text if found and found[0].start < len(value) else None


class MainScreen(PaneScreen):
    """See the module."""

    KIND: ClassVar[Literal["main", "drill"]] = "main"
    ORDER: ClassVar[tuple[str, ...]] = ("candidates", "prism", "depth", "liquidations")
    SHOWN: ClassVar[dict[SizeClass, frozenset[str]]] = {"medium": frozenset(ORDER), "wide": frozenset(ORDER)}

    def __init__(self, table: ViewState, face: str, depth_group: int, minimum_usd: float, look: ConsoleSection) -> None:
        super().__init__()
        self._table_state = table
        self._choices = (face, depth_group, minimum_usd)
        self._look = look

    def panes(self) -> Iterator[Widget]:
        face, group, minimum = self._choices
        keymap, look = self.console.keymap, self._look
        yield Candidates(self._table_state, keymap=keymap, flash=look.flash, zebra=look.zebra, id="candidates")
        yield PrismPane(id="prism", face=face)
        yield DepthPane(id="depth", group=group)
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

    def terms_of(self, name: str) -> Sequence[tuple[str, str]]:
        return glossary() if name == "candidates" else super().terms_of(name)

    def presenting(self, view: View) -> Iterator[None]:
        # Even if it is not on screen: exports, the count of rows that would move and the cursor's row depend on it.
        self.table.update_snapshot(view.snapshot, self.console.now_s())
        self._head()
        yield
        yield from super().presenting(view)

    def note_ranks(self, snapshot: Snapshot) -> None:
        """Every snapshot must come here, whichever screen is in front: the change of rank needs an unbroken history."""
        if snapshot.at_ms and self.stands:
            self.table.model.note_ranks(snapshot)

    def wait(self, reason: Waiting, view: View | None) -> None:
        self.table.wait(reason.lines)
        self._head(reason.headline)
        super().wait(reason, view)

    def _head(self, reason: str = "") -> None:
        status = self.table.status
        title = f"candidates · {status.preset}" if status.preset else "candidates"
        if self.table.state.vetoed:
            title = f"gated by {status.preset}"
        arrow = "↓" if status.descending else "↑"
        elsewhere = f" · {status.elsewhere} {self._elsewhere()} match" if status.elsewhere else ""
        counted = f"{status.shown} shown{elsewhere} · {status.candidates} pass · {status.gated} gated"
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
        subtitle = with_others(subtitle, self.elsewhere(), self.table.size.width - BORDER)
        for name, text in (("border_title", title), ("border_subtitle", subtitle)):
            if getattr(self, f"_{name}_shown", None) != text:
                setattr(self, f"_{name}_shown", text)
                setattr(self.table, name, Text(text))

    def told(self, view: View | None) -> list[Line]:
        status = self.table.status
        if status.frozen_age_s is not None and not self.table.display:
            resumes = f"{self.console.keymap.text('freeze')} resumes"
            text = f" table frozen {status.frozen_age_s:.0f} s ago · {status.would_move} rows would move · {resumes}"
            return [((text, "accent strong"),)]
        return []

    def foot(self, view: View | None) -> None:
        self.set_class(self.prompt.is_open, "-typing")
        if not self.prompt.is_open:
            super().foot(view)
            return
        hints = (Hint("enter", "apply"), Hint("esc", "cancel", "app.act('back')"), Hint("→", "complete", rank=2))
        quits = Hint(self.console.keymap.text_while_typing("quit"), "quit", "app.act('quit')", 3)
        shown = hints if self.prompt.kind == "filter" else hints[:2]
        self.query_one(FooterBar).hint((*shown, quits) if quits.key else shown)

    def names(self) -> dict[str, str]:
        state, found = self.table.state, {}
        if state.frozen:
            found["freeze"] = "resume"
        if state.vetoed:
            found["vetoed"] = "passing"
        if not (self.single or self.front != "candidates" or state.vetoed):
            found["back"] = "clear" if state.filters() else "" if self.console.greeted else "hide hints"
        return found

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        super().on_descendant_focus(event)
        if event.widget.id in self.ORDER and event.widget is self.focused:
            # An open prompt without the focus would show text while its letters are keys of the table.
            self.prompt.leave()

    @on(CandidatesTable.Highlighted)
    def _highlighted(self, event: CandidatesTable.Highlighted) -> None:
        event.stop()
        self.console.highlight(event.key)

    @on(CandidatesTable.Selected)
    def _selected(self, event: CandidatesTable.Selected) -> None:
        event.stop()
        self.table.hold_row()
        self.console.open_symbol(event.key)

    @on(CandidatesTable.StateChanged)
    def _state_changed(self, event: CandidatesTable.StateChanged) -> None:
        event.stop()
        self._head()
        if not self.prompt.is_open:  # what is being typed is saved when the prompt closes: writing a file takes time
            self.console.remember_table(event.state)

    def lay_out(self) -> None:
        super().lay_out()
        self._welcome()

    def _welcome(self) -> None:
        """Show the lines for newcomers until the user hides them."""
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

    def on_screen_resume(self) -> None:
        if self.stands:
            self.console.highlight(self.table.cursor_key)

    def do_open(self) -> None:
        # Ask the table itself: its message about the cursor may not have arrived at the console yet.
        key = self.table.cursor_key
        if key is None:
            self.console.tell("no symbol under the cursor to open")
        else:
            self.table.hold_row()
            self.console.open_symbol(key)

    def do_back(self) -> None:
        if self.prompt.is_open:
            self.prompt.close(accepted=False)
        elif self.single or self.front != "candidates":
            super().do_back()
        elif self.table.state.vetoed:
            self.table.toggle_vetoed()
        elif self.table.status.filters:
            self.table.clear_filters()
            self.console.tell("filters cleared")
        elif not self.console.greeted:
            self.console.remember(greeted=True)
            self._welcome()

    def do_find(self) -> None:
        self._open_prompt("find", self.table.state.text, None)

    def do_filter(self) -> None:
        self._open_prompt("filter", self.table.state.expression, NameSuggester(self.console.kept_filters))

    def do_filter_next(self) -> None:
        kept = self.console.kept_filters
        if not kept:
            self.console.tell(
                f"no filter is saved; {self.console.keymap.text('filter')} and `NAME: EXPRESSION` saves one"
            )
            return
        name = presenters.saved_filters.next_name(kept, self.table.state.expression)
        while (error := self.table.set_expression(kept.get(name, ""))) is not None:
            self.console.tell(f"filter {name} left out: {error.message}", severity="warning")
            name = presenters.saved_filters.next_name(kept, kept[name])
        self.console.tell(f"filter {name}: {kept[name]}" if name else "no filter")

    def _open_prompt(self, kind: str, text: str, suggester: Suggester | None) -> None:
        if self.front != "candidates" and not self.table.display:
            self.bring("candidates")
            self.console.refresh_view()
        self.prompt.open(kind, text, self._find if kind == "find" else self._filter, suggester)
        self.foot(None)

    def _elsewhere(self) -> str:
        """What the rows of the other view are called."""
        return "passing" if self.table.state.vetoed else "gated"

    def _counted(self) -> str:
        """How many rows match, in this view and in the other."""
        status = self.table.status
        more = f", {status.elsewhere} {self._elsewhere()}" if status.elsewhere else ""
        return count_text(status.shown, "row") + more

    def _find(self, text: str) -> Verdict:
        self.table.set_text_filter(text)
        return Verdict(self._counted())

    def _filter(self, text: str) -> Verdict:
        wish = presenters.saved_filters.read_wish(text, self.console.kept_filters)
        if wish.complaint:
            return Verdict("", wish.complaint)
        error = self.table.set_expression(wish.expression)
        if error is not None:
            return Verdict("", error.message, error.position + wish.offset)
        note = f"enter {'deletes' if wish.forgets else 'saves it as'} `{wish.keeps}`, escape cancels"
        return Verdict(self._counted(), note=note if wish.keeps else "")

    @on(Prompt.Closed)
    def _prompt_closed(self, event: Prompt.Closed) -> None:
        event.stop()
        if not event.accepted:
            (self._find if event.kind == "find" else self._filter)(event.text)
        elif event.kind == "filter":
            kept, saved = self.console.kept_filters, presenters.saved_filters
            self.console.remember(filters=saved.changed(kept, saved.read_wish(event.text, kept)))
        self.console.remember_table(self.table.state)
        if self.focused is None:
            self.table.focus()
        self.foot(self.console.view())

    def do_sort(self, step: str) -> None:
        if step == "1":
            self.table.sort_next()
        else:
            self.table.sort_previous()

    def do_reverse(self) -> None:
        self.table.reverse()

    def do_face(self, face: str) -> None:
        if self.front == "candidates":
            self.table.sort_by(f"face.{face}")
        super().do_face(face)

    def do_direction(self) -> None:
        self.table.cycle_side()
        self.console.tell({"both": "long and short"}.get(self.table.state.side, f"{self.table.state.side} only"))

    def do_watch(self) -> None:
        self.watch_symbol(self.table.cursor_key)

    def watch_symbol(self, key: Key | None) -> None:
        """Put a symbol on the watch-list or take it off, and notify the user which."""
        if key is None:
            self.console.tell("no symbol under the cursor to watch")
            return
        held = self.table.toggle_watch(key)
        named = f"{symbol_text(key.symbol)} of {venue_title(key.venue)}"
        self.console.tell(f"{named} is {'on' if held else 'off'} the watch-list")

    def do_watch_only(self) -> None:
        self.table.toggle_watch_only()

    def do_pin(self) -> None:
        self.table.toggle_pin()

    def do_vetoed(self) -> None:
        self.table.toggle_vetoed()

    def do_freeze(self) -> None:
        self.table.toggle_freeze()
        self.console.refresh_view()

    def do_liquidations(self, step: str) -> None:
        minimum = self.query_one(LiquidationsPane).step_minimum(int(step))
        self.console.remember(liquidation_minimum_usd=minimum, liquidations_all=not minimum)

    def do_export(self, form: str) -> None:
        names, rows = self.table.model.export()
        try:
            path = write_export(names, rows, "json" if form == "json" else "csv", self.console.export_folder())
        except ExportError as error:
            self.console.tell(str(error), severity="error")
        else:
            self.console.tell(f"{count_text(len(rows), 'row')} written to {path_text(path)}")
