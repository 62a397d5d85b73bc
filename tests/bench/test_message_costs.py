"""Messages are told apart by what is in them, and each type has its own figure."""

from __future__ import annotations

import json

import pytest

from bench import message_costs
from bench.frames import _Thorough
from bench.message_costs import costs, kind_of, kinds_of, report
from engine.config.schema import Config
from engine.events import Funding, MarkPrice, Quote, Ticker
from engine.pipeline import Pipeline
from engine.transport.capture import ConnectionEvent, Frame, Record

AT_MS = 1_723_161_256_000
USDM = "binance-usdm"
WHERE = (USDM, "BTCUSDT", AT_MS, AT_MS * 1_000_000)


def _frame(ms: int, stream: str, **data: object) -> Frame:
    text = json.dumps({"stream": f"btcusdt@{stream}", "data": {"s": "BTCUSDT", "T": AT_MS, "E": AT_MS, **data}})
    return Frame((AT_MS + ms) * 1_000_000, USDM, "combined", text)


def _session() -> list[Record]:
    """A connection that opens, 30 trades, 30 best quotes and two marks, which are too few for a figure."""
    records: list[Record] = [ConnectionEvent(AT_MS * 1_000_000, USDM, "combined", "open")]
    for i in range(30):
        records.append(_frame(i, "aggTrade", e="aggTrade", a=i, f=i, l=i, p="60000.1", q="0.25", m=False))
        records.append(_frame(i, "bookTicker", e="bookTicker", u=i, b="60000.0", B="1.5", a="60000.1", A="2.5"))
    mark = {"e": "markPriceUpdate", "p": "60000.2", "i": "60000.3", "P": "0", "r": "0.0001"}
    return [*records, *(_frame(i, "markPrice@1s", **mark) for i in range(2))]


def _thorough() -> Pipeline:
    return _Thorough(Config(), "replay")


def test_a_message_is_the_first_type_that_it_holds() -> None:
    mark, quote = MarkPrice(*WHERE, 1.0, 1.0), Quote(*WHERE, 1.0, 1.0, 2.0, 1.0)
    ticker = Ticker(*WHERE, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    assert kind_of([quote, mark, ticker]) == "ticker"
    assert kind_of([quote, mark]) == "mark price"
    assert kind_of([quote]) == "best quote"
    assert kind_of([Funding(*WHERE, 0.0001, None, None)]) is None
    assert kind_of([]) is None


def test_every_frame_of_a_session_has_its_type() -> None:
    kinds = kinds_of(_session())
    assert kinds[:3] == [None, "trade", "best quote"]
    assert (kinds.count("trade"), kinds.count("best quote"), kinds.count("mark price")) == (30, 30, 2)


def test_types_with_enough_messages_have_a_figure() -> None:
    found = costs(_session(), _thorough, rounds=2)
    assert list(found) == ["trade", "best quote"]
    for cost in found.values():
        assert cost.messages == 30
        assert 0.0 < cost.middle <= cost.tail
        assert 100.0 < cost.characters < 300.0


def test_a_type_that_no_recording_holds_is_not_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    monkeypatch.setattr(message_costs, "ROOT", tmp_path)
    report("session", _session(), _thorough, rounds=1)
    printed = capsys.readouterr().out
    assert "liquidation" in printed
    assert printed.count("not measured: recording absent") == 4
