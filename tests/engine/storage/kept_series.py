"""Everything that a candle store holds of some timeframes, for tests."""

from __future__ import annotations

from collections.abc import Mapping

from engine.kept_bar import Kept, Key
from engine.storage.candle_store import CandleStore


async def kept_series(store: CandleStore, since_ms: Mapping[int, int]) -> list[tuple[Key, list[Kept]]]:
    """The series that have bars, of the timeframes in `since_ms`, whose newest opened then or later."""
    found = []
    for key, newest_ms in await store.held():
        if newest_ms >= since_ms.get(key[2], newest_ms + 1) and (bars := await store.bars(key)):
            found.append((key, bars))
    return found
