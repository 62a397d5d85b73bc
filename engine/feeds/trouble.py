"""Announces a repeated failure: once when it begins, once for each new reason, and once when it is over.

Used by the venue feeds for operations that they retry for ever. Announcing every attempt would push out all other
notices.
"""

from __future__ import annotations

from collections.abc import Callable


class Trouble:
    """What has been announced about the current failure of one operation."""

    def __init__(self, begins: str, ends: str, announce: Callable[[str], None]) -> None:
        """`begins` is put before each reason, `ends` is the whole message at the end; `announce` takes a sentence for
        the user."""
        self._begins = begins
        self._ends = ends
        self._announce = announce
        self._said: set[str] = set()
        """Reasons of the current failure; empty if there is none."""

    def failed(self, why: str) -> None:
        """It failed; announced if the reason, apart from the wait that is left, is new since the failure began."""
        reason = why.partition("; asked again in ")[0]
        if reason not in self._said:
            self._said.add(reason)
            self._announce(f"{self._begins}: {why}")

    def over(self) -> None:
        """It succeeded."""
        if self._said:
            self._said.clear()
            self._announce(self._ends)
