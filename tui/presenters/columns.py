"""The columns of the candidates table as data: key, heading, width, priority, value and how it is written.

Read by the table, its export and the headless scan. A column has a fixed width and is dropped as a whole: `layout`
keeps the columns with the smallest `priority` that fit and drops the others, the largest first. No colours here, only
tones by name; the theme decides what they look like.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from engine.prism.faces import FACES
from tui.presenters import format as write
from tui.presenters.format import MISSING
from tui.presenters.gauges import STEPS, score_style
from tui.presenters.row import NEW_LISTING_H, TREND_BASE, TREND_LEVELS

if TYPE_CHECKING:
    from tui.presenters.sheet import Sheet

GUTTER: Final = 2
"""Cells left of the first column, for the cursor and the pin."""
GAP: Final = 1
"""Cells after each column; the sort arrow of a heading may use them."""

VENUE_MARKS: Final[dict[str, str]] = {
    "binance-usdm": "BN",
    "binance-spot": "BN",
    "bybit-linear": "BY",
    "bybit-spot": "BY",
    "okx": "OK",
    "bitget-usdt": "BG",
}
FACE_LETTERS: Final = ("T", "V", "F", "B", "S", "M")
"""Headings of the six faces: technical, volume, (order)flow, (order)book, structure, (senti)ment."""

TREND_WIDTH: Final = 12
"""One cell per point of the trend."""

Align = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One formatted value."""

    text: str
    tone: str
    """`text`, `strong`, `accent`, `muted`, `up`, `down`, `long`, `short`, `stale`, `warning` or a score band `score-0`
    to `score-4`. The suffix `.part` dims it because not all of its data is good, `.thin` because less than half is; the
    suffix `.block` adds a background of the same colour."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `paint` formats a row's cell; `reads` names the quantities it depends on, the sort key first."""

    key: str
    title: str
    width: int
    priority: int
    """Columns with smaller numbers are dropped later."""
    align: Align
    reads: tuple[str, ...]
    paint: Callable[[Sheet, int], Cell]
    words: str
    """What it shows, for the help screen."""
    margin: float = 0.0
    """How far a row must be ahead of its neighbour to overtake it at once, in the unit of the value."""
    descending: bool = True
    """Whether the first sort shows the largest on top."""
    flash: bool = False
    """Whether changed digits flash."""
    views: Literal["both", "candidates", "vetoed"] = "both"

    @property
    def sort_name(self) -> str:
        """The quantity this column sorts by."""
        return self.reads[0]


def thinned(tone: str, coverage: float) -> str:
    """`tone`, dimmed if some or most of its data is missing."""
    if tone == "muted" or coverage >= 0.995:
        return tone
    return f"{tone}.part" if coverage >= 0.5 else f"{tone}.thin"


def _signed(value: float) -> str:
    return "muted" if math.isnan(value) else "up" if value > 0 else "down" if value < 0 else "text"


def _plain(text: str, tone: str = "text") -> Cell:
    return Cell(text, "muted" if text == MISSING else tone)


def _rank(sheet: Sheet, row: int) -> Cell:
    rank = sheet.number("order.rank", row)
    return Cell(MISSING if math.isnan(rank) else str(int(rank)), "muted")


def _symbol(sheet: Sheet, row: int) -> Cell:
    symbol = symbol_text(sheet.instruments[row].symbol)
    if sheet.instruments[row].status == "ended":
        return Cell(f"✝{symbol}", "muted")
    if sheet.number("listed_h", row) < NEW_LISTING_H and not write.is_look_alike(symbol):
        return Cell(f"✦{symbol}", "accent")
    return Cell(f"≈{symbol}", "warning") if write.is_look_alike(symbol) else Cell(symbol, "strong")


def symbol_text(symbol: str) -> str:
    """A symbol without the suffix that all rows of its venue share: on OKX every perpetual ends in `-SWAP`."""
    return symbol.removesuffix("-SWAP")


def _venue(sheet: Sheet, row: int) -> Cell:
    venue = sheet.instruments[row].venue
    mark = VENUE_MARKS.get(venue, venue[:2].upper())
    return Cell(f"{mark}!", "warning") if sheet.number("stale", row) else Cell(mark, "muted")


def _deep(sheet: Sheet, row: int) -> Cell:
    return Cell("●", "text") if sheet.number("deep", row) else Cell("○", "muted")


def _side(sheet: Sheet, row: int) -> Cell:
    side, faint = sheet.number("side", row), sheet.number("faint", row)
    if not side or math.isnan(side):
        return Cell("FLAT" if side == 0 else MISSING, "muted")
    text, tone = ("▲LONG", "long") if side > 0 else ("▼SHORT", "short")
    return Cell(text, "muted" if faint else tone)


def _score(sheet: Sheet, row: int) -> Cell:
    score = sheet.number("score", row)
    return Cell(write.score_text(score), thinned(score_style(score), sheet.number("coverage", row)))


