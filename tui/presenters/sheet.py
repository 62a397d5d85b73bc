"""Every quantity of a snapshot by name, as arrays over its rows: what the table sorts, filters and paints.

The candidates table, the filter expressions, the export and the headless scan all read values here and
nowhere else, so that a name means one thing. Values are computed at their first use and kept for the life of
the sheet. Nothing here formats, and nothing here reads a clock: ages are event time at the snapshot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.instruments import Instrument
from engine.prism.board import COMPONENT_NAMES, FACE_OF, FACES
from engine.ranking.result import GATES, Ranking
from engine.snapshot import Snapshot

Floats = NDArray[np.float64]

NEW_LISTING_H: Final = 24.0
"""A symbol that began to trade within these hours is young and carries a mark."""


class Key(NamedTuple):
    """Who a row is. Rows move and are renumbered; this does not."""

    venue: str
    symbol: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """One named number of a row."""

    name: str
    words: str
    """As a sentence names it: `12 rows lack open interest`."""
    unit: str
    read: Callable[[Sheet], Floats]
    """`[rows]`, NaN where not known."""


@dataclass(frozen=True, slots=True)
class Label:
    """One named text of a row."""

    name: str
    words: str
    read: Callable[[Sheet], tuple[str, ...]]


class Sheet:
    """One snapshot under one preset."""

    def __init__(self, snapshot: Snapshot, preset: str, ranks_before: Floats | None = None) -> None:
        """`ranks_before` `[rows]` is each row's rank at the start of the window of rank changes; NaN: had none."""
        self.snapshot = snapshot
        self.preset = preset
        self.ranking: Ranking = snapshot.rankings[preset]
        # A preset with face weights of its own rests on a board of its own.
        self.board = snapshot.board if self.ranking.board is None else self.ranking.board
        self.columns = snapshot.columns
        self.rows = len(snapshot.instruments)
        self.ranks_before = ranks_before
        self._numbers: dict[str, Floats] = {}
        self._texts: dict[str, tuple[str, ...]] = {}

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """By row."""
        return self.snapshot.instruments

    @property
    def is_cached(self) -> bool:
        """The picture is of candles of an earlier run: it ranks nobody, and every row of it is stale."""
        return self.snapshot.cached_age_ms is not None

    @property
    def cached_age_s(self) -> float | None:
        """Age of the cached candles; None where the data is live."""
        age_ms = self.snapshot.cached_age_ms
        return None if age_ms is None else age_ms / 1000

    def numbers(self, name: str) -> Floats:
        """The quantity `name`, `[rows]`, NaN where not known. KeyError for a name that is not in `QUANTITIES`."""
        found = self._numbers.get(name)
        if found is None:
            with np.errstate(invalid="ignore", divide="ignore"):
                found = np.asarray(QUANTITIES[name].read(self), dtype=np.float64)
            self._numbers[name] = found
        return found

    def adopt(self, before: Sheet) -> None:
        """Take over what depends on the instruments alone from a sheet of the same instruments."""
        for label in ("symbol", "venue", "asset"):
            if label in before._texts:
                self._texts[label] = before._texts[label]
        for name in ("order.symbol", "order.venue"):
            if name in before._numbers:
                self._numbers[name] = before._numbers[name]

    def number(self, name: str, row: int) -> float:
        """One value of `numbers`."""
        return float(self.numbers(name)[row])

    def texts(self, name: str) -> tuple[str, ...]:
        """The label `name` by row; empty where there is none. KeyError for a name that is not in `LABELS`."""
        found = self._texts.get(name)
        if found is None:
            found = self._texts[name] = LABELS[name].read(self)
        return found


def rank_array(ranking: Ranking, rows: int) -> Floats:
    """Rank from 1 by row, `[rows]`; NaN for rows that are not candidates."""
    rank = np.full(rows, np.nan)
    rank[ranking.candidates] = np.arange(1, len(ranking.candidates) + 1)
    return rank


def _rank_change(sheet: Sheet) -> Floats:
    if sheet.ranks_before is None:
        return np.full(sheet.rows, np.nan)
    return sheet.ranks_before - sheet.numbers("rank")


def _is_new(sheet: Sheet) -> Floats:
    if sheet.ranks_before is None:
        return np.zeros(sheet.rows)
    return (np.isnan(sheet.ranks_before) & ~np.isnan(sheet.numbers("rank"))).astype(np.float64)


def _now_ms(sheet: Sheet) -> int:
    """The present of the picture: event time, and for cached candles when they were looked at."""
    return sheet.snapshot.at_ms + (sheet.snapshot.cached_age_ms or 0)


def _age(sheet: Sheet) -> Floats:
    newest = sheet.columns.newest_ms
    seconds = np.floor(np.maximum(0, _now_ms(sheet) - newest) / 1000)
    return np.where(newest < 0, np.nan, seconds)


def _listed_h(sheet: Sheet) -> Floats:
    """Hours since trading began, by the venue's listing."""
    listed = [np.nan if one.listed_ms is None else float(one.listed_ms) for one in sheet.instruments]
    return (_now_ms(sheet) - np.array(listed)) / 3_600_000


