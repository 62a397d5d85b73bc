"""Bitget's candles as events, and which streamed bars are closed although the venue never says so.

Called by `rows` for the stream, where `Forming` keeps the newest bar of a symbol and interval, and for REST, where the
clock decides.
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
"""Bitget's name of each interval prism keeps, in milliseconds. Four-hour bars open at the same times in UTC and UTC+8,
so it does not matter which of the two the venue opens its longer bars in."""

_CLOCK_TOLERANCE_MS: Final = 1_000
"""How far a bar may begin after the time of its push: the venue's own servers need not agree to the millisecond."""
_SILENCE_NS: Final = 10_000_000_000
"""After so long without any push a connection may have lost some: quiet as one symbol may be, all are not."""


def candle(instrument: Instrument, ts_ms: int, recv_ns: int, interval_ms: int, bar: wire.Bar, closed: bool) -> Candle:
    """A checked candle that begins where a bar of its interval does."""
    open_ms = checks.time_ms(int(bar[0]), "start")
    if open_ms % interval_ms:
        raise Implausible(f"start {open_ms} is not where a bar of {interval_ms} ms begins")
    return bars.candle(instrument, ts_ms, recv_ns, interval_ms, open_ms, bar[1:], closed)


class Forming:
    """The newest bar of every symbol and interval, kept until the bar after it begins.

    A bar is closed once the next one has begun. The bar held is emitted as closed only if its successor is the very
    next one, and if neither the subscription has begun anew nor the connection been silent in between: else pushes are
    missing, and it stays open until REST brings it. A bar that is pushed after a later one has begun is closed as it
    comes.
    Doubt: the documentation does not promise a push between a bar's last trade and the next bar.
    """

    def __init__(self) -> None:
        self._newest: dict[tuple[str, int], Candle] = {}
        self._sees_updates = False
        """Whether the venue ever said `update`: then `snapshot` means that a subscription begins."""
        self._heard_ns: dict[str, int] = {}
        """By connection, when its newest frame of market data came."""
        self._resumed_ns: dict[str, int] = {}
        """By connection, when it last spoke again after a silence."""

    def heard(self, connection: str, recv_ns: int) -> None:
        """Note a frame of market data, of any topic: a silence makes every bar that was held through it doubtful."""
        before_ns = self._heard_ns.get(connection, recv_ns)
        if recv_ns - before_ns > _SILENCE_NS:
            self._resumed_ns[connection] = recv_ns
        self._heard_ns[connection] = recv_ns

    def push(
        self, instrument: Instrument, rows: Sequence[wire.KlineRow], interval_ms: int, push: tuple[int, int, bool, str]
    ) -> list[Candle]:
        """The bars of one push, preceded by the bar they close; `push` is (time ms, receive time ns, snapshot,
        connection)."""
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
            # One such bar would make every real one look closed from then on.
            raise Implausible(f"start {pushed[-1].open_ms} is after the push that carries it")
        begins = snapshot and self._sees_updates
        self._sees_updates |= not snapshot
        key = (instrument.symbol, interval_ms)
        held = None if begins else self._newest.get(key)
        newest = pushed[-1] if held is None or pushed[-1].open_ms >= held.open_ms else held
        self._newest[key] = newest
        events = [replace(bar, closed=True) if bar.open_ms < newest.open_ms else bar for bar in pushed]
        if held is not None and held.recv_ns >= self._resumed_ns.get(connection, 0) and _closes(held, pushed):
            events.insert(0, replace(held, closed=True, ts_ms=ts_ms, recv_ns=recv_ns))
        return events


def _closes(held: Candle, pushed: Sequence[Candle]) -> bool:
    """Whether `pushed` begin the bar after `held` without bringing `held` itself anew."""
    starts = {bar.open_ms for bar in pushed}
    return held.open_ms not in starts and held.open_ms + held.interval_ms in starts


def _start(row: wire.KlineRow) -> int:
    return row.start
