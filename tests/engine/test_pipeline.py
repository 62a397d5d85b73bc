"""Records into the state: what is conflated, what never is, and that nobody can tell from the result."""

from __future__ import annotations

import itertools

import pytest

from engine.config.schema import Config
from engine.documents import encode, scan_document
from engine.pipeline import Pipeline
from engine.replay import run_through
from engine.transport.capture import CaptureReader
from engine.transport.capture_records import Frame, Record
from tests.recorded import recorded


def quote(symbol: str, bid: str, t: int) -> Frame:
    data = f'{{"e":"bookTicker","u":1,"s":"{symbol}","b":"{bid}","B":"1","a":"101","A":"1","T":{t // 10**6},"E":1}}'
    return Frame(t, "binance-usdm", "public", f'{{"stream":"{symbol.lower()}@bookTicker","data":{data}}}')


def test_only_the_newest_quote_of_a_stream_is_read_before_a_scan() -> None:
    pipeline = Pipeline(Config(), "replay")
    start = 1_700_000_000 * 10**9
    for number, bid in enumerate(("100.1", "100.2", "100.3")):
        pipeline.ingest(quote("AUSDT", bid, start + number * 10**6))
    pipeline.ingest(quote("BUSDT", "50", start + 5 * 10**6))
    pipeline.scan()
    columns = pipeline.snapshot().columns
    assert columns.bid.tolist() == [100.3, 50.0]
    assert (pipeline.frames, pipeline.conflated) == (4, 2)
    pipeline.ingest(quote("AUSDT", "99", start + 9 * 10**6))
    assert pipeline.snapshot().columns.bid.tolist() == [100.3, 50.0]
    pipeline.scan()
    assert pipeline.snapshot().columns.bid.tolist() == [99.0, 50.0]


class Thorough(Pipeline):
    """Reads every frame."""

    def _begin_intake(self) -> None:
        super()._begin_intake()
        self._key_of = {}


@pytest.mark.recorded
@pytest.mark.parametrize("name", ["binance-usdm-2021-04-17", "binance-2024-08-08"])
def test_conflating_changes_nothing_that_is_scored(name: str) -> None:
    reader = CaptureReader(recorded("captures", f"{name}.jsonl.gz"))
    records: list[Record] = list(itertools.islice(reader, 12_000))
    quick, thorough = Pipeline(Config(), "replay"), Thorough(Config(), "replay")
    run_through(quick, records)
    run_through(thorough, records)
    assert quick.conflated > 500
    assert thorough.conflated == 0
    assert encode(scan_document(quick.snapshot())) == encode(scan_document(thorough.snapshot()))
    trades = [pipeline.state.tape.view(pipeline.state.at_ms).trades.sum() for pipeline in (quick, thorough)]
    assert trades[0] == trades[1]
