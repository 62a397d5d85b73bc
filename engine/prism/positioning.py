"""How the crowd is positioned and what it pays for that: ratios and funding.

Called by `engine.prism.sentiment`. All three components are ratios and rates, free of a symbol's price
and size. Contrarian only at extremes; what counts as extreme is the symbol's own history wherever that
is long enough.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.market.view import Floats, MarketView
from engine.prism.across import Across, Voices, spoken, venues_of
from engine.prism.board import Reading, Status
from engine.prism.draft import Draft, blend
from engine.prism.freshness import FUNDING_LIMIT_MS, RATIO_LIMIT_MS, age_ms
from engine.prism.roster import Roster
from engine.prism.row_memo import Memory
from engine.prism.scales import banded, tilt

EXTREME_RATIO: Final = 3.0
"""Accounts long per account short; its inverse is the extreme short."""
RATIO_WEIGHTS: Final = {"crowd": 0.6, "top traders": 0.4}
LEAST_SETTLEMENTS: Final = 20
"""Settled rates from which a 95th percentile can be read."""
BAND_PER_HOUR_FRAC: Final = 0.0005 / 8.0
"""Absolute band while the own history is short: 5 bp per 8 hours, five times the usual interest part."""
LEAST_BAND_FRAC: Final = 1e-5
"""0.1 bp a settlement: a history of zeros must not make the first tick of funding extreme."""
CONFIRM_POINTS: Final = 6.0
"""Most that funding inside its band leans with the trend."""
FUNDING_WEIGHTS: Final = {"predicted": 0.7, "settled": 0.3}
HOURS_A_YEAR: Final = 24.0 * 365.0
LAST_SETTLEMENTS: Final = 8
LEAST_VOLATILITY: Final = 3


def long_short_ratio(view: MarketView, voices: Across) -> Reading:
    """Reading of `long_short_ratio`; raw is accounts long per account short, of all venues that publish it.

    The crowd is one crowd, whichever venue it stands on: what venues publish is combined, weighted by open interest,
    and a venue that publishes none is read by the others. Crowd: 50 - 50 tanh((ln r / ln 3)^3), so that 3.0 is 12, 0.33
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
        lambda row: venues_of(voices, row, "accounts"),
        "accounts_all_venues",
        "accounts_median_of_venues",
        "venues_with_accounts",
    )
    draft.source(
        np.isfinite(top.combined), lambda row: venues_of(voices, row, "top_traders_lead"), "top_traders_lead_all_venues"
    )
    return draft.finish(together, "ratio", blend(parts))


def _of_all(said: Voices) -> Floats:
    """What the venues say together; the row's own word where its asset is on no other."""
    return np.where(np.isfinite(said.combined), said.combined, said.own)


def own_band(history: Floats) -> tuple[Floats, Floats]:
    """`[rows]` 95th percentile of |settled rate| (NaN below 20 settlements), and the number of settlements.

    The percentile is the smallest rate that at least 95 % of the settlements do not exceed.
    """
    size = np.sort(np.where(np.isfinite(history), np.abs(history), np.inf), axis=1)
    count = np.isfinite(history).sum(axis=1)
    place = np.maximum(np.ceil(0.95 * count - 1e-9).astype(np.int64) - 1, 0)
    percentile = np.take_along_axis(size, place[:, None], axis=1)[:, 0]
    band = np.where(count >= LEAST_SETTLEMENTS, np.maximum(percentile, LEAST_BAND_FRAC), np.nan)
    return band, count.astype(np.float64)


