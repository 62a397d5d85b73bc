"""The order flow of the simulated market is like that of real ones: clustered, correlated, tied by arbitrage."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from engine.arrays import Floats
from engine.simulator.happenings import Trade
from engine.simulator.market.chance import Chance, gauss, key_of, keys_of, unit
from engine.simulator.sim_instrument import SimVenue
from engine.simulator.world import World, WorldSpec
from tests.engine.simulator.market.market_worlds import HOUR, MINUTE, START, found, small


def returns(world: World, venue: str, symbol: str, minutes: int) -> Floats:
    closes = [bar.close for bar in world.candles(found(world, venue, symbol), "1m", minutes)]
    return np.diff(np.log(closes))


def correlation(first: Floats, second: Floats) -> float:
    return float(np.corrcoef(first, second)[0, 1])


@pytest.fixture(scope="module")
def calm() -> World:
    """Two hours of six assets without episodes."""
    world = small(assets=6, rate=60.0, seed=11)
    for _ in world.advance(START + 2 * HOUR):
        pass
    return world


def test_assets_move_together_and_venues_of_one_asset_almost_as_one(calm: World) -> None:
    bitcoin = returns(calm, "binance-usdm", "BTCUSDT", 118)
    assert correlation(bitcoin, returns(calm, "okx", "BTC-USDT-SWAP", 118)) > 0.9
    assert correlation(bitcoin, returns(calm, "binance-spot", "BTCUSDT", 118)) > 0.9
    others = ("ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT", "BNBUSDT")
    together = [correlation(bitcoin, returns(calm, "binance-usdm", name, 118)) for name in others]
    assert sum(together) / len(together) > 0.2


def test_venues_never_drift_apart(calm: World) -> None:
    for asset in ("BTC", "DOGE"):
        mids: list[float] = []
        for one in calm.instruments:
            if one.asset == asset:
                best = calm.best(one)
                mids.append((best.bid + best.ask) / 2 * one.tick_size / one.multiplier)
        assert len(mids) >= 5
        assert max(mids) / min(mids) < 1.006


def test_moves_are_of_the_size_that_the_asset_has(calm: World) -> None:
    for asset, name in (("BTC", "BTCUSDT"), ("DOGE", "DOGEUSDT")):
        daily = float(returns(calm, "binance-usdm", name, 118).std()) * 1_440**0.5
        assert 0.006 < daily < 0.16, asset


def test_trades_cluster_in_time_and_by_side_and_size() -> None:
    world = small(assets=2, rate=60.0, seed=11)
    one = found(world, "binance-usdm", "ETHUSDT")
    trades = [
        trade for trade in world.advance(START + 20 * MINUTE) if isinstance(trade, Trade) and trade.instrument is one
    ]
    orders = [trade for trade, before in zip(trades[1:], trades, strict=False) if trade.order != before.order]
    assert len(orders) > 3_000
    seconds = Counter(trade.ms // 1_000 for trade in orders)
    counts = np.array([seconds[at] for at in range(orders[0].ms // 1_000, orders[-1].ms // 1_000)], dtype=float)
    # A Poisson process has variance equal to mean and no memory.
    assert counts.var() > 1.4 * counts.mean()
    assert correlation(counts[1:], counts[:-1]) > 0.08
    sides = np.array([1.0 if trade.buy else -1.0 for trade in orders])
    assert correlation(sides[1:], sides[:-1]) > 0.05


@pytest.mark.parametrize("venues", [("okx",), ("binance-spot",), ("bybit-linear", "bybit-spot"), ("bitget-usdt",)])
def test_a_world_of_some_venues_runs_with_all_that_can_happen(venues: tuple[SimVenue, ...]) -> None:
    world = World(WorldSpec(3, 12, venues, rate_frames_per_s=60.0), START)
    told = sum(1 for _ in world.advance(START + 7 * MINUTE))
    assert told > 10_000
    assert {one.venue for one in world.instruments} == set(venues)


def test_a_world_too_large_is_refused() -> None:
    with pytest.raises(ValueError, match="fewer assets"):
        World(WorldSpec(3, 1_600), START)


def test_streams_and_keyed_noise_have_the_laws_they_claim() -> None:
    chance = Chance(1)
    uniform = np.array([chance.uniform() for _ in range(20_000)])
    assert 0.0 <= uniform.min() < uniform.max() < 1.0
    assert uniform.mean() == pytest.approx(0.5, abs=0.02)
    for draw in (chance.wait, chance.order, chance.resting):
        assert np.mean([draw() for _ in range(40_000)]) == pytest.approx(1.0, abs=0.06)
    at = np.arange(20_000, dtype=np.int64)
    keys = keys_of(key_of(7, "BTC"), at)
    assert unit(keys).mean() == pytest.approx(0.5, abs=0.02)
    normal = gauss(keys, 3)
    assert normal.mean() == pytest.approx(0.0, abs=0.03)
    assert normal.std() == pytest.approx(1.0, abs=0.03)
    assert correlation(normal[1:], normal[:-1]) == pytest.approx(0.0, abs=0.03)
    assert correlation(normal, gauss(keys, 4)) == pytest.approx(0.0, abs=0.03)
    assert (keys_of(key_of(8, "BTC"), at) != keys).all()
