"""Talks with the simulated Binance: its two paths of USD-M and its spot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from engine.simulator.exchanges.binance.exchange import Binance
from engine.simulator.world import World
from tests.engine.simulator.exchanges.talk import Talk

PUBLIC: Final = 0
MARKET: Final = 1
SPOT: Final = 2
VENUES: Final = {PUBLIC: "binance-usdm", MARKET: "binance-usdm", SPOT: "binance-spot"}
SPOT_STREAMS: Final = "wss://data-stream.binance.vision"
SPOT_REST: Final = "https://data-api.binance.vision"


def talk_of(world: World) -> Talk:
    """Three connections whose frames come in envelopes."""
    talk = Talk(world, Binance(world))
    talk.open(PUBLIC, "/public/stream")
    talk.open(MARKET, "/market/stream")
    talk.open(SPOT, "/stream", SPOT_STREAMS)
    return talk


def subscribe(talk: Talk, number: int, streams: Sequence[str]) -> None:
    talk.say(number, {"method": "SUBSCRIBE", "params": list(streams), "id": 1})


def pushed(talk: Talk, number: int, stream: str) -> list[Any]:
    """What came on one stream, without the envelopes."""
    return [message["data"] for message in talk.pushes(number) if message["stream"] == stream]
