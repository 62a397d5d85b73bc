"""One asset across venues: inputs combined over all of them, and the venues that disagree.

Computed once a scan by `engine.prism.score`; the sentiment face takes the crowd's ratio from it, and it is shown beside
the row's own figures. Only perpetuals quoted in dollars are compared: they are the same trade on different venues. A
venue that does not publish an input, or whose newest value is too old, is left out of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Bools, Floats, Ints
from engine.instruments import Instrument
from engine.market.view import MarketView
from engine.prism.asset_groups import Groups
from engine.prism.draft import blend
from engine.prism.freshness import FUNDING_LIMIT_MS, OPEN_INTEREST_LIMIT_MS, RATIO_LIMIT_MS, VENUE_LIMIT_MS, age_ms
from engine.prism.scales import ratio

Array = NDArray[Any]

DISAGREES_FRAC: Final = 0.25
"""A venue further than this from the median of all, as a share of the median, is marked."""
LEAST_VOICES: Final = 2
MARK_VOICES: Final = 3
"""If only two differ, neither can be said to be the wrong one."""
LEAST_FUNDING_PER_HOUR: Final = 1e-5 / 8.0
"""0.1 bp per 8 h: smaller funding is treated as none, since shares of it are noise."""
LEAST_LEAD: Final = 0.1
"""Top traders 10 % longer or shorter than all: below it there is no lead."""
LEAST_CHANGE_FRAC: Final = 0.01
"""1 %: smaller changes of open interest are noise."""


@dataclass(frozen=True, slots=True)
class Voices:
    """One input across venues; arrays `[rows]`."""

    unit: str
    own: Floats
    """The row's own value, in the form that is compared; NaN: it has none."""
    combined: Floats
    """The sum, or the mean weighted by open interest if that is known for all instruments with a value, else by equal
    weights. NaN if none has a value, or if the row's asset trades on one venue only."""
    median: Floats
    """NaN below two voices."""
    voices: Ints
    """Instruments that have a value."""
    marked: Bools
    """Over 25 % from the median of three or more."""


@dataclass(frozen=True, slots=True)
class Voice:
    """One venue's value of one input."""

    venue: str
    symbol: str
    value: float
    marked: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """One input of one asset: combined, and by venue."""

    name: str
    unit: str
    combined: float
    median: float
    """NaN below two voices."""
    voices: tuple[Voice, ...]


@dataclass(frozen=True, slots=True)
class Across:
    """All compared inputs of one view."""

    instruments: tuple[Instrument, ...]
    groups: Groups
    inputs: Mapping[str, Voices]
    _venues: dict[tuple[int, str], str] = field(default_factory=dict, compare=False, repr=False)
    """`venues_of` by group and input, as far as asked."""

    def venues_of(self, row: int, name: str) -> str:
        """The venues that have an input of the row's asset, in alphabetical order; empty if the row is not compared."""
        asked = int(self.groups.of_row[row]), name
        found = self._venues.get(asked)
        if found is None:
            found = self._venues[asked] = ", ".join(sorted({voice.venue for voice in self.of(row, name)}))
        return found

    def of(self, row: int, name: str) -> tuple[Voice, ...]:
        """Every venue's value of an input of the row's asset; empty if the row is not compared."""
        place = int(self.groups.of_row[row])
        if place < 0:
            return ()
        said, listed = self.inputs[name], self.instruments
        return tuple(
            Voice(listed[one].venue, listed[one].symbol, float(said.own[one]), bool(said.marked[one]))
            for one in self.groups.members[place].tolist()
            if one >= 0 and np.isfinite(said.own[one])
        )

    def compared(self, row: int) -> tuple[Compared, ...]:
        """Every input of the row's asset that at least two instruments have."""
        return tuple(
            Compared(name, said.unit, float(said.combined[row]), float(said.median[row]), self.of(row, name))
            for name, said in self.inputs.items()
            if said.voices[row] >= LEAST_VOICES
        )


def across(view: MarketView, groups: Groups, hours: Floats) -> Across:
    """Every compared input. `hours [rows]`: length of the funding interval, NaN if not known."""
    facts = view.derivatives
    current_interest = age_ms(view, facts.open_interest_ms) <= OPEN_INTEREST_LIMIT_MS
    interest = np.where(current_interest, facts.open_interest_usd, np.nan)
    funding = np.where(age_ms(view, facts.funding_ms) <= FUNDING_LIMIT_MS, facts.funding_frac / hours, np.nan)
    accounts, lead = ratios_of(view)
    price = np.where(age_ms(view, facts.last_ms) <= VENUE_LIMIT_MS, facts.last / groups.multiplier, np.nan)
    change = np.where(current_interest, facts.oi_change_1h_frac, np.nan)
    asked = {
        "price": _Input(price, "quote"),
        "funding_per_hour": _Input(funding, "frac", LEAST_FUNDING_PER_HOUR),
        "accounts": _Input(accounts, "ratio", geometric=True),
        "top_traders_lead": _Input(lead, "log", LEAST_LEAD),
        # Venues differ in size, so they cannot disagree on an amount.
        "open_interest": _Input(interest, "usd", np.inf, total=True),
        "oi_change_1h": _Input(change, "frac", LEAST_CHANGE_FRAC),
        "volume_24h": _Input(facts.volume_24h_usd.copy(), "usd", np.inf, total=True),
    }
    return Across(view.instruments, groups, _together(asked, groups, interest))


