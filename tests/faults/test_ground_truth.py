"""Undisturbed: what the engine made of four venues is what happened there, to the last level and trade."""

from __future__ import annotations

from engine.market.liquidations import LINES
from engine.simulator.episodes import Episode, EpisodeKind
from tests.faults.rig import START_NS, Rig
from tests.faults.truth import check_books, check_candles, check_derivatives, check_liquidations, check_trades

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
        voices, row = rig.pipeline.scorer.voices, rig.pipeline.state.universe.row("binance-usdm", "BTCUSDT")
        assert voices is not None
        assert row is not None
        heard = {one.name: one for one in voices.compared(row)}
        assert {"price", "funding_per_hour", "open_interest", "volume_24h"} <= heard.keys()
        assert {voice.venue for voice in heard["price"].voices} == {
            "binance-usdm",
            "bybit-linear",
            "okx",
            "bitget-usdt",
        }
        assert not any(voice.marked for voice in heard["price"].voices)
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


async def test_no_liquidation_of_a_cascade_is_lost_or_told_twice() -> None:
    cascade = Episode("cascade_reversal", "BTC", START_NS // 1_000_000 + 90_000, 240_000, -1, 1.0)
    async with Rig(assets=3, rate=90.0, episodes=(cascade,), step_ms=100) as rig:
        await rig.run(240.0)
        await rig.hold()
        assert len(rig.pipeline.state.liquidations.lines()) < LINES, "more than are kept: nothing could be compared"
        assert check_liquidations(rig, "bybit-linear") >= 10
        # Bybit alone publishes all. What the others do is a part, and said to be one.
        sampled = {line.venue for line in rig.pipeline.state.liquidations.lines() if line.sampled}
        assert sampled == {"binance-usdm", "bitget-usdt", "okx"}


async def test_no_price_of_a_scripted_pump_squeeze_or_spike_is_taken_for_an_error() -> None:
    begins_ms = START_NS // 1_000_000 + 30_000
    kinds: tuple[tuple[EpisodeKind, str], ...] = (
        ("perp_led_pump", "BTC"), ("thin_book_spike", "ETH"), ("cascade_reversal", "SOL"),
    )  # fmt: skip
    episodes = tuple(Episode(kind, asset, begins_ms, 90_000, 1, 3.0) for kind, asset in kinds)
    async with Rig(("bybit", "okx"), assets=3, rate=60.0, episodes=episodes, step_ms=100) as rig:
        await rig.run(150.0)
        counted = rig.pipeline.state.counters()
        assert counted.events > 10_000
        assert counted.implausible == 0
