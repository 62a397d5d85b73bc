"""The parser interface of a venue: text in, market events out, no I/O.

Implemented by `engine.venues.<venue>.parse`; driven by the transport (live) and the replayer
(recordings) alike. A parser keeps only what it needs to read the next message: the venue's listing
and, if the venue sends partial messages, the values that complete them. Books, sums and clocks live
elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Protocol

import msgspec

from engine.events import MarketEvent
from engine.instruments import Instrument


class Verdict(IntEnum):
    """How a frame or response was classified. Each gets exactly one verdict."""

    ACCEPTED = 0
    """Understood. It may still yield no events (another product's row on a shared stream)."""
    CONTROL = 1
    """Acks, pongs, notices."""
    REJECTED = 2
    """Malformed, or of a known kind with a value that fails validation."""
    UNKNOWN = 3
    """Well-formed, but of a kind that is not handled."""


class Parsed(msgspec.Struct, frozen=True, gc=False):
    """Outcome of one frame or response."""

    verdict: Verdict
    events: Sequence[MarketEvent] = ()
    detail: str = ""
    """For rejected and unknown: what was expected and where, cleaned, at most 200 characters. For a control
    frame that reports an error: the venue's message."""
    listing: Sequence[Instrument] = ()
    """Instruments described by a listing response or a listing push."""


CONTROL = Parsed(Verdict.CONTROL)
EMPTY = Parsed(Verdict.ACCEPTED)


class VenueParser(Protocol):
    """Reads one venue's messages. Never raises, whatever the bytes."""

    venue: str

    def frame(self, text: str, connection: str, recv_ns: int) -> Parsed:
        """Read one text frame received at `recv_ns` on the connection named `connection`."""

    def response(self, request: str, status: int, body: str, recv_ns: int) -> Parsed:
        """Read the body of a REST response; `request` is `GET /path?query`."""

    def instrument(self, symbol: str) -> Instrument:
        """The instrument of a symbol: as listed, or inferred from its name."""

    def instruments(self) -> Iterable[Instrument]:
        """Every instrument listed, or named in a message, so far."""
