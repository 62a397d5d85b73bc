"""Selects the instruments to follow from the listings, and reports what changed since the last listing.

Pure functions on listings; called by `engine.feeds.market` after every listing. Every trading perpetual that the table
can rank is followed, and the spot legs of their assets, to tell spot-led from perp-led moves. Nothing may be subscribed
here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.instruments import Instrument


@dataclass(frozen=True, slots=True)
class Change:
    """An instrument that was listed, announced or delisted between two listings, for the log and the notices."""

    instrument: Instrument
    what: str
    """`listed`, `announced` or `ended`."""

    def words(self) -> str:
        """`bybit-linear: ABCUSDT listed`."""
        return f"{self.instrument.venue}: {self.instrument.symbol} {self.what}"


def perpetuals(listing: Iterable[Instrument], *, include_tradfi: bool) -> list[Instrument]:
    """The perpetuals of one venue that the table can rank, in the listing's order."""
    return [
        one
        for one in listing
        if one.status == "trading" and one.is_rankable and (include_tradfi or one.category == "crypto")
    ]


def followed(
    listings: Mapping[str, Iterable[Instrument]], *, include_tradfi: bool = False
) -> dict[str, list[Instrument]]:
    """By venue, the instruments to follow: its perpetuals, and the dollar spot pairs of assets that have a perpetual on
    any venue.

    If a venue has several dollar quotes for one asset, the leg is USDT, else USDC, else USD: the others would add
    subscriptions but no information.
    """
    held = {venue: list(listing) for venue, listing in listings.items()}
    chosen = {venue: perpetuals(listing, include_tradfi=include_tradfi) for venue, listing in held.items()}
    assets = {one.asset for perps in chosen.values() for one in perps if one.category == "crypto"}
    for venue, listing in held.items():
        legs: dict[str, Instrument] = {}
        for one in listing:
            if one.kind != "spot" or one.status != "trading" or one.asset not in assets or one.quote not in _QUOTES:
                continue
            rival = legs.get(one.asset)
            if rival is None or _QUOTES.index(one.quote) < _QUOTES.index(rival.quote):
                legs[one.asset] = one
        chosen[venue] += legs.values()
    return chosen


def changes(before: Mapping[str, Instrument], after: Mapping[str, Instrument]) -> list[Change]:
    """Perpetuals that were listed, announced or ended between two listings of one venue.

    A venue's first listing has none before it and yields no changes. An instrument that vanished has ended too.
    """
    if not before:
        return []
    found: list[Change] = []
    for symbol, now in after.items():
        was = before.get(symbol)
        if not now.is_rankable or (was is not None and was.status == now.status):
            continue
        if now.status == "trading":
            found.append(Change(now, "listed"))
        elif now.status == "pending" and was is None:
            found.append(Change(now, "announced"))
        elif now.status == "ended" and was is not None:
            found.append(Change(now, "ended"))
    found += [
        Change(was, "ended")
        for symbol, was in before.items()
        if symbol not in after and was.is_rankable and was.status != "ended"
    ]
    return found


_QUOTES = ("USDT", "USDC", "USD")
