"""Liquidations: pressure in the direction of forced orders while they build, reversal once a spike is spent.

Called by `engine.prism.sentiment`. A liquidated long is a forced sale, so it presses price down; when a spike of them
fades, the sellers are gone and the sign turns. If a venue samples its liquidations, every amount is a lower bound, and
a note says so.

Amounts are kept by minute, and the newest minute is running. So that a window neither grows nor shrinks with the second
at which it is read, it takes from the minute in which it begins the share that lies inside, as if that minute's
liquidations were spread evenly. Only the hour is the 60 minutes kept, the running one included: 59 to 60 minutes.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from engine.arrays import Bools, Floats, Ints
from engine.market.view import Liquidations, MarketView
from engine.prism.board import Reading, Status
from engine.prism.draft import Draft
from engine.prism.freshness import venue_stale
from engine.prism.roster import Roster
from engine.prism.row_memo import ALL, Memory, Part
from engine.prism.scales import ratio
from engine.timeframes import MINUTE_MS

LEAST_MINUTES: Final = 5.0
FAST_MINUTES: Final = 5
FAST_WEIGHT: Final = 0.6
"""Of 5 minutes against 1 hour in the pressure."""
FAST_SCALE: Final = 3.0
"""Net liquidations of 5 minutes, in multiples of the mean 5 minutes; three is a burst."""
VELOCITY_MINUTES: Final = 3
SPIKE: Final = (3.0, 6.0)
"""Peak velocity, in multiples of the hour's mean, at which a spike begins and at which it counts in full."""
REVERSAL_WEIGHT: Final = 0.6
REVERSAL_HALF_LIFE_MIN: Final = 15.0
NOTABLE_SHARE: Final = 0.001
"""Liquidations of an hour as a share of an hour's usual volume at which they weigh one half."""


class Forces(NamedTuple):
    """`[rows]`, -1..1 unless stated otherwise."""

    pressure: Floats
    reversal: Floats
    turned: Floats
    """0..1 how far the spike is spent: 0 pressure only, 1 reversal only."""
    peak_age_min: Floats


class Hour(NamedTuple):
    """Figures of an hour of liquidations, `[rows]`, US dollars unless stated otherwise."""

    long: Floats
    short: Floats
    long_5m: Floats
    short_5m: Floats
    velocity: Floats
    """Total of the last 3 minutes; NaN, like the fields below, if nothing was liquidated."""
    peak: Floats
    """The highest velocity of the hour."""
    side: Floats
    """Net share of the peak, short liquidations positive."""
    peak_age_min: Floats


class Minutes(NamedTuple):
    """Sums of an hour by minute that stay the same within a minute, `[rows]`, US dollars unless stated otherwise."""

    long: Floats
    short: Floats
    long_5m: Floats
    """Of the newest 5 minutes, the running one included."""
    short_5m: Floats
    long_before_5m: Floats
    """Of the minute before them."""
    short_before_5m: Floats
    recent: Floats
    """Total of the newest 3 minutes; NaN, like the fields below, if nothing was liquidated."""
    recent_net: Floats
    """Short less long of the same."""
    before: Floats
    """Total of the minute before them."""
    before_net: Floats
    peak: Floats
    """The highest total of 3 consecutive complete minutes."""
    side: Floats
    """Net share of that peak; NaN if it is 0."""
    age_min: Floats
    """Complete minutes since that peak."""

    def at(self, elapsed: float) -> Hour:
        """The hour when the share `elapsed` (0..1) of the running minute is over."""
        rest = 1.0 - elapsed
        velocity = self.recent + rest * self.before
        # Of equal peaks the newest, so that a plateau counts as ongoing.
        rising = velocity >= self.peak
        return Hour(
            self.long,
            self.short,
            self.long_5m + rest * self.long_before_5m,
            self.short_5m + rest * self.short_before_5m,
            velocity,
            np.where(rising, velocity, self.peak),
            np.where(rising, ratio(self.recent_net + rest * self.before_net, velocity), self.side),
            np.where(rising, 0.0, self.age_min + elapsed),
        )


def elapsed_of_minute(at_ms: int) -> float:
    """Share of the running minute that is over, 0..1."""
    return at_ms % MINUTE_MS / MINUTE_MS


def trailing(by_minute: Floats, minutes: int, elapsed: float) -> Floats:
    """Sums `[rows]` over the `minutes` up to now of amounts `[rows, n]`, of whose newest minute `elapsed` is over."""
    return np.asarray(by_minute[:, -minutes:].sum(axis=1) + (1.0 - elapsed) * by_minute[:, -minutes - 1])


