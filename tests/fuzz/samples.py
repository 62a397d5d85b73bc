"""Real messages to be damaged: one of every shape that a venue's streams and answers have.

From the simulated venues, from the recording that the package ships, and from the recorded exchange data where they lie
beside the project.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from itertools import chain, islice
from typing import Any, Final

from engine.simulator.demo_recording import BUNDLED
from engine.transport.capture import CaptureReader
from engine.transport.capture_records import Frame, Record, Response
from tests.fuzz import simulated
from tests.recorded import ROOT, captures

READ: Final = 6_000
"""Records looked at in each recording; every shape of theirs stands within."""
MAX_CHARS: Final = 6_000
"""A longer message is cut to fewer rows, since nothing is learnt from damaging the thousandth."""


@cache
def frames(venue: str) -> tuple[Frame, ...]:
    """One frame of each shape, in the order in which they were met."""
    return tuple(one for one in _shapes() if isinstance(one, Frame) and one.venue == venue)


@cache
def responses(venue: str) -> tuple[Response, ...]:
    """One answer of each request and shape."""
    return tuple(one for one in _shapes() if isinstance(one, Response) and one.venue == venue)


@cache
def venues() -> tuple[str, ...]:
    """Venues of which there are frames, sorted."""
    return tuple(sorted({one.venue for one in _shapes() if isinstance(one, Frame)}))


def records(count: int) -> list[Record]:
    """The first `count` records of the shipped recording, as they are."""
    return list(islice(CaptureReader(BUNDLED), count))


@cache
def _shapes() -> tuple[Frame | Response, ...]:
    found: dict[tuple[str, str, str], Frame | Response] = {}
    for record in _recorded():
        if not isinstance(record, Frame | Response):
            continue
        text = record.text if isinstance(record, Frame) else record.body
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        of = "" if isinstance(record, Frame) else record.request.partition("?")[0]
        key = (record.venue, of, repr(_shape(message)))
        if key not in found:
            found[key] = _shortened(record, message)
    return tuple(found.values())


def _recorded() -> Iterator[Record]:
    yield from simulated.talk()
    yield from islice(CaptureReader(BUNDLED), READ)
    for name in captures():
        reader = CaptureReader(ROOT / "captures" / name)
        yield from chain(islice(reader, READ))


def _shape(value: Any, name: str = "") -> Any:
    """What kind of message this is: its keys, and the texts that say what it is, without its numbers."""
    if isinstance(value, dict):
        return {key: _shape(inner, key) for key, inner in sorted(value.items())}
    if isinstance(value, list):
        return [_shape(value[0])] if value else []
    if isinstance(value, str) and name in ("e", "channel", "event", "op", "type", "action"):
        return value
    if isinstance(value, str) and name in ("stream", "topic"):
        return value.partition("@")[2] or value.partition(".")[0]
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def _shortened(record: Frame | Response, message: Any) -> Frame | Response:
    text = record.text if isinstance(record, Frame) else record.body
    if len(text) <= MAX_CHARS:
        return record
    short = json.dumps(_cut(message), ensure_ascii=False, separators=(",", ":"))
    if isinstance(record, Frame):
        return Frame(record.t, record.venue, record.connection, short)
    return Response(record.t, record.venue, record.request, record.status, short)


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _cut(inner) for key, inner in value.items()}
    return [_cut(inner) for inner in value[:4]] if isinstance(value, list) else value
