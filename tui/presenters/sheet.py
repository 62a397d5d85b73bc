"""Every quantity of a snapshot by name, as arrays over its rows: what the table sorts, filters and paints.

The candidates table, the filter expressions, the export and the headless scan read values only here, so that a name
means one thing. Values are computed at first use and kept for the life of the sheet. Nothing here may format a value or
read a clock: ages are event time at the snapshot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats
from engine.instruments import Instrument
from engine.prism.board import COMPONENT_NAMES, FACE_OF, FACES
from engine.ranking.result import GATES, LevelStatus, Ranking
from engine.ranking.words import veto_text
from engine.snapshot import SILENT_MS, Snapshot
from tui.presenters.gates import FAINT_CONVICTION, shown_sides
from tui.presenters.row import NEW_LISTING_H, TREND_BASE, TREND_LEVELS


@dataclass(frozen=True, slots=True)
class Quantity:
    """One named number of a row."""

    name: str
    words: str
    """Its name in a sentence: `12 rows lack open interest`."""
    unit: str
    read: Callable[[Sheet], Floats]
    """`[rows]`, NaN if not known."""


@dataclass(frozen=True, slots=True)
class Label:
    """One named text of a row."""

    name: str
    words: str
    read: Callable[[Sheet], tuple[str, ...]]


PERSISTENCE: Final = next(place for place, (name, _) in enumerate(GATES) if name == "persistence")


_READ_HERE: Final = ("instruments", "board", "rankings", "columns", "traps")
"""Fields of a snapshot that are the same objects until the next scan. Values rest on them, on its time and on which
venues are silent, and on nothing else."""


class Sheet:
    """One snapshot under one preset."""

    def __init__(self, snapshot: Snapshot, preset: str, ranks_before: Floats | None = None) -> None:
        """`ranks_before` `[rows]`: each row's rank at the start of the window for rank changes; NaN: it had none."""
        self.snapshot = snapshot
        self.preset = preset
        self.ranking: Ranking = snapshot.rankings[preset]
        # A preset with its own face weights has its own board.
        self.board = snapshot.board if self.ranking.board is None else self.ranking.board
        self.columns = snapshot.columns
        self.rows = len(snapshot.instruments)
        self.ranks_before = ranks_before
        self._numbers: dict[str, Floats] = {}
        self._texts: dict[str, tuple[str, ...]] = {}

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The instruments, by row."""
        return self.snapshot.instruments

    @property
    def is_cached(self) -> bool:
        """Whether the snapshot shows candles of an earlier run: it has no ranking, and every row is stale."""
        return self.snapshot.cached_age_ms is not None

    @property
    def cached_age_s(self) -> float | None:
        """Age of the cached candles; None if the data is live."""
        age_ms = self.snapshot.cached_age_ms
        return None if age_ms is None else age_ms / 1000

    def numbers(self, name: str) -> Floats:
        """The quantity `name`, `[rows]`, NaN if not known. Raises KeyError for a name that is not in `QUANTITIES`."""
        found = self._numbers.get(name)
        if found is None:
            with np.errstate(invalid="ignore", divide="ignore"):
                found = np.asarray(QUANTITIES[name].read(self), dtype=np.float64)
            self._numbers[name] = found
        return found

    def takes(self, snapshot: Snapshot) -> bool:
        """Take a newer snapshot of the same scan, with every value that was read already. False if any value of a row
        may differ: then it needs a sheet of its own."""
        held = self.snapshot
        takes = (
            all(getattr(snapshot, name) is getattr(held, name) for name in _READ_HERE)
            and (snapshot.at_ms, snapshot.cached_age_ms) == (held.at_ms, held.cached_age_ms)
            and _silent_venues(snapshot) == _silent_venues(held)
        )
        if takes:
            self.snapshot = snapshot
        return takes

    def adopt(self, before: Sheet) -> None:
        """Reuse the values that depend only on the instruments from a sheet with the same instruments."""
        for label in ("symbol", "venue", "asset"):
            if label in before._texts:
                self._texts[label] = before._texts[label]
        for name in ("order.symbol", "order.venue"):
            if name in before._numbers:
                self._numbers[name] = before._numbers[name]

    def hold_places(self, places: Floats) -> None:
        """Give rows the ranks `[rows]` of the order that is shown; NaN: as they rank now."""
        rank = self.numbers("rank")
        self._numbers["order.rank"] = np.where(np.isnan(places) | np.isnan(rank), rank, places)

    def number(self, name: str, row: int) -> float:
        """One value of `numbers`."""
        return float(self.numbers(name)[row])

    def texts(self, name: str) -> tuple[str, ...]:
        """The label `name` by row; empty if there is none. Raises KeyError for a name that is not in `LABELS`."""
        found = self._texts.get(name)
        if found is None:
            found = self._texts[name] = LABELS[name].read(self)
        return found

    def veto(self, row: int) -> str | None:
        """The first gate that the row failed, in words; None if it passed them all."""
        return veto_text(self.ranking, row)

    def gates_told(self, row: int) -> int:
        """How many gates the row failed, as `telling` counts them."""
        return int(self.number("gates_told", row))

    def has_levels(self, row: int) -> bool:
        """Whether the row's entry, stop and targets can be used."""
        return self.number("level_status", row) == LevelStatus.OK


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
    """The present time of the snapshot: event time; for cached candles, the time at which they were read."""
    return sheet.snapshot.at_ms + (sheet.snapshot.cached_age_ms or 0)


