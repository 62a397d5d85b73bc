"""Statistics of the demo recording that Binance serves by REST only: open interest, ratios and settled funding.

Called by `engine.simulator.demo_recording`.
"""

from __future__ import annotations

import numpy as np

from engine.simulator.demo_assets import Asset
from engine.simulator.demo_venues import compact

PERIODS = 96
SETTLEMENTS = 40
_QUARTER_MS = 900_000
_SETTLEMENT_MS = 28_800_000


def statistics_responses(
    symbol: str, ms: int, open_interest_usd: float, asset: Asset, rate: float, rng: np.random.Generator
) -> list[tuple[str, str]]:
    """(request, body) of Binance's answers for one symbol, ending at `ms`."""
    times = [ms - _QUARTER_MS * back for back in range(PERIODS - 1, -1, -1)]
    drift = {"spot_led": 0.0010, "perp_led": 0.0016, "squeeze": 0.0012, "cascade": -0.0010}.get(asset.episode, 0.0)
    interest = open_interest_usd * np.exp(np.cumsum((rng.normal(drift, 0.003, PERIODS))[::-1])[::-1] * -1)
    query = f"symbol={symbol}&period=15m&limit={PERIODS}"
    answers = [
        (
            f"GET /futures/data/openInterestHist?{query}",
            compact([
                {"symbol": symbol, "sumOpenInterest": f"{usd / asset.price:.4f}", "sumOpenInterestValue": f"{usd:.4f}",
                 "timestamp": t}
                for t, usd in zip(times, interest.tolist(), strict=True)
            ]),
        )
    ]  # fmt: skip
    crowd = {"perp_led": 2.6, "cascade": 3.4, "squeeze": 0.55}.get(asset.episode, 1.4)
    for path, centre in (
        ("globalLongShortAccountRatio", crowd),
        ("topLongShortAccountRatio", 0.5 + crowd / 2),
        ("topLongShortPositionRatio", 1.1),
    ):
        ratios = (centre * np.exp(np.cumsum(rng.normal(0, 0.01, PERIODS)))).tolist()
        rows = [
            {"symbol": symbol, "longShortRatio": f"{value:.4f}", "longAccount": f"{value / (1 + value):.4f}",
             "shortAccount": f"{1 / (1 + value):.4f}", "timestamp": t}
            for t, value in zip(times, ratios, strict=True)
        ]  # fmt: skip
        answers.append((f"GET /futures/data/{path}?{query}", compact(rows)))
    last = ms - ms % _SETTLEMENT_MS
    settled = (rate + rng.normal(0, 0.00006, SETTLEMENTS)).tolist()
    rows = [
        {"symbol": symbol, "fundingRate": f"{value:.8f}", "fundingTime": last - _SETTLEMENT_MS * (SETTLEMENTS - 1 - n)}
        for n, value in enumerate(settled)
    ]
    answers.append((f"GET /fapi/v1/fundingRate?symbol={symbol}&limit={SETTLEMENTS}", compact(rows)))
    return answers
