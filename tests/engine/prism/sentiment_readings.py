"""The sentiment face read of views, and views with what a test wants known of a row."""

from __future__ import annotations

from dataclasses import replace

from engine.market.view import MarketView
from engine.prism.board import Reading
from engine.prism.depth import measure
from engine.prism.roster import enrol
from engine.prism.sentiment import sentiment
from tests.engine.prism.market_views import edited

ROWS = 24


def read(view: MarketView) -> dict[str, Reading]:
    return sentiment(view, enrol(view.instruments), measure(view.books))


def facts(view: MarketView, rows: list[int], **values: object) -> MarketView:
    return replace(view, derivatives=edited(view.derivatives, rows, **values))


def alone(view: MarketView) -> MarketView:
    """The same with every row on an asset of its own, so that no other venue has a say."""
    return replace(view, instruments=tuple(replace(one, asset=f"A{row}") for row, one in enumerate(view.instruments)))


def ratios(view: MarketView, row: int, accounts: float, top_accounts: float, top_positions: float) -> MarketView:
    held = view.derivatives.ratios.copy()
    held[row, :3, -1] = accounts, top_accounts, top_positions
    return replace(view, derivatives=replace(view.derivatives, ratios=held))
