"""Positioning of the crowd and what it pays for it: long/short ratios and funding.

Called by `engine.prism.sentiment`. All three components are ratios and rates, so they do not depend on a symbol's price
or size. The ratio and funding are contrarian only at extremes; for funding, the symbol's own history defines what is
extreme once it is long enough.

Venues change the interval between settlements (8, 4, 2, 1 h), so rates are compared per hour: a settled rate is divided
by the hours that it was paid for, the running estimate by its own interval.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.arrays import Floats, Ints
from engine.market.view import MarketView
from engine.prism.across import Across, Voices, spoken
from engine.prism.board import Reading, Status
from engine.prism.draft import Draft, blend
from engine.prism.freshness import FUNDING_LIMIT_MS, RATIO_LIMIT_MS, age_ms
from engine.prism.roster import Roster
from engine.prism.row_memo import Memory
from engine.prism.scales import banded, ratio, tilt
from engine.timeframes import MINUTE_MS

EXTREME_RATIO: Final = 3.0
"""Accounts long per account short; its inverse is the extreme short."""
RATIO_WEIGHTS: Final = {"crowd": 0.6, "top traders": 0.4}
LEAST_SETTLEMENTS: Final = 20
"""Settled rates needed for a 95th percentile."""
BAND_PER_HOUR_FRAC: Final = 0.0005 / 8.0
"""Absolute band while the own history is short: 5 bp per 8 hours, five times the usual interest part."""
LEAST_BAND_PER_HOUR: Final = 1e-5 / 8.0
"""0.1 bp per 8 hours: a history of zeros must not make the first tick of funding extreme."""
CONFIRM_POINTS: Final = 6.0
"""Most points that funding inside its band leans with the payers."""
FUNDING_WEIGHTS: Final = {"predicted": 0.7, "settled": 0.3}
HOURS_A_YEAR: Final = 24.0 * 365.0
HOUR_MS: Final = 60.0 * MINUTE_MS
LAST_SETTLEMENTS: Final = 8
LEAST_VOLATILITY: Final = 3
SETTLED_LIMIT_INTERVALS: Final = 1.5
"""Age above which the last known settlement is not scored: a newer one was due half an interval ago."""
LONGEST_INTERVAL_H: Final = 8.0
"""No venue settles less often. If more time lies between two known settlements, some between them are missing."""


def long_short_ratio(view: MarketView, voices: Across) -> Reading:
    """Reading of `long_short_ratio`; raw is accounts long per account short, of all venues that publish it.

    The crowd is treated as one across venues: the published ratios are combined, weighted by open interest, and a row
    whose venue publishes none takes those of the others. Crowd: 50 - 50 tanh((ln r / ln 3)^3), so that 3.0 is 12, 0.33
    is 88 and 1.7 still 44. Top traders: their ratios against the crowd's, 50 + 50 tanh(ln(top / crowd)), the mean of
    accounts and positions.
    """
    facts = view.derivatives
    accounts, top = voices.inputs["accounts"], voices.inputs["top_traders_lead"]
    together, lead = _of_all(accounts), _of_all(top)
    draft = Draft(view.rows)
    age = age_ms(view, facts.ratios_ms[:, 0])
    silent = np.isnan(together)
    draft.refuse_values(
        silent & (age > RATIO_LIMIT_MS), Status.STALE, age, 60_000.0, lambda ms: f"ratio {ms / 60_000:.0f} min old"
    )
    draft.refuse(silent, Status.MISSING, "no long/short account ratio")
    parts = {
        "crowd": (RATIO_WEIGHTS["crowd"], banded(-np.log(together) / np.log(EXTREME_RATIO))),
        "top traders": (RATIO_WEIGHTS["top traders"], tilt(lead)),
    }
    draft.note_absent(parts)
    draft.note_rows(np.isfinite(accounts.combined), lambda row: spoken(voices, row, "accounts"))
    times_ms = facts.ratios_ms
    for kind, name in enumerate(("accounts", "top_accounts", "top_positions")):
        own = facts.ratios[:, kind, -1]
        draft.input(name, np.where((own > 0.0) & (times_ms[:, kind] >= 0), own, np.nan), "ratio", times_ms[:, kind])
    draft.input("accounts_all_venues", accounts.combined, "ratio", None)
    draft.input("accounts_median_of_venues", accounts.median, "ratio", None)
    draft.input("venues_with_accounts", accounts.voices.astype(np.float64), "count", None)
    draft.input("top_traders_lead_all_venues", top.combined, "log", None)
    draft.source(
        np.isfinite(accounts.combined),
        lambda row: voices.venues_of(row, "accounts"),
        "accounts_all_venues",
        "accounts_median_of_venues",
        "venues_with_accounts",
    )
    draft.source(
        np.isfinite(top.combined), lambda row: voices.venues_of(row, "top_traders_lead"), "top_traders_lead_all_venues"
    )
    return draft.finish(together, "ratio", blend(parts))


def _of_all(said: Voices) -> Floats:
    """The combined value of the venues; the row's own if its asset is on one venue only."""
    return np.where(np.isfinite(said.combined), said.combined, said.own)


