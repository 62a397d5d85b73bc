"""Handles keys in the order in which they were pressed, however late the screen is.

Base of the app and of its input line. Textual gives a letter to the input at once, but passes a bound key as a message
from the focused widget up to the app before it acts. If keys arrive faster than that (a busy machine, a pasted line), a
letter overtakes the key before it, and `/` `p` changes the preset instead of searching for a `p`.

An alt combination with no binding is handled as escape followed by the key. A terminal sends the same bytes for both,
and if they arrive together (a multiplexer, a slow line), only the bindings tell them apart.

A character typed into an input is text, even if it is bound to an action of every screen: a user may quit with `q` and
search for it too.

A pasted text is cleaned before any input gets it: Textual would write its control characters to the terminal.
"""

from __future__ import annotations

from typing import ClassVar, Final

from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.widgets import Input

from engine.text import clean
from tui.key_names import prints

MOST_PASTED: Final = 10_000
"""Characters of a pasted line that are looked at; more than any input takes, so that none takes a part of it."""


def _apart(event: events.Key) -> tuple[events.Key, ...]:
    """Escape and the key, if the event is alt with a letter or digit; else the event itself."""
    character = event.character
    if not event.key.startswith("alt+") or character is None or not character.isalnum():
        return (event,)
    return events.Key("escape", "\x1b"), events.Key(character, character)


def _pasted(text: str) -> str:
    """The first line of a pasted text, which is all that an input of one line takes, safe to show."""
    return clean(next(iter(text.splitlines()), "").expandtabs(1), MOST_PASTED)


class KeysInOrder(App[None]):
    """An app that runs the action of a bound key before it reads the next key."""

    async def on_event(self, event: events.Event) -> None:
        """Run the action of a bound key. All other events go to Textual, and so do keys for an input or a maximised
        widget.

        Escape is handled here even in an input: it closes the input, and the next key is for whatever has focus then.
        """
        if isinstance(event, events.Paste) and not event.is_forwarded:
            await super().on_event(events.Paste(_pasted(event.text)))
        elif not isinstance(event, events.Key) or event.is_forwarded or self._is_for_textual(event):
            await super().on_event(event)
        elif not await self._is_carried_out(event.key):
            for key in _apart(event):
                if key is event or not await self._is_carried_out(key.key):
                    await super().on_event(key)

    def _is_for_textual(self, event: events.Key) -> bool:
        return self.screen.maximized is not None or (isinstance(self.focused, Input) and event.key != "escape")

    async def _check_bindings(self, key: str, priority: bool = False) -> bool:
        if priority and prints(key) and isinstance(self.focused, Input):
            return False
        return await super()._check_bindings(key, priority)

    async def _is_carried_out(self, key: str) -> bool:
        return await self._check_bindings(key, priority=True) or await self._check_bindings(key)


class OrderedInput(Input):
    """An input that edits and submits while it handles the key event, as it does for letters."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # What terminals on a Mac send for option and an arrow, and the shell's own keys.
        Binding("alt+b", "cursor_left_word", show=False),
        Binding("alt+f", "cursor_right_word", show=False),
    ]

    async def _on_key(self, event: events.Key) -> None:
        if event.is_printable and not event.key.startswith("alt+"):
            return
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            if await self.app.run_action(binding.action, self):
                event.stop()
                event.prevent_default()
                return
