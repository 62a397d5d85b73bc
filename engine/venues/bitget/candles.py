"""Bitget's candles to events, and the inference of which streamed bars are closed, because the venue never says so.

Called by `parse` for the stream, with `Forming` keeping the newest bar of a symbol and interval, and by `rest`, with
the clock deciding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from engine.events import Candle
from engine.instruments import Instrument
from engine.venues import bars, checks
from engine.venues.bitget import wire
from engine.venues.checks import Implausible

INTERVALS: Final = {"1m": 60_000, "5m": 300_000, "15m": 900_000, "4H": 14_400_000}
"""Length in milliseconds by Bitget's name, for each interval that prism keeps. Four-hour bars open at the same times in
UTC and UTC+8, so it does not matter which of the two the venue uses for its longer bars."""

_CLOCK_TOLERANCE_MS: Final = 1_000
"""How far a bar may open after the time of its push: the venue's own servers need not agree to the millisecond."""
_SILENCE_NS: Final = 10_000_000_000
"""A connection without any push for this long may have lost some: one symbol may be silent, but not all of them."""


def candle(instrument: Instrument, ts_ms: int, recv_ns: int, interval_ms: int, bar: wire.Bar, closed: bool) -> Candle:
    """A checked candle; raises Implausible unless its open time is a multiple of the interval."""
    open_ms = checks.time_ms(int(bar[0]), "start")
    if open_ms % interval_ms:
        raise Implausible(f"start {open_ms} is not where a bar of {interval_ms} ms begins")
    return bars.candle(instrument, ts_ms, recv_ns, interval_ms, open_ms, bar[1:], closed)


class Forming:
    """The newest bar of every symbol and interval, kept until the next opens, and the newest push of the bar before it.

    A bar is closed once the next one has opened. The kept bar is emitted as closed only if the new one directly follows
    it, and if neither the subscription was restarted nor the connection silent in between. Otherwise pushes are
    missing, and the bar stays open until REST delivers it. A bar pushed after a later one has opened is emitted as
    closed.
    Uncertain: the documentation does not promise a push between a bar's last trade and the next bar.
    """

    def __init__(self) -> None:
        self._newest: dict[tuple[str, int], Candle] = {}
        self._ended: dict[tuple[str, int], Candle] = {}
        """The newest push of the bar before it."""
        self._sees_updates = False
        """Whether the venue ever sent `update`: then `snapshot` means that a subscription begins."""
        self._heard_ns: dict[str, int] = {}
        """By connection, when its newest frame of market data was received."""
        self._resumed_ns: dict[str, int] = {}
        """By connection, when its last silence ended."""

    def heard(self, connection: str, recv_ns: int) -> None:
        """Note a frame of market data, of any topic: a bar kept through a silence must not be emitted as closed."""
        before_ns = self._heard_ns.get(connection, recv_ns)
        if recv_ns - before_ns > _SILENCE_NS:
            self._resumed_ns[connection] = recv_ns
        self._heard_ns[connection] = recv_ns

    def push(
        self, instrument: Instrument, rows: Sequence[wire.KlineRow], interval_ms: int, push: tuple[int, int, bool, str]
    ) -> list[Candle]:
        """The bars of one push, preceded by the bar that they close, if any; `push` is (time ms, receive time ns,
        snapshot, connection)."""
        ts_ms, recv_ns, snapshot, connection = push
        pushed = [
            candle(
                instrument,
                ts_ms,
                recv_ns,
                interval_ms,
                (row.start, row.open, row.high, row.low, row.close, row.volume, row.turnover),
                closed=False,
            )
            for row in sorted(rows, key=_start)
        ]
        if not pushed:
            return []
        if pushed[-1].open_ms > ts_ms + _CLOCK_TOLERANCE_MS:
            # One such bar would make every later real bar look closed.
            raise Implausible(f"start {pushed[-1].open_ms} is after the push that carries it")
        begins = snapshot and self._sees_updates
        self._sees_updates |= not snapshot
        key = (instrument.symbol, interval_ms)
        before, ended = self._newest.get(key), self._ended.get(key)
        held = None if begins else before
        # Two connections may overtake each other: an older push must not replace a newer one of the same bar.
        pushed = [bar for bar in pushed if not (_is_overtaken(bar, held) or _is_overtaken(bar, ended))]
        if not pushed:
            return []
        newest = pushed[-1] if held is None or pushed[-1].open_ms >= held.open_ms else held
        self._newest[key] = newest
        past = [bar for bar in (ended, before, *pushed) if bar is not None and bar.open_ms < newest.open_ms]
        if past:
            self._ended[key] = max(past, key=_place)
        events = [replace(bar, closed=True) if bar.open_ms < newest.open_ms else bar for bar in pushed]
        if held is not None and held.recv_ns >= self._resumed_ns.get(connection, 0) and _closes(held, pushed):
            events.insert(0, replace(held, closed=True, ts_ms=ts_ms, recv_ns=recv_ns))
        return events


def _is_overtaken(bar: Candle, other: Candle | None) -> bool:
    """Whether `other` is a newer push of the same bar."""
    return other is not None and bar.open_ms == other.open_ms and bar.ts_ms < other.ts_ms


def _place(bar: Candle) -> tuple[int, int]:
    return bar.open_ms, bar.ts_ms


def _closes(held: Candle, pushed: Sequence[Candle]) -> bool:
    """Whether `pushed` contains the bar after `held` but not `held` itself."""
    starts = {bar.open_ms for bar in pushed}
    return held.open_ms not in starts and held.open_ms + held.interval_ms in starts


def _start(row: wire.KlineRow) -> int:
    return row.start
