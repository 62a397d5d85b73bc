"""Exchanges on the loopback whose names, refusals and farewells are made of what a terminal would obey.

Run as `python -m tests.fuzz.hostile_exchanges`: prints its routes and ends with its standard input, as the simulator
does. Binance lists instruments of such names, Bybit refuses everything in such words, OKX answers with pages and closes
its streams with such reasons, and Bitget sends what is no message at all.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from engine.clock import SystemClock
from engine.simulator.exchange import Answer, Exchange, Reply
from engine.simulator.exchanges import make_exchanges
from engine.simulator.serving.venues import SimulatedVenues
from engine.simulator.world import ALL_VENUES, World, WorldSpec
from tui.simulated import Simulator

MARKS: Final = (
    "\x1b]0;title\x07",
    "\x1b]52;c;cm0gLXJm\x07",
    "\x1b[31mred",
    "\x9b31m",
    "\u202eLTR",
    "\u2066iso",
    "\u200bzero",
)
"""What must never come out again as it is; nothing that prism or Textual write themselves is like it."""
WORDS: Final = (
    *MARKS, "\x1b[2J\x1b[H", "\x1bc", "a\r\nb", "[red]X[/]", "[@click=app.quit]X[/]", "[link=https://x.example]X",
    "%s{0}$x", "币安人生", "👩\u200d💻🇺🇸", "Z" + "\u0335" * 60, "A" * 300,
)  # fmt: skip
ALL: Final = " ".join(WORDS)


@dataclass
class Hostile:
    """An exchange that says what `how` makes of it."""

    real: Exchange
    how: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def rest(self, origin: str, path: str, query: Mapping[str, str], client: str, now_ms: int) -> Answer:
        answer = self.real.rest(origin, path, query, client, now_ms)
        if self.how == "names":
            return msgspec.structs.replace(answer, body=self._named(answer.body.decode()).encode())
        if self.how == "refusals":
            body = {"retCode": 10001, "retMsg": ALL, "result": {}, "msg": ALL, "code": "-1", "time": now_ms}
            return Answer(400, json.dumps(body).encode(), {"X-Reason": "\x1b[31mred"[1:]})
        page = f"<html><title>{ALL}</title>".encode("utf-8", "surrogatepass")
        return Answer(403 if self.how == "pages" else 200, page, {}, "text/html")

    def message(self, connection: int, text: str, now_ms: int) -> Reply:
        reply = self.real.message(connection, text, now_ms)
        if self.how == "names":
            return msgspec.structs.replace(reply, texts=[self._named(one) for one in reply.texts])
        if self.how == "refusals":
            wrong = {"success": False, "ret_msg": ALL, "op": ALL, "conn_id": ALL, "req_id": ALL}
            return Reply([json.dumps(wrong), json.dumps(wrong | {"op": "subscribe"})])
        if self.how == "pages":
            return Reply([json.dumps({"event": "error", "code": "60012", "msg": ALL})], close=(4001, ALL[:40]))
        return Reply([ALL, json.dumps(ALL), json.dumps({"event": "error", "code": 30001, "msg": ALL, "arg": ALL})])

    def happened(self, happening: Any, wanted: Mapping[str, int]) -> Sequence[tuple[str, str]]:
        return self._all_named(self.real.happened(happening, wanted))

    def tick(self, now_ms: int, wanted: Mapping[str, int]) -> Sequence[tuple[str, str]]:
        return self._all_named(self.real.tick(now_ms, wanted))

    def _all_named(self, told: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
        return [(topic, self._named(text)) for topic, text in told] if self.how == "names" else told

    def _named(self, text: str) -> str:
        """The same with the names of the market's third and later assets exchanged for the words."""
        for asset, word in NAMED.items():
            text = text.replace(f'"{asset}', '"' + json.dumps(word)[1:-1])
        return text


NAMED: Final[dict[str, str]] = {}


class HostileSimulator(Simulator):
    """These exchanges where the simulator would be."""

    def __init__(self) -> None:
        self._begin([sys.executable, "-m", "tests.fuzz.hostile_exchanges"])


async def _serve() -> None:
    clock = SystemClock()
    spec = WorldSpec(seed=3, assets=20, venues=ALL_VENUES, rate_frames_per_s=100.0)
    world = World(spec, clock.now_ns() // 1_000_000)
    hows = {"binance": "names", "bybit": "refusals", "okx": "pages", "bitget": "noise"}
    bases = list(dict.fromkeys(one.base for one in world.instruments if one.venue == "binance-usdm"))
    NAMED.update(zip(bases[2:], WORDS, strict=False))
    exchanges: list[Any] = [Hostile(one, hows[one.name]) for one in make_exchanges(world, list(hows), 1_000.0)]
    venues = SimulatedVenues(world, exchanges, clock)
    await venues.start()
    sys.stdout.write(json.dumps({"routes": venues.routes}) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await venues.close()


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    asyncio.run(_serve())