def funding_score(rate: Floats, band: Floats) -> Floats:
    """`[rows]` score of a rate against its band (both fractions per interval), q = |rate| / band.

    Inside: 50 + 6 * 4 q (1 - q) * sign, which leans with the payers by at most 6 points and returns to 50 at the
    edge. Beyond: 50 - 50 tanh(q - 1) * sign, against them; continuous where the two meet.
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
    """Reading of `funding`; raw is the running estimate for the coming settlement, fraction per interval."""
    facts = view.derivatives
    rate, hours = facts.funding_frac, interval_h(view, roster)
    draft = Draft(view.rows)
    draft.refuse(np.isnan(rate) | (facts.funding_ms < 0), Status.MISSING, "no funding rate")
    age = age_ms(view, facts.funding_ms)
    draft.refuse_values(
        age > FUNDING_LIMIT_MS, Status.STALE, age, 1000.0, lambda ms: f"funding rate {ms / 1000:.0f} s old"
    )
    history = facts.funding_history
    own, count = memory["funding"].of((history,), lambda part: own_band(history[part]))
    short = np.isnan(own)
    band = np.where(short, BAND_PER_HOUR_FRAC * hours, own)
    draft.refuse_values(
        np.isnan(band),
        Status.WARMING,
        count,
        1.0,
        lambda n: f"warming: own history {n:.0f}/20, funding interval not known",
    )
    draft.note_values(short, count, 1.0, lambda n: f"own history too short ({n:.0f}/20), band of 5 bp per 8 h")
    settled = history[:, -1]
    parts = {
        "predicted": (FUNDING_WEIGHTS["predicted"], funding_score(rate, band)),
        "settled": (FUNDING_WEIGHTS["settled"], funding_score(settled, band)),
    }
    draft.note_absent(parts)
    draft.input("predicted", rate, "frac", facts.funding_ms)
    draft.input("settled", settled, "frac", None)
    draft.input("per_hour", rate / hours, "frac", facts.funding_ms)
    draft.input("annualised", rate / hours * HOURS_A_YEAR, "frac", facts.funding_ms)
    draft.input("interval", hours, "h", None)
    draft.input("band", band, "frac", None)
    draft.input("settlements", count, "count", None)
    return draft.finish(rate, "frac", blend(parts))


def funding_volatility(view: MarketView, memory: Memory) -> Reading:
    """Reading of `funding_volatility`; raw is the standard deviation of the last 8 (at least 3) settlements.

    v = that deviation over the mean |rate| of the whole history plus 0.1 bp, a = second difference of the last three
    over the same, s = sign of the last settlement: 50 - 50 tanh(max(0, v / 2 + a s / 4)) * s. Restless funding leans
    against whoever pays, more so while it accelerates their way.
    """
    history = view.derivatives.funding_history
    count, deviation, acceleration, usual, score = memory["funding_volatility"].of(
        (history,), lambda part: _restlessness(history[part])
    )
    draft = Draft(view.rows)
    draft.refuse(count == 0, Status.MISSING, "no settled funding rates")
    draft.refuse_values(
        count < LEAST_VOLATILITY, Status.WARMING, count, 1.0, lambda n: f"warming: {n:.0f}/3 settlements"
    )
    draft.input("deviation", deviation, "frac", None)
    draft.input("acceleration", acceleration, "frac", None)
    draft.input("mean_size", usual - LEAST_BAND_FRAC, "frac", None)
    draft.input("settlements", count, "count", None)
    raw = np.where(count >= LEAST_VOLATILITY, deviation, np.nan)
    return draft.finish(raw, "frac", score)


def _restlessness(history: Floats) -> tuple[Floats, ...]:
    """Settlements, their deviation and acceleration, their usual size, and the score, `[rows]` each."""
    known = np.isfinite(history)
    count = known.sum(axis=1).astype(np.float64)
    recent, held = history[:, -LAST_SETTLEMENTS:], known[:, -LAST_SETTLEMENTS:]
    n = np.maximum(held.sum(axis=1), 1)
    mean = np.where(held, recent, 0.0).sum(axis=1) / n
    deviation = np.sqrt(np.where(held, (recent - mean[:, None]) ** 2, 0.0).sum(axis=1) / n)
    usual = np.where(known, np.abs(history), 0.0).sum(axis=1) / np.maximum(count, 1.0) + LEAST_BAND_FRAC
    side = np.sign(history[:, -1])
    acceleration = history[:, -1] - 2.0 * history[:, -2] + history[:, -3]
    restless = np.maximum(0.0, 0.5 * deviation / usual + 0.25 * acceleration / usual * side)
    return count, deviation, acceleration, usual, 50.0 - 50.0 * np.tanh(restless) * side
