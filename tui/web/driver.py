"""Textual's web driver, extended to tell escape from alt in a browser page.

Chosen by `tui.web.page`, which runs the console of a page. Nothing here draws.

A page sends what one key press or paste makes as one packet, as a terminal does in one write: alt and a key come
together, escape and then a key in two. Textual joins packets that follow each other within 100 ms, so both keys of a
quick `esc` `?` would be lost.
"""

from __future__ import annotations

import logging
from codecs import getincrementaldecoder
from collections.abc import Iterator
from typing import Final

from textual import constants
from textual._xterm_parser import XTermParser
from textual.drivers._byte_stream import ByteStream
from textual.drivers.web_driver import WebDriver, _ExitInput
from textual.message import Message

from tui.joined_keys import JoinedKeys

LOG: Final = logging.getLogger("prism.console")


class Typed:
    """What the user typed, packet by packet."""

    def __init__(self, *, debug: bool = False) -> None:
        # Textual offers no other way: it reads the delay from the environment once, at import.
        constants.ESCAPE_DELAY = 0.0  # type: ignore[misc]
        self._parser, self._joined = XTermParser(debug), JoinedKeys()
        self._decode = getincrementaldecoder("utf-8")("replace").decode

    def messages(self, packet: bytes) -> Iterator[Message]:
        """The events of one packet, which ends no sequence in its middle."""
        for piece in self._joined.apart(self._decode(packet)):
            if isinstance(piece, str):
                yield from self._parser.feed(piece)
            else:
                yield piece
        yield from self._parser.tick()


class PageDriver(WebDriver):
    """See the module."""

    def run_input_thread(self) -> None:
        """Read the page's packets until the driver stops or the page is gone; keys go to the app."""
        typed, packets = Typed(debug=self._debug), ByteStream()
        try:
            for data in self._input_reader:
                for kind, payload in packets.feed(data) if data else ():
                    if kind == "D":
                        for message in typed.messages(payload):
                            self.process_message(message)
                    else:
                        self._on_meta(kind, payload)
        except _ExitInput:
            pass
        except Exception:
            LOG.exception("the page's input ended")
        finally:
            self._input_reader.close()
