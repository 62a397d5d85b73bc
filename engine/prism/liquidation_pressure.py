"""Liquidations: forced flow while it builds, and the other way once it is spent.

Called by `engine.prism.sentiment`. A long liquidated is a forced sale, so it presses down; when a spike
of them fades, the sellers are gone and the sign turns. Venues that sample their liquidations make every
amount a lower bound, which the notes say.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from engine.market.view import Floats, MarketView
from engine.prism.board import Reading, Status
from engine.prism.draft import Draft
from engine.prism.freshness import venue_stale
from engine.prism.roster import Roster
from engine.prism.row_memo import Memory
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


def forces(long_usd: Floats, short_usd: Floats, minutes: Floats) -> Forces:
    """Pressure and reversal from liquidated notional by minute `[rows, 60]` of which `minutes [rows]` are covered.

    pressure = 0.6 tanh(net 5 m / mean 5 m / 3) + 0.4 net 1 h / total 1 h, short liquidations positive.
    Velocity is the total of 3 minutes; turned = spike * (1 - velocity now / peak velocity).
    """
    net, total = short_usd - long_usd, short_usd + long_usd
    hour = total.sum(axis=1)
    usual = ratio(hour, minutes)
    fast = np.tanh(ratio(net[:, -5:].sum(axis=1), usual * 5.0) / FAST_SCALE)
    pressure = FAST_WEIGHT * fast + (1.0 - FAST_WEIGHT) * ratio(net.sum(axis=1), hour)
    velocity = sum(total[:, k : total.shape[1] - VELOCITY_MINUTES + 1 + k] for k in range(VELOCITY_MINUTES))
    direction = sum(net[:, k : net.shape[1] - VELOCITY_MINUTES + 1 + k] for k in range(VELOCITY_MINUTES))
    velocity, direction = np.asarray(velocity), np.asarray(direction)
    # The newest of equal peaks, so that a plateau counts as still going on.
    at = velocity.shape[1] - 1 - np.argmax(velocity[:, ::-1], axis=1)
    peak = np.take_along_axis(velocity, at[:, None], axis=1)[:, 0]
    side = ratio(np.take_along_axis(direction, at[:, None], axis=1)[:, 0], peak)
    low, high = SPIKE
    spike = np.clip((ratio(peak, usual * VELOCITY_MINUTES) - low) / (high - low), 0.0, 1.0)
    turned = spike * (1.0 - ratio(velocity[:, -1], peak))
    age = (velocity.shape[1] - 1 - at).astype(np.float64)
    reversal = -REVERSAL_WEIGHT * side * np.exp2(-age / REVERSAL_HALF_LIFE_MIN)
    return Forces(pressure, reversal, turned, age)


def _of_hour(long_usd: Floats, short_usd: Floats, minutes: Floats) -> tuple[Floats, ...]:
    """Long and short of the hour and of 5 minutes, then `Forces`, which are NaN where nothing was liquidated."""
    long, short = long_usd.sum(axis=1), short_usd.sum(axis=1)
    rows = np.flatnonzero(long + short > 0.0)
    spread = np.full((len(Forces._fields), len(minutes)), np.nan)
    spread[:, rows] = forces(long_usd[rows], short_usd[rows], minutes[rows])
    return long, short, long_usd[:, -5:].sum(axis=1), short_usd[:, -5:].sum(axis=1), *spread


def liquidations(view: MarketView, roster: Roster, memory: Memory) -> Reading:
    """Reading of `liquidations`; raw is short less long liquidated notional over 1 h, US dollars.

    Score 50 + 50 * weight * ((1 - turned) * pressure + turned * reversal), where weight grows with the hour's
    liquidations as a share of an hour's usual volume, so that a few dollars are not a cascade. A row without
    liquidations on a venue whose feed is live is OK at 50: none were reported, which is a measurement.
    """
    feed = view.liquidations
    draft = Draft(view.rows)
    draft.refuse(feed.since_ms < 0, Status.MISSING, "no liquidation feed of the venue stands")
    draft.refuse(~roster.usd, Status.MISSING, "not quoted in dollars")
    draft.refuse(~roster.perp, Status.MISSING, "nothing is liquidated on this market")
    draft.refuse(venue_stale(view, roster), Status.STALE, "nothing from the venue for over 120 s")
    # A feed is confirmed by our clock, and the venue's stamps may lag behind it.
    seen_min = np.maximum(view.at_ms - feed.since_ms, 0) / 60_000.0
    draft.refuse_values(
        seen_min < LEAST_MINUTES, Status.WARMING, seen_min, 1.0, lambda m: f"warming: {m:.0f}/5 min of the feed"
    )
    minutes = np.clip(seen_min, LEAST_MINUTES, 60.0)
    long, short, long_5m, short_5m, *held = memory["liquidations"].of(
        (feed.long_usd, feed.short_usd, minutes),
        lambda part: _of_hour(feed.long_usd[part], feed.short_usd[part], minutes[part]),
    )
    result = Forces(*held)
    hour = long + short
    draft.refuse(np.isnan(hour), Status.MISSING, "liquidated amounts not known in dollars")
    share = ratio(hour * 60.0 / minutes, view.derivatives.volume_24h_usd / 24.0)
    weight = np.where(np.isnan(share), 1.0, share / (share + NOTABLE_SHARE))
    lean = weight * ((1.0 - result.turned) * result.pressure + result.turned * result.reversal)
    none = hour == 0.0
    draft.note_values(none, minutes, 1.0, lambda m: f"no liquidations in {m:.0f} min")
    draft.note(~none & feed.sampled, "sampled by the venue")
    draft.note(~none & (result.turned > 0.5), "spike spent, read as reversal")
    draft.note(~none & np.isnan(share), "24 h volume not known, not weighed by it")
    draft.input("long_5m", long_5m, "usd", None)
    draft.input("short_5m", short_5m, "usd", None)
    draft.input("long_1h", long, "usd", None)
    draft.input("short_1h", short, "usd", None)
    draft.input("share_of_usual_volume", share, "frac", None)
    draft.input("spike_spent", result.turned, "frac", None)
    return draft.finish(short - long, "usd", 50.0 + 50.0 * np.where(none, 0.0, lean))
