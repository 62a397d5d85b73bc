"""Scores kept up scan by scan are those computed from scratch: on recorded traffic, over gaps, and after a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

import numpy as np
import pytest

from engine.config.schema import Config
from engine.events import Candle
from engine.kept_bar import Kept
from engine.pipeline import Pipeline
from engine.prism.board import COMPONENT_NAMES, Board
from engine.transport.capture import CaptureReader
from engine.transport.capture_records import Record
from tests.recorded import recorded

pytestmark = pytest.mark.recorded

CAPTURES = ["composite-four-venues", "candles-2025-10-10-crash", "candles-2025-10-14", "binance-2024-08-08"]
MOST_RECORDS = 30_000
SCANS = 60
TOLERANCE = 1e-9
"""In points of 0..100; the figures are sums of up to a thousand bars in another order."""


@cache
def records(name: str) -> tuple[Record, ...]:
    reader = CaptureReader(recorded("captures", f"{name}.jsonl.gz"))
    return tuple(record for _, record in zip(range(MOST_RECORDS), reader, strict=False))


def nothing(pipeline: Pipeline) -> None:
    """A pipeline that begins empty."""


def boards(of: Iterable[Record], begin: Callable[[Pipeline], None] = nothing) -> tuple[Board, Board]:
    """The last board where the market was scanned all along, and where it was scanned once."""
    taken = tuple(of)
    often, once = Pipeline(Config(), "replay"), Pipeline(Config(), "replay")
    begin(often)
    begin(once)
    every = max(1, len(taken) // SCANS)
    for number, record in enumerate(taken):
        if number % every == 0:
            often.scan()
        often.ingest(record)
        once.ingest(record)
    often.scan()
    once.scan()
    return often.snapshot().board, once.snapshot().board


def assert_alike(often: Board, once: Board) -> None:
    assert often.prism.shape == once.prism.shape
    for column, name in enumerate(COMPONENT_NAMES):
        assert np.array_equal(often.status[:, column], once.status[:, column]), name
        for one, other in (
            (often.score[:, column], once.score[:, column]),
            (often.divergence[:, column], once.divergence[:, column]),
            (often.timeframes[:, column], once.timeframes[:, column]),
        ):
            assert np.allclose(one, other, rtol=0.0, atol=TOLERANCE, equal_nan=True), name
    assert np.allclose(often.prism, once.prism, rtol=0.0, atol=TOLERANCE, equal_nan=True)


@pytest.mark.parametrize("name", CAPTURES)
def test_scanned_all_along_or_once_is_the_same(name: str) -> None:
    often, once = boards(records(name))
    assert np.isfinite(once.prism).any()
    assert_alike(often, once)


@pytest.mark.parametrize("name", CAPTURES)
def test_a_gap_in_the_recording_changes_nothing_about_that(name: str) -> None:
    whole = records(name)
    first, last = len(whole) * 2 // 5, len(whole) // 2
    assert_alike(*boards((*whole[:first], *whole[last:])))


def test_a_restart_on_kept_candles_scores_as_a_fresh_start_on_them() -> None:
    whole = records("candles-2025-10-14")
    half = len(whole) // 2
    before = Pipeline(Config(), "replay")
    before.closed = []
    for record in whole[:half]:
        before.ingest(record)
    kept: dict[tuple[str, str, int], dict[int, Candle]] = {}
    for candle in before.closed:
        kept.setdefault((candle.venue, candle.symbol, candle.interval_ms), {})[candle.open_ms] = candle
    assert sum(map(len, kept.values())) > 1000

    def restored(pipeline: Pipeline) -> None:
        for (venue, symbol, interval_ms), bars in kept.items():
            instrument = before.parsers[venue].instrument(symbol)
            pipeline.restore(
                instrument,
                interval_ms,
                [
                    Kept(
                        one.open_ms, one.open, one.high, one.low, one.close, one.volume_base, one.volume_quote,
                        one.taker_buy_quote, one.trades,
                    )
                    for _, one in sorted(bars.items())
                ],
            )  # fmt: skip

    assert_alike(*boards(whole[half:], restored))
    soon = whole[half : half + 2000]
    often, once = boards(soon, restored)
    assert_alike(often, once)
    cold, _ = boards(soon)
    warm = int((once.status == 0).sum())
    assert warm > int((cold.status == 0).sum())
