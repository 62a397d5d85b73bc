"""Paths of the recorded exchange traffic that the benchmarks read by default.

The recordings are other people's data and are not part of the project. They are in the folder named by the environment
variable PRISM_RECORDED, else in `shared/data` beside the checkout, as for the tests.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

ROOT: Final = Path(os.environ.get("PRISM_RECORDED") or Path(__file__).resolve().parents[2] / "shared" / "data")
SESSION: Final = ROOT / "captures" / "binance-2024-08-08.jsonl.gz"
"""Binance USD-M and spot, BTC and ETH, 344 s, 243,472 frames: book deltas, best quotes, trades."""


def missing(path: Path) -> str:
    """The message for an absent recording; empty if it is there."""
    if path.exists():
        return ""
    return f"recording absent: {path.name} (name another capture, or set PRISM_RECORDED to the folder of captures/)"
