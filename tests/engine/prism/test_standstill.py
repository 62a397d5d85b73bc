"""Values that stand while frames come: told of a venue whose markets move, and of no coin that is merely quiet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from engine.config.schema import Config
from engine.instruments import Instrument
from engine.market.view import MarketView
from engine.pipeline import Pipeline
from engine.prism.standstill import KINDS, LOOK_MS, SLOT_MS, SLOTS, Standstill
from engine.replay import run_through
from engine.transport.capture import CaptureReader
from tests.engine.builders import make_view
from tests.engine.prism.market_views import take
from tests.recorded import recorded

ASSETS = 8
VENUES = ("binance-usdm", "bybit-linear")
BEGIN_MS = 1_790_000_040_000 // SLOT_MS * SLOT_MS


class Market:
    """Two venues with the same coins; every value moves a little at every look, but where it is told to stand."""

    def __init__(self, venues: tuple[str, ...] = VENUES) -> None:
        self.view = make_view(rows=len(venues) * ASSETS, complete=True)
        known = self.view.instruments[0]
        self.instruments: tuple[Instrument, ...] = tuple(
            replace(known, venue=venue, symbol=f"C{n}USDT", base=f"C{n}", asset=f"C{n}", kind="perp")
            for venue in venues
            for n in range(ASSETS)
        )
        self.standstill = Standstill()
        self.now_ms = BEGIN_MS
        self.stand: dict[str, np.ndarray[tuple[int], np.dtype[np.bool_]]] = {}
        """By kind, the rows that stand."""
        self.quiet = np.zeros(len(self.instruments), dtype=np.bool_)
        """Rows of which no message comes."""
        self._step = 0
        self._times = np.full(len(self.instruments), BEGIN_MS, dtype=np.int64)
        self._moved = {kind: np.zeros(len(self.instruments)) for kind in KINDS}

    def rows(self, venue: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return np.array([one.venue == venue for one in self.instruments])

    def run(self, minutes: float) -> None:
        for _ in range(round(minutes * SLOT_MS / LOOK_MS)):
            self.now_ms += LOOK_MS
            self._step += 1
            for kind, moved in self._moved.items():
                moved += ~self.stand.get(kind, np.zeros(len(moved), dtype=np.bool_))
            self._times[~self.quiet] = self.now_ms
            self.standstill.take(self.at())

    def at(self) -> MarketView:
        marks, quotes, books, lasts = (100.0 + 0.01 * (self._moved[kind] % 7) for kind in KINDS)
        facts = replace(
            self.view.derivatives, mark=marks, bid=quotes, ask=quotes + 0.01, last=lasts,
            mark_ms=self._times.copy(), quote_ms=self._times.copy(), last_ms=self._times.copy(),
        )  # fmt: skip
        depth = replace(
            self.view.books, bid_size=books[:, None] * np.ones(5), ask_size=np.ones((len(books), 5)),
            updated_ms=self._times.copy(),
        )  # fmt: skip
        return replace(
            self.view, at_ms=self.now_ms, instruments=self.instruments, derivatives=facts, books=depth,
            rankable=np.ones(len(books), dtype=np.bool_),
        )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_stands_on_one_venue_is_told_within_ten_minutes_and_no_longer_than_it_stands(kind: str) -> None:
    market = Market()
    market.run(9.5)
    assert not any(market.standstill.words(venue) for venue in VENUES)
    market.stand[kind] = market.rows("bybit-linear")
    market.run(8)
    told = market.standstill.words("bybit-linear")
    assert told == f"{kind} unchanged for 7 min (n=8) while their markets move"
    assert market.standstill.words("binance-usdm") == ""
    market.run(10)
    assert "unchanged for 17 min" in market.standstill.words("bybit-linear")
    market.stand.clear()
    market.run(1)
    assert market.standstill.words("bybit-linear") == ""


def test_one_venue_alone_is_judged_by_its_other_values() -> None:
    market = Market(("okx",))
    market.stand["mark prices"] = market.rows("okx")
    market.run(8)
    assert market.standstill.words("okx").startswith("mark prices unchanged for 7 min (n=8)")


def _few(market: Market) -> None:
    market.stand = {kind: market.rows("okx") & (np.arange(2 * ASSETS) % ASSETS < 3) for kind in KINDS}


def _tick(market: Market) -> None:
    """Fewer than half stand: coarse ticks."""
    market.stand["best quotes"] = market.rows("okx") & (np.arange(2 * ASSETS) % ASSETS < 4)
    market.stand["best quotes"][-1] = False
    market.stand["best quotes"][ASSETS + 3] = False


def _asleep(market: Market) -> None:
    """Nothing moves anywhere, though messages come: a weekend of stocks."""
    market.stand = {kind: np.ones(2 * ASSETS, dtype=np.bool_) for kind in KINDS}


def _silent(market: Market) -> None:
    """No message comes: that is another fault, told elsewhere."""
    market.quiet = market.rows("okx")
    market.stand = {kind: market.rows("okx") for kind in KINDS}


@pytest.mark.parametrize("make", [_few, _tick, _asleep, _silent])
def test_what_is_merely_quiet_is_not_told(make: Callable[[Market], None]) -> None:
    market = Market(("binance-usdm", "okx"))
    make(market)
    market.run(20)
    assert not any(market.standstill.words(venue) for venue in ("binance-usdm", "okx"))


def test_a_hole_in_time_begins_the_judgement_anew() -> None:
    market = Market()
    market.stand["mark prices"] = market.rows("bybit-linear")
    market.run(7.5)
    assert market.standstill.words("bybit-linear")
    market.now_ms += 30 * SLOT_MS
    market.run(1)
    assert market.standstill.words("bybit-linear") == ""
    market.run(SLOTS + 1)
    assert market.standstill.words("bybit-linear")


def test_rows_that_are_listed_later_are_looked_at_too() -> None:
    market = Market()
    first = np.arange(ASSETS)
    full = market.at()
    market.standstill.take(
        replace(
            full,
            instruments=full.instruments[:ASSETS],
            derivatives=take(full.derivatives, first),
            books=take(full.books, first),
            rankable=full.rankable[:ASSETS],
        )
    )
    market.stand["mark prices"] = market.rows("bybit-linear")
    market.run(8)
    assert market.standstill.words("bybit-linear")


@pytest.mark.recorded
def test_nothing_is_told_of_recorded_markets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two minutes of four venues, looked at six times as closely."""
    monkeypatch.setattr("engine.prism.standstill.SLOT_MS", SLOT_MS // 6)
    monkeypatch.setattr("engine.prism.standstill.LOOK_MS", LOOK_MS // 5)
    pipeline = Pipeline(Config(), "replay")
    run_through(pipeline, CaptureReader(recorded("captures", "composite-four-venues.jsonl.gz")))
    found = pipeline.standstill
    assert found._filled == SLOTS, "looked at for long enough"
    assert found._heard.all(axis=0).sum() > 10, "of values that were heard all the while"
    assert found._words == {}
