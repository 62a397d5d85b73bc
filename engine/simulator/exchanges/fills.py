"""The single fills of a trade, for venues that publish them one by one. Used by the exchanges."""

from __future__ import annotations

from engine.simulator.happenings import Trade


def fills(trade: Trade) -> list[tuple[int, int]]:
    """(id, steps) of each fill.

    The market keeps only their number and sum: each gets an equal share, and the first also the remainder.
    """
    count = trade.last - trade.first + 1
    share, rest = divmod(trade.steps, count)
    return [(trade.first + number, share + (rest if number == 0 else 0)) for number in range(count)]
