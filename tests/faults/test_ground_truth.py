"""Undisturbed: what the engine made of four venues is what happened there, to the last level and trade."""

from __future__ import annotations

from tests.faults.rig import Rig
from tests.faults.truth import check_books, check_candles, check_derivatives, check_trades

PRODUCTS = ("binance-usdm", "binance-spot", "bybit-linear", "bybit-spot", "okx", "bitget-usdt")


async def test_the_engines_market_is_the_market() -> None:
    async with Rig() as rig:
        await rig.run(150.0)
        await rig.hold()
        for product in PRODUCTS:
            assert check_books(rig, product) >= 2, product
            assert check_trades(rig, product, 100) > 0, product
            assert check_candles(rig, product) >= 4, product
            if product not in ("binance-spot", "bybit-spot"):
                assert check_derivatives(rig, product) >= 8, product
        assert all(book.gaps == 0 for book in rig.pipeline.books._full.values())
        assert rig.pipeline.state.tape.duplicates == 0
        for product, tally in rig.pipeline.tallies.items():
            assert tally.verdicts[2:] == [0, 0], (product, tally.detail)


async def test_what_is_subscribed_is_what_is_wanted() -> None:
    async with Rig() as rig:
        await rig.run(30.0)
        for exchange, streams in rig.sim.streams.items():
            served = sum(len(topics) for topics in streams.subscriptions().values())
            wanted = sum(rig.feed(product).channels for product in rig.products(exchange))
            assert served == wanted, exchange
