"""What position heat and the crowd's components are, one row at a time, in plain Python and by their definitions.

Slow on purpose and without numpy: nothing here shares code with what it is held against. None means not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import exp, isfinite, isnan, log, log2, sqrt, tanh
from typing import Any

from engine.market.view import Bars, MarketView

Maybe = float | None
MINUTE_MS = 60_000


def known(value: float) -> Maybe:
    return float(value) if isfinite(value) else None


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def weighted(parts: Iterable[tuple[float, Maybe]]) -> Maybe:
    """Weighted mean of what is known; None where nothing is."""
    held = [(weight, value) for weight, value in parts if value is not None]
    return sum(w * v for w, v in held) / sum(w for w, _ in held) if held else None


# Position heat


def unbroken(interest_usd: Sequence[float], close: Sequence[float]) -> list[tuple[float, float]]:
    """(open interest in base units, price) of the slots back to the first hole, oldest first."""
    found: list[tuple[float, float]] = []
    for usd, price in zip(reversed(interest_usd), reversed(close), strict=True):
        if isnan(usd) or isnan(price) or usd <= 0 or price <= 0:
            break
        found.append((usd / price, price))
    return found[::-1]


def z_of_newest(values: Sequence[float]) -> float:
    spread = sqrt(mean([value * value for value in values]))
    return values[-1] / spread if spread > 0 else 0.0


def concentration(slots: Sequence[tuple[float, float]]) -> Maybe:
    """Estimated liquidations of shorts above less those of longs below, over both; None where none is near."""
    longs = shorts = 0.0
    now = log(slots[-1][1])
    for place in range(1, len(slots)):
        opened = slots[place][0] - slots[place - 1][0]
        if opened <= 0:
            continue
        since = [log(price) for _, price in slots[place:]]
        for leverage in (10, 25, 50):
            below, above = since[0] - 1 / leverage, since[0] + 1 / leverage
            if min(since) > below:
                longs += opened * exp(-abs(now - below) / 0.02)
            if max(since) < above:
                shorts += opened * exp(-abs(above - now) / 0.02)
    return (shorts - longs) / (shorts + longs) if shorts + longs > 0 else None


def heat(interest_usd: Sequence[float], close: Sequence[float]) -> Maybe:
    slots = unbroken(interest_usd, close)
    if len(slots) < 24:
        return None
    hour = [(slots[i][0] / slots[i - 4][0], slots[i][1] / slots[i - 4][1]) for i in range(4, len(slots))]
    z = z_of_newest([log(base) for base, _ in hour])
    p = z_of_newest([log(price) for _, price in hour])
    quadrant = tanh(abs(z) / 2) * (1.0 if z >= 0 else 0.4) * tanh(p)
    near = concentration(slots)
    return 50 + 50 * (quadrant if near is None else 0.7 * quadrant + 0.3 * near)


# Funding


def per_hour(history: Sequence[float], times_ms: Sequence[int], stated: Maybe) -> tuple[list[float], Maybe]:
    """Settled rates for an hour each, oldest first, and the hours of the present interval.

    A rate was paid since the settlement before it, at most 8 hours; else until the next one; else for the interval that
    is stated, without which it is the newest rate's.
    """
    held = [(ms, rate) for ms, rate in zip(times_ms, history, strict=True) if isfinite(rate) and ms >= 0]
    gaps = [round((b - a) / MINUTE_MS) / 60 for (a, _), (b, _) in pairwise(held)]
    lengths: list[Maybe] = []
    for place in range(len(held)):
        around = [gaps[at] for at in (place - 1, place) if 0 <= at < len(gaps)]
        lengths.append(next((gap for gap in around if 0 < gap <= 8), None))
    present = stated or (lengths[-1] if lengths else None)
    found = [(rate, length or present) for (_, rate), length in zip(held, lengths, strict=True)]
    return [rate / hours for rate, hours in found if hours], present


def funding_volatility(history: Sequence[float], times_ms: Sequence[int], stated: Maybe) -> Maybe:
    rates, present = per_hour(history, times_ms, stated)
    if len(rates) < 3 or present is None:
        return None
    last = rates[-8:]
    deviation = sqrt(mean([(rate - mean(last)) ** 2 for rate in last]))
    usual = mean([abs(rate) for rate in rates]) + 1e-5 / 8
    newest = rates[-1]
    side = (newest > 0) - (newest < 0)
    acceleration = (rates[-1] - rates[-2]) - (rates[-2] - rates[-3])
    return 50 - 50 * tanh(max(0.0, deviation / usual / 2 + acceleration / usual * side / 4)) * side


def funding(view: MarketView, row: int) -> Maybe:
    """The running rate weighs 0.7 and the settled one 0.3, each against the 95th percentile of what was settled. The
    settled one counts for one and a half intervals."""
    facts = view.derivatives
    rate = known(float(facts.funding_frac[row]))
    age = view.at_ms - int(facts.funding_ms[row])
    stated = known(float(facts.funding_interval_h[row])) or view.instruments[row].funding_interval_h
    rates, present = per_hour(facts.funding_history[row].tolist(), facts.funding_history_ms[row].tolist(), stated)
    if rate is None or present is None or facts.funding_ms[row] < 0 or age > 2 * MINUTE_MS:
        return None
    band = 5e-4 / 8
    if len(rates) >= 20:
        sizes = sorted(abs(one) for one in rates)
        band = next(size for size in sizes if sum(other <= size for other in sizes) >= 0.95 * len(sizes) - 1e-9)
        band = max(band, 1e-5 / 8)

    def against(one: float) -> float:
        q = abs(one) / band
        points = 24 * q * (1 - q) if q <= 1 else -50 * tanh(q - 1)
        return 50 + points * ((one > 0) - (one < 0))

    since_h = (view.at_ms - int(facts.funding_history_ms[row, -1])) / MINUTE_MS / 60
    settled = against(rates[-1]) if rates and since_h <= 1.5 * present else None
    return weighted([(0.7, against(rate / present)), (0.3, settled)])


# Liquidations


def liquidations(
    longs: Sequence[float], shorts: Sequence[float], seen_min: float, volume_24h: float, second: float
) -> Maybe:
    """`longs`, `shorts`: 60 minutes, of the last of which `second` have passed. None before 5 minutes of the feed."""
    if seen_min < 5:
        return None
    total = [long + short for long, short in zip(longs, shorts, strict=True)]
    net = [short - long for long, short in zip(longs, shorts, strict=True)]
    hour = sum(total)
    if hour == 0:
        return 50.0

    def last(values: Sequence[float], minutes: int) -> float:
        """Of the minutes up to now: whole ones, the running one, and the end of the one in which they begin."""
        return sum(values[-minutes:]) + values[-minutes - 1] * (60 - second) / 60

    minutes = min(seen_min, 60.0)
    usual = hour / minutes
    pressure = 0.6 * tanh(last(net, 5) / (usual * 5) / 3) + 0.4 * sum(net) / hour
    # (velocity, net, minutes ago) of every three whole minutes, and of the last three up to now.
    speeds = [(sum(total[i : i + 3]), sum(net[i : i + 3]), 56 - i + second / 60) for i in range(57)]
    now = (last(total, 3), last(net, 3), 0.0)
    peak, peak_net, ago = max([*speeds, now], key=lambda speed: (speed[0], -speed[2]))
    spike = min(1.0, max(0.0, (peak / (usual * 3) - 3) / 3))
    turned = spike * (1 - now[0] / peak)
    reversal = -0.6 * peak_net / peak * exp(-log(2) * ago / 15)
    weight = 1.0
    if isfinite(volume_24h) and volume_24h > 0:
        share = hour / minutes * 60 / (volume_24h / 24)
        weight = share / (share + 0.001)
    return 50 + 50 * weight * ((1 - turned) * pressure + turned * reversal)


# Bars


def rows_of(bars: Bars, row: int, most: int) -> list[dict[str, float]]:
    """The newest bars of a row, oldest first, at most `most`."""
    count = min(int(bars.count[row]), most)
    names = ("open_ms", "open", "close", "volume_usd", "buy_usd")
    return [{name: float(getattr(bars, name)[row, -k]) for name in names} for k in range(count, 0, -1)]


def late(bars: Bars, row: int, at_ms: int) -> bool:
    if bars.count[row] == 0:
        return False
    closed = int(bars.open_ms[row, -1]) + bars.interval_ms
    return at_ms > closed + bars.interval_ms + 2 * MINUTE_MS


# Volume sentiment


def volume_sentiment(view: MarketView, row: int) -> Maybe:
    tape = view.tape
    seconds = tape.buy_usd.shape[1]
    venue = view.instruments[row].venue
    newest = max(int(tape.newest_ms[i]) for i, one in enumerate(view.instruments) if one.venue == venue)
    on_tape = bool(
        tape.since_ms[row] >= 0
        and view.at_ms - tape.since_ms[row] >= 800 * seconds
        and view.at_ms - newest <= 2 * MINUTE_MS
    )
    bought = sold = None
    impact: Maybe = None
    for name, n in (("5m", 12), ("1m", 60)):
        held = rows_of(view.bars[name], row, n)
        if len(held) < n or late(view.bars[name], row, view.at_ms) or any(isnan(bar["buy_usd"]) for bar in held):
            continue
        bought = sum(bar["buy_usd"] for bar in held)
        sold = sum(bar["volume_usd"] - bar["buy_usd"] for bar in held)
        moves = [log(bar["close"] / bar["open"]) for bar in held]
        up, down = sum(m for m in moves if m > 0), -sum(m for m in moves if m < 0)
        if bought > 0 and sold > 0 and (up > 0 or down > 0):
            # Where only one side moved, the ratio is past any bound.
            impact = 3.0 if down == 0 else -3.0 if up == 0 else log((up / bought) / (down / sold))
            impact = min(3.0, max(-3.0, impact))
        break
    if bought is None and on_tape:
        bought, sold = sum(tape.buy_usd[row].tolist()), sum(tape.sell_usd[row].tolist())
    if bought is None or sold is None:
        return None
    volume = 50 + 50 * tanh(4 * (bought - sold) / (bought + sold)) if bought + sold > 0 else 50.0
    counts: Maybe = None
    trades, buys = sum(tape.trades[row].tolist()), sum(tape.buys[row].tolist())
    if on_tape and trades >= 30:
        counts = 50 + 50 * tanh(4 * (buys - (trades - buys)) / trades)
    return weighted([(0.4, volume), (0.4, counts), (0.2, None if impact is None else 50 + 50 * tanh(impact))])


# Mood


def pulse(view: MarketView, row: int) -> dict[str, Maybe]:
    """Volatility, momentum, volume and trend of one row, -1..1."""
    bars = view.bars["15m"]
    held = [] if late(bars, row, view.at_ms) else rows_of(bars, row, 97)
    hour, day = (known(float(x[row])) for x in (view.derivatives.change_1h_frac, view.derivatives.change_24h_frac))
    found: dict[str, Maybe] = dict.fromkeys(("volatility", "momentum", "volume", "trend"))
    if bars.count[row] < 33 or not held:
        return found
    closes = [bar["close"] for bar in held]
    steps = [log(b / a) for a, b in pairwise(closes)]
    sigma = sqrt(mean([step * step for step in steps]))
    side = None if hour is None else (hour > 0) - (hour < 0)
    volumes = [bar["volume_usd"] for bar in held[-96:]]
    found["trend"] = tanh(2 * log(closes[-1] / mean(closes)) / (sigma * sqrt(96)))
    found["momentum"] = weighted(
        [
            (0.5, None if hour is None else tanh(log(1 + hour) / (2 * sigma))),
            (0.5, None if day is None else tanh(log(1 + day) / (sigma * sqrt(96)))),
        ]
    )
    if side is not None:
        found["volatility"] = tanh(log2(sqrt(mean([step * step for step in steps[-16:]])) / sigma)) * side
        if not any(isnan(volume) for volume in volumes):
            found["volume"] = tanh(log2(mean(volumes[-4:]) / mean(volumes))) * side
    return found


def usual_day(view: MarketView, row: int) -> Maybe:
    """The root mean square of 15m log returns over 24 h, times the root of how many a day has."""
    bars = view.bars["15m"]
    if late(bars, row, view.at_ms) or bars.count[row] < 33:
        return None
    closes = [bar["close"] for bar in rows_of(bars, row, 97)]
    return sqrt(mean([log(b / a) ** 2 for a, b in pairwise(closes)])) * sqrt(96)


def mood(view: MarketView) -> list[Maybe]:
    """Of every row."""
    own = [pulse(view, row) for row in range(view.rows)]
    facts, listed = view.derivatives, view.instruments
    heads = []
    for asset in ("BTC", "ETH"):
        rows = [i for i, one in enumerate(listed) if one.asset == asset and one.is_rankable]
        if rows:
            volume = {i: known(float(facts.volume_24h_usd[i])) for i in rows}
            heads.append(min(rows, key=lambda i: (-(volume[i] or -1.0), listed[i].venue, listed[i].symbol)))
    changes = [known(float(facts.change_1h_frac[i])) for i in range(view.rows) if view.rankable[i]]
    moved = [change for change in changes if change is not None]
    scores: list[Maybe] = []
    for row in range(view.rows):
        parts: list[tuple[float, Maybe]] = []
        for name, weight in (("volatility", 0.3), ("momentum", 0.3), ("volume", 0.2), ("trend", 0.2)):
            voices = [own[head][name] for head in heads]
            if name == "momentum" and len(moved) >= 10:
                voices.append(tanh(4 * (sum(change > 0 for change in moved) / len(moved) - 0.5)))
            heard = [voice for voice in voices if voice is not None]
            parts.append((weight, weighted([(0.5, mean(heard) if heard else None), (0.5, own[row][name])])))
        mixed = weighted(parts)
        alone = all(value is None for value in own[row].values())
        scores.append(None if alone or mixed is None else 50 + 50 * mixed)
    return scores


# Risk


def is_book_current(view: MarketView, row: int) -> bool:
    """Whether there is a book that changed within two minutes, and within 15 s before its newest trade, of a venue
    that sent a book, a trade or a quote within 15 s."""
    venue, changed = view.instruments[row].venue, int(view.books.updated_ms[row])
    heard = max(
        int(times[other])
        for other in range(view.rows)
        if view.instruments[other].venue == venue
        for times in (view.books.updated_ms, view.tape.newest_ms, view.derivatives.quote_ms)
    )
    follows_trades = int(view.tape.in_book_ms[row]) - changed <= 15_000
    return changed >= 0 and view.at_ms - changed <= 120_000 and follows_trades and view.at_ms - heard <= 15_000


def near_depth(view: MarketView, row: int) -> Maybe:
    """Notional of both sides within 0.5 % of mid; None where either side is not known so far, or the book is old."""
    if not is_book_current(view, row):
        return None
    books = view.books
    sides = [
        [(p, s) for p, s in zip(prices[row].tolist(), sizes[row].tolist(), strict=True) if isfinite(p)]
        for prices, sizes in ((books.bid, books.bid_size), (books.ask, books.ask_size))
    ]
    mid = (sides[0][0][0] + sides[1][0][0]) / 2
    if any(abs(side[-1][0] - mid) / mid < 0.005 for side in sides):
        return None
    return float(sum(p * s for side in sides for p, s in side if abs(p - mid) / mid <= 0.005))


def place_among(value: Maybe, others: Sequence[Maybe]) -> Maybe:
    """Share of the others that are smaller, and half of those that are equal."""
    held = [other for other in others if other is not None]
    if value is None or not held:
        return None
    return mean([1.0 if other < value else 0.5 if other == value else 0.0 for other in held])


def risk(view: MarketView) -> list[Maybe]:
    """Of every row."""
    facts = view.derivatives
    ratios: list[Mapping[str, Any]] = []
    for row, one in enumerate(view.instruments):
        interest = known(float(facts.open_interest_usd[row]))
        age = view.at_ms - int(facts.open_interest_ms[row])
        usable = one.quote_is_usd and bool(interest) and facts.open_interest_ms[row] >= 0 and age <= 15 * MINUTE_MS
        day, near = known(float(facts.volume_24h_usd[row])), near_depth(view, row)
        move = usual_day(view, row)
        ratios.append(
            {
                "usable": usable,
                "ranked": usable and bool(view.rankable[row]),
                "volume": interest / day if interest and day else None,
                "depth": interest / near if interest and near else None,
                "tier": one.max_leverage * move if one.max_leverage and move else None,
            }
        )
    scores: list[Maybe] = []
    for row, one in enumerate(view.instruments):
        if not ratios[row]["usable"]:
            scores.append(None)
            continue
        ranks = [
            place_among(ratios[row][name], [other[name] for other in ratios if other["ranked"]])
            for name in ("volume", "depth", "tier")
        ]
        p, tier = weighted([(0.5, rank) for rank in ranks[:2]]), ranks[2]
        rate, hours = known(float(facts.funding_frac[row])), known(float(facts.funding_interval_h[row]))
        hours = hours or one.funding_interval_h
        leverage: Maybe = None
        margin: Maybe = None
        if rate is not None and hours and view.at_ms - int(facts.funding_ms[row]) <= 2 * MINUTE_MS:
            side = tanh(rate / hours / (1e-4 / 8))
            leverage = None if p is None else 50 - 50 * max(0.0, 2 * p - 1) * side
            margin = None if tier is None else 50 - 50 * max(0.0, 2 * tier - 1) * side
        slots = unbroken(facts.oi_history_usd[row].tolist(), facts.oi_history_close[row].tolist())
        near = concentration(slots) if len(slots) >= 24 else None
        scores.append(weighted([(0.4, leverage), (0.3, margin), (0.3, None if near is None else 50 + 25 * near)]))
    return scores
