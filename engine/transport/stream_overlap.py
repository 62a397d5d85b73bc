"""While two sockets carry the same topics: which frames of which of them are passed on.

Used by `stream_connection` when it hands a connection over to a new socket. The rules, by what a topic is:

- *Both*: trades, candles, liquidations, whatever speaks only of events, and books whose stream begins without a
  snapshot (Binance). Both sockets are passed on until the hand-over. Two copies that are equal to the letter are passed
  on once; copies that are not are told apart below by what they are: trades by their id, changes of a book by their
  sequence, candles by their open time.
- *First*: everything else, above all books that begin with a snapshot. The old socket is passed on until the new one
  sends its first frame of the topic (for a book: the snapshot), from then on the new one alone. So changes of two
  chains never mix, and nothing lies between them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from engine.transport.stream_link import Link
from engine.transport.stream_topic import Topic
from engine.venues.live import Channel, VenueLive

REMEMBERED: Final = 20_000
"""Frames whose text is remembered to recognise the second copy."""

_BOTH: Final = frozenset({"trades", "candle", "liquidations", "listings"})


def from_both(language: VenueLive, channel: Channel) -> bool:
    """Whether both sockets are passed on until the hand-over."""
    if channel.kind == "book":
        return bool(channel.symbol) and language.mend(channel.symbol) is not None
    return channel.kind in _BOTH or channel.first_s is None


class Overlap:
    """The routes of an old and a new socket."""

    def __init__(self, language: VenueLive, old: Link, new: Link, topics: Iterable[Topic]) -> None:
        self._language = language
        self._old = old
        self._new = new
        self._switched: dict[str, bool] = {}
        """Of topics passed on from one socket: whether that is the new one already."""
        self._both: set[str] = set()
        self._copies: dict[str, Link] = {}
        """Texts seen on one socket whose second copy did not come yet."""
        for topic in topics:
            self.add(topic)
        old.route = new.route = self.passes

    def add(self, topic: Topic) -> None:
        """A topic that became wanted meanwhile; it is on both."""
        if from_both(self._language, topic.channel):
            self._both.add(topic.name)
        else:
            self._switched[topic.name] = False

    def passes(self, link: Link, topic: str | None, text: str) -> bool:
        """Whether a frame of `link` is passed on."""
        if topic is None:
            return True
        switched = self._switched.get(topic)
        if switched is not None:
            if link is self._new:
                if not switched:
                    self._switched[topic] = True
                return True
            return not switched
        if topic not in self._both:
            return link is self._old
        first = self._copies.get(text)
        if first is None:
            self._copies[text] = link
            if len(self._copies) > REMEMBERED:
                del self._copies[next(iter(self._copies))]
            return True
        if first is link:
            return True
        del self._copies[text]
        return False

    def end(self) -> None:
        """The new socket alone from now on."""
        self._new.route = None
        self._old.route = _none
        self._copies.clear()

    def abandon(self) -> None:
        """The old socket alone again; what was `switched` is to be subscribed anew on it."""
        self._old.route = None
        self._new.route = _none
        self._copies.clear()

    @property
    def switched(self) -> list[str]:
        """Topics that went over to the new socket already."""
        return [topic for topic, done in self._switched.items() if done]


def _none(link: Link, topic: str | None, text: str) -> bool:
    return False
