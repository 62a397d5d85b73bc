"""Liquidations: forced flow while it builds, and the other way once it is spent.

Called by `engine.prism.sentiment`. A long liquidated is a forced sale, so it presses down; when a spike
of them fades, the sellers are gone and the sign turns. Venues that sample their liquidations make every
amount a lower bound, which the notes say.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from engine.market.view import Bools, Floats, Ints, Liquidations, MarketView
from engine.prism.board import Reading, Status
from engine.prism.draft import Draft
from engine.prism.freshness import venue_stale
from engine.prism.roster import Roster
from engine.prism.row_memo import ALL, Memory, Part
from engine.prism.scales import ratio

LEAST_MINUTES: Final = 5.0
FAST_WEIGHT: Final = 0.6
"""Of 5 minutes against 1 hour in the pressure."""
FAST_SCALE: Final = 3.0
"""Net liquidations of 5 minutes in means of such windows; three is a burst."""
VELOCITY_MINUTES: Final = 3
SPIKE: Final = (3.0, 6.0)
"""Peak velocity in means of the hour from which, and at which fully, it is a spike."""
REVERSAL_WEIGHT: Final = 0.6
REVERSAL_HALF_LIFE_MIN: Final = 15.0
NOTABLE_SHARE: Final = 0.001
"""Liquidations of an hour as a share of an hour's usual volume at which they weigh one half."""


class Forces(NamedTuple):
    """`[rows]`, -1..1 unless said otherwise."""

    pressure: Floats
    reversal: Floats
    turned: Floats
    """0..1 how far the spike is spent: 0 pressure only, 1 reversal only."""
    peak_age_min: Floats


class Hour(NamedTuple):
    """What an hour of liquidations is read for, `[rows]`, US dollars unless said otherwise."""

    long: Floats
    short: Floats
    long_5m: Floats
    short_5m: Floats
    velocity: Floats
    """Total of the last 3 minutes; NaN, like the rest, where nothing was liquidated."""
    peak: Floats
    """The highest velocity of the hour."""
    side: Floats
    """Net share of the peak, short liquidations positive."""
    peak_age_min: Floats


def hour_of(long_usd: Floats, short_usd: Floats) -> Hour:
    """Read liquidated notional by minute `[rows, 60]`."""
    long, short = long_usd.sum(axis=1), short_usd.sum(axis=1)
    rows = np.flatnonzero(long + short > 0.0)
    spread = np.full((4, len(long)), np.nan)
    spread[:, rows] = _peak(long_usd[rows], short_usd[rows])
    return Hour(long, short, long_usd[:, -5:].sum(axis=1), short_usd[:, -5:].sum(axis=1), *spread)


def _peak(long_usd: Floats, short_usd: Floats) -> tuple[Floats, ...]:
    """Velocity, its peak, the peak's side and its age."""
    net, total = short_usd - long_usd, short_usd + long_usd
    velocity = sum(total[:, k : total.shape[1] - VELOCITY_MINUTES + 1 + k] for k in range(VELOCITY_MINUTES))
    direction = sum(net[:, k : net.shape[1] - VELOCITY_MINUTES + 1 + k] for k in range(VELOCITY_MINUTES))
    velocity, direction = np.asarray(velocity), np.asarray(direction)
    # The newest of equal peaks, so that a plateau counts as still going on.
    at = velocity.shape[1] - 1 - np.argmax(velocity[:, ::-1], axis=1)
    peak = np.take_along_axis(velocity, at[:, None], axis=1)[:, 0]
    side = ratio(np.take_along_axis(direction, at[:, None], axis=1)[:, 0], peak)
    return velocity[:, -1], peak, side, (velocity.shape[1] - 1 - at).astype(np.float64)


def forces(hour: Hour, minutes: Floats) -> Forces:
    """Pressure and reversal of an hour of which `minutes [rows]` are covered; NaN where nothing was liquidated.

    pressure = 0.6 tanh(net 5 m / mean 5 m / 3) + 0.4 net 1 h / total 1 h, short liquidations positive.
    Velocity is the total of 3 minutes; turned = spike * (1 - velocity now / peak velocity).
    """
    total = hour.long + hour.short
    usual = ratio(total, minutes)
    fast = np.tanh(ratio(hour.short_5m - hour.long_5m, usual * 5.0) / FAST_SCALE)
    pressure = FAST_WEIGHT * fast + (1.0 - FAST_WEIGHT) * ratio(hour.short - hour.long, total)
    low, high = SPIKE
    spike = np.clip((ratio(hour.peak, usual * VELOCITY_MINUTES) - low) / (high - low), 0.0, 1.0)
    turned = spike * (1.0 - ratio(hour.velocity, hour.peak))
    reversal = -REVERSAL_WEIGHT * hour.side * np.exp2(-hour.peak_age_min / REVERSAL_HALF_LIFE_MIN)
    return Forces(pressure, reversal, turned, hour.peak_age_min)