def settled_per_hour(history: Floats, times_ms: Ints, hours: Floats) -> tuple[Floats, Floats]:
    """Settled rates per hour `[rows, n]`, and the hours of the present interval `[rows]`, NaN if not known.

    `history` and `times_ms` as in `Derivatives`, `hours [rows]` the present interval as stated, NaN if it is not. A
    rate is paid for the time since the settlement before it; if that one is not known, for as long as until the next;
    if that is not known either, for the present interval. If that is not stated, it is the newest rate's.
    """
    known = np.isfinite(history) & (times_ms >= 0)
    # To the minute: the stamps of venues are some milliseconds off the hour.
    spacing = np.round(np.diff(times_ms, axis=1) / MINUTE_MS) / 60.0
    usable = known[:, 1:] & known[:, :-1] & (spacing > 0.0) & (spacing <= LONGEST_INTERVAL_H)
    spacing = np.where(usable, spacing, np.nan)
    unknown = np.full((len(history), 1), np.nan)
    before, after = np.concatenate((unknown, spacing), axis=1), np.concatenate((spacing, unknown), axis=1)
    length = np.where(np.isnan(before), after, before)
    present = np.where(np.isnan(hours), length[:, -1], hours)
    return history / np.where(np.isnan(length), present[:, None], length), present


def own_band(per_hour: Floats) -> tuple[Floats, Floats]:
    """`[rows]` 95th percentile of |settled rate per hour| (NaN below 20 settlements), and the number of settlements.

    The percentile is the smallest rate that at least 95 % of the settlements do not exceed; at least 0.1 bp per 8 h.
    """
    size = np.sort(np.where(np.isfinite(per_hour), np.abs(per_hour), np.inf), axis=1)
    count = np.isfinite(per_hour).sum(axis=1)
    place = np.maximum(np.ceil(0.95 * count - 1e-9).astype(np.int64) - 1, 0)
    percentile = np.take_along_axis(size, place[:, None], axis=1)[:, 0]
    band = np.where(count >= LEAST_SETTLEMENTS, np.maximum(percentile, LEAST_BAND_PER_HOUR), np.nan)
    return band, count.astype(np.float64)


def _own(history: Floats, times_ms: Ints, hours: Floats) -> tuple[Floats, ...]:
    """Band, settlements, the newest settled rate per hour, and the hours of the present interval, `[rows]` each."""
    per_hour, present = settled_per_hour(history, times_ms, hours)
    return (*own_band(per_hour), per_hour[:, -1].copy(), present)


def funding_score(rate: Floats, band: Floats) -> Floats:
    """`[rows]` score of a rate against its band (both fractions per hour), q = |rate| / band.

    Inside: 50 + 6 * 4 q (1 - q) * sign, which leans with the payers by at most 6 points and returns to 50 at the edge.
    Beyond: 50 - 50 tanh(q - 1) * sign, against them. Continuous at the edge.
    """
    q = np.abs(rate) / band
    inside = CONFIRM_POINTS * 4.0 * q * (1.0 - q)
    beyond = -50.0 * np.tanh(q - 1.0)
    return 50.0 + np.where(q <= 1.0, inside, beyond) * np.sign(rate)


def interval_h(view: MarketView, roster: Roster) -> Floats:
    """`[rows]` hours between settlements as streamed, else as listed; NaN: not known (8 h is never assumed)."""
    streamed = view.derivatives.funding_interval_h
    hours = np.where(streamed > 0.0, streamed, roster.funding_interval_h)
    return np.where(hours > 0.0, hours, np.nan)