def spoken(voices: Across, row: int, name: str) -> str:
    """The venues of a combined input, and whether the row's own venue disagrees."""
    said = voices.inputs[name]
    names = voices.venues_of(row, name)
    if not said.marked[row]:
        return f"of {names}"
    return f"of {names}; this venue disagrees: {said.own[row]:.4g} against a median of {said.median[row]:.4g}"


def ratios_of(view: MarketView) -> tuple[Floats, Floats]:
    """`[rows]` accounts long per account short, and how much longer top traders are than all: the mean of ln(top / all)
    over their accounts and positions. NaN if not known or too old."""
    facts = view.derivatives
    newest, times_ms = facts.ratios[:, :3, -1], facts.ratios_ms[:, :3]
    usable = (newest > 0.0) & (age_ms(view, times_ms) <= RATIO_LIMIT_MS)
    log = np.log(np.where(usable, newest, np.nan))
    lead = blend({"accounts": (0.5, log[:, 1] - log[:, 0]), "positions": (0.5, log[:, 2] - log[:, 0])})
    return np.where(usable[:, 0], newest[:, 0], np.nan), lead


class _Input(NamedTuple):
    """Values to compare, `[rows]`, and how."""

    own: Floats
    unit: str
    least: float = 0.0
    """The disagreement limit is a share of at least this size."""
    geometric: bool = False
    """Combined as the mean of logarithms of the values above zero."""
    total: bool = False
    """Combined as a sum: an amount, on which venues need not agree."""


def _together(asked: Mapping[str, _Input], groups: Groups, weight: Floats) -> dict[str, Voices]:
    """Every input across venues, all at once, as arrays `[inputs, assets, most]`."""
    given = tuple(asked.values())
    own = np.stack([one.own for one in given])
    held = np.where(groups.members >= 0, own[:, groups.members], np.nan)
    logs = np.array([one.geometric for one in given])
    known = np.isfinite(held) & ((held > 0.0) | ~logs[:, None, None])
    values = np.where(known, held, 0.0)
    values[logs] = np.log(np.where(known[logs], held[logs], 1.0))
    count = np.count_nonzero(known, axis=2)
    combined = _means(values, known, np.where(groups.members >= 0, weight[groups.members], np.nan))
    combined[logs] = np.exp(combined[logs])
    summed = np.array([one.total for one in given])
    combined[summed] = np.where(count[summed] > 0, _sum(values[summed]), np.nan)
    # Rows that are not compared have place -1, which is the appended column.
    of_row = groups.of_row
    voices: Ints = _padded(count, 0)[:, of_row]
    middle = _padded(_median(np.where(known, held, np.nan), count), np.nan)[:, of_row]
    median = np.where(voices >= LEAST_VOICES, middle, np.nan)
    least = np.array([one.least for one in given])[:, None]
    marked: Bools = np.abs(own - median) > DISAGREES_FRAC * np.maximum(np.abs(median), least)
    marked &= voices >= MARK_VOICES
    spread = _padded(combined, np.nan)[:, of_row]
    return {
        name: Voices(one.unit, own[place], spread[place], median[place], voices[place], marked[place])
        for place, (name, one) in enumerate(asked.items())
    }


def _means(values: Floats, known: Bools, weight: Floats) -> Floats:
    """`[inputs, assets]` means of the known values, weighted if all of them have a weight, else evenly; NaN if none is
    known. `weight [assets, most]`."""
    weighs = np.where(known, weight, 0.0)
    even: Bools = np.logical_or.reduce(known & ~(weight > 0.0), axis=2)
    weighs = np.where(even[:, :, None], known, weighs)
    return ratio(_sum(values * weighs), _sum(weighs))


def _padded(values: Array, last: float) -> Array:
    """`[inputs, n]` with one more column."""
    return np.concatenate((values, np.full((len(values), 1), last, dtype=values.dtype)), axis=1)


def _sum(values: Floats) -> Floats:
    """`[inputs, assets]` sums, venue by venue: an asset's sum does not depend on how many venues others have."""
    total = np.zeros(values.shape[:2])
    for place in range(values.shape[2]):
        total = total + values[:, :, place]
    return total


def _median(values: Floats, count: Ints) -> Floats:
    """`[inputs, assets]` medians of the known values; NaN if none is known."""
    most = values.shape[2]
    ordered = np.sort(values, axis=2)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, most - 1)
    middle = (np.take_along_axis(ordered, low[:, :, None], 2) + np.take_along_axis(ordered, high[:, :, None], 2)) / 2.0
    return np.where(count > 0, middle[:, :, 0], np.nan)
