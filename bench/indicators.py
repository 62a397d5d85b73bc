"""Indicators of a whole universe at a bar's close: ours against a TA-Lib loop, measured in turns in one process.

    python -m bench.indicators [--rows 600] [--bars 500] [--rounds 15]

Every contender answers RSI, MACD, ATR, ADX, CCI, %R, AO, OBV, CMF and ADL of all rows on one timeframe. The
incremental update moves every row on by one bar; TA-Lib and the panel compute the series anew, which is what a
program without state has to do. The bank's line holds also the statistics that the two bar faces need. Answers are
compared before anything is timed.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import talib
from numpy.typing import NDArray

from engine.indicators import momentum, participation, running, volatility
from engine.indicators.running import Running
from engine.market.view import Bars
from engine.prism.bar_bank import FrameBank

Floats = NDArray[np.float64]
STEPS_A_ROUND = 20
INTERVAL_MS = 300_000


def _walk(rows: int, bars: int) -> dict[str, Floats]:
    rng = np.random.default_rng(1)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.004, (rows, bars)), axis=1))
    opened = np.concatenate((np.full((rows, 1), 100.0), close[:, :-1]), axis=1)
    volume = rng.lognormal(10, 1, (rows, bars))
    return {
        "open": opened,
        "high": np.maximum(opened, close) * (1 + np.abs(rng.normal(0, 0.002, close.shape))),
        "low": np.minimum(opened, close) * (1 - np.abs(rng.normal(0, 0.002, close.shape))),
        "close": close,
        "volume_usd": volume,
        "buy_usd": volume * rng.uniform(0.2, 0.8, close.shape),
    }


def _talib_loop(walk: dict[str, Floats], bars: int) -> list[float]:
    """The ten series of every row; the newest RSI and ADX, for the comparison."""
    newest = []
    for row in range(len(walk["close"])):
        high, low, close, volume = (walk[name][row, :bars] for name in ("high", "low", "close", "volume_usd"))
        rsi = talib.RSI(close, 14)
        talib.MACD(close, 12, 26, 9)
        talib.ATR(high, low, close, 14)
        adx = talib.ADX(high, low, close, 14)
        talib.CCI(high, low, close, 20)
        talib.WILLR(high, low, close, 14)
        middle = talib.MEDPRICE(high, low)
        talib.SMA(middle, 5) - talib.SMA(middle, 34)
        talib.OBV(close, volume)
        line = talib.AD(high, low, close, volume)
        talib.EMA(talib.SUM(np.diff(line, prepend=0.0), 20) / talib.SUM(volume, 20), 3)
        newest += [float(rsi[-1]), float(adx[-1])]
    return newest


def _panel(walk: dict[str, Floats], bars: int) -> tuple[Floats, ...]:
    high, low, close, volume = (walk[name][:, :bars] for name in ("high", "low", "close", "volume_usd"))
    return (
        momentum.rsi(close),
        volatility.adx(high, low, close),
        momentum.macd(close)[2],
        volatility.atr(high, low, close),
        momentum.cci(high, low, close),
        momentum.williams_r(high, low, close),
        momentum.awesome_oscillator(high, low),
        participation.obv(close, volume),
        participation.smoothed_money_flow(high, low, close, volume),
        participation.adl(high, low, close, volume),
    )


def _bars(walk: dict[str, Floats], bars: int, width: int) -> Bars:
    rows = len(walk["close"])
    part = slice(bars - width, bars)
    opens = INTERVAL_MS * np.arange(part.start, part.stop)
    return Bars(
        interval_ms=INTERVAL_MS,
        open_ms=np.broadcast_to(opens, (rows, width)),
        **{name: values[:, part] for name, values in walk.items()},
        trades=np.full((rows, width), -1),
        count=np.full(rows, width),
        revision=np.full(rows, bars),
    )


def _median_ms(rounds: list[float]) -> float:
    return statistics.median(rounds) * 1e3


def main() -> None:
    """Measure in turns and print medians and ratios."""
    parser = argparse.ArgumentParser(prog="python -m bench.indicators", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--bars", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=15)
    chosen = parser.parse_args()
    rows, bars, rounds = chosen.rows, chosen.bars, chosen.rounds
    walk = _walk(rows, bars + rounds * STEPS_A_ROUND)
    state, bank = Running(rows), FrameBank(INTERVAL_MS)
    state.seed(
        np.arange(rows),
        np.full(rows, bars - 1),
        *(walk[name][:, :bars] for name in ("high", "low", "close", "volume_usd")),
    )
    bank.advance(_bars(walk, bars, bars))
    _agree(state, _panel(walk, bars), _talib_loop(walk, bars))
    views = [_bars(walk, bars + i + 1, bars) for i in range(rounds * STEPS_A_ROUND)]
    times: dict[str, list[float]] = {"incremental": [], "bank": [], "panel": [], "talib": []}
    for number in range(rounds):
        mine = views[number * STEPS_A_ROUND : (number + 1) * STEPS_A_ROUND]
        times["incremental"].append(_timed(partial(_step_all, state, mine)) / STEPS_A_ROUND)
        times["bank"].append(_timed(partial(_advance_all, bank, mine)) / STEPS_A_ROUND)
        times["panel"].append(_timed(partial(_panel, walk, bars)))
        times["talib"].append(_timed(partial(_talib_loop, walk, bars)))
    end = bars + rounds * STEPS_A_ROUND
    _agree(state, _panel(walk, end), _talib_loop(walk, end))
    _report(times, rows, bars, rounds)


def _step_all(state: Running, views: list[Bars]) -> None:
    for view in views:
        state.step(None, view.high[:, -1], view.low[:, -1], view.close[:, -1], view.volume_usd[:, -1])


def _advance_all(bank: FrameBank, views: list[Bars]) -> None:
    for view in views:
        bank.advance(view)


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _agree(state: Running, panel: tuple[Floats, ...], oracle: list[float]) -> None:
    """Refuse to time contenders that do not answer the same."""
    np.testing.assert_allclose(panel[0][:, -1], oracle[0::2], rtol=0, atol=1e-9)
    np.testing.assert_allclose(panel[1][:, -1], oracle[1::2], rtol=0, atol=1e-9)
    columns = (
        running.RSI, running.ADX, running.MACD, running.ATR, running.CCI, running.WILLIAMS_R, running.AO,
        running.OBV, running.CMF, running.ADL,
    )  # fmt: skip
    for column, series in zip(columns, panel, strict=True):
        np.testing.assert_allclose(state.read(column), series[:, -1], rtol=1e-9, atol=1e-9)


def _report(times: dict[str, list[float]], rows: int, bars: int, rounds: int) -> None:
    medians = {name: _median_ms(rounds) for name, rounds in times.items()}
    print(f"{rows} rows x {bars} bars, ten indicators, one timeframe; medians of {rounds} interleaved rounds")
    print(f"Python {platform.python_version()}, numpy {np.__version__}, TA-Lib {talib.__version__}")
    names = {
        "incremental": "incremental update, newest bar of every row",
        "bank": "the same with the statistics of both bar faces",
        "panel": "panel functions, whole series",
        "talib": "TA-Lib loop over rows, whole series",
    }
    for name, text in names.items():
        print(f"  {text:<50} {medians[name]:9.3f} ms   {medians['talib'] / medians[name]:8.1f} x TA-Lib loop")


if __name__ == "__main__":
    main()
