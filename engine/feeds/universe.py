"""Which of all listed instruments are followed, and what changed since the last listing.

Pure functions on listings; called by `engine.feeds.market` after every listing that a venue answered. Followed is every
trading perpetual that the table can rank, and the spot legs of their assets, because spot-led and perp-led moves are
told apart by them. Nothing here subscribes anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.instruments import Instrument


@dataclass(frozen=True, slots=True)
class Change:
    """An instrument that began or ended between two listings, as the log and the notices say it."""

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
    """By venue, what is followed: its perpetuals, and dollar spot pairs of assets that some perpetual of any venue has.

    Of several dollar quotes for one asset at one venue, USDT is the leg, else USDC, else USD: the others add
    subscriptions and no knowledge.
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
    """What began, was announced or ended between two listings of one venue, by symbol; perpetuals only.

    A venue's first listing has no before: it changes nothing. What vanished from the listing has ended too.
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