def _age(sheet: Sheet) -> Floats:
    newest = sheet.columns.newest_ms
    seconds = np.floor(np.maximum(0, _now_ms(sheet) - newest) / 1000)
    return np.where(newest < 0, np.nan, seconds)


def _listed_h(sheet: Sheet) -> Floats:
    """Hours since trading began, by the venue's listing time."""
    listed = [np.nan if one.listed_ms is None else float(one.listed_ms) for one in sheet.instruments]
    return (_now_ms(sheet) - np.array(listed)) / 3_600_000


def _young(sheet: Sheet) -> Floats:
    """1 if trading began within the last 24 hours, by the venue's listing time."""
    hours = sheet.numbers("listed_h")
    return np.where(np.isnan(hours), np.nan, hours < NEW_LISTING_H)


def _traps(sheet: Sheet) -> Floats:
    """Number of traps raised against the row's side; 0 without a side, NaN if the snapshot has no traps."""
    found, side = sheet.snapshot.traps, sheet.ranking.side
    if found is None:
        return np.full(sheet.rows, np.nan)
    long, short = found.raised.sum(axis=2)
    return np.where(side > 0, long, np.where(side < 0, short, 0)).astype(np.float64)


def _trap_names(sheet: Sheet) -> tuple[str, ...]:
    """The names of those traps, separated by blanks."""
    found, side = sheet.snapshot.traps, sheet.ranking.side
    if found is None:
        return ("",) * sheet.rows
    return tuple(" ".join(trap.name for trap in found.of(row, int(side[row]))) for row in range(sheet.rows))


def _stale(sheet: Sheet) -> Floats:
    """1 if the row's venue is stale or down, or connects again and has sent nothing yet, and for every row of cached
    candles. A quiet coin on a live connection is not stale."""
    if sheet.is_cached:
        return np.ones(sheet.rows)
    silent = _silent_venues(sheet.snapshot)
    if not silent:
        return np.zeros(sheet.rows)
    return np.array([instrument.venue in silent for instrument in sheet.instruments], dtype=np.float64)


def _silent_venues(snapshot: Snapshot) -> set[str]:
    return {
        feed.venue
        for feed in snapshot.feeds
        if feed.state in ("stale", "down")
        or (feed.state != "live" and feed.age_ms is not None and feed.age_ms > SILENT_MS)
    }


def _veto(sheet: Sheet) -> Floats:
    """Index in `GATES` of the first failed gate; NaN if all passed."""
    failed = ~sheet.ranking.gate_passed
    return np.where(failed.any(axis=1), failed.argmax(axis=1), np.nan)


def _faint(sheet: Sheet) -> Floats:
    return np.where(sheet.ranking.conviction < FAINT_CONVICTION, 1.0, 0.0)


