"""Runs a recording, the simulator or the live venues through the engine without a screen.

Used by `prism scan` and `prism explain`, so that both rank a recording exactly as the console's replay does.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from engine.config.schema import Config
from engine.errors import ConfigError
from engine.pipeline import Pipeline
from engine.replay import run_through
from engine.snapshot import Feed
from engine.transport.capture import CaptureReader
from engine.transport.capture_records import Record
from tui.headless import diagnostics
from tui.headless.tables import moment
from tui.live import live_engine
from tui.log import write_log
from tui.simulated import simulator_of

LIVE_S: Final = 30.0
DEMO_S: Final = 20.0
"""Default time for which data is collected, live and from the simulator."""


def run(args: argparse.Namespace, config: Config, *, until_ms: int | None = None) -> Pipeline:
    """Run the market that `args` names: `replay`, `demo`, or neither (live), for `for_seconds` if that is given.

    A recording is played to its end or to `until_ms`. Notices go to stderr. Raises CaptureError if a recording cannot
    be read, and SimulatorFailed if the simulator does not start.
    """
    for_seconds: float | None = getattr(args, "for_seconds", None)
    if args.replay is None:
        return _live(args, config, for_seconds)
    reader = CaptureReader(Path(args.replay))
    pipeline = Pipeline(config, "replay")
    records: Iterator[Record] = iter(reader)
    if until_ms is not None:
        records = _reaching(records, until_ms)
    if for_seconds is not None:
        records = _first(records, int(for_seconds * 1e9))
    run_through(pipeline, records, until_ms)
    for notice in reader.notices:
        diagnostics.notice(notice)
    for _, tally in sorted(pipeline.tallies.items()):
        if tally.detail:
            diagnostics.notice(f"the last message refused or reported: {tally.detail}")
    return pipeline


def _live(args: argparse.Namespace, config: Config, for_seconds: float | None) -> Pipeline:
    write_log()
    invented: bool = getattr(args, "demo", False)
    with contextlib.ExitStack() as open_while:
        simulator = open_while.enter_context(simulator_of(args)) if invented else None
        engine = live_engine(config, simulator)
        span_s = for_seconds or (DEMO_S if invented else LIVE_S)
        pipeline = engine.run_for(span_s)
    for feed in engine.last_feeds:
        if feed.state != "live":
            diagnostics.notice(f"{feed.venue} is {feed.state}{f': {feed.detail}' if feed.detail else ''}")
    if words := unfinished(engine.last_feeds, span_s):
        diagnostics.notice(words)
    return pipeline


def unfinished(feeds: Iterable[Feed], span_s: float) -> str:
    """What data was still missing when the time was up, and what to do about it; empty if none was."""
    held = list(feeds)
    coming, late = sum(feed.backfill for feed in held), sum(feed.state != "live" for feed in held)
    parts = [f"{coming:,} candle {'request was' if coming == 1 else 'requests were'} still open"] * (coming > 0)
    parts += [f"{late} of {len(held)} venues {'was' if late == 1 else 'were'} not live"] * (late > 0)
    if not parts or len(held) == sum(feed.state == "down" for feed in held):
        return ""
    return f"after {span_s:g} s {' and '.join(parts)}: scores rest on less data; --for {4 * span_s:.0f} collects longer"


def _reaching(records: Iterator[Record], until_ms: int) -> Iterator[Record]:
    """The records; raises ConfigError if they begin after `until_ms`."""
    for number, record in enumerate(records):
        if number == 0 and record.t // 1_000_000 > until_ms:
            begins = moment(record.t // 1_000_000)
            raise ConfigError(f"--at {moment(until_ms)} is before the recording begins, {begins}; give a later time")
        yield record


def _first(records: Iterator[Record], span_ns: int) -> Iterator[Record]:
    """The records of the first `span_ns` of the recording."""
    end_ns: int | None = None
    for record in records:
        if end_ns is None:
            end_ns = record.t + span_ns
        if record.t > end_ns:
            return
        yield record
