"""The generator of the demo recording: an invented market as Binance, Bybit and OKX would have sent it, from one seed.

Run by `python -m engine.simulator.demo_recording FILE` to regenerate the bundled file, and by a test that compares
both. The same seed must give the same lines. Everything in it is made up and its header must say so.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from engine.arrays import Floats
from engine.simulator.demo_assets import ASSETS, BSPOT, BYSPOT, OKSPOT, OKX, USDM, Asset
from engine.simulator.demo_listings import listing_responses
from engine.simulator.demo_market import STEP_S, Fill, Ladder, fills, history, live_path
from engine.simulator.demo_statistics import statistics_responses
from engine.simulator.demo_venues import Binance, Bybit, Listing, Okx, Venue
from engine.transport.capture_writer import CaptureWriter

BUNDLED: Final = Path(__file__).parent / "data" / "demo.jsonl.zst"
SEED: Final = 20_261_121
START_MS: Final = 1_790_856_000_000
"""2026-10-01 12:00 UTC, when bars of every timeframe end."""
LIVE_S: Final = 330
"""Long enough for a 5m bar to close while the user watches."""
PREROLL_MS: Final = 75_000
"""Played at once when the demo starts: books and tape need a minute before all their readings count."""
HISTORY_BARS: Final = {300_000: 130, 900_000: 130, 14_400_000: 112}
NOTE: Final = "DEMO: an invented market; no price, size or event in it is real"


class Line(NamedTuple):
    """One message to be written to the file."""

    ms: float
    venue: str
    where: str
    """Connection, or the request `GET ...` of a REST answer."""
    text: str


@dataclass(slots=True)
class Stream:
    """One instrument of the recording, with its running sums."""

    asset: Asset
    venue: Venue
    share: float
    """Share of the asset's depth and volume that trades here."""
    basis: float
    ladder: Ladder
    rng: np.random.Generator
    book_every: int
    """Steps between two book messages."""
    started: bool = False
    minute: list[float] = field(default_factory=list)
    bought: float = 0.0
    volume: float = 0.0
    base: float = 0.0
    trades: int = 0
    open_interest: float = 0.0
    rate: float = 0.0001


def write(path: Path, seed: int = SEED, live_s: int = LIVE_S) -> None:
    """Write the recording of `seed` to `path`."""
    rng = np.random.default_rng(seed)
    steps = int(live_s / STEP_S)
    streams = _streams(rng)
    common = rng.standard_normal(steps)
    paths = {asset.name: live_path(asset, common, np.random.default_rng([seed, n])) for n, asset in enumerate(ASSETS)}
    lines = listing_responses(START_MS, [stream.venue for stream in streams])
    for stream in streams:
        lines += _warm_up(stream)
    for step in range(steps):
        ms = START_MS + 1_000 + int(step * STEP_S * 1_000)
        for number, stream in enumerate(streams):
            lines += _step(stream, paths[stream.asset.name], step, ms, number)
    lines.sort(key=lambda line: line.ms)
    created = datetime.fromtimestamp(START_MS / 1000, UTC).isoformat()
    with CaptureWriter(path, created, "prism demo generator", NOTE) as out:
        for number, line in enumerate(lines):
            # The line's number, modulo 1,000, is added so that receive times within one millisecond rise, for merging.
            t = int(line.ms * 1_000_000) + number % 1_000
            if line.where.startswith("GET "):
                out.response(t, line.venue, line.where, 200, line.text)
            else:
                out.frame(t, line.venue, line.where, line.text)


def _streams(rng: np.random.Generator) -> list[Stream]:
    streams: list[Stream] = []
    for asset in ASSETS:
        share = 1.0
        for where in asset.venues:
            own = np.random.default_rng(int(rng.integers(2**32)))
            spot = where in (BSPOT, BYSPOT, OKSPOT)
            part = share * (0.35 if spot else 1.0)
            every = 3 if asset.volume_24h_usd > 1e9 else 6 if asset.volume_24h_usd > 1e8 else 10
            stream = Stream(
                asset=asset,
                venue=_venue(asset, where, spot=spot),
                share=part,
                basis=float(own.normal(0, 0.00015)) - (0.0003 if spot else 0.0),
                ladder=Ladder(asset, part, own),
                rng=own,
                book_every=every * (2 if spot else 1),
                open_interest=asset.volume_24h_usd * part * float(own.uniform(0.15, 0.5)),
                rate=float(own.normal(0.00008, 0.00012))
                + {"squeeze": -0.0006, "perp_led": 0.0005}.get(asset.episode, 0),
            )
            streams.append(stream)
            share *= 0.6
    return streams


def _venue(asset: Asset, where: str, *, spot: bool) -> Venue:
    if where in (OKX, OKSPOT):
        symbol = f"{asset.name}-USDT" if spot else f"{asset.name}-USDT-SWAP"
        listing = Listing(symbol, asset.name, asset.decimals, asset.price, spot=spot)
        if not spot:
            listing.contract = 0.01 if asset.price > 1000 else 1.0 if asset.price > 5 else 10.0
        return Okx(listing)
    listing = Listing(f"{asset.name}USDT", asset.name, asset.decimals, asset.price, spot=spot)
    return Binance(listing) if where in (USDM, BSPOT) else Bybit(listing)


