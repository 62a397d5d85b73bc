"""Builds the live engine for the commands, connected to the venues or to the simulator.

Used by the engine's process and by the headless commands, so that both connect in the same way.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from platformdirs import user_cache_path, user_state_path

from engine.config.schema import Config
from engine.live import LiveEngine
from engine.storage.recorder import Recorder
from engine.wiring import Wiring
from tui.simulated import PACE, Routes, Simulator

CANDLES: Final = "candles.sqlite3"
BANS: Final = "bans.json"


def live_engine(config: Config, simulator: Simulator | None = None, recorder: Recorder | None = None) -> LiveEngine:
    """An engine on the venues, or on `simulator`, not yet started.

    Only the engine's thread waits for the simulator, so a simulator that does not start is reported as the engine's
    failure. A recording must be complete in itself: with a `recorder`, and with the simulator, no candles of earlier
    runs are read and none are kept.
    """
    if simulator is not None:
        return LiveEngine(config, "demo", Wiring(Routes(simulator), PACE, recorder=recorder))
    candles = candle_store() if config.venues.keep_candles and recorder is None else None
    return LiveEngine(config, "live", Wiring(candles=candles, bans=ban_file(), recorder=recorder))


def candle_store() -> Path:
    """The file that keeps candles between runs."""
    return user_cache_path("prism") / CANDLES


def ban_file() -> Path:
    """The file that keeps, between runs, which venues banned this address and until when."""
    return user_state_path("prism") / BANS
