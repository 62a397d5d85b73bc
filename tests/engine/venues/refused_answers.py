"""What every venue's reading of a refused answer owes: kind, rest and the venue's words, cleaned."""

from __future__ import annotations

from collections.abc import Mapping

from engine.venues.live import VenueLive


def check_refused(
    live: VenueLive, status: int, headers: Mapping[str, str], body: str, expected: tuple[str, float, tuple[str, ...]]
) -> None:
    """`expected` is (kind, seconds of rest, words that the message holds)."""
    kind, rest_s, words = expected
    found = live.refusal(status, headers, body)
    assert found is not None
    assert (found.kind, found.rest_s) == (kind, rest_s)
    assert all(word in found.message for word in words)
    assert "\x1b" not in found.message
