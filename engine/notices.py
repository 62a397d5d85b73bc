"""Notices for the user, newest first, with their times.

Held by `engine.intake`; every part of the engine posts its notices here. Texts must fit in a line or two; only the
newest `MOST` are kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, overload

MOST: Final = 50


class Notices(Sequence[str]):
    """The newest notices, as a sequence of texts."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        """`now_ms` returns the time that the screen's clock shows; 0: not known yet."""
        self.now_ms = now_ms
        self._told: deque[tuple[int, str]] = deque(maxlen=MOST)

    def tell(self, text: str) -> None:
        """Post a notice as the newest."""
        self._told.appendleft((self.now_ms(), text))

    @property
    def times_ms(self) -> tuple[int, ...]:
        """When each was posted, in the order of the texts."""
        return tuple(at_ms for at_ms, _ in self._told)

    def __len__(self) -> int:
        return len(self._told)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...

    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        if isinstance(place, slice):
            return [text for _, text in list(self._told)[place]]
        return self._told[place][1]
