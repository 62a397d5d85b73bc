"""What the first requests of a start bring, asked of the simulated exchanges and read by the real parsers."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl

import numpy as np
import pytest

from engine.feeds.backfill import BARS, NOTHING, Backfill, Run
from engine.market.open_interest import SLOT_MS, SLOTS
from engine.market.state import MarketState
from engine.simulator.exchange import Exchange
from engine.simulator.exchanges import make_exchanges
from engine.timeframes import SCORED
from engine.venues.live import VenueLive
from engine.venues.registry import PRODUCTS, make_languages, make_parsers
from tests.engine.simulator.market.market_worlds import START, small


def asked(exchange: Exchange, language: VenueLive, request: str, now_ms: int) -> str:
    path, _, query = request.removeprefix("GET ").partition("?")
    origin = next(one for one in exchange.rest_origins if one in language.hosts)
    answer = exchange.rest(origin, path, dict(parse_qsl(query)), "me", now_ms)
    assert answer.status == 200, answer
    return answer.body.decode()


def perpetuals(venue: str) -> Iterator[tuple[Exchange, VenueLive]]:
    (exchange,) = make_exchanges(small(2), [venue])
    for language in make_languages([venue]):
        if not language.venue.endswith("spot"):
            yield exchange, language


@pytest.mark.parametrize("venue", list(PRODUCTS))
def test_a_start_brings_every_bar_that_the_scores_rest_on(venue: str) -> None:
    ((exchange, language),) = perpetuals(venue)
    parser = make_parsers()[language.venue]
    state, recv_ns = MarketState(), START * 1_000_000
    for request in language.listing_requests():
        parser.response(request, 200, asked(exchange, language, request, START), recv_ns)
    one = next(one for one in parser.instruments() if one.is_rankable)

    def held(symbol: str, interval: str) -> Run:
        frame = state.candles.frames[interval]
        return Run(frame.newest[0], frame.count[0], frame.has_hole(0)) if frame.count else NOTHING

    backfill, weights = Backfill(held, language.candles_max), []
    while backfill.plan([one.symbol], START, {one.symbol}):
        job = backfill.take(START)
        assert job is not None
        request = language.candles_request(one.symbol, job.interval, job.bars, job.end_ms)
        weights += [weight for _, weight in language.cost(request).pools]
        for event in parser.response(request, 200, asked(exchange, language, request, START), recv_ns).events:
            state.apply(event, one)
    bars = {name: frame.count[0] for name, frame in state.candles.frames.items()}
    assert all(bars[name] >= BARS[name] for name in SCORED)
    # No more and no heavier requests than for 300 bars, but for the second page of OKX.
    assert sum(weights) == {"binance": 8.0, "bybit": 4.0, "okx": 4.0 + 3.0, "bitget": 4.0}[venue]


@pytest.mark.parametrize("venue", ["binance", "bybit", "okx"])
def test_the_first_history_of_open_interest_fills_every_slot_that_is_kept(venue: str) -> None:
    ((exchange, language),) = perpetuals(venue)
    parser = make_parsers()[PRODUCTS[venue][0]]
    state, recv_ns = MarketState(), START * 1_000_000
    for request in language.listing_requests():
        parser.response(request, 200, asked(exchange, language, request, START), recv_ns)
    one = next(one for one in parser.instruments() if one.kind == "perp" and one.quote_is_usd)
    past = next(poll.request for poll in language.polls([one]) if poll.kind == "open_interest_history")
    for request in (language.candles_request(one.symbol, "15m", 200), past):
        for event in parser.response(request, 200, asked(exchange, language, request, START), recv_ns).events:
            state.apply(event, one)
    at_ms = START // SLOT_MS * SLOT_MS + 1
    (history,) = state.derivatives.open_interest.view(at_ms, at_ms, np.full(1, np.nan)).history_usd
    assert np.isfinite(history).sum() == SLOTS