def telling(gate_passed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The failed gates that matter to the user, `[rows, G]`. Persistence (scans in a row) counts only if it is the only
    one that failed, because any other failure resets it."""
    failed = ~gate_passed
    others = np.delete(failed, PERSISTENCE, axis=1).any(axis=1)
    failed[:, PERSISTENCE] &= ~others
    return failed


def _veto_value(sheet: Sheet) -> Floats:
    index = np.nan_to_num(_veto(sheet)).astype(np.int64)
    return sheet.ranking.gate_value[np.arange(sheet.rows), index]


def _trend_range(sheet: Sheet) -> tuple[Floats, Floats, Floats]:
    """Points `[rows, n]`, their minimum and their span, both `[rows, 1]`."""
    points = sheet.columns.trend
    low = np.fmin.reduce(points, axis=1, keepdims=True)
    return points, low, np.fmax.reduce(points, axis=1, keepdims=True) - low


def _trend_code(sheet: Sheet) -> Floats:
    """The sparkline as one number whose digits are its heights, oldest first: it changes if the drawing changes."""
    points, low, span = _trend_range(sheet)
    heights = np.where(span > 0, np.rint((points - low) / span * (TREND_LEVELS - 1)), (TREND_LEVELS - 1) // 2)
    digits = np.where(np.isnan(points), TREND_LEVELS, heights)
    return digits @ np.float64(TREND_BASE) ** np.arange(points.shape[1] - 1, -1, -1)


def _trend_place(sheet: Sheet) -> Floats:
    """The position of the newest point between the minimum (0) and the maximum (1)."""
    points, low, span = _trend_range(sheet)
    place: Floats = ((points[:, -1:] - low) / span)[:, 0]
    return place


def _funding_8h(sheet: Sheet) -> Floats:
    """Funding over 8 h at the current rate. Venues settle every 1, 2, 4 or 8 h, and rates of different intervals cannot
    be compared. NaN if the interval is unknown."""
    interval = sheet.columns.funding_interval_h
    return sheet.columns.funding_frac * 8.0 / np.where(interval > 0, interval, np.nan)


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
        ("funding", "funding with its interval", "frac per 8 h", _funding_8h),
        ("funding_frac", "a funding rate", "frac per interval", lambda s: s.columns.funding_frac),
        ("funding_interval_h", "a funding interval", "h", lambda s: s.columns.funding_interval_h),
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
"""The quantities that an expression may read, by name, in the order of completion."""

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
    "prism": "score",
    "rr": "reward_risk",
}
"""Alternative names."""

QUANTITIES: Final[dict[str, Quantity]] = {
    **NUMBERS,
    **{
        quantity.name: quantity
        for quantity in (
            Quantity("side", "a side", "+1 long, -1 short, 0 flat", lambda s: shown_sides(s.ranking, s.board)),
            Quantity("faint", "whether it hardly takes a side", "0 or 1", _faint),
            Quantity("level_status", "a status of levels", "", lambda s: s.ranking.levels.status.astype(np.float64)),
            Quantity("new", "whether it is newly ranked", "0 or 1", _is_new),
            Quantity("stale", "whether its venue is silent or its data cached", "0 or 1", _stale),
            Quantity("veto", "the first failed gate", "index", _veto),
            Quantity("gates_failed", "failed gates", "count", lambda s: (~s.ranking.gate_passed).sum(axis=1)),
            Quantity("gates_told", "gates it lacks", "count", lambda s: telling(s.ranking.gate_passed).sum(axis=1)),
            Quantity("veto_value", "the value of the failed gate", "", _veto_value),
            Quantity("trend", "a day's prices", "heights as digits", _trend_code),
            Quantity("order.trend", "a place in its day's range", "frac", _trend_place),
            Quantity("order.rank", "a rank in the order shown", "", lambda sheet: sheet.numbers("rank")),
            Quantity("order.symbol", "alphabetical place", "", _alphabetical("symbol")),
            Quantity("order.venue", "alphabetical place", "", _alphabetical("venue")),
            *(
                Quantity(f"face_coverage.{face}", f"coverage of {face}", "frac", _face_coverage(index))
                for index, face in enumerate(FACES)
            ),
        )
    },
}
"""Everything that a column may read: `NUMBERS` and the quantities needed only to paint and sort."""
