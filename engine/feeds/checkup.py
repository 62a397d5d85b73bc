"""Connection check of one venue: does it answer, how fast, how far off is its clock, do its streams deliver.

Called by `prism doctor`. Read-only and small: the clock, the listing, and one subscription on each of a product's
stream paths. Every failure says what it means and what to do about it. Nothing may be stored here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from engine.clock import Clock
from engine.errors import PrismError, VenueError
from engine.feeds.pages import pages
from engine.instruments import Instrument, Kind
from engine.transport.budgets import Priority
from engine.transport.net import Closed, Failed, Net, Socket
from engine.transport.rest_client import RestClient
from engine.transport.tasks import within
from engine.venues.base import VenueParser
from engine.venues.live import Channel, VenueLive

FRAME_S: Final = 10.0
"""Longest wait for the first frame of the busiest instrument."""
SKEW_LIMIT_MS: Final = 1_000.0
"""A clock that is further off makes ages and staleness wrong."""
LEADERS: Final = {"okx": "BTC-USDT-SWAP"}
"""The most traded symbol by product, if it is not `BTCUSDT`."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    subject: str
    """`okx requests`, `okx stream business`, ..."""
    ok: bool
    words: str
    """What was found, with figures and units; safe to show."""
    advice: str = ""
    """What to do about it; empty if nothing is wrong."""


async def check(
    language: VenueLive, parser: VenueParser, net: Net, rest: RestClient, clock: Clock
) -> AsyncIterator[Finding]:
    """The findings on one product, in the order of the checks. Never raises for a venue's failure."""
    venue = language.venue
    listed: list[Instrument] = []
    if (resting := _resting(language, rest, clock)) is not None:
        yield resting
    else:
        async for finding in _requests(language, rest):
            yield finding
        try:
            listed = await _listing(language, parser, rest, clock)
        except VenueError as error:
            yield Finding(
                f"{venue} listing", False, error.message, "prism follows the instruments on the streams meanwhile"
            )
        else:
            perps = sum(one.is_rankable and one.status == "trading" for one in listed)
            spots = sum(one.kind == "spot" and one.status == "trading" for one in listed)
            yield Finding(f"{venue} listing", bool(listed), f"{perps} perpetuals in dollars, {spots} spot pairs")
    for path, channel in _one_a_path(language, listed).items():
        yield await _stream(language, net, clock, path, channel)


def _resting(language: VenueLive, rest: RestClient, clock: Clock) -> Finding | None:
    """Whether the venue told this address to wait. If so, no requests are made: they would only prolong the wait."""
    for host in rest.status().values():
        if host.host in language.hosts and host.state == "resting":
            words = f"{host.host} told this address to wait: {host.words}; {host.wait_words(clock.now_ns())}"
            advice = "wait; requests by other programs on this address prolong it. The streams continue"
            return Finding(f"{language.venue} requests", False, words, advice)
    return None


async def _requests(language: VenueLive, rest: RestClient) -> AsyncIterator[Finding]:
    """Whether the venue answers, how fast, and how far its clock is off."""
    venue = language.venue
    try:
        skew_ms, round_trip_ms = await rest.measure_skew(language)
    except VenueError as error:
        yield Finding(f"{venue} requests", False, error.message, _request_advice(error.message))
    else:
        words = (
            f"answers in {round_trip_ms:.0f} ms; its clock is {skew_ms:+.0f} ms from ours, give or take half of that"
        )
        off = abs(skew_ms) > SKEW_LIMIT_MS + round_trip_ms / 2
        advice = "set this machine's clock by NTP: ages and staleness are wrong until then" if off else ""
        yield Finding(f"{venue} requests", not off, words, advice)


async def _listing(language: VenueLive, parser: VenueParser, rest: RestClient, clock: Clock) -> list[Instrument]:
    for first in language.listing_requests():
        async for answer in pages(rest, language, first, Priority.LISTING):
            parser.response(answer.request, answer.status, answer.body, clock.now_ns())
    return list(parser.instruments())


