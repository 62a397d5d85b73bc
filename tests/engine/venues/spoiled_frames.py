"""Frames with something wrong in them, and what every venue's parser owes them: a verdict, and no exception."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

import msgspec
from hypothesis import strategies as st

from engine.venues.base import VenueParser, Verdict

BAD_NUMBERS = (
    '"nan"', '"inf"', '"-Infinity"', "1e999", '"1_0"', '"１２"', '"0x1"', '"+-1"', '"-1"', '""', "null", "true", "[]",
)  # fmt: skip
NOT_EVEN_EMPTY = tuple(text for text in BAD_NUMBERS if text not in ('""', "null"))
"""For fields that may be sent empty."""
NO_MESSAGES = ("", "[" * 100_000, '"\ud800"')
"""Texts that are no message of any venue."""
MAX_DETAIL_CHARS = 200

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def rejected_by(parser: VenueParser, text: str, recv_ns: int) -> str:
    """The reason for which a frame is rejected whole, which is one clean line that names the venue."""
    parsed = parser.frame(text, "public", recv_ns)
    assert parsed.verdict is Verdict.REJECTED, text
    assert not parsed.events
    assert parsed.detail.startswith(f"{parser.venue}: ")
    assert len(parsed.detail) <= MAX_DETAIL_CHARS
    assert parsed.detail.isprintable()
    return parsed.detail


def check_hostile_symbols(
    parser: VenueParser, frames: Iterable[str], symbol: str, recv_ns: int, tail: str = ""
) -> None:
    """Frames that name something hostile in place of `symbol` are rejected with clean words and leave no instrument."""
    for frame in frames:
        assert symbol in frame
        for hostile in ("[red]" + "A" * 295, f"A\\u001b[31mB{tail}", f"A\\u202eB{tail}", f"A\\u001bB{tail}", ""):
            assert "\x1b" not in rejected_by(parser, frame.replace(symbol, hostile), recv_ns)
    assert not list(parser.instruments())


def is_no_data(parser: VenueParser, text: str, recv_ns: int) -> bool:
    """Whether any text at all gets a verdict other than that of market data."""
    return parser.frame(text, "c", recv_ns).verdict in (Verdict.REJECTED, Verdict.UNKNOWN, Verdict.CONTROL)


def mutated(frame: str, data: st.DataObject) -> str:
    """`frame` with up to three pieces of it replaced by others."""
    text = frame
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        stop = data.draw(st.integers(start, min(len(text), start + 12)))
        text = text[:start] + data.draw(st.text(max_size=8)) + text[stop:]
    return text


def with_another_value(frame: str, data: st.DataObject) -> str:
    """`frame` with one field of it, of its subscription or of its rows holding something else."""
    message = json.loads(frame)
    rows = message["data"] if isinstance(message["data"], list) else [message["data"]]
    parts = [message, message.get("arg"), *rows]
    target: dict[str, Any] = data.draw(st.sampled_from([part for part in parts if isinstance(part, dict)]))
    target[data.draw(st.sampled_from(sorted(target)))] = data.draw(VALUES)
    return json.dumps(message, separators=(",", ":"))


def check_survived(parser: VenueParser, text: str, recv_ns: int) -> None:
    """Read a frame that may be anything: the detail is short, refusals hold no events, and no number is infinite."""
    parsed = parser.frame(text, "c", recv_ns)
    assert len(parsed.detail) <= MAX_DETAIL_CHARS
    assert parsed.verdict is Verdict.ACCEPTED or not parsed.events
    for event in parsed.events:
        for value in msgspec.structs.asdict(event).values():
            assert not (isinstance(value, float) and math.isinf(value)), text
