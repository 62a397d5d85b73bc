"""Whose figure an input is, where it is not the row's own."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from engine.market.view import MarketView
from engine.prism.board import COMPONENT_NAMES, Board
from engine.prism.roster import WHOLE_MARKET
from engine.prism.score import Scorer
from tests.engine.builders import make_view
from tui.presenters.breakdown import detail_lines

LEADERS = "binance-usdm BTCUSDT, binance-usdm ETHUSDT"
VENUES = "binance-usdm, bybit-linear, okx"


@pytest.fixture(scope="module")
def view() -> MarketView:
    return make_view(14, complete=True)


@pytest.fixture(scope="module")
def board(view: MarketView) -> Board:
    return Scorer().score(view)


def sources(board: Board, component: str, row: int) -> dict[str, str]:
    return {name: said[row] for name, said in board.readings[component].sources.items() if row in said}


def test_figures_of_others_name_them_and_the_rows_own_name_nobody(board: Board) -> None:
    found = {name: sources(board, name, 0) for name in COMPONENT_NAMES}
    assert {name: named for name, named in found.items() if named} == {
        "trade_flow": dict.fromkeys(("spot_net_share_15m", "spot_less_perp_15m"), "binance-spot BTCUSDT"),
        "liquidity": {"liquidity_rating": WHOLE_MARKET},
        "long_short_ratio": dict.fromkeys(
            ("accounts_all_venues", "accounts_median_of_venues", "venues_with_accounts", "top_traders_lead_all_venues"),
            VENUES,
        ),
        "liquidations": dict.fromkeys(("long_5m", "short_5m", "long_1h", "short_1h", "share_of_usual_volume"), VENUES),
        "mood": {
            "breadth_1h": WHOLE_MARKET,
            "market_momentum": f"{LEADERS}, {WHOLE_MARKET}",
            **dict.fromkeys(("market_volatility", "market_volume", "market_trend"), LEADERS),
        },
        "risk": {"leverage_rank": WHOLE_MARKET},
    }


def test_a_symbol_without_spot_leg_and_on_one_venue_alone_has_no_such_source(view: MarketView, board: Board) -> None:
    row = next(row for row, one in enumerate(view.instruments) if one.asset == "SOL")
    assert sources(board, "trade_flow", row) == {}
    assert sources(board, "long_short_ratio", row) == sources(board, "liquidations", row) == {}


def test_every_source_belongs_to_an_input_that_is_known(view: MarketView, board: Board) -> None:
    for name, reading in board.readings.items():
        for key, said in reading.sources.items():
            values = reading.inputs[key][0]
            for row in said:
                assert said[row], (name, key)
                assert np.isfinite(values[row]), (name, key, view.instruments[row].symbol)


def test_a_copy_for_another_process_keeps_them(board: Board) -> None:
    reading = board.readings["trade_flow"]
    copied = pickle.loads(pickle.dumps(reading))
    assert {name: dict(said) for name, said in copied.sources.items()} == {
        name: dict(said) for name, said in reading.sources.items()
    }


def test_the_breakdown_names_them_once(board: Board) -> None:
    flow, crowd = (
        "\n".join("".join(text for text, _ in line) for line in detail_lines(board, 0, face, 200))
        for face in ("orderflow", "sentiment")
    )
    assert flow.count("read with binance-spot BTCUSDT") == 1
    assert crowd.count(f"of {VENUES}") == 1, "the note of the ratio names them already"
    assert crowd.count(f"read with {VENUES}") == 1, "liquidations"
    assert f"read with {WHOLE_MARKET}" in crowd
