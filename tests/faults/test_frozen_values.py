"""A venue whose frames go on with the values of earlier: told on its feed, and over when its values move again."""

from __future__ import annotations

import pytest

from tests.faults.rig import Rig

TOLD_S = 600.0
OVER_S = 180.0


@pytest.mark.parametrize(
    ("exchange", "product", "match", "kind"),
    [
        pytest.param("okx", "okx", "mark-price", "mark prices", marks=pytest.mark.long),
        ("binance", "binance-usdm", "markPrice", "mark prices"),
    ],
)
async def test_frozen_values_are_told_within_ten_minutes_and_until_they_move(
    exchange: str, product: str, match: str, kind: str
) -> None:
    other = "okx" if exchange != "okx" else "binance"
    async with Rig((exchange, other), assets=6, rate=60.0, places=3, scan_ms=2_000, step_ms=100) as rig:
        await rig.run(420.0)
        assert not [feed.detail for feed in rig.snapshot.feeds if "unchanged" in feed.detail]
        rig.inject(kind="frozen", exchange=exchange, match=match)
        words = f"{kind} unchanged for "

        def is_told() -> bool:
            return words in rig.feed(product).detail

        took = await rig.until(is_told, TOLD_S, "frozen values are told")
        feed = rig.feed(product)
        assert feed.state == "stale"
        assert feed.age_ms is not None
        assert feed.age_ms < 5_000, "frames come all the while"
        assert not [one.detail for one in rig.snapshot.feeds if one.venue != product and "unchanged" in one.detail]
        rig.sim.lift()
        await rig.until(lambda: not is_told() and rig.feed(product).state == "live", OVER_S, "all is well again")
        print(f"\n{exchange:8} {kind} stand still: told after {took:6.1f} s")
