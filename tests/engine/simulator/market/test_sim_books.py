"""Books and sums of the simulated market: what is told adds up to what is asked."""

from __future__ import annotations

from collections import Counter

from engine.simulator.happenings import BookChange, Liquidation, OpenInterestChanged, Trade
from tests.engine.simulator.market.market_worlds import MINUTE, START, Rebuilt, small


def test_books_rebuilt_from_changes_equal_the_market_s_own_through_episodes_and_listings() -> None:
    world = small(assets=12, rate=400.0, episodes=None, listings=True)
    rebuilt = {one.index: Rebuilt(world.book(one)) for one in world.instruments}
    changes = 0
    for one in world.advance(START + 7 * MINUTE):
        if isinstance(one, BookChange):
            rebuilt[one.instrument.index].apply(one)
            changes += 1
    assert changes > 50_000
    for instrument in world.instruments:
        state, own = world.book(instrument), rebuilt[instrument.index]
        assert dict(state.bids) == own.bids
        assert dict(state.asks) == own.asks
        assert state.update_id == own.last
        assert state.bids == sorted(state.bids, reverse=True)
        assert state.asks == sorted(state.asks)
        best = world.best(instrument)
        assert (best.bid, best.bid_steps) == (state.bids[0] if state.bids else (0, 0))
        assert (best.ask, best.ask_steps) == (state.asks[0] if state.asks else (0, 0))
        assert world.book(instrument, 5).bids == state.bids[:5]


def test_trades_take_what_rests_at_their_price() -> None:
    world = small()
    rebuilt = {one.index: Rebuilt(world.book(one)) for one in world.instruments}
    pending: list[Trade] = []
    checked = 0
    for one in world.advance(START + MINUTE):
        if isinstance(one, Trade):
            pending.append(one)
        elif isinstance(one, BookChange):
            book = rebuilt[one.instrument.index]
            if pending:
                side = book.asks if pending[0].buy else book.bids
                expected = [(trade.ticks, side[trade.ticks] - trade.steps) for trade in pending]
                assert (one.asks if pending[0].buy else one.bids) == expected
                best = min(book.asks) if pending[0].buy else max(book.bids)
                assert pending[0].ticks == best
                checked += len(pending)
                pending = []
            book.apply(one)
    assert checked > 1_000


def test_sides_keep_their_depth_and_shape() -> None:
    world = small(rate=300.0)
    first = {one.index: len(world.book(one).bids) for one in world.instruments}
    for _ in world.advance(START + 10 * MINUTE):
        pass
    for one in world.instruments:
        state = world.book(one)
        for side in (state.bids, state.asks):
            assert first[one.index] * 0.5 < len(side) <= first[one.index] + 8
        mid = (state.bids[0][0] + state.asks[0][0]) / 2
        assert 0.012 < 1 - state.bids[-1][0] / mid < 0.12
        assert (state.asks[0][0] - state.bids[0][0]) / mid < 0.002


def test_totals_are_the_sums_of_what_happened() -> None:
    world = small(assets=6, rate=400.0, episodes=None)
    sums: Counter[tuple[int, str]] = Counter()
    interest = {one.index: world.open_interest(one) for one in world.instruments}
    for one in world.advance(START + 8 * MINUTE):
        row = one.instrument.index
        if isinstance(one, Trade):
            side = "buy" if one.buy else "sell"
            sums[row, "trades"] += 1
            sums[row, "fills"] += one.last - one.first + 1
            sums[row, f"{side}_steps"] += one.steps
            sums[row, f"{side}_quote"] += one.steps * one.ticks
        elif isinstance(one, BookChange):
            sums[row, "book_changes"] += 1
        elif isinstance(one, Liquidation):
            sums[row, f"liquidations_{one.side}"] += 1
            sums[row, f"liquidated_{one.side}_steps"] += one.steps
        elif isinstance(one, OpenInterestChanged):
            assert one.steps != interest[row]
            interest[row] = one.steps
    assert sum(count for (_, name), count in sums.items() if name.startswith("liquidations")) > 5
    names = (
        "trades", "fills", "buy_steps", "sell_steps", "buy_quote", "sell_quote", "book_changes", "liquidations_long",
        "liquidations_short", "liquidated_long_steps", "liquidated_short_steps",
    )  # fmt: skip
    for instrument in world.instruments:
        totals = world.totals(instrument)
        for name in names:
            assert getattr(totals, name) == sums[instrument.index, name]
        assert totals.open_interest_steps == world.open_interest(instrument)


def test_the_latest_trades_are_kept_and_no_more() -> None:
    world = small()
    told = [one for one in world.advance(START + 5 * MINUTE) if isinstance(one, Trade)]
    for instrument in world.instruments:
        own = [one for one in told if one.instrument is instrument]
        kept = world.recent_trades(instrument, 10**9)
        assert kept == own[-len(kept) :]
        assert world.recent_trades(instrument, 7) == own[-7:]
        middle = kept[len(kept) // 2]
        assert world.recent_trades(instrument, 3, from_id=middle.id)[0] == middle
        since = world.recent_trades(instrument, 5, start_ms=middle.ms)
        assert since == [one for one in kept if one.ms >= middle.ms][:5]
        assert all(one.ms <= middle.ms for one in world.recent_trades(instrument, 5, end_ms=middle.ms))
