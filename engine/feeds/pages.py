"""Fetches all pages of a paginated answer: listings and missed trades.

Used by the venue feeds and by `prism doctor`. The number of pages is limited, in case a venue names a next page for
ever; an answer that was cut off must not be taken for the whole.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from engine.errors import Transient
from engine.transport.budgets import Priority
from engine.transport.capture_records import Response
from engine.transport.rest_client import RestClient
from engine.venues.live import VenueLive

MAX_PAGES: Final = 50
"""Our own limit, not a venue's: a longer answer is not read to its end."""


async def pages(
    rest: RestClient, language: VenueLive, request: str, priority: Priority, *, is_fresh: bool = False
) -> AsyncIterator[Response]:
    """Every page of the answer to `request`, in order. Raises as `RestClient.ask`; Transient if there are more than
    `MAX_PAGES`."""
    following = request
    for _ in range(MAX_PAGES):
        answer = await rest.ask(language, following, priority=priority, is_fresh=is_fresh)
        yield answer
        more = language.next_page(answer.request, answer.body)
        if more is None:
            return
        following = more
    raise Transient(language.venue, f"{request}: more than {MAX_PAGES} pages, so the answer was not read to its end")
