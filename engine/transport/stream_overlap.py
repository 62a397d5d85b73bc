"""Filters frames during a hand-over, while two sockets carry the same topics.

Used by `stream_connection`. The rules, by kind of topic:

- *Both*: trades, candles, liquidations, every channel that only sends events, and books whose stream begins without a
  snapshot (Binance). Frames of both sockets are passed on until the hand-over; of two identical copies only one is.
  Copies that differ are recognised by the market: trades by their id, book updates by their sequence, candles by their
  open time.
- *First*: everything else, above all books that begin with a snapshot. Frames of the old socket are passed on until the
  new one sends its first frame of the topic (for a book: the snapshot), from then on only those of the new one. So
  updates of two sequences never mix, and there is no gap between them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from engine.transport.stream_link import Link
from engine.transport.stream_topic import Topic
from engine.venues.live import Channel, VenueLive

REMEMBERED: Final = 20_000
"""Frames remembered by their text, to recognise the second copy."""

_BOTH: Final = frozenset({"trades", "candle", "liquidations", "listings"})


def from_both(language: VenueLive, channel: Channel) -> bool:
    """Whether frames of both sockets are passed on until the hand-over."""
    if channel.kind == "book":
        return bool(channel.symbol) and language.mend(channel.symbol) is not None
    return channel.kind in _BOTH or channel.first_s is None


class Overlap:
    """The filter for an old and a new socket."""

    def __init__(self, language: VenueLive, old: Link, new: Link, topics: Iterable[Topic]) -> None:
        self._language = language
        self._old = old
        self._new = new
        self._switched: dict[str, bool] = {}
        """By topic of the kind *first*: whether it has switched to the new socket."""
        self._both: set[str] = set()
        self._copies: dict[str, Link] = {}
        """Texts received on one socket whose second copy has not arrived yet."""
        for topic in topics:
            self.add(topic)
        old.route = new.route = self.passes

    def add(self, topic: Topic) -> None:
        """Add a topic that is subscribed on both sockets."""
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
        """Pass on only the new socket from now on."""
        self._new.route = None
        self._old.route = _none
        self._copies.clear()

    def abandon(self) -> None:
        """Pass on only the old socket again. The caller must resubscribe the `switched` topics on it."""
        self._old.route = None
        self._new.route = _none
        self._copies.clear()

    @property
    def switched(self) -> list[str]:
        """Topics that have switched to the new socket."""
        return [topic for topic, done in self._switched.items() if done]


def _none(link: Link, topic: str | None, text: str) -> bool:
    return False