def _stand_in(venue: str) -> Instrument:
    """The instrument that every venue lists, to check the streams without a listing: they may work all the same."""
    kind: Kind = "spot" if venue.endswith("-spot") else "perp"
    return Instrument(venue, LEADERS.get(venue, "BTCUSDT"), kind, "BTC", "USDT", "BTC")


def _one_a_path(language: VenueLive, listed: Sequence[Instrument]) -> dict[str, Channel]:
    """For each stream path the channel that sends most often; channels of one symbol are those of BTC."""
    leaders = [
        one
        for one in listed or [_stand_in(language.venue)]
        if one.asset == "BTC" and one.quote_is_usd and one.status == "trading"
    ]
    leaders.sort(
        key=lambda one: (one.kind not in ("perp", "spot"), one.kind != "perp", one.quote != "USDT", one.symbol)
    )
    channels = language.market_channels()
    for one in leaders[:1]:
        channels += [*language.broad_channels(one), *language.deep_channels(one)]
    found: dict[str, Channel] = {}
    for channel in channels:
        known = found.get(channel.path)
        if channel.first_s is not None and (known is None or (known.first_s or 0.0) > channel.first_s):
            found[channel.path] = channel
    return found


async def _stream(language: VenueLive, net: Net, clock: Clock, path: str, channel: Channel) -> Finding:
    subject = f"{language.venue} stream {path}"
    tried: list[str] = []
    for address in language.paths[path]:
        began_ns = clock.monotonic_ns()
        try:
            opened_ms, frame_ms = await _first_frame(language, net, clock, address, channel, began_ns)
        except (Failed, Closed, TimeoutError) as error:
            late = f"no frame of {channel.topic} within {FRAME_S:.0f} s"
            tried.append(f"{address}: {error.message if isinstance(error, PrismError) else late}")
            continue
        words = f"opened in {opened_ms:.0f} ms, first frame of {channel.topic} after {frame_ms:.0f} ms"
        return Finding(subject, True, words if not tried else f"{words}; before that {'; '.join(tried)}")
    return Finding(subject, False, "; ".join(tried), _stream_advice(tried))


async def _first_frame(
    language: VenueLive, net: Net, clock: Clock, address: str, channel: Channel, began_ns: int
) -> tuple[float, float]:
    """Milliseconds until the socket was open, and from then until the channel's first frame. Raises Failed, Closed, or
    TimeoutError if no frame arrives within `FRAME_S`."""
    socket = await net.connect(address)
    opened_ns = clock.monotonic_ns()
    try:
        for request in language.subscribe([channel.topic], 1):
            await socket.send(request.text)
        await within(clock, FRAME_S, _frame_of(language, socket, channel.topic), f"first frame of {channel.topic}")
        return (opened_ns - began_ns) / 1e6, (clock.monotonic_ns() - opened_ns) / 1e6
    finally:
        await socket.close()


async def _frame_of(language: VenueLive, socket: Socket, topic: str) -> None:
    """Return at the first frame of `topic`. Raises Failed if it is refused, Closed if the socket ends."""
    while True:
        for arrival in await socket.recv():
            if language.topic_of(arrival.text) == topic:
                return
            ack = language.read_ack(arrival.text)
            if ack is not None and not ack.ok:
                raise Failed("protocol", f"{topic} was refused: {ack.message}")


def _request_advice(message: str) -> str:
    if "region" in message:
        return "this venue's REST host refuses your network or country; its streams may still work, see below"
    if "certificate" in message or "TLS" in message:
        return "a proxy or a wrong clock breaks the encryption; prism never connects without it"
    return "check the network, the name server and whether a proxy is needed (venues.proxies in the configuration)"


def _stream_advice(tried: list[str]) -> str:
    if any("451" in one or "403" in one for one in tried):
        return "this venue refuses your network or country; turn it off in the configuration (venues)"
    return "check whether a firewall or proxy stops WebSockets; prism keeps trying"
