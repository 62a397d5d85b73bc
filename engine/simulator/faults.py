"""Fault injection between a simulated exchange and its clients: the faults on command, and their application to frames.

Queried by `engine.simulator.serving` for every frame, answer and connection; commanded by tests and the control line of
`python -m engine.simulator`. Everything follows from the records, the world's time and a seed, so a run is
reproducible.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

FrameKind = Literal[
    "silent", "delay", "duplicate", "reorder", "truncate", "corrupt", "oversize", "swallow", "crossed", "wrong_symbol",
    "unknown_topic", "burst", "frozen",
]  # fmt: skip
ConnectionKind = Literal["drop", "refuse", "half_open", "kick", "ack_error", "narrow"]
RequestKind = Literal["429", "418", "451", "403", "500", "slow", "bad_json"]
ClockKind = Literal["skew", "restart", "delist"]
Kind = FrameKind | ConnectionKind | RequestKind | ClockKind
"""
silent         frames of the topic are not sent; pongs and other topics go on
delay          ... are sent `value` ms later
duplicate      ... are sent twice
reorder        ... swap places with the next one
truncate       ... lose their second half
corrupt        ... get bytes that are not valid JSON
oversize       ... grow by `value` bytes of blanks
swallow        ... are lost: a gap in the sequence
crossed        ... of books get bids above their asks
wrong_symbol   ... name another symbol
unknown_topic  ... are followed by a copy with a topic that does not exist
burst          ... are followed by `value` repeats, as a burst of traffic
frozen         ... repeat the values that their topic had when it froze; only times advance
drop           every connection breaks, once
refuse         connections are refused
half_open      connections stay open, but nothing is sent, not even pongs
kick           every connection is closed as at the end of its life, once
ack_error      subscriptions are answered with an error
narrow         every connection carries `value` bytes a second; the excess is queued in order
429 418 ...    requests are answered with that status; 451 and 403 also refuse streams if `match` is part of `stream`
slow           answers are delayed by `value` ms
bad_json       answers are cut in half
skew           the exchange's clock is `value` ms ahead
restart        the exchange restarts: connections break, its sequence numbers start over
delist         the instrument that `match` names as `product:symbol` is delisted
"""
KINDS: Final = frozenset(
    kind for group in (FrameKind, ConnectionKind, RequestKind, ClockKind) for kind in get_args(group)
)
TIMES: Final = re.compile(r"(?<![0-9.])1[0-9]{12}(?![0-9.])")
"""Milliseconds between 2001 and 2033."""
ADDED: Final = re.compile(r'\["[^"]*","[0.]*[1-9]')
"""A level with a size."""
ONCE: Final = frozenset({"drop", "kick", "restart", "delist"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One command."""

    kind: Kind
    exchange: str
    """`binance`, `bybit`, `okx` or `bitget`."""
    match: str = ""
    """Substring of the topics, stream paths or request paths it applies to; empty: all."""
    for_ms: int | None = None
    """Duration in the world's time; None: until it is lifted."""
    count: int | None = None
    """Most frames or answers it applies to; None: no limit."""
    value: float = 0.0

    @classmethod
    def from_words(cls, words: dict[str, Any]) -> Fault:
        """A command from the control line. Raises ValueError with an explanation if it is not valid."""
        try:
            fault = cls(**words)
        except TypeError as error:
            raise ValueError(f"a fault takes kind, exchange, match, for_ms, count, value: {error}") from None
        if fault.kind not in KINDS:
            raise ValueError(f"no fault of kind {fault.kind!r}; known are {', '.join(sorted(KINDS))}")
        return fault


@dataclass(slots=True)
class _Active:
    fault: Fault
    until_ms: int | None
    left: int | None
    held: dict[str, str] = field(default_factory=dict)
    """By topic, the frame that waits to swap places with the next one."""
    first: dict[str, tuple[int, str]] = field(default_factory=dict)
    """By frozen topic, when it froze and its frame at that time."""


