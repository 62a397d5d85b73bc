"""Keys are carried out in the order in which they were pressed, however late the screen is.

Base of the app and of its input line. Textual hands a letter to the input at once, but lets a key that is bound wander
from the focused widget up to the app before it acts: where keys come faster than that (a busy machine, a pasted line),
a letter overtakes the key before it, and `/` `p` changes the preset instead of looking for a `p`.
"""

from __future__ import annotations

from textual import events
from textual.app import App
from textual.widgets import Input


class KeysInOrder(App[None]):
    """An app that acts on a bound key before it looks at the next one."""

    async def on_event(self, event: events.Event) -> None:
        """Take what is bound; everything else goes Textual's way, as do keys for an input and a maximised widget."""
        if (
            isinstance(event, events.Key)
            and not event.is_forwarded
            and not isinstance(self.focused, Input)
            and self.screen.maximized is None
            and (await self._check_bindings(event.key, priority=True) or await self._check_bindings(event.key))
        ):
            return
        await super().on_event(event)


class OrderedInput(Input):
    """An input that edits and submits with the key itself, as it takes letters."""

    async def _on_key(self, event: events.Key) -> None:
        if event.is_printable:
            return
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            if await self.app.run_action(binding.action, self):
                event.stop()
                event.prevent_default()
                return
