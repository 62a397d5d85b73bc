"""Runs a recording through the pipeline: when to scan, and a whole run at once for headless commands.

Used by the console's replay (`engine.playback`) and the headless commands. Both must scan at the same instants of the
recording's own clock, so that persistence and everything else that counts scans comes out the same at any speed.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.pipeline import Pipeline
from engine.transport.capture_records import Record


class ScanCadence:
    """Decides before which record a scan is due, from receive times alone."""

    def __init__(self, interval_ms: int) -> None:
        self._interval_ns = interval_ms * 1_000_000
        self._next_ns: int | None = None

    def due(self, t_ns: int) -> bool:
        """Whether to scan the market before taking the record received at `t_ns`.

        A silence longer than the interval leads to one scan, not many: nothing changed in between.
        """
        if self._next_ns is None:
            self._next_ns = t_ns + self._interval_ns
            return False
        if t_ns < self._next_ns:
            return False
        self._next_ns = t_ns + self._interval_ns
        return True


def run_through(pipeline: Pipeline, records: Iterable[Record], until_ms: int | None = None) -> None:
    """Feed `records` to `pipeline`, scanning on the way, to the end or `until_ms` of the receive clock; scan last."""
    cadence = ScanCadence(pipeline.config.engine.scan_interval_ms)
    until_ns = None if until_ms is None else until_ms * 1_000_000
    for record in records:
        if until_ns is not None and record.t > until_ns:
            break
        if cadence.due(record.t):
            pipeline.quiet_until(record.t // 1_000_000)
            pipeline.scan()
        pipeline.ingest(record)
    pipeline.scan()