class _Pool(NamedTuple):
    """Whose liquidations count for a row: those of its asset on every venue whose feed stands, `[rows, most]`."""

    rows: Ints
    """-1 where there is none."""
    counts: Bools
    """Its feed has stood for five minutes, and its venue speaks."""

    def summed(self, values: Floats, part: Part) -> Floats:
        """`values [rows, n]` of those who count, added venue by venue."""
        rows, counts = self.rows[part], self.counts[part]
        total = np.zeros((len(rows), values.shape[1]))
        for place in range(rows.shape[1]):
            who = counts[:, place]
            total[who] += values[rows[who, place]]
        return total

    def taken(self, values: Floats, none: float) -> Floats:
        """`[rows, most]` of `values [rows]`, and `none` of those who do not count."""
        return np.where(self.counts, values[self.rows], none)


def _hour(feed: Liquidations, pool: _Pool, memory: Memory) -> Hour:
    """Read the pooled minutes, anew only where those of somebody in the pool changed."""

    def read(part: Part) -> Hour:
        return hour_of(pool.summed(feed.long_usd, part), pool.summed(feed.short_usd, part))

    if feed.revision is None:
        return read(ALL)
    revisions = np.where(pool.counts, feed.revision[pool.rows], -1)
    return Hour(*memory["liquidations"].of((revisions,), read))


def liquidations(view: MarketView, roster: Roster, memory: Memory) -> Reading:
    """Reading of `liquidations`; raw is short less long liquidated notional over 1 h, US dollars, of all venues.

    Forced orders on one venue move the asset on all, and most venues publish only a part of them: the perpetuals in
    dollars on the row's asset are added up, those whose feed has stood for five minutes.
    Score 50 + 50 * weight * ((1 - turned) * pressure + turned * reversal), where weight grows with the hour's
    liquidations as a share of an hour's usual volume, so that a few dollars are not a cascade. A row without
    liquidations while a feed stands is OK at 50: none were reported, which is a measurement.
    """
    feed = view.liquidations
    # A feed is confirmed by our clock, and the venue's stamps may lag behind it.
    seen_min = np.maximum(view.at_ms - feed.since_ms, 0) / 60_000.0
    stands, mute = feed.since_ms >= 0, venue_stale(view, roster)
    beside = roster.groups.beside
    pool = _Pool(beside, (beside >= 0) & (stands & ~mute & (seen_min >= LEAST_MINUTES))[beside])
    nobody = ~np.logical_or.reduce(pool.counts, axis=1)
    draft = Draft(view.rows)
    draft.refuse(~roster.usd, Status.MISSING, "not quoted in dollars")
    draft.refuse(~roster.perp, Status.MISSING, "nothing is liquidated on this market")
    draft.refuse(nobody & ~stands, Status.MISSING, "no liquidation feed of the venue stands")
    draft.refuse(nobody & mute, Status.STALE, "nothing from the venue for over 120 s")
    draft.refuse_values(nobody, Status.WARMING, seen_min, 1.0, lambda m: f"warming: {m:.0f}/5 min of the feed")
    longest = np.maximum.reduce(pool.taken(seen_min, LEAST_MINUTES), axis=1)
    minutes = np.clip(longest, LEAST_MINUTES, 60.0)
    # Of a pool in which nobody counts nothing is known, and nothing is not none.
    read = Hour(*(np.where(nobody, np.nan, values) for values in _hour(feed, pool, memory)))
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
    """`[rows]` sums of what is known of `values [rows, most]`, in order; NaN where nothing is."""
    known = np.isfinite(values)
    total = np.zeros(len(values))
    for place in range(values.shape[1]):
        total = total + np.where(known[:, place], values[:, place], 0.0)
    return np.where(np.logical_or.reduce(known, axis=1), total, np.nan)