@dataclass(slots=True)
class Faults:
    """The active faults."""

    seed: int = 0
    applied: dict[str, int] = field(default_factory=dict)
    """By kind, how often a fault was applied."""
    _active: list[_Active] = field(default_factory=list)
    _rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)

    def inject(self, fault: Fault, now_ms: int) -> None:
        """Activate a fault."""
        until = None if fault.for_ms is None else now_ms + fault.for_ms
        self._active.append(_Active(fault, until, fault.count))

    def lift(self, exchange: str = "", kind: str = "") -> None:
        """Remove the faults that match; all of them if nothing is named."""
        self._active = [
            one
            for one in self._active
            if (exchange and one.fault.exchange != exchange) or (kind and one.fault.kind != kind)
        ]

    def is_on(self, kind: Kind, exchange: str, now_ms: int, subject: str = "") -> bool:
        """Whether a fault of this kind applies to `subject` now; counts as an application."""
        return self._find((kind,), exchange, subject, now_ms) is not None

    def value(self, kind: Kind, exchange: str, now_ms: int, subject: str = "") -> float:
        """The value of such a fault; 0 if there is none. Counts as an application."""
        found = self._find((kind,), exchange, subject, now_ms)
        return 0.0 if found is None else found.fault.value

    def first(self, exchange: str, topic: str, text: str, now_ms: int) -> list[str]:
        """The texts to send in place of a first snapshot. It comes with the answer to a subscription, so it is neither
        delayed nor reordered."""
        if self._find(("reorder", "delay"), exchange, topic, now_ms) is not None:
            return [text]
        return [sent for _, sent in self.frames(exchange, topic, text, now_ms)]

    def frames(self, exchange: str, topic: str, text: str, now_ms: int) -> list[tuple[int, str]]:
        """What to send in place of a frame: (delay in ms, text), in order."""
        if not self._active:
            return [(0, text)]
        found = self._find(get_args(FrameKind), exchange, topic, now_ms)
        if found is None:
            return [(0, text)]
        fault = found.fault
        match fault.kind:
            case "silent" | "swallow":
                return []
            case "delay":
                return [(int(fault.value), text)]
            case "duplicate":
                return [(0, text), (0, text)]
            case "reorder":
                held = found.held.pop(topic, None)
                if held is None:
                    found.held[topic] = text
                    return []
                return [(0, text), (0, held)]
            case "truncate":
                return [(0, text[: len(text) // 2])]
            case "corrupt":
                place = self._rng.randrange(1, max(2, len(text)))
                return [(0, f"{text[:place]}\x01}}{text[place + 1 :]}")]
            case "oversize":
                return [(0, text[:-1] + " " * int(fault.value) + text[-1:])]
            case "crossed":
                return [(0, _crossed(text))]
            case "wrong_symbol":
                return [(0, text.replace("BTC", "XYZ").replace("btc", "xyz"))]
            case "frozen":
                frozen_ms, held_text = found.first.setdefault(topic, (now_ms, text))
                return [(0, _later(held_text, now_ms - frozen_ms))]
            case "unknown_topic":
                return [(0, text), (0, _unknown(text))]
            case _:
                return [(0, text)] * (1 + int(fault.value))

    def _find(self, kinds: tuple[str, ...], exchange: str, subject: str, now_ms: int) -> _Active | None:
        if any(one.until_ms is not None and now_ms >= one.until_ms for one in self._active):
            self._active = [one for one in self._active if one.until_ms is None or now_ms < one.until_ms]
        for one in self._active:
            fault = one.fault
            if fault.exchange != exchange or fault.kind not in kinds or fault.match not in subject:
                continue
            if one.left is not None:
                if one.left <= 0:
                    continue
                one.left -= 1
            self.applied[fault.kind] = self.applied.get(fault.kind, 0) + 1
            return one
        return None


def _crossed(text: str) -> str:
    """A book message with its sides swapped. A message that only removes levels is left alone: on the wrong side it
    would cross nothing, and a client without a checksum could never detect it."""
    if not ADDED.search(text):
        return text
    for bids, asks in (('"b":', '"a":'), ('"bids":', '"asks":')):
        if bids in text and asks in text:
            return text.replace(bids, "\0").replace(asks, bids).replace("\0", asks)
    return text


def _later(text: str, by_ms: int) -> str:
    """The same message with every time in milliseconds moved later by `by_ms`."""
    return TIMES.sub(lambda found: str(int(found[0]) + by_ms), text)


def _unknown(text: str) -> str:
    """The same message with a topic that no venue uses."""
    for name in ('"stream":"', '"topic":"', '"channel":"'):
        if name in text:
            return text.replace(name, name + "nosuch.", 1)
    return '{"nosuch":1}'
