"""One component's reading of one row as a sentence, from the same inputs that it was scored from.

Called by the documents and the console. A part with unknown figures is left out; nothing is computed here beyond a
difference or a sign that the sentence needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Final

from engine.figures import usd_text
from engine.prism.board import Reading
from engine.prism.trade_flow import RAW_MINUTES


class Figures:
    """The raw value and the inputs of one component for one row."""

    def __init__(self, reading: Reading, row: int) -> None:
        self._reading = reading
        self._row = row
        self.raw = float(reading.raw[row])

    def __getitem__(self, name: str) -> float:
        """An input; NaN if the component has none of that name."""
        held = self._reading.inputs.get(name)
        return float("nan") if held is None else float(held[0][self._row])


def sentence(name: str, reading: Reading, row: int) -> str:
    """What component `name` read for `row`, in words and figures; empty if there is no reading."""
    return "; ".join(part for part in _SAID[name](Figures(reading, row)) if part)


def _part(text: str, *values: float) -> str:
    """`text` filled with `values` in order; empty if one of them is not known."""
    return text.format(*values) if all(isfinite(value) for value in values) else ""


def _share(frac: float, digits: int = 1) -> str:
    return f"{frac * 100:+.{digits}f} %" if isfinite(frac) else ""


def _trade_flow(f: Figures) -> list[str]:
    perp, spot = f["net_share_15m"], f["spot_net_share_15m"]
    if f["volume_15m"] == 0.0:
        return ["no trades in 15 m"]
    minutes = next((m for m in RAW_MINUTES if isfinite(f[f"buy_share_{m}m"])), RAW_MINUTES[0])
    bought = _part(f"takers bought {{:.0f}} % over {minutes} m", f[f"buy_share_{minutes}m"] * 100)
    if not (isfinite(perp) and isfinite(spot)):
        return [bought, _part("CVD {:+.1f} % of volume over 15 m", perp * 100)]
    leader, net = ("spot", spot) if abs(spot) >= abs(perp) else ("perp", perp)
    deed = "buying" if net > 0 else "selling" if net < 0 else "flow"
    return [f"{leader} {deed} leads: spot CVD {_share(spot)} of volume against perp {_share(perp)} over 15 m", bought]


def _market_making(f: Figures) -> list[str]:
    side = "bids" if f.raw > 0 else "asks"
    if f.raw == 0.0:
        return ["no net change at the top over 1 m", _part("microprice {:+.2f} bp from mid", f["microprice_drift_1m"])]
    return [
        _part(f"makers build {side}: {{:.1f}} % of all changes at the top over 1 m", abs(f.raw) * 100),
        _part("microprice {:+.2f} bp from mid", f["microprice_drift_1m"]),
    ]


def _toxicity(f: Figures) -> list[str]:
    side = "buying" if f["recent_imbalance"] > 0 else "selling"
    return [
        _part("VPIN {:.2f}, above {:.0f} % of its own history", f.raw, f["vpin_percentile"]),
        _part(f"newest buckets {{:.0f}} % net {side}", abs(f["recent_imbalance"]) * 100),
    ]


def _liquidity(f: Figures) -> list[str]:
    reach = _part("within {:.2g} % of mid", f["reach"] * 100)
    ratio = _part("{:.2f} times as much bid as offered ", f.raw)
    bid, ask = f["bid_depth"], f["ask_depth"]
    amounts = f"{usd_text(bid)} against {usd_text(ask)}" if isfinite(bid) and isfinite(ask) else ""
    return [ratio + reach if ratio else "", amounts]


def _impact(f: Figures) -> list[str]:
    reference = f["reference"]
    if not isfinite(reference):
        return []
    costs = f"{usd_text(reference)} costs {{:.2f}} bp to buy and {{:.2f}} bp to sell"
    return [_part(costs, f["buy_cost"], f["sell_cost"])]


def _value_area(f: Figures) -> list[str]:
    return [
        _part("price {:+.2f} value areas from the 24 h POC", f.raw),
        _part("POC {:.6g}, value {:.6g} to {:.6g}", f["POC 24h"], f["VAL 24h"], f["VAH 24h"]),
    ]


def _support_resistance(f: Figures) -> list[str]:
    side = "support" if f.raw >= 0 else "resistance"
    return [
        _part(f"{side} weighs more by {{:.2f}}", abs(f.raw)),
        _part("15m swing below at {:.6g}", f["swing below 15m"]),
        _part("above at {:.6g}", f["swing above 15m"]),
    ]


def _order_block(f: Figures) -> list[str]:
    side = "a bullish block below" if f.raw > 0 else "a bearish block above"
    if f.raw == 0:
        return ["no open block pulls either way"]
    return [
        _part(f"{side} pulls more by {{:.2f}}", abs(f.raw)),
        _part("15m block below from {:.6g}", f["bull block top 15m"]),
        _part("above from {:.6g}", f["bear block bottom 15m"]),
    ]


_QUADRANTS: Final = {
    (True, True): "new positions behind the rise",
    (True, False): "new positions behind the fall",
    (False, True): "shorts closing into the rise",
    (False, False): "longs closing into the fall",
}


def _position_heat(f: Figures) -> list[str]:
    interest, price = f["open interest, 1 h change"], f["price, 1 h change"]
    figures = _part("open interest {:+.1f} %, price {:+.1f} % in 1 h", interest * 100, price * 100)
    meaning = _QUADRANTS[interest > 0, price > 0] if interest and price else ""
    return [f"{figures}: {meaning}" if figures and meaning else figures]


def _funding(f: Figures) -> list[str]:
    payer = "longs" if f.raw > 0 else "shorts"
    every = _part("per {:g} h", f["interval"]) or "an interval"
    return [
        _part(f"{payer} pay {{:.4f}} % {every}", abs(f.raw) * 100) if f.raw else _part("funding {:.4f} %", f.raw),
        _part("{:+.1f} % a year", f["annualised"] * 100),
        _part("extreme from {:.4f} %", f["band"] * 100),
    ]


def _liquidations(f: Figures) -> list[str]:
    long, short = f["long_1h"], f["short_1h"]
    known = isfinite(long) and isfinite(short)
    return [
        f"{usd_text(long)} of longs and {usd_text(short)} of shorts liquidated in 1 h" if known else "",
        "the spike is spent" if f["spike_spent"] > 0.5 else "",
    ]


def _volume_sentiment(f: Figures) -> list[str]:
    impact = f["ln_impact_up_per_down"]
    easier = "up" if impact > 0 else "down"
    return [
        _part("net buying {:+.1f} % of 1 h of volume", f.raw * 100),
        f"a dollar moves price further {easier}" if isfinite(impact) and impact else "",
    ]


def _risk(f: Figures) -> list[str]:
    side = f["crowded_side"]
    crowd = "longs pay" if side > 0 else "shorts pay"
    times = f["max_leverage"]
    return [
        _part("open interest is {:.2f} of 24 h volume, more than {:.0f} % of the market", f.raw, f["leverage_rank"]),
        crowd if isfinite(side) and side else "",
        _part(
            "{:.0f}x leverage is allowed where a usual day moves {:.1f} %",
            times,
            f["usual_day_per_margin"] / times * 100,
        ),
    ]


def _mood(f: Figures) -> list[str]:
    return [
        _part("mood {:+.2f} of 1", f.raw),
        _part("price {:+.1f} % in 1 h", f["change_1h"] * 100),
        _part("{:.0f} % of the market rising", f["breadth_1h"] * 100),
    ]


_SAID: Final[Mapping[str, Callable[[Figures], list[str]]]] = {
    "rsi": lambda f: [_part("RSI {:.1f}", f.raw)],
    "ao": lambda f: [_part("awesome oscillator {:+.2f} ATR", f.raw)],
    "macd": lambda f: [_part("MACD histogram {:+.2f} ATR", f.raw)],
    "williams_r": lambda f: [_part("Williams %R {:.1f}", f.raw)],
    "cci": lambda f: [_part("CCI {:+.0f}", f.raw)],
    "atr": lambda f: [_part("ranges {:+.0f} % against their long mean", f.raw * 100)],
    "volume_delta": lambda f: [_part("taker delta {:+.1f} % of volume over 20 bars, weighed by trend", f.raw * 100)],
    "adl": lambda f: [_part("accumulation {:+.1f} % of volume over 20 bars", f.raw * 100)],
    "cmf": lambda f: [_part("money flow {:+.1f} % of volume over 20 bars", f.raw * 100)],
    "relative_volume": lambda f: [_part("volume {:.2f} times that of the 20 bars before", 2.0**f.raw)],
    "obv": lambda f: [_part("on-balance volume moved {:+.1f} deviations", f.raw)],
    "divergence": lambda f: [_part("CVD trends {:+.2f} deviations beside price", f.raw)],
    "trade_flow": _trade_flow,
    "market_making": _market_making,
    "toxicity": _toxicity,
    "imbalance": lambda f: [_part("book leans {:+.1f} % to the bid", f.raw * 100)],
    "liquidity": _liquidity,
    "impact": _impact,
    "order_block": _order_block,
    "value_area": _value_area,
    "vwap": lambda f: [_part("price {:+.2f} % from VWAP", f.raw)],
    "support_resistance": _support_resistance,
    "position_heat": _position_heat,
    "long_short_ratio": lambda f: [
        _part("{:.2f} accounts long per short", f.raw),
        _part("top traders' positions {:.2f}", f["top_positions"]),
    ],
    "funding": _funding,
    "funding_volatility": lambda f: [_part("settlements vary by {:.4f} %", f.raw * 100)],
    "liquidations": _liquidations,
    "volume_sentiment": _volume_sentiment,
    "mood": _mood,
    "risk": _risk,
}
