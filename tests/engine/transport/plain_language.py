"""A venue's language for tests of the REST client: small rules that a test can change.

Refusing bodies: `{"busy":1}`, `{"limited":SECONDS}`, `{"banned":SECONDS}`, `{"region":1}`, `{"wrong":1}`. Any other is
a success unless its status is 400 or more, which is busy. Every request costs one of the pool `plain`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from engine.instruments import Instrument
from engine.venues.live import Ack, Channel, Cost, Poll, Pool, Refusal, Request, StreamLimits

FIRST = "https://one.example"
SECOND = "https://two.example"


class PlainLanguage:
    """As `engine.venues.live.VenueLive`."""

    venue = "okx"
    paths: Mapping[str, tuple[str, ...]] = {"public": ("wss://stream.example/ws",)}
    hosts: tuple[str, ...] = (FIRST, SECOND)
    stream_limits = StreamLimits(5, None, 100, None, None, 20, 60)
    pools: tuple[Pool, ...] = (Pool("plain", 1000, 60),)
    candles_max = 100

    def market_channels(self) -> list[Channel]:
        return []

    def broad_channels(self, instrument: Instrument) -> list[Channel]:
        return []

    def deep_channels(self, instrument: Instrument) -> list[Channel]:
        return []

    def room(self, path: str, held: Sequence[str], topic: str) -> bool:
        return True

    def subscribe(self, topics: Sequence[str], first_id: int) -> list[Request]:
        return []

    def unsubscribe(self, topics: Sequence[str], first_id: int) -> list[Request]:
        return []

    def topic_of(self, text: str) -> str | None:
        return None

    def read_ack(self, text: str) -> Ack | None:
        return None

    def listing_requests(self) -> list[str]:
        return ["GET /listing"]

    def next_page(self, request: str, body: str) -> str | None:
        return None

    def candles_request(self, symbol: str, interval: str, limit: int, end_ms: int | None = None) -> str:
        return f"GET /candles?symbol={symbol}&interval={interval}&limit={limit}"

    def depth_request(self, symbol: str) -> str:
        return f"GET /depth?symbol={symbol}"

    def mend(self, symbol: str) -> str | None:
        return None

    def trades_request(self, symbol: str, since_ms: int, until_ms: int) -> str | None:
        return None

    def polls(self, instruments: Sequence[Instrument]) -> list[Poll]:
        return []

    def time_request(self) -> str:
        return "GET /time"

    def server_time_ms(self, body: str) -> int | None:
        found = json.loads(body).get("time")
        return found if isinstance(found, int) else None

    def cost(self, request: str) -> Cost:
        return Cost((("plain", 1.0),))

    def refusal(self, status: int, headers: Mapping[str, str], body: str) -> Refusal | None:
        try:
            said = json.loads(body)
        except ValueError:
            said = {}
        for kind in ("busy", "limited", "banned", "region", "wrong"):
            if isinstance(said, dict) and kind in said:
                rest_s = float(said[kind]) if kind in ("limited", "banned") else 0.0
                return Refusal(kind, rest_s, f"{status} {kind}")
        return Refusal("busy", 0.0, f"{status}") if status >= 400 else None

    def used_weight(self, headers: Mapping[str, str]) -> tuple[tuple[str, float], ...]:
        return (("plain", float(headers["used"])),) if "used" in headers else ()

    def announced(self, request: str, body: str) -> tuple[tuple[str, float], ...]:
        found = json.loads(body).get("holds") if request == "GET /listing" else None
        return (("plain", float(found)),) if found is not None else ()
