from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np
import pytest

from engine.events import Candle, Quote, Trade
from engine.market.state import MarketState
from tests.engine.market.market_events import recorded_events, view
from tests.engine.market.market_oracles import bucket_imbalances, large, newest_run, per_second, resampled
from tests.recorded import recorded

pytestmark = pytest.mark.recorded


@pytest.mark.parametrize(("name", "lines"), [("binance-2024-08-08", 40_000), ("binance-usdm-2021-04-17", None)])
def test_tape_of_recorded_trades_is_the_plain_sum(name: str, lines: int | None) -> None:
    state = MarketState()
    trades: dict[str, list[Trade]] = defaultdict(list)
    quotes: dict[str, Quote] = {}
    for event, i in recorded_events(recorded("captures", f"{name}.jsonl.gz"), lines):
        state.apply(event, i)
        key = f"{event.venue} {event.symbol}"
        if isinstance(event, Trade):
            trades[key].append(event)
        elif isinstance(event, Quote):
            quotes[key] = event
    assert state.counters().skewed == state.counters().late_trades == state.counters().duplicate_trades == 0
    market = view(state)
    assert len(trades) >= 4
    for row, i in enumerate(market.instruments):
        own = trades[f"{i.venue} {i.symbol}"]
        expected = per_second(own, market.at_ms // 1000, 900)
        assert market.tape.buy_usd[row].tolist() == pytest.approx(expected["buy"])
        assert market.tape.sell_usd[row].tolist() == pytest.approx(expected["sell"])
        assert market.tape.trades[row].tolist() == expected["trades"]
        ordered = all(a.ts_ms // 1000 <= b.ts_ms // 1000 for a, b in itertools.pairwise(own))
        if own and ordered:
            marked = [t for t, flag in zip(own, large(own), strict=True) if flag]
            expected = per_second(marked, market.at_ms // 1000, 900)
            assert market.tape.large_buy_usd[row].tolist() == pytest.approx(expected["buy"])
        if own:
            assert market.derivatives.last[row] in {t.price for t in own}
        quote = quotes.get(f"{i.venue} {i.symbol}")
        if quote is not None:
            assert (market.derivatives.bid[row], market.derivatives.ask[row]) == (quote.bid, quote.ask)


def test_buckets_of_recorded_trades() -> None:
    """With a day volume stated once, the buckets of the busiest symbol are those of its summed volume."""
    path = recorded("captures", "binance-2024-08-08.jsonl.gz")
    state = MarketState()
    state.tape.buckets._volume = lambda row: 50 * 250_000.0
    own: list[Trade] = []
    for event, i in recorded_events(path, 60_000):
        if isinstance(event, Trade) and (i.venue, i.symbol) == ("binance-usdm", "BTCUSDT"):
            state.apply(event, i)
            own.append(event)
    expected = bucket_imbalances(own, 250_000.0)
    assert len(expected) > 50
    market = view(state)
    assert market.tape.buckets[0] == len(expected)
    assert market.tape.bucket_imbalance[0].tolist() == pytest.approx(expected[-50:], abs=1e-6)


def test_recorded_candles_resample_as_the_oracle_does() -> None:
    state = MarketState()
    sent: dict[str, list[Candle]] = defaultdict(list)
    for event, i in recorded_events(recorded("captures", "candles-2025-10-14.jsonl.gz")):
        state.apply(event, i)
        if isinstance(event, Candle):
            sent[event.symbol].append(event)
    market = view(state)
    assert market.rows == 30
    mixed_quarters = 0
    for row, i in enumerate(market.instruments):
        everything = resampled(sent[i.symbol])
        for name, bars in market.bars.items():
            own = everything[bars.interval_ms]
            run = newest_run(own, bars.interval_ms)[-500:]
            n = len(run)
            assert bars.count[row] == n, (i.symbol, name)
            if not n:
                continue
            assert bars.open_ms[row, -n:].tolist() == run
            for field, place in ((bars.open, 0), (bars.high, 1), (bars.low, 2), (bars.close, 3)):
                assert field[row, -n:].tolist() == [own[t][place] for t in run]
            assert bars.volume_usd[row, -n:].tolist() == pytest.approx([own[t][4] for t in run])
            assert np.isnan(bars.buy_usd[row, -n:]).all()
        mixed_quarters += int(market.bars["4h"].count[row] > 0)
    assert mixed_quarters == 30
    day = 24 * 3_600_000
    for row, i in enumerate(market.instruments):
        fives = resampled(sent[i.symbol])[300_000]
        run = newest_run(fives, 300_000)
        if len(run) >= 288:
            assert market.derivatives.volume_24h_usd[row] == pytest.approx(sum(fives[t][4] for t in run[-288:]))
            assert market.derivatives.volume_24h_source[row] == "candles"
            then = fives[market.at_ms - day][0]
            assert market.derivatives.change_24h_frac[row] == pytest.approx(fives[run[-1]][3] / then - 1)
