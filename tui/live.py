"""The live engine as the commands want it: on the venues, or on the simulator.

Used by the console's launcher and by the headless commands, so that both connect in the same way.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from platformdirs import user_cache_path, user_state_path

from engine.config.schema import Config
from engine.live import LiveEngine, Wiring
from engine.storage.recorder import Recorder
from tui.simulated import PACE, Routes, Simulator

CANDLES: Final = "candles.sqlite3"
BANS: Final = "bans.json"


def live_engine(config: Config, simulator: Simulator | None = None, recorder: Recorder | None = None) -> LiveEngine:
    """An engine on the venues, or on `simulator`, not yet started.

    A simulator that does not start is the engine's failure, since only the engine's thread waits for it. What is
    recorded shall stand in the recording whole: with a `recorder`, and for invented markets, no candles of earlier runs
    are used or kept.
    """
    if simulator is not None:
        return LiveEngine(config, "demo", Wiring(Routes(simulator), PACE, recorder=recorder))
    candles = candle_store() if config.venues.keep_candles and recorder is None else None
    return LiveEngine(config, "live", Wiring(candles=candles, bans=ban_file(), recorder=recorder))


def candle_store() -> Path:
    """Where candles are kept between runs."""
    return user_cache_path("prism") / CANDLES


def ban_file() -> Path:
    """Where it is kept which venues told this address to wait, and until when."""
    return user_state_path("prism") / BANS
