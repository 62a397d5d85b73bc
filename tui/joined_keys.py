"""Takes apart an escape and the key after it where a terminal sends both in one piece.

Used by `tui.terminal_driver` on what it reads, before Textual's parser. Terminals send alt and a key as escape and that
key; multiplexers and slow lines join an escape with the key pressed after it. Textual's parser loses the escape before
most keys, and turns `esc f`, `esc b` and `esc 1` into other keys. Here a letter or digit becomes alt and that key,
which `tui.keys_in_order` takes for escape and the key if nothing is bound to it; before any other key the escape stands
alone. Replies of the terminal pass as they are. Pasted text loses its escapes: the parser would take them for the end
of the text and the rest for keys.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import Final

from textual import events

_BEGIN: Final = "\x1b[200~"
_END: Final = "\x1b[201~"
_PIECE: Final = re.compile(r"\x1b(?P<key>[^\x1b\[\]OPX_^\\])|\x1b\[200~")
"""An escape that neither begins a control sequence, a string or a reply nor ends one; or the start of pasted text."""


class JoinedKeys:
    """The text of one terminal, piece by piece."""

    def __init__(self) -> None:
        self._is_pasting = False
        self._held = ""

    def apart(self, text: str) -> Iterator[str | events.Key]:
        """Text for the parser, and keys that are complete."""
        while text:
            if self._is_pasting:
                text = yield from self._pasted(text)
                continue
            piece = _PIECE.search(text)
            if piece is None:
                yield text
                return
            if piece.start():
                yield text[: piece.start()]
            text = text[piece.end() :]
            key = piece["key"]
            if key is None:
                self._is_pasting = True
                yield _BEGIN
            elif key.isalnum():
                shift = "shift+" if key.isupper() else ""
                yield events.Key(f"alt+{shift}{key.lower()}", key)
            else:
                yield events.Key("escape", "\x1b")
                text = key + text

    def _pasted(self, text: str) -> Generator[str, None, str]:
        """The pasted part of `text`, without escapes; returns the rest."""
        text, self._held = self._held + text, ""
        body, end, rest = text.partition(_END)
        if not end:
            # A read may end within the end.
            cut = next((size for size in range(len(_END) - 1, 0, -1) if body.endswith(_END[:size])), 0)
            body, self._held = body[: len(body) - cut], body[len(body) - cut :]
        if body := body.replace("\x1b", ""):
            yield body
        if end:
            self._is_pasting = False
            yield _END
        return rest
