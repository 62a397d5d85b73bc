"""Bases of the screens that cover the panes but not the bars: overlays in general, and reports.

Base classes of the screens that the app pushes over a screen of panes. The app passes the newest view to the one in
front. An overlay has bars of its own: those of the screen below are only a picture, and bringing that up to date would
paint the whole screen below again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widget import Widget

from tui.actions import ACTIONS, BY_ID, ON_EVERY_SCREEN, ON_REPORTS, Action
from tui.presenters.footer import Hint
from tui.presenters.view import View
from tui.widgets.bars import FooterBar, HeaderBar, StatusBar
from tui.widgets.pane import Pane

if TYPE_CHECKING:
    from tui.app import PrismApp

R = TypeVar("R")
MOVES: Final = ("cursor_down", "cursor_up", "page_down", "page_up", "first", "last")


def bound(name: str, does: str) -> Binding:
    """A binding with the keys of an action of the table, rebound ones too."""
    return Binding(",".join(BY_ID[name].keys), does, show=False, id=name)


def report_bindings() -> list[BindingType]:
    """The keys of every report: those that move and go back, and some that programs that page texts have.

    All other keys are passed to the app, which carries out what has a meaning here, and says of the rest how to leave.
    """
    own = ("back", "cursor_left", "cursor_right", *MOVES, *ON_EVERY_SCREEN)
    return [
        Binding("enter,q", "dismiss", show=False),
        Binding("space", "move('page_down')", show=False),
        bound("back", "dismiss"),
        *(bound(name, f"move('{name}')") for name in MOVES),
        *(bound(name, f"app.act('{name}')") for name in BY_ID if name not in own),
    ]


class Overlay(ModalScreen[R]):
    """A screen over the panes, between a header, a status line and a footer that are current."""

    DEFAULT_CSS = """
    Overlay { align: center middle; background: $background 40%; }
    Overlay > #header { dock: top; }
    Overlay > #edge { dock: bottom; height: 2; }
    """
    FOOTED: ClassVar[bool] = True
    """Whether status line and footer are shown; otherwise the overlay itself has the lower edge."""
    TYPES: ClassVar[bool] = False
    """Whether keys that print go into an input here."""

    @property
    def console(self) -> PrismApp:
        return cast("PrismApp", self.app)

    def compose(self) -> ComposeResult:
        yield HeaderBar(id="header")
        if self.FOOTED:
            with Vertical(id="edge"):
                yield StatusBar(id="status")
                yield FooterBar(id="footer")
        yield from self.content()

    def on_mount(self) -> None:
        self.call_after_refresh(self.console.refresh_view)

    def content(self) -> Iterator[Widget]:
        """What stands between the bars."""
        raise NotImplementedError

    def hints(self) -> Sequence[Hint]:
        """The keys that work here, in the order of the footer; those of every screen are added."""
        return ()

    def presenting(self, view: View | None) -> Iterator[None]:
        """Show a view one piece at each step; None: there is none yet."""
        if not self.is_mounted:
            return
        if view is not None:
            self.query_one("#header", HeaderBar).present(view)
        if self.FOOTED:
            key = self.console.keymap.text_while_typing if self.TYPES else self.console.keymap.text
            self.query_one("#status", StatusBar).say(self.console.urgent, (), view)
            quits = Hint(key("quit"), "quit", "app.act('quit')", 8)
            pictures = Hint(key("picture"), "picture", "app.act('picture')", 9)
            fixed = (hint for hint in (quits, pictures) if hint.key)
            self.query_one("#footer", FooterBar).hint((*self.hints(), *fixed))
        yield
        if view is not None:
            self.present(view)

    def present(self, view: View) -> None:
        """Show the newest snapshot between the bars."""


class ReportScreen(Overlay[None]):
    """A pane over the screen in front, kept up to date by the app while it is open."""

    DEFAULT_CSS = """
    ReportScreen Pane { width: 94%; max-width: 120; height: 1fr; background: $surface; }
    """
    PANE: ClassVar[type[Pane]] = Pane
    BINDINGS: ClassVar[list[BindingType]] = report_bindings()

    def __init__(self, pane: Pane | None = None) -> None:
        super().__init__()
        self._pane: Any = pane or self.PANE(id="report")

    @property
    def pane(self) -> Pane:
        """The pane that it shows."""
        return cast("Pane", self._pane)

    def available(self) -> list[Action]:
        """The actions that work here."""
        return [action for action in ACTIONS if action.id in ON_REPORTS]

    def content(self) -> Iterator[Widget]:
        yield self._pane

    def hints(self) -> Sequence[Hint]:
        key = self.console.keymap.text
        return (
            Hint(key("back"), "back", "screen.dismiss"),
            Hint(f"{key('cursor_down')} {key('cursor_up')}", "scroll"),
            Hint(f"{key('page_down')} {key('page_up')}", "page", rank=3),
            Hint(key("help"), "help", "app.act('help')", 10),
        )

    def present(self, view: View) -> None:
        self._pane.present(view)

    def action_move(self, how: str) -> None:
        getattr(self._pane, how)()