def _warm_up(stream: Stream) -> list[Line]:
    """History of bars and statistics, as REST answers received before the live part."""
    venue = stream.venue
    if venue.listing.spot:
        return []
    past = history(stream.asset, START_MS, HISTORY_BARS, np.random.default_rng(stream.rng.integers(2**32)))
    lines = [Line(START_MS, venue.venue, *venue.klines(bars)) for bars in past.values()]
    if isinstance(venue, Binance):
        lines += [
            Line(START_MS, venue.venue, request, body)
            for request, body in statistics_responses(
                venue.listing.symbol, START_MS, stream.open_interest, stream.asset, stream.rate, stream.rng
            )
        ]
    return lines


def _step(stream: Stream, path: Floats, step: int, ms: int, number: int) -> list[Line]:
    """The messages of one instrument in one step of the live part."""
    mid = float(path[step]) * (1 + stream.basis)
    sigma = stream.asset.daily_volatility * float(np.sqrt(STEP_S / 86_400))
    moved = 0.0 if step == 0 else float(np.log(path[step] / path[step - 1])) / sigma
    at = ms + number % 40 * 5
    lines: list[Line] = []
    if step == 0 or (step + number) % stream.book_every == 0:
        lines.append(_book(stream, mid, at))
    busy = 1.6 if stream.asset.episode != "calm" else 1.0
    for fill in fills(
        stream.asset, mid, moved, spot=stream.venue.listing.spot, busy=busy * stream.share, rng=stream.rng
    ):
        stream.trades += 1
        stream.volume += fill.usd
        stream.base += fill.usd / fill.price
        stream.bought += fill.usd if fill.taker_buy else 0.0
        lines.append(Line(at + 2, stream.venue.venue, *stream.venue.trade(fill, at + 2)))
    stream.minute.append(mid)
    lines += _clockwork(stream, mid, step, at, number)
    lines += _liquidations(stream, mid, step, len(path), at)
    return lines


def _book(stream: Stream, mid: float, ms: int) -> Line:
    bids, asks = stream.ladder.move(mid)
    tick = stream.venue.listing.tick
    rows = [
        sorted(((level * tick, usd / (level * tick)) for level, usd in side.items()), reverse=reverse)
        for side, reverse in ((bids, True), (asks, False))
    ]
    where, text = stream.venue.book(rows[0], rows[1], ms, first=not stream.started)
    stream.started = True
    return Line(ms, stream.venue.venue, where, text)


def _clockwork(stream: Stream, mid: float, step: int, ms: int, number: int) -> list[Line]:
    """Candles, 24 h statistics and mark prices, which are sent by the clock."""
    lines: list[Line] = []
    per_minute = int(60 / STEP_S)
    into = (step + 4) % per_minute
    if into == 0 or (into + number) % int(10 / STEP_S) == 0:
        held = stream.minute
        bar = (held[0], max(held), min(held), held[-1])
        volume = (stream.base, stream.volume, stream.bought, float(stream.trades))
        open_ms = START_MS + (step + 4 - (into or per_minute)) // per_minute * 60_000
        sent = stream.venue.candle(open_ms, bar, volume, ms, closed=into == 0)
        lines.append(Line(ms + 3, stream.venue.venue, *sent))
    if into == 0:
        stream.minute = [mid]
        stream.base = stream.volume = stream.bought = 0.0
        stream.trades = 0
    if step == 0 or (step + number) % int(6 / STEP_S) == 0:
        asset = stream.asset
        before = asset.price / (1 + asset.daily_volatility * (asset.trend * 2 + 0.3))
        stream.open_interest *= 1 + float(stream.rng.normal(0, 0.0004))
        messages = stream.venue.reference(
            mid, before, asset.volume_24h_usd * stream.share, stream.rate, stream.open_interest, ms
        )
        lines += [Line(ms + 4, stream.venue.venue, where, text) for where, text in messages]
    return lines


def _liquidations(stream: Stream, mid: float, step: int, steps: int, ms: int) -> list[Line]:
    asset, at = stream.asset, step / steps
    if stream.venue.listing.spot:
        return []
    heat = {"cascade": 0.30, "squeeze": 0.22, "perp_led": 0.05}.get(asset.episode, 0.012)
    rate = heat * stream.share * STEP_S * (1.0 if 0.15 < at < 0.75 else 0.15)
    if stream.rng.random() >= rate:
        return []
    shorts = asset.episode in ("squeeze", "spot_led", "grind_up") or (
        asset.episode == "calm" and stream.rng.random() < 0.5
    )
    usd = float(np.exp(stream.rng.normal(8.6, 1.5))) * (asset.volume_24h_usd / 1e9) ** 0.3
    where, text = stream.venue.liquidation(Fill(mid, usd, shorts), ms)
    return [Line(ms + 5, stream.venue.venue, where, text)]


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else BUNDLED)
