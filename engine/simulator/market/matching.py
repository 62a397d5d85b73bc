"""The matching of one book: taker orders that sweep levels, and makers who follow fair value.

The hot path of the simulated market, called by `engine.simulator.market.driver` for every event: allocate only what is
emitted. Priority is by price level; orders within a level are not distinguished. Neither taker orders nor makers empty
a side, so that there is always a best bid and a best ask with bid < ask.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from typing import Final

from engine.simulator.happenings import BookChange, Happening, Trade
from engine.simulator.market.line import Line

KEPT_LEVELS: Final = 4
"""Levels that a sweep leaves on a side."""
SHAPE: Final = 2.2
"""Levels get sparser away from the top: the distance of the k-th of n grows as (k/n) to this power."""


def take(line: Line, ms: int, buy: bool, steps: int, most: int, out: list[Happening]) -> int:
    """One taker order of up to `steps` over at most `most` levels; returns its tick-steps (0: nothing traded)."""
    if buy:
        keys, sizes = line.ask_keys, line.ask_size
    else:
        keys, sizes = line.bid_keys, line.bid_size
    room = len(keys) - KEPT_LEVELS
    if room > most:
        room = most
    if room <= 0 or steps <= 0:
        return 0
    instrument, recent = line.instrument, line.recent
    trade_id, fill_id = line.trade_id, line.fill_id
    line.order_id = order = line.order_id + 1
    changes: list[tuple[int, int]] = []
    left, quote, ticks = steps, 0, 0
    while left > 0 and room > 0:
        key = keys[-1]
        have = sizes[key]
        ticks = -key if buy else key
        if left >= have:
            taken = have
            keys.pop()
            del sizes[key]
            room -= 1
            changes.append((ticks, 0))
            single = 1 + (have & 3)
            if single > taken:
                single = taken
        else:
            taken = left
            sizes[key] = have - left
            changes.append((ticks, have - left))
            single = 1
        left -= taken
        quote += ticks * taken
        trade_id += 1
        trade = Trade(instrument, ms, trade_id, fill_id + 1, fill_id + single, ticks, taken, buy, order)
        fill_id += single
        out.append(trade)
        recent.append(trade)
    first_ticks = changes[0][0]
    done = steps - left
    count = len(changes)
    line.trades += count
    line.fills += fill_id - line.fill_id
    line.trade_id, line.fill_id = trade_id, fill_id
    line.last, line.last_steps = ticks, taken
    if buy:
        line.buy_steps += done
        line.buy_quote += quote
        high, low = ticks, first_ticks
    else:
        line.sell_steps += done
        line.sell_quote += quote
        high, low = first_ticks, ticks
    if not line.open:
        line.open, line.high, line.low = first_ticks, high, low
    else:
        if high > line.high:
            line.high = high
        if low < line.low:
            line.low = low
    update = line.update_id
    line.update_id = update + count
    line.book_ms = ms
    line.book_changes += 1
    out.append(
        BookChange(instrument, ms, update + 1, update + count, [], changes)
        if buy
        else BookChange(instrument, ms, update + 1, update + count, changes, [])
    )
    return quote


def quote(
    line: Line, ms: int, fair: float, act: float, uniform: Callable[[], float], resting: Callable[[], float],
    out: list[Happening],
) -> None:  # fmt: skip
    """Makers move their quotes around `fair` and change a level deeper in the book."""
    half = line.half * (0.75 + 0.25 * act if act < 9.0 else 3.0)
    want_bid = int(fair - half)
    want_ask = int(fair + half) + 1
    size = line.size * line.depth
    gap = line.gap
    bid_keys, bid_size = line.bid_keys, line.bid_size
    ask_keys, ask_size = line.ask_keys, line.ask_size
    bids: list[tuple[int, int]] = []
    asks: list[tuple[int, int]] = []
    # First cancel quotes beyond the price that makers now want.
    top = bid_keys[-1]
    if top > want_bid:
        most = 6
        while top > want_bid and most and len(bid_keys) > 3:
            bid_keys.pop()
            del bid_size[top]
            bids.append((top, 0))
            top = bid_keys[-1]
            most -= 1
    bottom = -ask_keys[-1]
    if bottom < want_ask:
        most = 6
        while bottom < want_ask and most and len(ask_keys) > 3:
            ask_keys.pop()
            del ask_size[-bottom]
            asks.append((bottom, 0))
            bottom = -ask_keys[-1]
            most -= 1
    # Then place new ones up to that price, never through the other side.
    if top < want_bid:
        target = want_bid if want_bid < bottom else bottom - 1
        if target > top:
            draw = resting()
            inner = target - 1 - int(gap * draw)
            if inner > top:
                bid_keys.append(inner)
                bid_size[inner] = steps = int(size * (1.0 + line.tilt) * draw) + 1
                bids.append((inner, steps))
            bid_keys.append(target)
            bid_size[target] = steps = int(size * (1.0 + line.tilt) * resting()) + 1
            bids.append((target, steps))
            top = target
    if bottom > want_ask:
        target = want_ask if want_ask > top else top + 1
        if target < bottom:
            draw = resting()
            inner = target + 1 + int(gap * draw)
            if inner < bottom:
                ask_keys.append(-inner)
                ask_size[-inner] = steps = int(size * (1.0 - line.tilt) * draw) + 1
                asks.append((inner, steps))
            ask_keys.append(-target)
            ask_size[-target] = steps = int(size * (1.0 - line.tilt) * resting()) + 1
            asks.append((target, steps))
    place = uniform()
    if place < 0.5:
        if not bids:
            _stir(line, bid_keys, bid_size, bids, 1, place * 2.0, size * (1.0 + line.tilt), uniform, resting)
        elif len(bid_keys) > line.levels:
            _trim(line, bid_keys, bid_size, bids, 1, place * 2.0)
    elif not asks:
        _stir(line, ask_keys, ask_size, asks, -1, place * 2.0 - 1.0, size * (1.0 - line.tilt), uniform, resting)
    elif len(ask_keys) > line.levels:
        _trim(line, ask_keys, ask_size, asks, -1, place * 2.0 - 1.0)
    if not bids and not asks:
        return
    update = line.update_id
    line.update_id = last = update + len(bids) + len(asks)
    line.book_ms = ms
    line.book_changes += 1
    out.append(BookChange(line.instrument, ms, update + 1, last, bids, asks))


def _stir(
    line: Line, keys: list[int], sizes: dict[int, int], changes: list[tuple[int, int]], sign: int, place: float,
    size: float, uniform: Callable[[], float], resting: Callable[[], float],
) -> None:  # fmt: skip
    """Change, add or cancel a level of a side, so that the side keeps its shape; `place` 0 to 1."""
    count, wanted = len(keys), line.levels
    if count > wanted:
        _trim(line, keys, sizes, changes, sign, place)
        return
    best = keys[-1]
    if count == wanted and uniform() < 0.6:
        # A full side resizes one of its levels.
        key = keys[-1 - int(place * count)]
        steps = int(size * (1.0 + 2.5 * place * place) * resting()) + 1
        if steps != sizes[key]:
            sizes[key] = steps
            changes.append((key * sign, steps))
        return
    # The more levels are missing, the faster they are refilled.
    for _ in range(1 + (wanted - count) // 16):
        key = best - 1 - int(line.span * place**SHAPE)
        if key not in sizes and sign * key > 0:
            insort(keys, key)
            sizes[key] = steps = int(size * (1.0 + 2.5 * place * place) * resting()) + 1
            changes.append((key * sign, steps))
        place = uniform()


def _trim(
    line: Line, keys: list[int], sizes: dict[int, int], changes: list[tuple[int, int]], sign: int, place: float
) -> None:
    """Cancel up to 4 surplus levels of a side, behind the best ones: far ones first, then any."""
    top = keys[-1]
    for _ in range(min(4, len(keys) - line.levels)):
        at = 0 if top - keys[0] > 1.25 * line.span else int(place * (len(keys) - 4))
        key = keys[at]
        del keys[at], sizes[key]
        changes.append((key * sign, 0))


def fill_book(line: Line, ms: int, fair: float, resting: Callable[[], float], out: list[Happening] | None) -> None:
    """Build a full book around `fair` for an instrument without one; emitted as one change unless `out` is None."""
    half, levels, size = line.half, line.levels, line.size * line.depth
    bids: list[tuple[int, int]] = []
    asks: list[tuple[int, int]] = []
    bid, ask = int(fair - half) + 1, int(fair + half)
    for number in range(levels):
        share = number / levels
        reach = line.span * share**SHAPE
        weight = size * (1.0 + 2.5 * share * share)
        bid = min(bid - 1, int(fair - half - reach))
        ask = max(ask + 1, int(fair + half + reach) + 1)
        if bid > 0:
            bids.append((bid, int(weight * (1.0 + line.tilt) * resting()) + 1))
        asks.append((ask, int(weight * (1.0 - line.tilt) * resting()) + 1))
    line.bid_size = dict(bids)
    line.ask_size = {-ticks: steps for ticks, steps in asks}
    line.bid_keys = [ticks for ticks, _ in reversed(bids)]
    line.ask_keys = [-ticks for ticks, _ in reversed(asks)]
    update = line.update_id
    line.update_id = update + len(bids) + len(asks)
    line.book_ms = ms
    if out is not None:
        line.book_changes += 1
        out.append(BookChange(line.instrument, ms, update + 1, line.update_id, bids, asks))


def empty_book(line: Line, ms: int, out: list[Happening]) -> None:
    """Cancel every order."""
    bids = [(key, 0) for key in line.bid_keys]
    asks = [(-key, 0) for key in line.ask_keys]
    line.bid_keys, line.ask_keys, line.bid_size, line.ask_size = [], [], {}, {}
    update = line.update_id
    line.update_id = update + len(bids) + len(asks)
    line.book_ms = ms
    line.book_changes += 1
    out.append(BookChange(line.instrument, ms, update + 1, line.update_id, bids, asks))


def thin_book(line: Line, ms: int, keep: float, uniform: Callable[[], float], out: list[Happening]) -> None:
    """Makers withdraw: of the levels behind the best, only a share `keep` stays."""
    told: list[list[tuple[int, int]]] = []
    for keys, sizes, sign in ((line.bid_keys, line.bid_size, 1), (line.ask_keys, line.ask_size, -1)):
        stays = max(8, int(len(keys) * keep))
        gone = [key for key in keys[:-2] if uniform() > keep][: max(0, len(keys) - stays)]
        away = set(gone)
        keys[:] = [key for key in keys if key not in away]
        for key in gone:
            del sizes[key]
        told.append([(key * sign, 0) for key in gone])
    if told[0] or told[1]:
        update = line.update_id
        line.update_id = update + len(told[0]) + len(told[1])
        line.book_ms = ms
        line.book_changes += 1
        out.append(BookChange(line.instrument, ms, update + 1, line.update_id, told[0], told[1]))