def _conviction(sheet: Sheet, row: int) -> Cell:
    value = sheet.number("conviction", row)
    tone = score_style(sheet.number("score", row))
    return Cell(write.bar_text(value / 100, 6), thinned(tone, sheet.number("coverage", row)))


def _rank_change(sheet: Sheet, row: int) -> Cell:
    if sheet.number("new", row):
        return Cell("new", "accent")
    change = sheet.number("rank_change", row)
    if math.isnan(change):
        return Cell(MISSING, "muted")
    if change == 0:
        return Cell("=", "muted")
    return Cell(f"{'▲' if change > 0 else '▼'}{min(99, abs(int(change)))}", "up" if change > 0 else "down")


def _face(face: str) -> Callable[[Sheet, int], Cell]:
    def paint(sheet: Sheet, row: int) -> Cell:
        score = sheet.number(f"face.{face}", row)
        tone = thinned(score_style(score), sheet.number(f"face_coverage.{face}", row))
        return Cell(write.digit_text(score), tone if tone == "muted" else f"{tone}.block")

    return paint


def _coverage(sheet: Sheet, row: int) -> Cell:
    frac = sheet.number("coverage", row)
    return _plain(write.share_text(frac), "warning" if frac < 0.5 else "text" if frac < 0.995 else "muted")


def _traps(sheet: Sheet, row: int) -> Cell:
    count = sheet.number("traps", row)
    if math.isnan(count):
        return Cell(MISSING, "muted")
    return Cell(f"⚑{int(count)}", "warning") if count else Cell("", "muted")


def _last(sheet: Sheet, row: int) -> Cell:
    return _plain(write.price_text(sheet.number("last", row), sheet.instruments[row].tick))


def _percent(name: str, decimals: int, width: int) -> Callable[[Sheet, int], Cell]:
    def paint(sheet: Sheet, row: int) -> Cell:
        value = sheet.number(name, row)
        return Cell(write.percent_text(value, decimals, width), _signed(value))

    return paint


@lru_cache(maxsize=4096)
def trend_cell(code: int) -> Cell:
    """A sparkline whose heights are the digits of `code`, oldest first; unknown points are blank."""
    heights: list[int] = []
    for _ in range(TREND_WIDTH):
        code, height = divmod(code, TREND_BASE)
        heights.append(height)
    heights.reverse()
    known = [height for height in heights if height < TREND_LEVELS]
    if not known:
        return Cell(MISSING, "muted")
    text = "".join(STEPS[height] if height < TREND_LEVELS else " " for height in heights)
    # The shape shows the direction and 24H the size; with a colour as well, it would dominate the row.
    return Cell(text, "muted")


def _trend(sheet: Sheet, row: int) -> Cell:
    return trend_cell(int(sheet.number("trend", row)))


def _funding(sheet: Sheet, row: int) -> Cell:
    value = sheet.number("funding", row)
    return _plain(write.percent_text(value, 4, 9))


def _volume(sheet: Sheet, row: int) -> Cell:
    return _plain(write.compact_text(sheet.number("volume", row)))


def _spread(sheet: Sheet, row: int) -> Cell:
    return _plain(write.bps_text(sheet.number("spread", row)), "muted")


def _level(name: str, tone: str) -> Callable[[Sheet, int], Cell]:
    def paint(sheet: Sheet, row: int) -> Cell:
        text = write.price_text(sheet.number(name, row), sheet.instruments[row].tick)
        return _plain(text, tone if sheet.has_levels(row) else "muted")

    return paint


def _r(sheet: Sheet, row: int) -> Cell:
    return _plain(write.percent_text(sheet.number("r", row), 2, 6, signed=False))


def _age(sheet: Sheet, row: int) -> Cell:
    tone = "warning" if sheet.number("stale", row) else "muted"
    return _plain(write.age_text(sheet.number("age", row)), tone)


def _gate(sheet: Sheet, row: int) -> Cell:
    words = sheet.veto(row)
    if words is None:
        return Cell(MISSING, "muted")
    more = sheet.gates_told(row) - 1
    return Cell(words + (f" +{more}" if more else ""), "text")


def _faces() -> tuple[Column, ...]:
    return tuple(
        Column(
            f"face.{face}",
            letter,
            1,
            5,
            "left",
            (f"face.{face}", f"face_coverage.{face}"),
            _face(face),
            f"{face} score in tens: 9 bullish, 0 bearish",
            margin=1.0,
        )
        for face, letter in zip(FACES, FACE_LETTERS, strict=True)
    )