def funding(view: MarketView, roster: Roster, memory: Memory) -> Reading:
    """Reading of `funding`; raw is the current estimate for the next settlement, fraction per interval."""
    facts = view.derivatives
    rate = facts.funding_frac
    draft = Draft(view.rows)
    draft.refuse(np.isnan(rate) | (facts.funding_ms < 0), Status.MISSING, "no funding rate")
    age = age_ms(view, facts.funding_ms)
    draft.refuse_values(
        age > FUNDING_LIMIT_MS, Status.STALE, age, 1000.0, lambda ms: f"funding rate {ms / 1000:.0f} s old"
    )
    history, times_ms, stated = facts.funding_history, facts.funding_history_ms, interval_h(view, roster)
    own, count, settled_an_hour, hours = memory["funding"].of(
        (history, times_ms, stated), lambda part: _own(history[part], times_ms[part], stated[part])
    )
    short = np.isnan(own)
    band = np.where(short, BAND_PER_HOUR_FRAC, own)
    draft.refuse_values(
        np.isnan(hours),
        Status.WARMING,
        count,
        1.0,
        lambda n: f"warming: own history {n:.0f}/20, funding interval not known",
    )
    draft.note_values(short, count, 1.0, lambda n: f"own history too short ({n:.0f}/20), band of 5 bp per 8 h")
    settled, settled_ms = history[:, -1], times_ms[:, -1]
    since_h = age_ms(view, settled_ms) / HOUR_MS
    late = since_h > SETTLED_LIMIT_INTERVALS * hours
    draft.note_values(late, since_h, 0.1, lambda h: f"settled rate stale, {h:.1f} h old")
    parts = {
        "predicted": (FUNDING_WEIGHTS["predicted"], funding_score(rate / hours, band)),
        "settled": (FUNDING_WEIGHTS["settled"], np.where(late, np.nan, funding_score(settled_an_hour, band))),
    }
    draft.note_absent(parts)
    draft.input("predicted", rate, "frac", facts.funding_ms)
    draft.input("settled", settled, "frac", settled_ms)
    draft.input("per_hour", rate / hours, "frac", facts.funding_ms)
    draft.input("annualised", rate / hours * HOURS_A_YEAR, "frac", facts.funding_ms)
    draft.input("interval", hours, "h", None)
    draft.input("band", band * hours, "frac", None)
    draft.input("settlements", count, "count", None)
    return draft.finish(rate, "frac", blend(parts))


def funding_volatility(view: MarketView, roster: Roster, memory: Memory) -> Reading:
    """Reading of `funding_volatility`; raw is the standard deviation of the last 8 (at least 3) settlements.

    v = that deviation over the mean |rate| of the whole history plus 0.1 bp per 8 h, a = second difference of the last
    three over the same, s = sign of the last settlement: 50 - 50 tanh(max(0, v / 2 + a s / 4)) * s. Volatile funding
    leans against the payers, more so while it accelerates in their direction. All rates per hour; the figures shown are
    for the present interval.
    """
    facts = view.derivatives
    history, times_ms, stated = facts.funding_history, facts.funding_history_ms, interval_h(view, roster)
    count, deviation, acceleration, usual, score = memory["funding_volatility"].of(
        (history, times_ms, stated), lambda part: _restlessness(history[part], times_ms[part], stated[part])
    )
    draft = Draft(view.rows)
    draft.refuse(np.isnan(history[:, -1]), Status.MISSING, "no settled funding rates")
    draft.refuse_values(
        count < LEAST_VOLATILITY, Status.WARMING, count, 1.0, lambda n: f"warming: {n:.0f}/3 settlements"
    )
    draft.refuse(np.isnan(score), Status.WARMING, "warming: funding interval not known")
    draft.input("deviation", deviation, "frac", None)
    draft.input("acceleration", acceleration, "frac", None)
    draft.input("mean_size", usual, "frac", None)
    draft.input("settlements", count, "count", None)
    raw = np.where(count >= LEAST_VOLATILITY, deviation, np.nan)
    return draft.finish(raw, "frac", score)


def _restlessness(history: Floats, times_ms: Ints, stated: Floats) -> tuple[Floats, ...]:
    """Settlements, their deviation, acceleration and usual size for the present interval, and the score, `[rows]`."""
    rates, hours = settled_per_hour(history, times_ms, stated)
    known = np.isfinite(rates)
    count = known.sum(axis=1).astype(np.float64)
    recent, held = rates[:, -LAST_SETTLEMENTS:], known[:, -LAST_SETTLEMENTS:]
    n = held.sum(axis=1)
    mean = ratio(np.where(held, recent, 0.0).sum(axis=1), n)
    deviation = np.sqrt(ratio(np.where(held, (recent - mean[:, None]) ** 2, 0.0).sum(axis=1), n))
    size = ratio(np.where(known, np.abs(rates), 0.0).sum(axis=1), count)
    usual = size + LEAST_BAND_PER_HOUR
    side = np.sign(rates[:, -1])
    acceleration = rates[:, -1] - 2.0 * rates[:, -2] + rates[:, -3]
    restless = np.maximum(0.0, 0.5 * deviation / usual + 0.25 * acceleration / usual * side)
    score = 50.0 - 50.0 * np.tanh(restless) * side
    return count, deviation * hours, acceleration * hours, size * hours, score
