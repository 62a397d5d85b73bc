"""Where the past and what cannot wait are asked of one budget, a part of it is kept for what cannot wait."""

from __future__ import annotations

import pytest

from engine.transport.budgets import RESERVED, Priority
from engine.venues.live import VenueLive
from engine.venues.registry import PRODUCTS, make_languages

LANGUAGES = make_languages(PRODUCTS)
SYMBOLS = {"okx": "BTC-USDT-SWAP"}


def costs(language: VenueLive) -> tuple[dict[str, float], dict[str, float]]:
    """By pool, the heaviest request for what cannot wait, and for the past."""
    symbol = SYMBOLS.get(language.venue, "BTCUSDT")
    urgent = [language.mend(symbol), language.trades_request(symbol, 0, 5_000), *language.listing_requests()]
    urgent.append(language.time_request())
    past = [language.candles_request(symbol, interval, 301) for interval in ("1m", "5m", "15m", "4h")]
    found: tuple[dict[str, float], dict[str, float]] = ({}, {})
    asked: tuple[list[str | None], ...] = (urgent, [*past])
    for place, requests in enumerate(asked):
        for request in filter(None, requests):
            for name, weight in language.cost(request).pools:
                found[place][name] = max(weight, found[place].get(name, 0.0))
    return found


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.venue)
def test_a_budget_that_the_past_shares_with_what_cannot_wait_keeps_room_for_it(language: VenueLive) -> None:
    urgent, past = costs(language)
    for pool in language.pools:
        if pool.name in urgent and pool.name in past:
            assert pool.capacity * pool.reserve >= urgent[pool.name], pool
        elif pool.name not in urgent:
            assert pool.reserve == 0, f"nothing that cannot wait is asked of {pool.name}"


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.venue)
def test_every_request_for_the_past_fits_into_its_share(language: VenueLive) -> None:
    past = costs(language)[1]
    pools = {pool.name: pool for pool in language.pools}
    for name, weight in past.items():
        pool = pools[name]
        assert weight <= pool.capacity * (1 - pool.reserve * RESERVED[Priority.BACKFILL])
