"""When a streamed Bitget bar is closed: the venue never says so, the bar after it does."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from engine.events import Candle
from engine.venues.base import Verdict
from engine.venues.bitget.parse import BitgetParser

NS = 1_746_698_732_600_000_000
MINUTE = 60_000
START = 1_746_698_700_000
Row = tuple[int, float]
"""(minute after START, close)"""


def push(
    parser: BitgetParser,
    *rows: Row,
    action: str = "update",
    interval: str = "1m",
    later_s: float = 0.0,
    into_s: float = 1.0,
) -> list[tuple[int, float, bool]]:
    """(minute, close, closed) of the bars that a push yields, received `later_s` after the first and stamped `into_s`
    into its newest bar."""
    newest = START + max(minute for minute, _ in rows) * MINUTE
    data = [
        {
            "start": str(START + minute * MINUTE),
            "open": "100",
            "high": "200",
            "low": "50",
            "close": str(close),
            "volume": "1",
            "turnover": "100",
        }
        for minute, close in rows
    ]
    arg = {"instType": "usdt-futures", "symbol": "BTCUSDT", "topic": "kline", "interval": interval}
    text = json.dumps(
        {"data": data, "arg": arg, "action": action, "ts": newest + round(into_s * 1000)}, separators=(",", ":")
    )
    parsed = parser.frame(text, "public", NS + round(later_s * 1e9))
    assert parsed.verdict is Verdict.ACCEPTED, parsed.detail
    bars = [event for event in parsed.events if isinstance(event, Candle)]
    return [((bar.open_ms - START) // MINUTE, bar.close, bar.closed) for bar in bars]


def test_a_bar_is_closed_as_last_sent_when_the_next_begins() -> None:
    parser = BitgetParser()
    assert push(parser, (0, 101), action="snapshot") == [(0, 101, False)]
    assert push(parser, (0, 102)) == [(0, 102, False)]
    assert push(parser, (1, 103)) == [(0, 102, True), (1, 103, False)]
    assert push(parser, (1, 104)) == [(1, 104, False)]


def test_a_bar_held_through_a_silence_of_its_connection_is_not_closed_by_guess() -> None:
    parser = BitgetParser()
    push(parser, (0, 101))
    assert push(parser, (1, 103), later_s=40.0) == [(1, 103, False)]
    assert push(parser, (1, 104), later_s=45.0) == [(1, 104, False)]
    assert push(parser, (2, 105), later_s=54.0) == [(1, 104, True), (2, 105, False)]


def test_a_last_word_on_a_bar_that_comes_with_the_next_or_after_it_holds() -> None:
    parser = BitgetParser()
    push(parser, (0, 101))
    assert push(parser, (1, 103), (0, 102)) == [(0, 102, True), (1, 103, False)]
    assert push(parser, (0, 99), into_s=62.0) == [(0, 99, True)]
    assert push(parser, (2, 104)) == [(1, 103, True), (2, 104, False)]


def test_a_push_that_a_newer_one_of_the_same_bar_overtook_changes_nothing() -> None:
    parser = BitgetParser()
    push(parser, (0, 101), into_s=50.0)
    assert push(parser, (0, 102), into_s=59.0) == [(0, 102, False)]
    assert push(parser, (0, 99), into_s=58.0) == []
    assert push(parser, (1, 103)) == [(0, 102, True), (1, 103, False)]


def test_a_push_of_a_finished_bar_that_its_last_word_overtook_changes_nothing() -> None:
    parser = BitgetParser()
    push(parser, (0, 101), into_s=58.0)
    push(parser, (0, 102), into_s=59.8)
    assert push(parser, (1, 103)) == [(0, 102, True), (1, 103, False)]
    assert push(parser, (0, 99), into_s=58.5) == []
    assert push(parser, (0, 98), into_s=59.9) == [(0, 98, True)]
    assert push(parser, (0, 102), into_s=59.8) == []
    assert push(parser, (1, 104), into_s=2.0) == [(1, 104, False)]


def test_history_that_opens_a_subscription_is_closed_but_for_its_newest() -> None:
    bars = push(BitgetParser(), (2, 103), (0, 101), (1, 102), action="snapshot")
    assert bars == [(0, 101, True), (1, 102, True), (2, 103, False)]


def test_a_bar_is_not_closed_over_a_hole() -> None:
    parser = BitgetParser()
    push(parser, (0, 101))
    assert push(parser, (2, 103)) == [(2, 103, False)]


def test_a_bar_that_a_break_cut_short_is_not_closed_by_the_new_subscription() -> None:
    parser = BitgetParser()
    push(parser, (0, 101))
    assert push(parser, (1, 103), action="snapshot") == [(1, 103, False)]
    assert push(parser, (2, 104)) == [(1, 103, True), (2, 104, False)]


def test_a_wire_that_only_ever_sends_snapshots_closes_bars_too() -> None:
    # As in the documentation's one example.
    parser = BitgetParser()
    push(parser, (0, 101), action="snapshot")
    push(parser, (0, 102), action="snapshot")
    assert push(parser, (1, 103), action="snapshot") == [(0, 102, True), (1, 103, False)]


def test_intervals_do_not_close_each_other() -> None:
    parser = BitgetParser()
    push(parser, (-5, 101), interval="5m")
    assert push(parser, (0, 102)) == [(0, 102, False)]


def test_bars_that_begin_nowhere_or_in_the_future_are_refused_and_leave_nothing_behind() -> None:
    parser = BitgetParser()
    push(parser, (0, 101))
    row = {"open": "1", "high": "1", "low": "1", "close": "1", "volume": "1", "turnover": "1"}
    arg = {"instType": "usdt-futures", "symbol": "BTCUSDT", "topic": "kline", "interval": "1m"}
    for start in (START + 1, START + 600 * MINUTE):
        frame = {"data": [row | {"start": str(start)}], "arg": arg, "action": "update", "ts": START + 2_000}
        parsed = parser.frame(json.dumps(frame, separators=(",", ":")), "public", NS)
        assert parsed.verdict is Verdict.REJECTED
        assert "start" in parsed.detail
    assert push(parser, (1, 102)) == [(0, 101, True), (1, 102, False)]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(60, 190), st.booleans()), max_size=30))
def test_only_bars_that_are_over_are_closed_and_each_as_last_sent(pushes: list[tuple[int, int, bool]]) -> None:
    parser = BitgetParser()
    newest, last_close = -1, dict[int, float]()
    for minute, close, snapshot in pushes:
        newest, last_close[minute] = max(newest, minute), close
        bars = push(parser, (minute, close), action="snapshot" if snapshot else "update")
        assert [bar for bar, _, _ in bars][-1] == minute
        for bar, bar_close, closed in bars:
            assert bar_close == last_close[bar]
            assert not closed or bar < newest