def _young(sheet: Sheet) -> Floats:
    """1 where trading began within the last 24 hours, by the venue's listing."""
    hours = sheet.numbers("listed_h")
    return np.where(np.isnan(hours), np.nan, hours < NEW_LISTING_H)


def _traps(sheet: Sheet) -> Floats:
    """Flags raised against taking the row's side; 0 for a row that has none, NaN where nobody looked."""
    found, side = sheet.snapshot.traps, sheet.ranking.side
    if found is None:
        return np.full(sheet.rows, np.nan)
    long, short = found.raised.sum(axis=2)
    return np.where(side > 0, long, np.where(side < 0, short, 0)).astype(np.float64)


def _trap_names(sheet: Sheet) -> tuple[str, ...]:
    """The names of those flags, a blank between two."""
    found, side = sheet.snapshot.traps, sheet.ranking.side
    if found is None:
        return ("",) * sheet.rows
    return tuple(" ".join(trap.name for trap in found.of(row, int(side[row]))) for row in range(sheet.rows))


def _stale(sheet: Sheet) -> Floats:
    """1 where the row's venue is stale or down, and for all of cached candles: a quiet coin on a live connection is not
    stale."""
    if sheet.is_cached:
        return np.ones(sheet.rows)
    silent = {feed.venue for feed in sheet.snapshot.feeds if feed.state in ("stale", "down")}
    if not silent:
        return np.zeros(sheet.rows)
    return np.array([instrument.venue in silent for instrument in sheet.instruments], dtype=np.float64)


def _veto(sheet: Sheet) -> Floats:
    """Index in `GATES` of the first gate failed; NaN where all passed."""
    failed = ~sheet.ranking.gate_passed
    return np.where(failed.any(axis=1), failed.argmax(axis=1), np.nan)


def _veto_value(sheet: Sheet) -> Floats:
    index = np.nan_to_num(_veto(sheet)).astype(np.int64)
    return sheet.ranking.gate_value[np.arange(sheet.rows), index]


TREND_LEVELS: Final = 8
"""Heights of a sparkline."""
TREND_BASE: Final = TREND_LEVELS + 1
"""One more than the heights: a point that is not known."""


def _trend_range(sheet: Sheet) -> tuple[Floats, Floats, Floats]:
    """Points `[rows, n]`, their least and their span `[rows, 1]`."""
    points = sheet.columns.trend
    low = np.fmin.reduce(points, axis=1, keepdims=True)
    return points, low, np.fmax.reduce(points, axis=1, keepdims=True) - low


