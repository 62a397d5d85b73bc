"""The single fills inside a trade, for venues that tell them one by one."""

from __future__ import annotations

from engine.simulator.happenings import Trade


def fills(trade: Trade) -> list[tuple[int, int]]:
    """(id, steps) of each.

    The market keeps their number and their sum only: each gets an equal share, and the first the rest.
    """
    count = trade.last - trade.first + 1
    share, rest = divmod(trade.steps, count)
    return [(trade.first + number, share + (rest if number == 0 else 0)) for number in range(count)]
