"""What the engine made of the market against the market itself, exact.

Called while the market is held, so that both sides speak of the same moment. Each check says how much it compared, and
a check that compared nothing is a failure of the test that asked for it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection

from engine.simulator.sim_instrument import SimInstrument
from tests.faults.rig import Rig

DEPTH = {
    "binance-usdm": 1000,
    "binance-spot": 1000,
    "bybit-linear": 200,
    "bybit-spot": 200,
    "okx": 400,
    "bitget-usdt": 1000,
}
"""Levels a side that the deep channel of each product carries."""


def instrument(rig: Rig, product: str, symbol: str) -> SimInstrument:
    found = rig.world.find(product, symbol)
    assert found is not None, (product, symbol)
    return found


def check_books(rig: Rig, product: str, since: Collection[str] | None = None) -> int:
    """Every deep book level by level, as decimal numbers; how many books. `since` as for `odd_books`."""
    odd = odd_books(rig, product, since)
    assert not odd, odd
    return sum(since is None or symbol in since for symbol in rig.market.feeds[product].deep)


def odd_books(rig: Rig, product: str, since: Collection[str] | None = None) -> list[str]:
    """In words every deep book that does not equal the market's. `since`: those alone that were deep then, for a
    ranking that changes may just have brought another."""
    odd: list[str] = []
    for symbol in sorted(rig.market.feeds[product].deep):
        if since is not None and symbol not in since:
            continue
        one = instrument(rig, product, symbol)
        book = rig.pipeline.books.whole(product, symbol)
        if book is None or book.status != "synced":
            odd.append(f"{product} {symbol}: {'no book' if book is None else book.reason}")
            continue
        truth = rig.world.book(one, DEPTH[product])
        for held, levels in zip(book.top(DEPTH[product]), (truth.bids, truth.asks), strict=True):
            ours = {(float(price), float(size)) for price, size in held}
            theirs = {(float(one.price_text(ticks)), float(one.size_text(steps))) for ticks, steps in levels}
            if ours != theirs:
                late_ms = truth.ms - book.updated_ms
                differing = f"ours alone {sorted(ours - theirs)[:3]}, theirs alone {sorted(theirs - ours)[:3]}"
                odd.append(f"{product} {symbol}: {differing}, {late_ms} ms behind, after update {book.sequence}")
    return odd


def check_trades(rig: Rig, product: str, seconds: int) -> int:
    """Taker notional of every deep symbol by second, for whole seconds since its tape began; how many trades."""
    at_ms = rig.pipeline.state.at_ms
    tape = rig.pipeline.state.tape.view(at_ms)
    last = at_ms // 1000
    compared = 0
    for symbol in rig.market.feeds[product].deep:
        one = instrument(rig, product, symbol)
        row = rig.pipeline.state.universe.row(product, symbol)
        if row is None or tape.since_ms[row] < 0:
            continue
        first = max(int(tape.since_ms[row]) // 1000 + 1, last - seconds)
        kept = rig.world.recent_trades(one, 10**6)
        if len(kept) >= KEPT_TRADES:  # the market itself may have forgotten some of a burst's first second
            first = max(first, kept[0].ms // 1000 + 1)
        bought: dict[int, float] = defaultdict(float)
        sold: dict[int, float] = defaultdict(float)
        for trade in kept:
            if first <= trade.ms // 1000 <= last:
                compared += 1
                usd = float(one.price_text(trade.ticks)) * trade.steps * one.step_base
                (bought if trade.buy else sold)[trade.ms // 1000] += usd
        width = tape.buy_usd.shape[1]
        for second in range(first, last + 1):
            column = width - 1 - (last - second)
            for ours, theirs in ((tape.buy_usd[row, column], bought), (tape.sell_usd[row, column], sold)):
                assert math.isclose(ours, theirs[second], rel_tol=1e-9, abs_tol=1e-6), (
                    f"{product} {symbol}: {ours} instead of {theirs[second]} in second {second}, known since "
                    f"{tape.since_ms[row]}, now {at_ms}"
                )
    return compared


KEPT_TRADES = 100
"""Fewest newest trades that the simulated market remembers of an instrument."""
SETTLED_MS = 8 * 60_000
"""A minute bar this old has come: five may be late before they are missed, and they are missed once a minute."""


def check_candles(rig: Rig, product: str, bars: int = 5) -> int:
    """The newest closed 1m bars of every followed symbol, none missing but of the last minutes; how many bars."""
    frame = rig.pipeline.state.candles.frames["1m"]
    now_ms = rig.world.now_ms
    compared = 0
    for followed in rig.market.feeds[product].followed:
        one = instrument(rig, product, followed.symbol)
        row = rig.pipeline.state.universe.row(product, followed.symbol)
        if row is None or not frame.count[row]:
            continue
        truth = {bar.open_ms: bar for bar in rig.world.candles(one, "1m", bars + 2, now_ms) if bar.closed}
        for open_ms, bar in truth.items():
            held = frame.get(row, open_ms)
            if held is None:
                continue
            compared += 1
            price = [float(one.price_text(ticks)) for ticks in (bar.open, bar.high, bar.low, bar.close)]
            assert list(held[1:5]) == price, (product, followed.symbol, open_ms, held)
            assert math.isclose(held.volume_usd, float(one.quote_text(bar.quote)), rel_tol=1e-9, abs_tol=1e-9)
    return compared


def lacks_funding(rig: Rig, product: str) -> list[str]:
    """Followed perpetuals whose funding rate the last scan did not know, as symbols."""
    held = rig.pipeline._scan
    if held is None:
        return [followed.symbol for followed in rig.market.feeds[product].followed]
    known, universe = held[0].derivatives.funding_frac, rig.pipeline.state.universe
    perps = [followed.symbol for followed in rig.market.feeds[product].followed if followed.kind == "perp"]
    rows = {symbol: universe.row(product, symbol) for symbol in perps}
    return [
        symbol for symbol, row in rows.items() if row is not None and (row >= len(known) or known[row] != known[row])
    ]


def check_derivatives(rig: Rig, product: str) -> int:
    """Mark price, funding and open interest of every followed perpetual; how many figures."""
    rig.pipeline.scan()
    held = rig.pipeline._scan
    assert held is not None
    facts = held[0].derivatives
    compared = 0
    for followed in rig.market.feeds[product].followed:
        row = rig.pipeline.state.universe.row(product, followed.symbol)
        if followed.kind != "perp" or row is None:
            continue
        one = instrument(rig, product, followed.symbol)
        mark = float(one.fine_text(rig.world.mark(one).mark))
        rate = rig.world.funding(one).rate_e8 / 1e8
        assert math.isclose(facts.mark[row], mark, rel_tol=2e-3), (product, followed.symbol, facts.mark[row], mark)
        assert math.isclose(facts.funding_frac[row], rate, abs_tol=2e-5), (product, followed.symbol)
        compared += 2
        base = rig.world.open_interest(one) * one.step_base
        usd = facts.open_interest_usd[row]
        if usd == usd:
            assert math.isclose(usd, base * mark, rel_tol=5e-2), (product, followed.symbol, usd, base * mark)
            compared += 1
    return compared


def check_liquidations(rig: Rig, product: str) -> int:
    """Every liquidation of a product that publishes all of them, by symbol and side; how many."""
    told: dict[tuple[str, str], int] = defaultdict(int)
    for line in rig.pipeline.state.liquidations.lines():
        if line.venue == product:
            told[line.symbol, line.side] += 1
    happened: dict[tuple[str, str], int] = {}
    for followed in rig.market.feeds[product].followed:
        if followed.kind == "perp":
            totals = rig.world.totals(instrument(rig, product, followed.symbol))
            happened[followed.symbol, "long"] = totals.liquidations_long
            happened[followed.symbol, "short"] = totals.liquidations_short
    wanted = {key: count for key, count in happened.items() if count}
    assert dict(told) == wanted, (dict(told), wanted)
    return sum(happened.values())
