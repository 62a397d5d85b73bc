"""The status of one product's feed, as one record for the screen.

Called by `engine.live` for every snapshot. The streams decide the state: a venue whose REST host refuses us is live
while its streams are, and `Feed.requests` says what is missing.
"""

from __future__ import annotations

from typing import Final

from engine.clock import Clock
from engine.feeds.venue import VenueFeed
from engine.pipeline import Pipeline
from engine.snapshot import SILENT_MS, Feed, FeedState
from engine.transport.host_status import HostStatus
from engine.transport.rest_client import RestClient
from engine.venues.base import Verdict

LATE_MS: Final = 5_000
"""Above this delay the detail says that the data is late; above `SILENT_MS` the feed is stale."""


def feed_of(feed: VenueFeed, rest: RestClient, pipeline: Pipeline, clock: Clock, *, corrected_ms: float = 0.0) -> Feed:
    """The status of one product now. `corrected_ms`: how far `clock` is ahead of the machine's own."""
    streams = feed.streams.status()
    hosts = rest.status()
    # A fallback host that was never needed says nothing about the first one.
    asked = [hosts[host] for host in feed.language.hosts if host in hosts and hosts[host].state != "unasked"]
    tally = pipeline.tallies.get(feed.venue)
    counts = pipeline.books.counts(feed.venue)
    now_ms = clock.now_ns() // 1_000_000
    newest_ms = -1 if tally is None else tally.newest_ms
    age_ms = None if newest_ms < 0 else max(0, now_ms - newest_ms)
    state: FeedState = streams.state
    answering = next((one for one in asked if one.state == "ok"), None)
    details = [streams.words]
    if counts.resyncing and not streams.words:
        details.append(f"{counts.resyncing} books resyncing")
    off_ms = next((one.skew_ms for one in asked if one.skew_ms is not None), None)
    if state == "live" and age_ms is not None and age_ms > SILENT_MS:
        state = "stale"
        details.insert(0, f"no market data for {age_ms // 1000} s")
    elif tally is not None and tally.lag_ms is not None and (late_ms := tally.lag_ms + (off_ms or 0.0)) > LATE_MS:
        if state == "live" and late_ms > SILENT_MS:
            state = "stale"
        details.insert(0, f"market data comes {late_ms / 1000:.0f} s late")
    if stands := pipeline.standstill.words(feed.venue):
        details.insert(0, stands)
        if state == "live":
            state = "stale"
    return Feed(
        venue=feed.venue,
        state=state,
        detail="; ".join(words for words in details if words),
        age_ms=age_ms,
        frames=0 if tally is None else tally.frames,
        rejected=0 if tally is None else tally.verdicts[Verdict.REJECTED],
        unknown=0 if tally is None else tally.verdicts[Verdict.UNKNOWN],
        books_synced=counts.synced,
        books_resyncing=counts.resyncing,
        latency_ms=streams.round_trip_ms if streams.round_trip_ms is not None else _latency_ms(answering),
        skew_ms=None if off_ms is None else off_ms + corrected_ms,
        off_ms=off_ms,
        requests=_words(asked, clock.now_ns()),
        channels=streams.channels,
        channels_live=streams.channels_live,
        reconnects=streams.reconnects,
        backfill=feed.backfill.waiting,
        waiting=feed.streams.waiting,
        trade_holes=0 if tally is None else tally.trade_holes,
        withheld=pipeline.state.plausible.withheld.get(feed.venue, 0),
    )


def _latency_ms(host: HostStatus | None) -> float | None:
    return None if host is None else host.latency_ms


def _words(asked: list[HostStatus], now_ns: int) -> str:
    """Why requests are not answered, and for how long; empty if a host of the venue answers or none was asked."""
    if any(one.state == "ok" for one in asked):
        return ""
    return "; ".join(_told(one, one.wait_words(now_ns)) for one in asked)


def _told(host: HostStatus, wait: str) -> str:
    why = f"{host.host.removeprefix('https://')} {host.state}: {host.words}"
    return f"{why}, {wait}" if wait else why
