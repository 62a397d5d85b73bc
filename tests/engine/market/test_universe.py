from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from engine.market.state import MarketState
from engine.market.universe import FIRST_CAPACITY, ROOMIER, Universe
from tests.engine.market.market_events import T0, instrument, trade


def test_rows_are_numbered_in_order_of_appearance_and_capacity_grows() -> None:
    universe = Universe()
    rows = [universe.add(instrument(f"S{i}USDT")) for i in range(FIRST_CAPACITY + 1)]
    assert rows == list(range(FIRST_CAPACITY + 1))
    assert universe.capacity == ROOMIER * FIRST_CAPACITY
    assert universe.row("binance-usdm", "S3USDT") == 3
    assert universe.row("binance-spot", "S3USDT") is None
    with pytest.raises(ValueError, match="already has row 3"):
        universe.add(instrument("S3USDT"))


def test_a_listing_refines_an_inferred_instrument_and_not_the_other_way() -> None:
    universe = Universe()
    inferred = instrument(inferred=True)
    row = universe.add(inferred)
    listed = dataclasses.replace(inferred, inferred=False, tick=0.1)
    assert universe.refine(row, listed)
    assert universe.frozen() == (listed,)
    assert not universe.refine(row, inferred)
    assert universe.frozen() == (listed,)
    newer = dataclasses.replace(listed, tick=0.01)
    assert universe.refine(row, newer)
    assert universe.frozen()[row].tick == 0.01


def test_an_instrument_that_ended_is_revived_by_a_newer_listing_and_not_by_what_was_under_way() -> None:
    state, one = MarketState(), instrument()
    state.apply(trade(T0, of=one), one)
    state.ended(one)
    assert not state.universe.rankable()[0]
    state.apply(trade(T0 + 1_000, of=one), one)
    assert (state.universe.frozen()[0].status, state.universe.rankable()[0]) == ("ended", False)
    again = dataclasses.replace(one)
    state.refine([again])
    assert (state.universe.frozen(), state.universe.rankable()[0]) == ((again,), True)
    state.apply(trade(T0 + 2_000, of=again), again)
    assert state.universe.rankable()[0]
    state.ended(instrument("NEVERUSDT"))
    assert state.universe.rows == 1


def test_the_spot_leg_is_the_same_house_first_then_the_most_traded() -> None:
    universe = Universe()
    perp_a = universe.add(instrument("BTCUSDT", "binance-usdm"))
    perp_b = universe.add(instrument("BTCUSDT", "bybit-linear"))
    spot_okx = universe.add(instrument("BTC-USDT", "okx", kind="spot"))
    volume = np.array([9.0, 9.0, 5.0])
    assert universe.links(volume).spot_rows.tolist() == [spot_okx, spot_okx, -1]
    spot_binance = universe.add(instrument("BTCUSDT", "binance-spot"))
    volume = np.array([9.0, 9.0, 5.0, 4.0])
    assert universe.links(volume).spot_rows.tolist() == [spot_binance, spot_okx, -1, -1]
    # a tie goes to the venue whose name comes first; an unknown volume loses against a known one
    assert universe.links(np.array([9.0, 9.0, 5.0, 5.0])).spot_rows[perp_b] == spot_binance
    assert universe.links(np.array([9.0, 9.0, 0.0, np.nan])).spot_rows[perp_b] == spot_okx
    assert universe.links(np.full(4, np.nan)).spot_rows[perp_a] == spot_binance


def test_a_spot_leg_that_ended_gives_way_to_one_that_trades() -> None:
    universe = Universe()
    perp = universe.add(instrument("BTCUSDT"))
    home = universe.add(instrument("BTCUSDT", "binance-spot"))
    elsewhere = universe.add(instrument("BTC-USDT", "okx", kind="spot"))
    assert universe.links(np.ones(3)).spot_rows[perp] == home
    universe.refine(home, dataclasses.replace(universe.instruments[home], status="ended"))
    assert universe.links(np.ones(3)).spot_rows[perp] == elsewhere


def test_at_home_the_same_quote_goes_first_and_other_money_is_no_leg() -> None:
    universe = Universe()
    perp = universe.add(instrument("BTCUSDC", "binance-usdm"))
    universe.add(instrument("BTCEUR", "binance-spot"))
    assert universe.links(np.full(2, 1.0)).spot_rows[perp] == -1
    usdt = universe.add(instrument("BTCUSDT", "binance-spot"))
    assert universe.links(np.full(3, 1.0)).spot_rows[perp] == usdt
    usdc = universe.add(instrument("BTCUSDC", "binance-spot"))
    assert universe.links(np.array([1.0, 1.0, 99.0, 1.0])).spot_rows[perp] == usdc


def test_peers_are_rankable_perpetuals_of_the_same_asset_whatever_the_unit() -> None:
    universe = Universe()
    a = universe.add(instrument("1000PEPEUSDT", "binance-usdm"))
    b = universe.add(instrument("1000PEPEUSDT", "bybit-linear"))
    spot = universe.add(instrument("PEPEUSDT", "binance-spot"))
    euro = universe.add(instrument("PEPEEUR", "okx"))
    links = universe.links(np.full(4, np.nan))
    assert links.peers == ((b,), (a,), (a, b), (a, b))
    assert links.spot_rows[a] == spot
    assert universe.rankable().tolist() == [True, True, False, False]
    assert universe.rows_of_asset("PEPE") == (a, b, spot, euro)


def test_a_stock_is_not_the_coin_of_the_same_name() -> None:
    universe = Universe()
    universe.add(instrument("COINUSDT", "binance-usdm", category="tradfi"))
    universe.add(instrument("COINUSDT", "bybit-linear"))
    universe.add(instrument("COINUSDT", "binance-spot"))
    links = universe.links(np.full(3, np.nan))
    assert links.peers[0] == ()
    assert links.spot_rows.tolist() == [-1, 2, -1]


def test_links_follow_a_refinement() -> None:
    universe = Universe()
    unlisted = instrument("XUSDT", "okx", kind="future", inferred=True)
    universe.add(unlisted)
    universe.add(instrument("XUSDT", "binance-usdm"))
    assert universe.links(np.full(2, np.nan)).peers == ((1,), ())
    universe.refine(0, dataclasses.replace(unlisted, kind="perp", inferred=False))
    assert universe.links(np.full(2, np.nan)).peers == ((1,), (0,))
