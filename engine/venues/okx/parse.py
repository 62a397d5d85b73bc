"""The OKX v5 parser: frames to events for swaps, futures, options and spot, in the wire format of 2026 and earlier.

Driven by the transport and the replayer through `engine.venues.base.VenueParser`. Besides the listing it keeps only
what completes messages: derived contract sizes and the newest mark and index prices (`contracts`). Books are rebuilt
elsewhere. A frame is decoded once: the channel found in the text hints at its kind, and the fields are then read by
name. A wrong hint costs a second decoding, never a wrong result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from engine.events import MarketEvent
from engine.instruments import Instrument
from engine.venues import checks, readings
from engine.venues.base import CONTROL, EMPTY, Parsed, Verdict
from engine.venues.checks import Implausible
from engine.venues.okx import limits, rest, rows, wire
from engine.venues.okx.contracts import Contracts
from engine.venues.okx.symbols import VENUE
from engine.venues.readings import UNREADABLE, with_empty_fields

Read = Callable[[Any, int], Sequence[MarketEvent]]
"""(decoded push, receive time ns) -> events."""

_CHANNEL: Final = '"channel":"'
_ANY: Final = msgspec.json.Decoder()
_LISTING: Final = msgspec.json.Decoder(wire.ListingPush)
_EVENTS: Final = frozenset(
    {"subscribe", "unsubscribe", "error", "notice", "login", "channel-conn-count", "channel-conn-count-error"}
)
_SPOKEN: Final = frozenset({"error", "notice", "channel-conn-count-error"})
"""Events with a message that is kept as the verdict's detail."""


