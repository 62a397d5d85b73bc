"""What a fault makes of a frame."""

from __future__ import annotations

import json

import pytest

from engine.simulator.faults import Fault, Faults

BOTH = '{"e":"depthUpdate","b":[["99.5","0.000"],["99.4","2.5"]],"a":[["100.1","0.000"]]}'
TAKEN = '{"e":"depthUpdate","b":[["99.5","0.000"]],"a":[["100.1","0"],["100.2","0.00"]]}'
OKX = '{"data":[{"asks":[["100.1","0","0","0"]],"bids":[["99.5","0.4","0","1"]]}]}'


@pytest.mark.parametrize("text", [BOTH, OKX])
def test_sides_change_places_where_that_crosses_the_book(text: str) -> None:
    faults = Faults()
    faults.inject(Fault("crossed", "binance", count=1), 0)
    [(_, sent)] = faults.frames("binance", "depth", text, 0)
    was, now = json.loads(text), json.loads(sent)
    was, now = (one["data"][0] if "data" in one else one for one in (was, now))
    bids, asks = ("b", "a") if "b" in was else ("bids", "asks")
    assert (now[bids], now[asks]) == (was[asks], was[bids])
    assert faults.frames("binance", "depth", text, 0) == [(0, text)], "once"


def test_a_message_that_only_takes_levels_away_is_left_alone() -> None:
    faults = Faults()
    faults.inject(Fault("crossed", "binance"), 0)
    assert faults.frames("binance", "depth", TAKEN, 0) == [(0, TAKEN)]
