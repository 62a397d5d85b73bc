"""Finds the symbols whose trades an unreadable frame may have held.

Called by `engine.feeds.venue`, which requests those trades again. The frame is damaged, so its text may only be
compared with the subscriptions, never trusted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from engine.instruments import Instrument
from engine.transport.capture_records import Frame
from engine.transport.stream_set import StreamSet
from engine.venues.live import Channel, VenueLive

INSTEAD: Final = '[^"]{0,3}'
"""What may have replaced one damaged character of a symbol."""


def traded_in(frame: Frame, language: VenueLive, streams: StreamSet, deep: Iterable[Instrument]) -> list[str]:
    """Symbols among `deep`: the one of the frame's topic. If the topic is damaged too, those with trades on its
    connection that the text names; if it names none, those that it names except for one character."""
    trades = [channel for one in deep for channel in language.deep_channels(one) if channel.kind == "trades"]
    topic = language.topic_of(frame.text)
    if topic is not None and streams.channel(topic) is not None:
        return [channel.symbol for channel in trades if channel.topic == topic]
    here = [channel.symbol for channel in trades if _is_on(streams, channel, frame.connection)]
    return [symbol for symbol in here if symbol in frame.text] or [
        symbol for symbol in here if _is_all_but_named(symbol, frame.text)
    ]


def _is_on(streams: StreamSet, channel: Channel, connection: str) -> bool:
    status = streams.channel(channel.topic)
    return status is not None and status.connection == connection


def _is_all_but_named(symbol: str, text: str) -> bool:
    """Whether the text contains the symbol as a JSON string in which one character is damaged."""
    return any(
        re.search(f'"{re.escape(symbol[:place])}{INSTEAD}{re.escape(symbol[place + 1 :])}"', text)
        for place in range(len(symbol))
    )
