"""Selects and sorts the rows of the candidates table by the user's choices.

Pure functions of a sheet and a `ViewState`; the view model adds the hysteresis of the order. Headless commands use it
too, so nothing here may know the screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats, Ints
from tui.presenters.columns import BY_KEY
from tui.presenters.filter_expression import Filter
from tui.presenters.sheet import Sheet
from tui.presenters.view_state import ViewState

_NO_MATCH: Final = 9


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows in sort order, before hysteresis."""

    rows: Ints
    """Row numbers."""
    classes: NDArray[np.int64]
    """By position: 0 for pinned rows, then by kind of match; smaller classes come first."""
    values: Floats
    """By position: the value to which the sort column's margin applies."""
    lacking: tuple[str, ...] = ()
    """Rows for which the expression is unknown: `12 rows lack open interest`."""
    elsewhere: int = 0
    """Matches of text and expression in the other view (rows that pass, or rows that a gate stops)."""
    matching: int = 0
    """Rows that the choices keep. Pinned rows that they do not keep are shown, but not counted here."""
    passing: int = 0
    """Rows that pass every gate of the preset, as of the same scan as the rows above."""
    gated: int = 0
    """Rankable rows that fail one, likewise."""


def select(sheet: Sheet, state: ViewState, expression: Filter | None) -> Selection:
    """The rows of `sheet` that `state` asks for, in order."""
    ranking = sheet.ranking
    shows_gated = state.vetoed or sheet.is_cached
    scopes = [ranking.vetoed, ranking.candidates] if shows_gated else [ranking.candidates, ranking.vetoed]
    if state.watch_only and not shows_gated:
        # A watched symbol is shown whether it passes or not: the user wants to see it, above all when it does not.
        scopes = [np.concatenate(scopes), scopes[1][:0]]
    match = _matches(sheet, state.text)
    inside, lacking = _kept(sheet, state, expression, scopes[0], match)
    elsewhere = 0
    if (expression is not None or state.text.strip()) and not sheet.is_cached:
        elsewhere = int(_kept(sheet, state, expression, scopes[1], match)[0].sum())
    pinned, matching = _pinned(sheet, state), int(inside.sum())
    inside |= pinned
    base = np.concatenate([ranking.candidates, ranking.vetoed]).astype(np.int64)
    if state.vetoed:
        # Fewest failed gates first: by conviction alone, rows with little data, which lean far, would be on top.
        nearest = np.argsort(sheet.numbers("gates_failed")[ranking.vetoed], kind="stable")
        base = np.concatenate([ranking.vetoed[nearest], ranking.candidates]).astype(np.int64)
    base = base[inside[base]]
    ordered = base[_sorted(sheet, state, base)]
    classes = np.where(pinned, 0, 1 + match)[ordered]
    by_class = np.argsort(classes, kind="stable")
    rows = ordered[by_class]
    counts = len(ranking.candidates), len(ranking.vetoed)
    margin_name = "conviction" if state.column == "rank" else BY_KEY[state.column].sort_name
    return Selection(rows, classes[by_class], sheet.numbers(margin_name)[rows], lacking, elsewhere, matching, *counts)


def _kept(
    sheet: Sheet, state: ViewState, expression: Filter | None, scope: Ints, match: Ints
) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Which rows of `scope` the choices keep, by row, and the notices of rows that lack a value."""
    inside = np.zeros(sheet.rows, dtype=np.bool_)
    inside[scope] = True
    _narrow(sheet, state, inside)
    lacking: tuple[str, ...] = ()
    if expression is not None:
        outcome = expression.evaluate(sheet, inside)
        inside, lacking = outcome.kept, outcome.notices()
    return inside & (match < _NO_MATCH), lacking


def _narrow(sheet: Sheet, state: ViewState, inside: NDArray[np.bool_]) -> None:
    if state.side != "both":
        inside &= sheet.numbers("side") == (1 if state.side == "long" else -1)
    if state.venues:
        inside &= np.array([venue in state.venues for venue in sheet.texts("venue")], dtype=np.bool_)
    if state.watch_only:
        keys = zip(sheet.texts("venue"), sheet.texts("symbol"), strict=True)
        inside &= np.array([key in state.watched for key in keys], dtype=np.bool_)


def _pinned(sheet: Sheet, state: ViewState) -> NDArray[np.bool_]:
    if not state.pinned:
        return np.zeros(sheet.rows, dtype=np.bool_)
    wanted = set(state.pinned)
    keys = zip(sheet.texts("venue"), sheet.texts("symbol"), strict=True)
    return np.array([key in wanted for key in keys], dtype=np.bool_)


def _sorted(sheet: Sheet, state: ViewState, base: Ints) -> Ints:
    """Positions of `base` in sort order; equal values keep the ranking's order and missing ones come last."""
    if state.column == "rank":
        positions = np.arange(len(base))
        return positions[::-1] if state.reverse else positions
    values = sheet.numbers(BY_KEY[state.column].sort_name)[base]
    return np.argsort(-values if state.descending else values, kind="stable")


def _matches(sheet: Sheet, text: str) -> Ints:
    """How well each row's names match: 0 exact, 1 prefix, 2 suffix, 3 inside, `_NO_MATCH`; all 0 without a text."""
    wanted = text.strip().casefold()
    if not wanted:
        return np.zeros(sheet.rows, dtype=np.int64)
    found = np.full(sheet.rows, _NO_MATCH, dtype=np.int64)
    for row, instrument in enumerate(sheet.instruments):
        names = (instrument.symbol.casefold(), instrument.base.casefold(), instrument.asset.casefold())
        found[row] = min(match_class(wanted, name) for name in names)
    return found


def match_class(wanted: str, name: str) -> int:
    """0 if `wanted` is `name`, 1 if it is its beginning, 2 its end, 3 a part of it, 9 if none of these."""
    if name == wanted:
        return 0
    if name.startswith(wanted):
        return 1
    if name.endswith(wanted):
        return 2
    return 3 if wanted in name else _NO_MATCH
