"""The console without a network: the candles of an earlier run, marked as what they are, until a venue answers."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Final

from engine.events import Candle
from engine.instruments import Instrument
from engine.storage.candle_store import CandleStore
from engine.timeframes import INTERVAL_MS, MINUTE_MS
from tests.tui.pseudo_terminal import PseudoTerminal
from tui.simulated import Simulator

CONSOLE: Final = """
import json, sys
from pathlib import Path
from engine.config.schema import Config
from engine.live import LiveEngine
from engine.wiring import Wiring
from engine.transport.live_net import LiveNet
from tui.launch import run_console

candles, gone, come = Path(sys.argv[1]), json.loads(sys.argv[2]), Path(sys.argv[3])

class Cable:
    def __init__(self, clock):
        self.clock = clock
        self.net = LiveNet(clock, gone, only_routes=True)
        self.is_plugged = False

    def way_out(self):
        if not self.is_plugged and come.exists():
            self.is_plugged, self.net = True, LiveNet(self.clock, json.loads(come.read_text()), only_routes=True)
        return self.net

    async def connect(self, url, **how):
        return await self.way_out().connect(url, **how)

    async def get(self, url, **how):
        return await self.way_out().get(url, **how)

    async def close(self):
        await self.net.close()

class Engine(LiveEngine):
    def make_net(self):
        return Cable(self._clock)

engine = Engine(Config(), "live", Wiring(gone, 50.0, candles=candles))
engine.start()
sys.exit(run_console(engine, Config()))
"""
"""The console on exchanges that have gone, until a file says where they are to be found again."""


async def keep(path: Path, end_ms: int) -> None:
    """What an earlier run that ended at `end_ms` had written."""
    store = await CandleStore.open(path)
    for symbol, price in (("BTCUSDT", 61_234.5), ("ETHUSDT", 3_456.7)):
        for ms in INTERVAL_MS.values():
            last = end_ms // ms * ms
            prices = [price * (1 + 0.0003 * (n % 7) - 0.001) for n in range(299)] + [price]
            await store.save(
                Candle(
                    "binance-usdm", symbol, last, 0, ms, last - (300 - n) * ms, close, close * 1.001, close * 0.999,
                    close, 5.0, 5.0 * close, 2.0 * close, 9, closed=True,
                )
                for n, close in enumerate(prices)
            )  # fmt: skip
    perps = [Instrument("binance-usdm", f"{base}USDT", "perp", base, "USDT", base, tick=0.1) for base in ("BTC", "ETH")]
    await store.save_listing("binance-usdm", perps)
    await store.close()


def test_cached_candles_stand_in_until_a_venue_answers(tmp_path: Path) -> None:
    candles, come = tmp_path / "candles.sqlite3", tmp_path / "routes.json"
    asyncio.run(keep(candles, int(time.time() * 1000) - 192 * MINUTE_MS))
    with Simulator(seed=5, rate=200.0) as simulator:
        gone = dict(simulator.routes())
    words = [sys.executable, "-c", CONSOLE, str(candles), json.dumps(gone), str(come)]
    with PseudoTerminal(words, {"TERM": "xterm-256color"}, tmp_path, size=(140, 40)) as terminal:
        terminal.until(lambda text: "BTCUSDT" in text and "CACHED candles, 3 h 1" in text)
        told = terminal.text
        assert "61234.5" in told.replace(",", "")
        assert "2 shown · none ranked" in told
        assert "CACHED  3 h 1" in told.splitlines()[0]
        assert "LIVE" not in told.splitlines()[0]
        with Simulator(seed=5, rate=200.0) as simulator:
            come.with_suffix(".new").write_text(json.dumps(dict(simulator.routes())))
            come.with_suffix(".new").rename(come)
            terminal.until(
                lambda text: (
                    "LIVE" in text.splitlines()[0] and "●" in text.splitlines()[1] and "cached" not in text.lower()
                )
            )
            terminal.press("\x11")
            terminal.read_to_the_end()
            assert terminal.process.wait(60) == 0
