"""Schedules the polls: periodic requests for data that no stream pushes.

Pure bookkeeping for one venue; `engine.feeds.venue` sends the requests. A late poll is made once, not once for every
period missed. New polls are spread over their period, so that two hundred symbols are not requested at once.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from engine.venues.live import Poll


class Polling:
    """The polls of one venue by due time, milliseconds on any clock that never runs backwards."""

    def __init__(self) -> None:
        self._polls: dict[str, Poll] = {}
        self._due: list[tuple[int, int, str]] = []
        self._entries = 0

    def set(self, polls: Iterable[Poll], now_ms: int) -> None:
        """Poll exactly these from now on; polls that were there already keep their due time."""
        wanted = {poll.request: poll for poll in polls}
        new = [poll for request, poll in wanted.items() if request not in self._polls]
        self._polls = wanted
        self._due = [entry for entry in self._due if entry[2] in wanted]
        heapq.heapify(self._due)
        by_period: dict[float, int] = {}
        for poll in new:
            by_period[poll.every_s] = by_period.get(poll.every_s, 0) + 1
        placed: dict[float, int] = {}
        for poll in new:
            place = placed.get(poll.every_s, 0)
            placed[poll.every_s] = place + 1
            self._push(poll, now_ms + int(1000 * poll.every_s * place / by_period[poll.every_s]))

    def next_ms(self) -> int | None:
        """When the next poll is due; None: there are no polls."""
        return self._due[0][0] if self._due else None

    def take(self, now_ms: int) -> Poll | None:
        """Take a poll that is due and schedule it again one period from now; None: none is due."""
        if not self._due or self._due[0][0] > now_ms:
            return None
        poll = self._polls[heapq.heappop(self._due)[2]]
        self._push(poll, now_ms + int(1000 * poll.every_s))
        return poll

    def drop(self, poll: Poll) -> None:
        """Stop a poll that the venue refuses for good, until `set` is called with it again."""
        if self._polls.pop(poll.request, None) is not None:
            self._due = [entry for entry in self._due if entry[2] != poll.request]
            heapq.heapify(self._due)

    def _push(self, poll: Poll, due_ms: int) -> None:
        self._entries += 1
        heapq.heappush(self._due, (due_ms, self._entries, poll.request))