class OkxParser:
    """Reads the messages of `okx`, which covers all products."""

    def __init__(self) -> None:
        self.venue = VENUE
        self.contracts = Contracts()
        self._readers = self._channels()

    def frame(self, text: str, connection: str, recv_ns: int) -> Parsed:
        """Read one text frame; never raises."""
        try:
            at = text.find(_CHANNEL) + len(_CHANNEL)
            channel = text[at : text.find('"', at)]
            entry = self._readers.get(channel)
            if entry is not None:
                decode, read = entry
                push = decode(text)
                if push.arg.channel == channel:
                    events = read(push, recv_ns)
                    return Parsed(Verdict.ACCEPTED, events) if events else EMPTY
            return self._read_any(text, recv_ns)
        except msgspec.ValidationError as fault:
            return readings.read_again(self.venue, lambda: self._read_any(text, recv_ns), fault)
        except UNREADABLE as fault:
            return CONTROL if text == "pong" else readings.rejected(self.venue, f"not a JSON frame: {fault}")
        except Implausible as fault:
            return readings.rejected(self.venue, fault)

    def response(self, request: str, status: int, body: str, recv_ns: int) -> Parsed:
        """Read the body of a REST response; never raises."""
        parsed = readings.read_answer(self.venue, rest.read, self.contracts, request, status, body, recv_ns)
        self.contracts.take(parsed.listing)
        return parsed

    def instrument(self, symbol: str) -> Instrument:
        """The instrument of an id: as listed, or inferred from its name and the messages so far."""
        return self.contracts.instrument(symbol)

    def instruments(self) -> Iterable[Instrument]:
        """Every instrument listed, or named in a message, so far."""
        return self.contracts.held.values()

    def _channels(self) -> dict[str, tuple[Callable[[str], Any], Read]]:
        """Decoder and reader by channel, for every channel that is read."""
        of = self.contracts
        trades = _decoder(wire.TradeRow)
        book = _decoder(wire.BookRow)
        candle = _decoder(list[float])
        readers: dict[str, tuple[Callable[[str], Any], Read]] = {
            "trades": (trades, lambda push, ns: rows.trades(of, push.data, push.arg.instId, ns)),
            "trades-all": (trades, lambda push, ns: rows.trades(of, push.data, push.arg.instId, ns)),
            "tickers": (_decoder(wire.TickerRow), lambda push, ns: rows.tickers(of, push.data, push.arg.instId, ns)),
            "funding-rate": (
                _decoder(wire.FundingRow),
                lambda push, ns: rows.funding(of, push.data, push.arg.instId, ns),
            ),
            "open-interest": (
                _decoder(wire.OpenInterestRow),
                lambda push, ns: rows.open_interest(of, push.data, push.arg.instId, ns),
            ),
            "mark-price": (_decoder(wire.MarkRow), lambda push, ns: rows.marks(of, push.data, push.arg.instId, ns)),
            "index-tickers": (
                _decoder(wire.IndexRow),
                lambda push, ns: rows.indices(of, push.data, push.arg.instId, ns),
            ),
            "liquidation-orders": (
                _decoder(wire.LiquidationRow),
                lambda push, ns: rows.liquidations(of, push.data, ns),
            ),
        }
        readers |= dict.fromkeys(limits.BOOK_CHANNELS, (book, self._book))
        readers |= {f"candle{bar}": (candle, self._candles) for bar in rows.BARS}
        return readers

    def _book(self, push: wire.Push[wire.BookRow], recv_ns: int) -> Sequence[MarketEvent]:
        depth, chained = limits.BOOK_CHANNELS[push.arg.channel]
        symbol = _named(push.arg)
        if push.action not in (("snapshot", "update") if chained else (None, "snapshot")):
            raise Implausible(f"action {str(push.action)[:20]} on channel {push.arg.channel}")
        update = push.action == "update"
        return [rows.book(self.contracts, row, symbol, depth, chained, update, recv_ns) for row in push.data]

    def _candles(self, push: wire.Push[list[float]], recv_ns: int) -> Sequence[MarketEvent]:
        bar = push.arg.channel.removeprefix("candle")
        return rows.candles(self.contracts, push.data, _named(push.arg), bar, recv_ns, rest=False)

    def _read_any(self, text: str, recv_ns: int) -> Parsed:
        """The slow path: decode the message generically, then decide what it is. Raises what `frame` catches."""
        message = _ANY.decode(text)
        if not isinstance(message, dict):
            return readings.unknown(self.venue, "a frame that is no object")
        if isinstance(message.get("event"), str):
            return self._control(message)
        arg = message.get("arg")
        channel = arg.get("channel") if isinstance(arg, dict) else None
        if not isinstance(channel, str):
            return readings.unknown(self.venue, f"a frame of {', '.join(map(str, list(message)[:4]))}")
        if channel == "instruments":
            return self._listing(_LISTING.decode(text))
        entry = self._readers.get(channel)
        if entry is None:
            return readings.unknown(self.venue, f"channel {channel}")
        decode, read = entry
        try:
            return Parsed(Verdict.ACCEPTED, read(decode(text), recv_ns))
        except msgspec.ValidationError as fault:
            return readings.rejected(self.venue, f"{channel}: {fault}")

    def _control(self, message: dict[str, Any]) -> Parsed:
        event = message["event"]
        if event not in _EVENTS:
            return readings.unknown(self.venue, f"event {event}")
        if event in _SPOKEN:
            said = f"{event} {message.get('code', '')}: {message.get('msg', '')}"
            return Parsed(Verdict.CONTROL, detail=checks.detail(self.venue, said))
        return CONTROL

    def _listing(self, push: wire.ListingPush) -> Parsed:
        """A push of the instruments channel: listings, delistings, changed ticks."""
        parsed = rest.read_instruments(bytes(push.data))
        self.contracts.take(parsed.listing)
        return parsed


def _named(arg: wire.Arg) -> str:
    if arg.instId is None:
        raise Implausible(f"channel {arg.channel} without an instId")
    return arg.instId


def _decoder(row: Any) -> Callable[[str], Any]:
    """Decoder of a channel's pushes."""
    return with_empty_fields(msgspec.json.Decoder(wire.Push[row], strict=False).decode)
