"""Base of the screens of panes: layout by size, moving between panes, the bars, and where keys go.

Base class of the main screen and of the symbol's screen. It knows the size classes and which panes each shows. The app
passes it a view eight times a second while it is in front, and it passes the view to the visible panes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid
from textual.screen import Screen
from textual.widget import Widget

from engine.prism.faces import FACES
from tui.actions import ACTIONS, ON_EVERY_SCREEN, Action, usable
from tui.presenters.footer import called, on_recording
from tui.presenters.lines import Line, wrapped
from tui.presenters.view import View
from tui.presenters.waiting import Waiting, cached_line
from tui.screens.jump import JumpScreen
from tui.widgets.bars import FooterBar, HeaderBar, StatusBar
from tui.widgets.pane import Bar, Pane
from tui.widgets.panes import DepthPane, PrismPane

if TYPE_CHECKING:
    from tui.app import PrismApp

SizeClass = Literal["tiny", "small", "medium", "wide"]
LEAST: tuple[int, int] = (60, 16)
MEDIUM: tuple[int, int] = (112, 34)
WIDE: tuple[int, int] = (180, 48)
_MOVES = frozenset({"cursor_down", "cursor_up", "cursor_left", "cursor_right", "page_down", "page_up", "first", "last"})


def size_class(width: int, height: int) -> SizeClass:
    """`wide` shows every pane, `medium` the important ones, `small` one at a time, `tiny` a request for more room."""
    if width < LEAST[0] or height < LEAST[1]:
        return "tiny"
    if width >= WIDE[0] and height >= WIDE[1]:
        return "wide"
    return "medium" if width >= MEDIUM[0] and height >= MEDIUM[1] else "small"


def bindings() -> list[BindingType]:
    """A binding for every action, with its id, so that a keymap can rebind it."""
    return [
        Binding(",".join(a.keys), f"app.act('{a.id}')", a.label, show=False, id=a.id)
        for a in ACTIONS
        if a.id not in ON_EVERY_SCREEN
    ]


class PaneScreen(Screen[None], inherit_bindings=False):
    """See the module."""

    BINDINGS: ClassVar[list[BindingType]] = bindings()
    KIND: ClassVar[Literal["main", "drill"]] = "main"
    ORDER: ClassVar[tuple[str, ...]] = ()
    """Ids of the panes in the order of `tab`."""
    SHOWN: ClassVar[dict[SizeClass, frozenset[str]]] = {}
    """Panes of the medium and wide layouts; the small one shows only the pane in front."""

    def __init__(self) -> None:
        super().__init__()
        self.front = self.ORDER[0]
        self.single = False
        """One pane has the whole screen: the user chose it, or this layout does not include the pane."""
        self.shape: SizeClass = "small"

    @property
    def console(self) -> PrismApp:
        return cast("PrismApp", self.app)

    @property
    def stands(self) -> bool:
        """Whether every pane is mounted: False while the screen is being built or removed."""
        return self.is_attached and self.is_mounted and len(self.query("#body > *")) == len(self.ORDER)

    def panes(self) -> Iterator[Widget]:
        """The panes, in grid order."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        self._take_shape(update=False)  # before anything exists that would have to be styled again
        yield HeaderBar(id="header")
        with Grid(id="body"):
            yield from self.panes()
        yield Bar(id="welcome")
        yield StatusBar(id="status")
        yield FooterBar(id="footer")
        yield Bar(id="too-small")

    def on_mount(self) -> None:
        self.lay_out()
        self.query_one(f"#{self.front}").focus()

    def on_resize(self, event: events.Resize) -> None:
        self.lay_out()

    def on_screen_resume(self) -> None:
        if self.stands:  # what was chosen on the screen above applies here too
            face, group = self.console.pane_choices
            self.query_one(PrismPane).show_face(face)
            self.query_one(DepthPane).show_group(group)
        self.lay_out()
        self.console.refresh_view()

    def lay_out(self) -> None:
        """Show the panes that fit this size."""
        if not self.stands:
            return
        self._take_shape()
        width, height = self.app.size
        for name in self.ORDER:
            shown = name == self.front if self.alone else name in self.SHOWN[self.shape]
            self.query_one(f"#{name}").display = shown
        for pane in self.query(Pane):
            pane.elsewhere = self.elsewhere()
        if self.shape == "tiny":
            text = f"prism needs {LEAST[0]} by {LEAST[1]} cells to be readable; this terminal has {width} by {height}"
            self.query_one("#too-small", Bar).show_lines([(), *wrapped(text, max(8, width - 1), "warning")])

    def elsewhere(self) -> list[str]:
        """For the lower edge of the one pane of a small screen: the key to the others and their names, next one first.
        A user who chose to see one pane alone knows the others."""
        if self.shape != "small":
            return []
        place = self.ORDER.index(self.front)
        names = [self.short_title_of(name) for name in (*self.ORDER[place + 1 :], *self.ORDER[:place])]
        return [self.console.keymap.text("pane_next"), *names]

    @property
    def alone(self) -> bool:
        """Whether only one pane is shown."""
        return self.single or self.shape in ("small", "tiny")

    def _take_shape(self, *, update: bool = True) -> None:
        """Set the CSS classes that the stylesheet uses for this size."""
        self.shape = size_class(*self.app.size)
        for name in ("tiny", "small", "medium", "wide"):
            self.set_class(name == self.shape, f"-{name}", update=update)
        self.set_class(self.alone, "-single", update=update)

    def available(self) -> list[Action]:
        """The actions available on this screen now."""
        return [action for action in ACTIONS if usable(action.where, self.KIND, self.console.replaying)]

    def presenting(self, view: View) -> Iterator[None]:
        """Show a view in the bars and every visible pane, one piece at each step."""
        if self.shape == "tiny":
            return
        self.query_one(HeaderBar).present(view)
        self.bars(view)
        for pane in self.query(Pane):
            if pane.display:
                yield
            pane.present(view)

    def wait(self, reason: Waiting, view: View | None) -> None:
        """Before the first event: every pane says what it waits for; `view` is None before the first snapshot."""
        header = self.query_one(HeaderBar)
        header.wait(reason.headline) if view is None else header.present(view)
        self.bars(None)
        for pane in self.query(Pane):
            pane.wait(reason.headline)

    def bars(self, view: View | None) -> None:
        """The status line and the footer."""
        told = self.told(view)
        if view is not None and (
            cached := cached_line(view.snapshot, self.console.keymap.text("venues"), self.size.width)
        ):
            told = [cached, *told]
        self.query_one(StatusBar).say(self.console.urgent, told, view)
        self.foot(view)

    def foot(self, view: View | None) -> None:
        """The footer: the keys that have an effect now."""
        replay = view.snapshot.replay if view is not None and self.console.replaying else None
        actions = called(on_recording(self.available(), replay), self.names())
        self.query_one(FooterBar).present(actions, self.console.keymap)

    def names(self) -> dict[str, str]:
        """What actions, by id, are called while they do something else than usual; empty: they do nothing now."""
        return {}

    def told(self, view: View | None) -> list[Line]:
        """This screen's messages for the status line, most urgent first."""
        return []

    def focus_pane(self, name: str) -> None:
        """Move to a pane, and show it alone if this layout does not include it."""
        self.bring(name)
        self.query_one(f"#{name}").focus()
        self.console.refresh_view()

    def bring(self, name: str) -> None:
        """Put a pane in front without the focus, which Textual moves only later."""
        self.front = name
        if self.shape in ("medium", "wide") and name not in self.SHOWN[self.shape]:
            self.single = True
        elif not self.has_class("-kept"):
            self.single = False
        self.lay_out()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if event.widget.id in self.ORDER:
            self.front = str(event.widget.id)

    def do_pane(self, step: str) -> None:
        place = self.ORDER.index(self.front)
        self.focus_pane(self.ORDER[(place + int(step)) % len(self.ORDER)])

    def do_jump(self) -> None:
        def arrived(name: str | None) -> None:
            if name:
                self.focus_pane(name)

        self.app.push_screen(JumpScreen(self._jump_targets()), arrived)

    def _jump_targets(self) -> list[tuple[str, str, tuple[int, int] | None]]:
        targets = []
        for name in self.ORDER:
            pane = self.query_one(f"#{name}")
            targets.append((name, self.title_of(name), (pane.region.x, pane.region.y) if pane.display else None))
        return targets

    def title_of(self, name: str) -> str:
        """A pane's title."""
        pane = self.query_one(f"#{name}")
        return pane.TITLE if isinstance(pane, Pane) else name

    def short_title_of(self, name: str) -> str:
        """The same, shorter if it has a shorter one."""
        pane = self.query_one(f"#{name}")
        return (isinstance(pane, Pane) and pane.SHORT) or self.title_of(name)

    def help_of(self, name: str) -> str:
        """The help screen's text for a pane."""
        pane = self.query_one(f"#{name}")
        return pane.HELP if isinstance(pane, Pane) else ""

    def terms_of(self, name: str) -> Sequence[tuple[str, str]]:
        """The words in a pane that the help screen explains one by one."""
        return ()

    def do_maximise(self) -> None:
        self.single = not self.single
        self.set_class(self.single, "-kept")
        if self.single:
            self.lay_out()
        else:
            self.focus_pane(self.front)
        self.console.refresh_view()

    def do_back(self) -> None:
        if self.single:
            self.single = False
            self.remove_class("-kept")
            self.focus_pane(self.ORDER[0])
        elif self.front != self.ORDER[0]:
            self.focus_pane(self.ORDER[0])

    def do_face(self, face: str) -> None:
        self.show_face(face)

    def do_face_next(self) -> None:
        self.show_face(FACES[(FACES.index(self.query_one(PrismPane).face) + 1) % len(FACES)])

    def show_face(self, face: str) -> None:
        """Show this face's components."""
        pane = self.query_one(PrismPane)
        pane.face = face
        pane.again()
        self.console.remember(face=face)

    def do_depth(self, step: str) -> None:
        self.console.remember(depth_grouping=self.query_one(DepthPane).step_group(int(step)))

    def do_book(self, step: str) -> None:
        self.console.choose_book(self.query_one(DepthPane).step_book(int(step)))

    def do_move(self, how: str) -> None:
        target = self.query_one(f"#{self.front}")
        move = getattr(target, how, None)
        if how in _MOVES and move is not None:
            move()
            if isinstance(target, PrismPane):
                self.console.remember(face=target.face)