def minutes_of(long_usd: Floats, short_usd: Floats) -> Minutes:
    """Read liquidated notional by minute `[rows, 60]`."""
    long, short = long_usd.sum(axis=1), short_usd.sum(axis=1)
    rows = np.flatnonzero(long + short > 0.0)
    spread = np.full((7, len(long)), np.nan)
    spread[:, rows] = _velocities(long_usd[rows], short_usd[rows])
    before = -FAST_MINUTES - 1
    return Minutes(
        long,
        short,
        long_usd[:, -FAST_MINUTES:].sum(axis=1),
        short_usd[:, -FAST_MINUTES:].sum(axis=1),
        # Copies: the columns are overwritten while these are kept.
        long_usd[:, before].copy(),
        short_usd[:, before].copy(),
        *spread,
    )


def _velocities(long_usd: Floats, short_usd: Floats) -> tuple[Floats, ...]:
    """The fields of `Minutes` from `recent` on."""
    net, total = short_usd - long_usd, short_usd + long_usd
    windows = total.shape[1] - VELOCITY_MINUTES
    velocity = np.asarray(sum(total[:, k : windows + k] for k in range(VELOCITY_MINUTES)))
    direction = np.asarray(sum(net[:, k : windows + k] for k in range(VELOCITY_MINUTES)))
    at = windows - 1 - np.argmax(velocity[:, ::-1], axis=1)
    peak = np.take_along_axis(velocity, at[:, None], axis=1)[:, 0]
    before = -VELOCITY_MINUTES - 1
    return (
        total[:, -VELOCITY_MINUTES:].sum(axis=1),
        net[:, -VELOCITY_MINUTES:].sum(axis=1),
        total[:, before],
        net[:, before],
        peak,
        ratio(np.take_along_axis(direction, at[:, None], axis=1)[:, 0], peak),
        (windows - 1 - at).astype(np.float64),
    )


def forces(hour: Hour, minutes: Floats) -> Forces:
    """Pressure and reversal of an hour, `minutes [rows]` of it covered; NaN if nothing was liquidated.

    pressure = 0.6 tanh(net 5 m / mean 5 m / 3) + 0.4 net 1 h / total 1 h, short liquidations positive.
    Velocity is the total of 3 minutes; turned = spike * (1 - velocity now / peak velocity). reversal = 0.6 times the
    peak's net share, against it, halved every 15 minutes since the peak.
    """
    total = hour.long + hour.short
    usual = ratio(total, minutes)
    fast = np.tanh(ratio(hour.short_5m - hour.long_5m, usual * FAST_MINUTES) / FAST_SCALE)
    pressure = FAST_WEIGHT * fast + (1.0 - FAST_WEIGHT) * ratio(hour.short - hour.long, total)
    low, high = SPIKE
    spike = np.clip((ratio(hour.peak, usual * VELOCITY_MINUTES) - low) / (high - low), 0.0, 1.0)
    turned = spike * (1.0 - ratio(hour.velocity, hour.peak))
    reversal = -REVERSAL_WEIGHT * hour.side * np.exp2(-hour.peak_age_min / REVERSAL_HALF_LIFE_MIN)
    return Forces(pressure, reversal, turned, hour.peak_age_min)


class _Pool(NamedTuple):
    """Rows whose liquidations count for a row: its asset on every venue with a live feed, `[rows, most]`."""

    rows: Ints
    """-1 if there is none."""
    counts: Bools
    """Its feed has been up for five minutes, and its venue is not stale."""

    def summed(self, values: Floats, part: Part) -> Floats:
        """`values [rows, n]` of the rows that count, added venue by venue."""
        rows, counts = self.rows[part], self.counts[part]
        total = np.zeros((len(rows), values.shape[1]))
        for place in range(rows.shape[1]):
            who = counts[:, place]
            total[who] += values[rows[who, place]]
        return total

    def taken(self, values: Floats, none: float) -> Floats:
        """`[rows, most]` of `values [rows]`, and `none` for rows that do not count."""
        return np.where(self.counts, values[self.rows], none)


def _minutes(feed: Liquidations, pool: _Pool, memory: Memory) -> Minutes:
    """Figures of the pooled minutes, recomputed only if those of a row in the pool changed."""

    def read(part: Part) -> Minutes:
        return minutes_of(pool.summed(feed.long_usd, part), pool.summed(feed.short_usd, part))

    if feed.revision is None:
        return read(ALL)
    revisions = np.where(pool.counts, feed.revision[pool.rows], -1)
    return Minutes(*memory["liquidations"].of((revisions,), read))


