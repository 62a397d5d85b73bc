"""Recent trade ids by row, to drop trades that were sent again or came on two connections.

Used by `engine.market.tape` for every trade of every symbol. Only a 64-bit hash of each id is kept, in open-addressed
tables over one array. Two thousand ids as strings in a dictionary take 200 KB a row, which was a third of the memory of
a market of hundreds of symbols; here they take 32 KB.
"""

from __future__ import annotations

from typing import Final

import numpy as np

GENERATION: Final = 1_000
"""A row's newest 1,000 to 2,000 ids are remembered: after a break the venue's last 1,000 trades are fetched, and some
of them were received before."""
SLOTS: Final = 2_048
"""Slots of one generation: a power of two, at most half of them in use."""
FREE: Final = 0
BLANK: Final = bytes(8 * SLOTS)


class KnownIds:
    """The ids of all rows, in two generations a row: the older is dropped when the younger is full.

    The probability that a new id is taken for a known one is about 2,000 / 2**64.
    """

    def __init__(self) -> None:
        self._table = np.zeros((0, 2 * SLOTS), dtype=np.uint64)
        self._held: list[int] = []
        """By row, ids in the younger generation; 0: the row has no ids at all."""
        self._young: list[int] = []
        """By row, the first slot of the younger generation."""
        self._bind()

    def add_row(self, capacity: int) -> None:
        """One more row; the table has room for `capacity` rows, and unwritten room takes no memory."""
        row = len(self._held)
        if capacity > len(self._table):
            table = np.zeros((capacity, 2 * SLOTS), dtype=np.uint64)
            used = [one for one, held in enumerate(self._held) if held]
            table[used] = self._table[used]
            self._table = table
            self._bind()
        self._held.append(0)
        self._young.append(row * 2 * SLOTS)

    def knows(self, row: int, trade_id: str) -> bool:
        """Whether the row's remembered ids include this one."""
        mark = hash(trade_id) & 0xFFFF_FFFF_FFFF_FFFF or 1
        young = self._young[row]
        return self._find(young, mark) < 0 or self._find(young ^ SLOTS, mark) < 0

    def take(self, row: int, trade_id: str) -> bool:
        """Remember an id; False if it is known already."""
        mark = hash(trade_id) & 0xFFFF_FFFF_FFFF_FFFF or 1
        young = self._young[row]
        slot = self._find(young, mark)
        if slot < 0 or self._find(young ^ SLOTS, mark) < 0:
            return False
        if self._held[row] == GENERATION:
            young ^= SLOTS
            self._bytes[8 * young : 8 * (young + SLOTS)] = BLANK
            self._young[row] = young
            self._held[row] = 0
            slot = self._find(young, mark)
        self._slots[slot] = mark
        self._held[row] += 1
        return True

    def _find(self, first: int, mark: int) -> int:
        """The free slot for this mark in the generation that begins at `first`; -1: the mark is already there."""
        slots, place = self._slots, mark & (SLOTS - 1)
        while (found := slots[first + place]) != FREE:
            if found == mark:
                return -1
            place = (place + 1) & (SLOTS - 1)
        return first + place

    def _bind(self) -> None:
        # a memoryview reads and writes one number several times faster than an array does
        flat = self._table.reshape(-1)
        self._slots = flat.data
        self._bytes = flat.view(np.uint8).data
