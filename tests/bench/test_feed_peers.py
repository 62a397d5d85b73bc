"""The contenders of `bench.frames` over a small feed: all do the same job, and one that did not would be caught."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from bench.feed_peers import Ccxt, Cryptofeed, Feed, Nautilus, _awaiting_books
from bench.frames import Contender, Plain, Prism, PrismThorough, _add_peers, _agrees, _verdict

AT_MS = 1_723_161_256_000
HELD = 1000
"""Newest update id of the REST book."""


def _frame(stream: str, **data: object) -> str:
    return json.dumps({"stream": f"btcusdt@{stream}", "data": {"s": "BTCUSDT", **data}}, separators=(",", ":"))


def _change(first: int, last: int, bids: list[list[str]], asks: list[list[str]]) -> str:
    ids = {"E": AT_MS, "T": AT_MS, "U": first, "u": last, "pu": first - 1}
    return _frame("depth@0ms", e="depthUpdate", **ids, b=bids, a=asks)


def _feed() -> Feed:
    """A REST book of 25 levels a side; before it one change that it holds, after it two, a trade and two quotes."""
    book = {
        "lastUpdateId": HELD,
        "E": AT_MS,
        "T": AT_MS,
        "bids": [[f"{60_000 - i:.2f}", "1.500"] for i in range(25)],
        "asks": [[f"{60_001 + i:.2f}", "2.250"] for i in range(25)],
    }
    texts = [
        _change(HELD - 9, HELD - 5, [["60000.00", "0.000"]], []),
        _frame("bookTicker", e="bookTicker", u=1, b="60000.00", B="1.500", a="60001.00", A="2.250", T=AT_MS, E=AT_MS),
        _change(HELD - 4, HELD + 3, [["60000.00", "9.125"], ["59999.00", "0.000"]], [["60001.50", "0.010"]]),
        _frame("aggTrade", e="aggTrade", E=AT_MS, T=AT_MS, a=7, f=7, l=7, p="60001.00", q="0.250", m=False),
        _change(HELD + 4, HELD + 8, [["60000.50", "0.001"]], [["60001.00", "0.000"]]),
        _frame("bookTicker", e="bookTicker", u=2, b="60000.50", B="0.001", a="60001.50", A="0.010", T=AT_MS, E=AT_MS),
    ]
    return Feed([((AT_MS + i) * 1_000_000, text) for i, text in enumerate(texts)], {"BTCUSDT": json.dumps(book)})


@pytest.mark.parametrize("make", [Prism, PrismThorough, Plain, Cryptofeed, Ccxt, Nautilus])
def test_contenders_hold_the_same_book_and_count_the_same(make: Callable[[], Contender]) -> None:
    try:
        contender = make()
    except ImportError as error:
        pytest.skip(f"{make.__name__} is a peer of the benchmarks that is not installed here: {error}")
    feed = _feed()
    truth = Plain().run(feed, count=True)
    bids, asks = truth.books["BTCUSDT"]
    assert (bids[:3], asks[0]) == ([(60000.5, 0.001), (60000.0, 9.125), (59998.0, 1.5)], (60001.5, 0.01))
    _agrees(contender.name, contender.run(feed, count=True), truth)
    _agrees(contender.name, contender.run(feed, count=False), truth)


def test_another_book_or_a_lost_trade_ends_the_benchmark() -> None:
    truth = Plain().run(_feed(), count=True)
    bids, asks = truth.books["BTCUSDT"]
    with pytest.raises(SystemExit, match="another book of BTCUSDT"):
        _agrees("other", replace(truth, books={"BTCUSDT": (bids[1:], asks)}), truth)
    with pytest.raises(SystemExit, match="took 0 trades, the yardstick 1"):
        _agrees("other", replace(truth, trades=0), truth)


def test_changes_are_awaiting_a_book_up_to_the_last_that_it_holds() -> None:
    feed = _feed()
    assert _awaiting_books(feed) == 1
    assert _awaiting_books(replace(feed, frames=feed.frames[1:])) == 0


def test_an_absent_peer_is_not_measured_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(_peer: object) -> None:
        raise ImportError("no such module")

    for peer in (Cryptofeed, Ccxt, Nautilus):
        monkeypatch.setattr(peer, "__init__", absent)
    contenders: list[Contender] = [Prism()]
    unavailable = _add_peers(contenders)
    assert len(contenders) == 1
    seconds = {"prism": 1.0, "plain reader": 2.0}
    assert _verdict(seconds, seconds, unavailable) == 3
    assert "nautilus_trader: not measured, it cannot be imported (no such module)" in capsys.readouterr().out