COLUMNS: Final[tuple[Column, ...]] = (
    Column("rank", "#", 3, 3, "right", ("order.rank",), _rank,
           "rank by conviction when rows last moved; they move once a change persists; · for a row that fails a gate",
           0.5, descending=False),
    Column("symbol", "SYMBOL", 14, 0, "left", ("order.symbol",), _symbol,
           "symbol, as its venue names it, without -SWAP; ✦ listed within 24 h, ≈ letters that look like others, "
           "✝ no longer traded", descending=False),
    Column("venue", "EX", 3, 2, "left", ("order.venue", "stale"), _venue, "venue; ! if it is silent",
           descending=False),
    Column("deep", "D", 1, 8, "left", ("deep",), _deep, "● every trade and the whole book, ○ candles and quotes"),
    Column("side", "SIDE", 6, 2, "left", ("side", "faint"), _side,
           "side of the trade; grey if near neutral, FLAT within 1 point of 50, · on less than 25 % of the data"),
    Column("score", "SCORE", 5, 1, "right", ("score", "coverage"), _score, "score, 50 is neutral", 0.5, flash=True),
    Column("gate", "GATE", 34, 3, "left", ("veto", "veto_value", "gates_told"), _gate,
           "first failed gate and how many more, not counting scans in a row", descending=False, views="vetoed"),
    Column("conviction", "CONV", 6, 10, "left", ("conviction", "score", "coverage"), _conviction,
           "conviction 0..100, twice the distance of the score from 50; a full bar is 100", 0.5),
    Column("rank_change", "Δ#", 3, 16, "right", ("rank_change", "new"), _rank_change,
           "places won (▲) or lost (▼) in the last 5 minutes; new: it had no rank then", 1.0),
    *_faces(),
    Column("coverage", "COV", 4, 7, "right", ("coverage",), _coverage, "share of the score's data that is good", 0.02),
    Column("traps", "TR", 2, 12, "left", ("traps",), _traps,
           "⚑ and the number of traps against the side; the symbol's screen says what each saw"),
    Column("last", "LAST", 11, 4, "right", ("last",), _last, "last price", flash=True),
    Column("change_1h", "1H", 7, 6, "right", ("change_1h",), _percent("change_1h", 2, 7), "change over 1 h", 0.0005),
    Column("change_24h", "24H", 7, 9, "right", ("change_24h",), _percent("change_24h", 2, 7), "change over 24 h",
           0.0005),
    Column("trend", "PAST DAY", TREND_WIDTH, 21, "right", ("order.trend", "trend"), _trend,
           "prices of the past day, a point every 2 h; sorts by the place in the day's range", 0.02),
    Column("volume", "VOL24H", 7, 11, "right", ("volume",), _volume, "volume of 24 h, US dollars"),
    Column("funding", "FUND/8H", 9, 13, "right", ("funding",), _funding, "funding per 8 h, whatever the interval",
           0.000002),
    Column("oi_1h", "OI 1H", 7, 15, "right", ("oi_1h",), _percent("oi_1h", 2, 7), "change of open interest over 1 h",
           0.0005),
    Column("spread", "SPREAD", 7, 17, "right", ("spread",), _spread, "spread, basis points of mid", 0.1,
           descending=False),
    Column("stop", "STOP", 11, 14, "right", ("stop", "level_status"), _level("stop", "down"), "stop price"),
    Column("r", "R", 6, 18, "right", ("r",), _r,
           "R, what is risked: the distance from entry to stop in percent of the entry", 0.0001),
    Column("tp2", "TP2", 11, 19, "right", ("tp2", "level_status"), _level("tp2", "up"), "second target"),
    Column("age", "AGE", 4, 20, "right", ("age", "stale"), _age,
           "age of the newest message of any kind about the symbol", 2.0, descending=False),
)  # fmt: skip
"""All columns in the order shown. The faces share a priority and come or go together."""

BY_KEY: Final[dict[str, Column]] = {column.key: column for column in COLUMNS}


@lru_cache(maxsize=256)
def layout(width: int, vetoed: bool = False) -> tuple[Column, ...]:
    """The columns that fit into `width` cells, in the order shown.

    They are added by priority until the next group does not fit, so that a wider pane never shows fewer. The symbol is
    always shown, however narrow the pane.
    """
    hidden = "candidates" if vetoed else "vetoed"
    offered = [column for column in COLUMNS if column.views != hidden]
    left = width - GUTTER
    kept: set[str] = set()
    for priority in sorted({column.priority for column in offered}):
        group = [column for column in offered if column.priority == priority]
        left -= sum(column.width + GAP for column in group)
        if left < 0 and kept:
            break
        kept.update(column.key for column in group)
    return tuple(column for column in offered if column.key in kept)


def glossary() -> list[tuple[str, str]]:
    """Every heading with what stands below it, in the order shown, for the help screen and the page of keys."""
    faces = f"{', '.join(FACES)}: the six faces, scores in tens, 9 bullish to 0 bearish"
    told = [(column.title, column.words) for column in COLUMNS if not column.key.startswith("face.")]
    place = next(at for at, column in enumerate(COLUMNS) if column.key.startswith("face."))
    told.insert(place, (" ".join(FACE_LETTERS), faces))
    return [*told, (MISSING, "in any column: not known, or without meaning for the row")]