def liquidations(view: MarketView, roster: Roster, memory: Memory) -> Reading:
    """Reading of `liquidations`; raw is short less long liquidated notional over 1 h, US dollars, of all venues.

    Forced orders on one venue move the asset on all, and most venues publish only a part of them. So the dollar
    perpetuals on the row's asset are added up, if their feed has been up for five minutes.
    Score 50 + 50 * weight * ((1 - turned) * pressure + turned * reversal). The weight grows with the hour's
    liquidations as a share of an hour's usual volume, so that a few dollars are not a cascade. A row without
    liquidations while a feed is up is OK at 50: none were reported, which is a measurement.
    """
    feed = view.liquidations
    # A feed's confirmation has our receive time, and the venue's stamps may lag behind it.
    seen_min = np.maximum(view.at_ms - feed.since_ms, 0) / 60_000.0
    stands, mute = feed.since_ms >= 0, venue_stale(view, roster)
    beside = roster.groups.beside
    pool = _Pool(beside, (beside >= 0) & (stands & ~mute & (seen_min >= LEAST_MINUTES))[beside])
    nobody = ~np.logical_or.reduce(pool.counts, axis=1)
    draft = Draft(view.rows)
    draft.refuse(~roster.usd, Status.MISSING, "not quoted in dollars")
    draft.refuse(~roster.perp, Status.MISSING, "nothing is liquidated on this market")
    draft.refuse(nobody & ~stands, Status.MISSING, "no confirmed liquidation feed of the venue")
    draft.refuse(nobody & mute, Status.STALE, "nothing from the venue for over 120 s")
    draft.refuse_values(nobody, Status.WARMING, seen_min, 1.0, lambda m: f"warming: {m:.0f}/5 min of the feed")
    longest = np.maximum.reduce(pool.taken(seen_min, LEAST_MINUTES), axis=1)
    minutes = np.clip(longest, LEAST_MINUTES, 60.0)
    # If no row of the pool counts, the amounts are unknown, not 0.
    found = _minutes(feed, pool, memory).at(elapsed_of_minute(view.at_ms))
    read = Hour(*(np.where(nobody, np.nan, values) for values in found))
    result, hour = forces(read, minutes), read.long + read.short
    draft.refuse(np.isnan(hour), Status.MISSING, "liquidated amounts not known in dollars")
    traded = view.derivatives.volume_24h_usd
    volume = _sum_known(pool.taken(traded, np.nan))
    partly = np.logical_or.reduce(pool.counts & np.isnan(traded)[beside], axis=1)
    share = ratio(hour * 60.0 / minutes, volume / 24.0)
    weight = np.where(np.isnan(share), 1.0, share / (share + NOTABLE_SHARE))
    lean = weight * ((1.0 - result.turned) * result.pressure + result.turned * result.reversal)
    none = hour == 0.0
    draft.note_values(none, minutes, 1.0, lambda m: f"no liquidations in {m:.0f} min")
    sampled = np.logical_or.reduce(pool.counts & feed.sampled[beside], axis=1)
    draft.note(~none & sampled, "at least this: venues publish a part")
    draft.note(~none & (result.turned > 0.5), "spike spent, read as reversal")
    draft.note(~none & np.isnan(share), "24 h volume not known, not weighed by it")
    draft.note(~none & np.isfinite(share) & partly, "24 h volume of some venues not known: the share is at most this")
    names = ("long_5m", "short_5m", "long_1h", "short_1h")
    for name, values in zip(names, (read.long_5m, read.short_5m, read.long, read.short), strict=True):
        draft.input(name, values, "usd", None)
    draft.input("share_of_usual_volume", share, "frac", None)
    draft.input("spike_spent", result.turned, "frac", None)
    instruments = view.instruments
    draft.source(
        np.logical_or.reduce(pool.counts & (beside != np.arange(view.rows)[:, None]), axis=1),
        lambda row: ", ".join(sorted({instruments[one].venue for one in beside[row, pool.counts[row]].tolist()})),
        *names,
        "share_of_usual_volume",
    )
    return draft.finish(read.short - read.long, "usd", 50.0 + 50.0 * np.where(none, 0.0, lean))


def _sum_known(values: Floats) -> Floats:
    """`[rows]` sums of the known `values [rows, most]`, in order; NaN if none is known."""
    known = np.isfinite(values)
    total = np.zeros(len(values))
    for place in range(values.shape[1]):
        total = total + np.where(known[:, place], values[:, place], 0.0)
    return np.where(np.logical_or.reduce(known, axis=1), total, np.nan)
