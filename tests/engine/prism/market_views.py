"""Views for the tests of the scores: reordered, cut and edited copies of a synthetic market."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np

from engine.arrays import Ints
from engine.market.view import MarketView

Columns = TypeVar("Columns")


def take(columns: Columns, order: Ints) -> Columns:
    """A dataclass of per-row arrays and tuples, with its rows in `order`."""
    assert is_dataclass(columns)
    held: dict[str, Any] = {}
    for field in fields(columns):
        value = getattr(columns, field.name)
        if isinstance(value, np.ndarray):
            held[field.name] = value[order]
        elif isinstance(value, tuple):
            held[field.name] = tuple(value[row] for row in order.tolist())
        else:
            held[field.name] = value
    return replace(columns, **held)  # type: ignore[type-var]


def permuted(view: MarketView, order: Ints) -> MarketView:
    """The same market with its rows in `order`, row numbers inside it translated."""
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    spot = view.spot_rows[order]
    return replace(
        view,
        instruments=tuple(view.instruments[row] for row in order.tolist()),
        rankable=view.rankable[order],
        bars={name: take(bars, order) for name, bars in view.bars.items()},
        tape=take(view.tape, order),
        books=take(view.books, order),
        derivatives=take(view.derivatives, order),
        liquidations=take(view.liquidations, order),
        spot_rows=np.where(spot >= 0, place[np.maximum(spot, 0)], -1),
        peers=tuple(view.peers[row] for row in order.tolist()),
    )


def edited(columns: Columns, rows: Sequence[int] | slice, **values: Any) -> Columns:
    """A copy of `columns` in which the named fields hold `values` in `rows`."""
    changed: dict[str, Any] = {}
    for name, value in values.items():
        held = getattr(columns, name).copy()
        held[rows] = value
        changed[name] = held
    return replace(columns, **changed)  # type: ignore[type-var]
