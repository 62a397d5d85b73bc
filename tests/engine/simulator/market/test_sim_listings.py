"""What trades on the simulated market: who lists what under which name, what comes and what goes."""

from __future__ import annotations

from collections import Counter

import pytest

from engine.instruments import asset_of
from engine.simulator.happenings import Announced, BookChange, Delisted, Listed, Trade
from engine.simulator.market.catalogue import Catalogue, catalogue
from engine.simulator.sim_instrument import SimInstrument
from engine.simulator.world import ALL_VENUES, World
from tests.engine.simulator.market.market_worlds import MINUTE, START, found, small


@pytest.fixture(scope="module")
def whole() -> Catalogue:
    return catalogue(190, ALL_VENUES, START, listings=True)


def named(whole: Catalogue, venue: str, symbol: str) -> SimInstrument:
    return next(one for one in whole.instruments if (one.venue, one.symbol) == (venue, symbol))


def test_the_default_market_is_large_and_shares_its_assets(whole: Catalogue) -> None:
    there = [one for one in whole.instruments if one.listed_ms <= START]
    perps = [one for one in there if one.kind == "perp"]
    assert len(perps) >= 400
    assert len({one.asset for one in perps}) >= 190
    assert min(Counter(one.venue for one in perps).values()) >= 70
    assert min(Counter(one.venue for one in there if one.kind == "spot").values()) >= 40
    shared = Counter(one.asset for one in perps)
    assert sum(count >= 2 for count in shared.values()) > 100
    for asset in ("BTC", "ETH", "SOL", "XRP", "DOGE"):
        assert shared[asset] == 4
    assert {one.funding_interval_h for one in perps} == {1, 2, 4, 8}
    assert len({(one.venue, one.symbol) for one in whole.instruments}) == len(whole.instruments)
    assert [one.index for one in whole.instruments] == list(range(len(whole.instruments)))


def test_names_are_in_each_venue_s_form(whole: Catalogue) -> None:
    expected = {
        ("binance-usdm", "1000PEPEUSDT"): ("1000PEPE", "PEPE", 1_000),
        ("bybit-linear", "SHIB1000USDT"): ("SHIB1000", "SHIB", 1_000),
        ("binance-usdm", "1MBABYDOGEUSDT"): ("1MBABYDOGE", "BABYDOGE", 1_000_000),
        ("okx", "PEPE-USDT-SWAP"): ("PEPE", "PEPE", 1),
        ("okx", "BTC-USDT"): ("BTC", "BTC", 1),
        ("binance-usdm", "牛来USDT"): ("牛来", "牛来", 1),
        ("bitget-usdt", "BTCUSDT"): ("BTC", "BTC", 1),
    }
    for (venue, symbol), wanted in expected.items():
        one = named(whole, venue, symbol)
        assert (one.base, one.asset, one.multiplier) == wanted
    for one in whole.instruments:
        if one.symbol_type == "crypto":
            # The console finds the asset that is the same across venues by the name alone.
            assert asset_of(one.base) == (one.asset, float(one.multiplier))


def test_every_venue_has_perpetuals_on_other_things(whole: Catalogue) -> None:
    kinds = Counter((one.venue, one.symbol_type) for one in whole.instruments if one.tradfi)
    for venue in ("binance-usdm", "bybit-linear", "okx", "bitget-usdt"):
        assert kinds[venue, "stock"] >= 1
        assert kinds[venue, "metal"] >= 1
    assert sum(count for (_, kind), count in kinds.items() if kind == "forex") >= 2


def test_ticks_steps_and_contracts_are_of_a_likely_size(whole: Catalogue) -> None:
    for one in whole.instruments:
        price = whole.assets[whole.asset_of[one.index]].price * one.multiplier
        assert 300 < price / one.tick_size < 2e7, one.symbol
        assert one.step_base * price < 200, one.symbol
        assert one.step_base * price > 9e-7, one.symbol
        if one.venue != "okx" or one.kind == "spot":
            assert one.contract_size == "1"
        assert one.price_text(12_345) == f"{12_345 * one.tick_size:.{one.price_decimals}f}"
    assert named(whole, "okx", "BTC-USDT-SWAP").contract_size == "0.01"
    assert named(whole, "okx", "PEPE-USDT-SWAP").contract_size == "10000000"