def _trend_code(sheet: Sheet) -> Floats:
    """The whole sparkline as one number, its heights as digits, oldest first: it differs as the drawing differs."""
    points, low, span = _trend_range(sheet)
    heights = np.where(span > 0, np.rint((points - low) / span * (TREND_LEVELS - 1)), (TREND_LEVELS - 1) // 2)
    digits = np.where(np.isnan(points), TREND_LEVELS, heights)
    return digits @ np.float64(TREND_BASE) ** np.arange(points.shape[1] - 1, -1, -1)


def _trend_place(sheet: Sheet) -> Floats:
    """Where the newest point stands between the least, 0, and the greatest, 1."""
    points, low, span = _trend_range(sheet)
    place: Floats = ((points[:, -1:] - low) / span)[:, 0]
    return place


def _level(index: int) -> Callable[[Sheet], Floats]:
    return lambda sheet: sheet.ranking.levels.target[:, index]


def _face(index: int) -> Callable[[Sheet], Floats]:
    return lambda sheet: sheet.board.face_score[:, index]


def _face_coverage(index: int) -> Callable[[Sheet], Floats]:
    return lambda sheet: sheet.board.face_coverage[:, index]


def _component(index: int) -> Callable[[Sheet], Floats]:
    # As computed, before divergence: what the breakdown shows under SCORE.
    return lambda sheet: sheet.board.score[:, index]


def _alphabetical(label: str) -> Callable[[Sheet], Floats]:
    def read(sheet: Sheet) -> Floats:
        texts = sheet.texts(label)
        place = {text: position for position, text in enumerate(sorted(set(texts)))}
        return np.array([place[text] for text in texts], dtype=np.float64)

    return read


def _quantities() -> dict[str, Quantity]:
    plain: list[tuple[str, str, str, Callable[[Sheet], Floats]]] = [
        ("rank", "a rank", "", lambda s: rank_array(s.ranking, s.rows)),
        ("rank_change", "a change of rank", "places", _rank_change),
        ("score", "a score", "0..100", lambda s: s.board.prism),
        ("conviction", "a conviction", "0..100", lambda s: s.ranking.conviction),
        ("coverage", "coverage", "frac", lambda s: s.board.coverage),
        ("faces", "agreeing faces", "count", lambda s: s.ranking.faces_agreeing.astype(np.float64)),
        ("last", "a last price", "quote", lambda s: s.columns.last),
        ("bid", "a bid", "quote", lambda s: s.columns.bid),
        ("ask", "an ask", "quote", lambda s: s.columns.ask),
        ("spread", "a spread", "bp", lambda s: s.columns.spread_bps),
        ("change_1h", "a 1 h change", "frac", lambda s: s.columns.change_1h_frac),
        ("change_24h", "a 24 h change", "frac", lambda s: s.columns.change_24h_frac),
        ("volume", "24 h volume", "USD", lambda s: s.columns.volume_24h_usd),
        ("funding", "funding", "frac per interval", lambda s: s.columns.funding_frac),
        ("oi", "open interest", "USD", lambda s: s.columns.open_interest_usd),
        ("oi_1h", "a 1 h open-interest change", "frac", lambda s: s.columns.oi_change_1h_frac),
        ("depth", "depth within 1 %", "USD", lambda s: s.ranking.levels.depth_1pct_usd),
        ("entry", "an entry", "quote", lambda s: s.ranking.levels.entry),
        ("stop", "a stop", "quote", lambda s: s.ranking.levels.stop),
        ("r", "R", "frac of the entry", lambda s: s.ranking.levels.risk / s.ranking.levels.entry),
        ("tp1", "TP1", "quote", _level(0)),
        ("tp2", "TP2", "quote", _level(1)),
        ("tp3", "TP3", "quote", _level(2)),
        ("reward_risk", "a net reward/risk to TP2", "ratio", lambda s: s.ranking.levels.reward_risk_net[:, 1]),
        ("atr", "an ATR", "quote", lambda s: s.ranking.levels.atr),
        ("age", "an age of data", "s", _age),
        (
            "deep",
            "whether trades and the whole book are followed",
            "0 or 1",
            lambda s: s.columns.deep.astype(np.float64),
        ),
        ("listed_h", "an age of the listing", "h", _listed_h),
        ("young", "whether it began to trade within 24 h", "0 or 1", _young),
        ("traps", "a count of traps", "count", _traps),
    ]
    found = {name: Quantity(name, words, unit, read) for name, words, unit, read in plain}
    for index, face in enumerate(FACES):
        found[f"face.{face}"] = Quantity(f"face.{face}", f"a {face} score", "0..100", _face(index))
    for index, component in enumerate(COMPONENT_NAMES):
        name = f"component.{component}"
        found[name] = Quantity(name, f"{component} ({FACES[FACE_OF[index]]})", "0..100", _component(index))
    return found


NUMBERS: Final[dict[str, Quantity]] = _quantities()
"""What an expression may name, by name, in the order of completion."""

SIDE_WORDS: Final[dict[int, str]] = {1: "long", -1: "short", 0: "none"}

LABELS: Final[dict[str, Label]] = {
    label.name: label
    for label in (
        Label("symbol", "a symbol", lambda s: tuple(i.symbol for i in s.instruments)),
        Label("venue", "a venue", lambda s: tuple(i.venue for i in s.instruments)),
        Label("asset", "an asset", lambda s: tuple(i.asset for i in s.instruments)),
        Label("side", "a side", lambda s: tuple(SIDE_WORDS[int(side)] for side in s.ranking.side)),
        Label(
            "gate",
            "a failed gate",
            lambda s: tuple("" if np.isnan(g) else GATES[int(g)][0] for g in s.numbers("veto")),
        ),
        Label("trap", "a trap", _trap_names),
    )
}
"""The texts an expression may compare with `=`, `!=` and `~`."""

ALIASES: Final[dict[str, str]] = {
    "price": "last",
    "volume_24h": "volume",
    "spread_bps": "spread",
    "open_interest": "oi",
    "oi_change_1h": "oi_1h",
    "funding_frac": "funding",
    "prism": "score",
    "rr": "reward_risk",
}
"""Other names that mean the same."""

QUANTITIES: Final[dict[str, Quantity]] = {
    **NUMBERS,
    **{
        quantity.name: quantity
        for quantity in (
            Quantity("side", "a side", "+1 long, -1 short", lambda s: s.ranking.side.astype(np.float64)),
            Quantity("level_status", "a status of levels", "", lambda s: s.ranking.levels.status.astype(np.float64)),
            Quantity("new", "whether it is newly ranked", "0 or 1", _is_new),
            Quantity("stale", "whether its venue is silent or its data cached", "0 or 1", _stale),
            Quantity("veto", "the first failed gate", "index", _veto),
            Quantity("gates_failed", "failed gates", "count", lambda s: (~s.ranking.gate_passed).sum(axis=1)),
            Quantity("veto_value", "the value of the failed gate", "", _veto_value),
            Quantity("trend", "a day's prices", "heights as digits", _trend_code),
            Quantity("order.trend", "a place in its day's range", "frac", _trend_place),
            Quantity("order.symbol", "alphabetical place", "", _alphabetical("symbol")),
            Quantity("order.venue", "alphabetical place", "", _alphabetical("venue")),
            *(
                Quantity(f"face_coverage.{face}", f"coverage of {face}", "frac", _face_coverage(index))
                for index, face in enumerate(FACES)
            ),
        )
    },
}
"""Everything a column may read: the names above and what only painting and sorting ask for."""
