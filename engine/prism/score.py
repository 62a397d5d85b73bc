"""Scores of the whole market: all faces, then their weighted sums.

Called by `engine.pipeline` once a scan. `Scorer` keeps what must outlast a scan (indicator state over closed bars,
structural levels, the roster); everything live is read from each view. No formula belongs here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.config.presets import FACE_WEIGHTS
from engine.market.view import MarketView
from engine.prism.account import settle
from engine.prism.across import Across
from engine.prism.bar_bank import BarBank
from engine.prism.board import Board, Reading
from engine.prism.depth import Depth, measure
from engine.prism.orderbook import orderbook
from engine.prism.orderflow import orderflow
from engine.prism.roster import Roster, enrol
from engine.prism.row_memo import Memory
from engine.prism.sentiment import compared, sentiment
from engine.prism.structure import structure
from engine.prism.structure_memory import StructureMemory
from engine.prism.technical import technical
from engine.prism.traps import Traps, traps
from engine.prism.volume import volume


class Scorer:
    """Scores one view after another. One scorer belongs to one engine and must not be shared between threads."""

    def __init__(self) -> None:
        self.bank = BarBank()
        self.structure = StructureMemory()
        """Structural levels; also gives a row's named levels for charts and targets, as of the newest score."""
        self._memory = Memory()
        self._roster: Roster | None = None
        self.voices: Across | None = None
        """Inputs compared across venues, as of the newest score."""
        self._depth: Depth | None = None

    def score(self, view: MarketView, face_weights: Mapping[str, float] | None = None) -> Board:
        """The board of `view` under `face_weights` (None: the defaults).

        Raises ValueError if a component breaks the contract of `Reading` or the weights are not six shares summing to
        1. A view of a new epoch drops the kept state.
        """
        return settle(view.at_ms, self._read(view), FACE_WEIGHTS if face_weights is None else face_weights)

    def _read(self, view: MarketView) -> dict[str, Reading]:
        readings: dict[str, Reading] = {}
        for face in self.faces(view).values():
            readings |= face()
        return readings

    def faces(self, view: MarketView) -> dict[str, Callable[[], dict[str, Reading]]]:
        """By face, a function that computes its readings of `view`; updates the shared state first. Call each once."""
        roster, memory = self._enrolled(view), self._memory
        memory.enter(view.epoch)
        depth = self._depth = measure(view.books, memory)
        voices = self.voices = compared(view, roster)
        self.bank.advance(view)
        return {
            "technical": lambda: technical(view, self.bank),
            "volume": lambda: volume(view, self.bank),
            "orderflow": lambda: orderflow(view, roster, depth, memory),
            "orderbook": lambda: orderbook(view, roster, depth, memory),
            "structure": lambda: structure(view, self.structure),
            "sentiment": lambda: sentiment(view, roster, depth, memory, voices),
        }

    def traps(self, view: MarketView, board: Board) -> Traps:
        """The trap flags of the newest scored view and its board, for display; no score reads them."""
        depth = measure(view.books) if self._depth is None else self._depth
        return traps(view, board, self._enrolled(view), depth, self._memory)

    def _enrolled(self, view: MarketView) -> Roster:
        roster = self._roster
        # Compared by identity: the state builds a new tuple whenever an instrument is added or changed.
        if roster is None or roster.instruments is not view.instruments:
            roster = self._roster = enrol(view.instruments)
        return roster