def test_venues_that_are_not_asked_for_are_not_there() -> None:
    only = catalogue(30, ("okx",), START, listings=True)
    assert {one.venue for one in only.instruments} == {"okx"}
    with pytest.raises(ValueError, match="at least 1"):
        catalogue(0, ALL_VENUES, START, listings=False)


def listing_of(world: World) -> list[SimInstrument]:
    return sorted((one for one in world.instruments if one.listed_ms > START), key=lambda one: one.listed_ms)


def test_a_coin_is_announced_then_listed_then_trades() -> None:
    world = small(assets=12, rate=200.0, listings=True)
    coming = listing_of(world)[0]
    assert coming.listed_ms - START <= 5 * MINUTE
    assert world.find(coming.venue, coming.symbol) is None
    assert coming not in world.listed(coming.venue)
    order: list[str] = []
    for one in world.advance(coming.listed_ms + MINUTE):
        if one.instrument is coming:
            order.append(type(one).__name__)
            if isinstance(one, Announced):
                assert world.status(coming) == "pending"
                assert coming in world.listed(coming.venue)
                assert world.book(coming).bids == []
                assert world.candles(coming, "1m", 5) == []
            elif isinstance(one, Listed):
                assert one.ms == coming.listed_ms
                assert world.status(coming) == "trading"
    assert order[:3] == ["Announced", "Listed", "BookChange"]
    assert "Trade" in order
    assert found(world, coming.venue, coming.symbol) is coming
    bars = world.candles(coming, "1m", 50)
    assert bars[0].open_ms == coming.listed_ms // MINUTE * MINUTE
    assert sum(bar.trades for bar in bars) == world.totals(coming).fills
    assert world.ticker_24h(coming).trades == world.totals(coming).fills


def test_a_delisted_coin_is_shown_for_a_day_and_never_trades_again() -> None:
    world = small(assets=12, rate=60.0, listings=True)
    going = min((one for one in world.instruments if one.delisted_ms), key=lambda one: one.delisted_ms or 0)
    assert going.delisted_ms is not None
    assert going.delisted_ms - START <= 10 * MINUTE
    last: list[object] = []
    for one in world.advance(going.delisted_ms + 3 * MINUTE):
        if one.instrument is going and isinstance(one, Trade | BookChange | Delisted):
            last = [*last[-3:], one]
    assert isinstance(last[-1], Delisted)
    assert last[-1].ms == going.delisted_ms
    emptied = last[-2]
    assert isinstance(emptied, BookChange)
    assert all(steps == 0 for _, steps in [*emptied.bids, *emptied.asks])
    assert world.status(going) == "delisted"
    assert going in world.listed(going.venue)
    best = world.best(going)
    assert (best.bid, best.bid_steps, best.ask, best.ask_steps) == (0, 0, 0, 0)
    bars = world.candles(going, "1m", 3)
    assert len(bars) == 3
    assert bars[-1].open_ms < going.delisted_ms <= bars[-1].open_ms + MINUTE


def test_the_delisted_are_dropped_from_the_listing_after_a_day() -> None:
    world = small(assets=10, rate=5.0, listings=True)
    going = min((one for one in world.instruments if one.delisted_ms), key=lambda one: one.delisted_ms or 0)
    assert going.delisted_ms is not None
    for _ in world.advance(going.delisted_ms + MINUTE):
        pass
    # A day of market takes half a minute to play; the listing only reads the time.
    world._driver.now_ms = going.delisted_ms + 86_400_000
    assert going in world.listed(going.venue)
    world._driver.now_ms += 1
    assert world.status(going) == "delisted"
    assert going not in world.listed(going.venue)
