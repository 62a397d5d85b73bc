"""Rankings of a synthetic board, for tests that show them."""

from __future__ import annotations

from engine.config.presets import PRESETS
from engine.market.view import MarketView
from engine.prism.board import Board
from engine.ranking.ranker import Ranker
from engine.ranking.result import Ranking

SCANS = 3
"""As many as the strictest preset's persistence asks for."""


def make_rankings(board: Board, view: MarketView) -> dict[str, Ranking]:
    """Every preset's verdict after the same scan came `SCANS` times in a row."""
    ranker = Ranker()
    rankings: dict[str, Ranking] = {}
    for _ in range(SCANS):
        rankings = ranker.rank(board, view, PRESETS)
    return rankings
