"""A market to print something about: a recording or the demo run through the engine, without a screen.

Used by `prism scan` and `prism explain`, so that both rank a recording exactly as the console's replay does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.config.schema import Config
from engine.pipeline import Pipeline
from engine.replay import run_through
from engine.simulator.demo_recording import BUNDLED
from engine.snapshot import Mode
from engine.transport.capture import CaptureReader
from engine.transport.capture_records import Record
from tui.headless import diagnostics


def run(
    config: Config, capture: str | None, *, until_ms: int | None = None, for_seconds: float | None = None
) -> Pipeline:
    """Play `capture` (None: the bundled demo) to its end, to `until_ms`, or for `for_seconds` of its own time.

    What the reader has to say goes to stderr. Raises CaptureError where the recording cannot be read.
    """
    mode: Mode = "demo" if capture is None else "replay"
    reader = CaptureReader(BUNDLED if capture is None else Path(capture))
    pipeline = Pipeline(config, mode)
    records: Iterator[Record] = iter(reader)
    if for_seconds is not None:
        records = _first(records, int(for_seconds * 1e9))
    run_through(pipeline, records, until_ms)
    for notice in reader.notices:
        diagnostics.notice(notice)
    for _, tally in sorted(pipeline.tallies.items()):
        if tally.detail:
            diagnostics.notice(f"the last message refused or reported: {tally.detail}")
    return pipeline


def _first(records: Iterator[Record], span_ns: int) -> Iterator[Record]:
    """The records of the first `span_ns` of the recording."""
    end_ns: int | None = None
    for record in records:
        if end_ns is None:
            end_ns = record.t + span_ns
        if record.t > end_ns:
            return
        yield record
