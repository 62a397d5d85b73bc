"""Indicators of a whole universe at a bar's close: prism, TA-Lib, pandas and polars take turns in one process.

    python -m bench.indicators [--rows 600] [--bars 500] [--rounds 15]

Every contender computes RSI, MACD, ATR, ADX, CCI, %R, AO, OBV, CMF and ADL of all rows on one timeframe, in two parts.
The newest bar only, when a bar closes: the incremental update advances every row by one bar; the others keep no state
and must read the history again. Whole series: the panel functions and the others. The line of the bank includes the
statistics that the two bar faces need. Results are compared before timing, whole series bar by bar, to 1e-9 relative
and absolute. Exit code 3 if a peer could not be measured.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from inspect import unwrap
from types import SimpleNamespace

import numpy as np
import talib

from bench.indicator_peers import NAMES, Pandas, Peer, Polars
from engine.arrays import Floats
from engine.indicators import momentum, participation, running, volatility
from engine.indicators.running import Running
from engine.market.view import Bars
from engine.prism.bar_bank import FrameBank

STEPS_A_ROUND = 20
INTERVAL_MS = 300_000
TOLERANCE = 1e-9
"""Relative, and absolute for values near zero."""
INCOMPLETE = 3
INCREMENTAL, BANK, PANEL, TALIB = (
    "prism, incremental update",
    "prism, with the statistics of both bar faces",
    "prism, panel functions",
    "TA-Lib, loop over rows",
)
Times = dict[str, list[float]]
_CALLED = ("RSI", "MACD", "ATR", "ADX", "CCI", "WILLR", "MEDPRICE", "SMA", "OBV", "AD", "EMA", "SUM")
TA = SimpleNamespace(**{name: unwrap(getattr(talib, name)) for name in _CALLED})
"""TA-Lib's compiled functions. If pandas or polars is installed, TA-Lib exports wrappers that first check every
argument for their series, which would add half to the loop's time."""


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
    """Compute the ten series of every row; return the newest RSI and ADX, for the comparison."""
    newest = []
    for row in range(len(walk["close"])):
        high, low, close, volume = (walk[name][row, :bars] for name in ("high", "low", "close", "volume_usd"))
        rsi = TA.RSI(close, 14)
        TA.MACD(close, 12, 26, 9)
        TA.ATR(high, low, close, 14)
        adx = TA.ADX(high, low, close, 14)
        TA.CCI(high, low, close, 20)
        TA.WILLR(high, low, close, 14)
        middle = TA.MEDPRICE(high, low)
        TA.SMA(middle, 5) - TA.SMA(middle, 34)
        TA.OBV(close, volume)
        line = TA.AD(high, low, close, volume)
        TA.EMA(TA.SUM(np.diff(line, prepend=0.0), 20) / TA.SUM(volume, 20), 3)
        newest += [float(rsi[-1]), float(adx[-1])]
    return newest


def _panel(walk: dict[str, Floats], bars: int) -> tuple[Floats, ...]:
    """The ten series of all rows, in the order of `NAMES`."""
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


def main() -> int:
    """Measure in turns and print medians and ratios; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.indicators", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--bars", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=15)
    chosen = parser.parse_args()
    rows, bars, rounds = chosen.rows, chosen.bars, chosen.rounds
    peers, absent = find_peers()
    versions = [f"numpy {np.__version__}", f"TA-Lib {talib.__version__}"]
    versions += [f"{peer.name} {peer.version}" for peer in peers]
    print(f"{rows} rows x {bars} bars, ten indicators, one timeframe; medians of {rounds} interleaved rounds")
    print(f"Python {platform.python_version()}, {', '.join(versions)}")
    newest, whole = measure(peers, rows, bars, rounds)
    _report("newest bar of every row, when a bar closes", newest)
    _report("whole series", whole)
    for name, reason in absent.items():
        print(f"  {name}: not measured, it cannot be imported ({reason}); `make bench` installs the peers")
    return INCOMPLETE if absent else 0


def find_peers() -> tuple[list[Peer], dict[str, str]]:
    """The peers that can be imported, and by name the reasons for the others."""
    peers: list[Peer] = []
    absent = {}
    for peer in (Pandas, Polars):
        try:
            peers.append(peer())
        except ImportError as error:
            absent[peer.name] = str(error)
    return peers, absent


def measure(peers: list[Peer], rows: int, bars: int, rounds: int) -> tuple[Times, Times]:
    """Seconds by contender, one figure per round: for the newest bar only, and for whole series."""
    walk = _walk(rows, bars + rounds * STEPS_A_ROUND)
    state, bank = Running(rows), FrameBank(INTERVAL_MS)
    state.seed(np.arange(rows), np.full(rows, bars - 1), *_columns(walk, bars))
    bank.advance(_bars(walk, bars, bars))
    _all_agree(state, peers, walk, bars)
    views = [_bars(walk, bars + i + 1, bars) for i in range(rounds * STEPS_A_ROUND)]
    newest: Times = {name: [] for name in (INCREMENTAL, BANK, TALIB, *(peer.name for peer in peers))}
    whole: Times = {name: [] for name in (PANEL, TALIB, *(peer.name for peer in peers))}
    for number in range(rounds):
        mine = views[number * STEPS_A_ROUND : (number + 1) * STEPS_A_ROUND]
        newest[INCREMENTAL].append(_timed(partial(_step_all, state, mine)) / STEPS_A_ROUND)
        newest[BANK].append(_timed(partial(_advance_all, bank, mine)) / STEPS_A_ROUND)
        whole[PANEL].append(_timed(partial(_panel, walk, bars)))
        whole[TALIB].append(_timed(partial(_talib_loop, walk, bars)))
        for peer in peers:
            newest[peer.name].append(_timed(peer.newest))
            whole[peer.name].append(_timed(peer.series))
    newest[TALIB] = whole[TALIB]
    _all_agree(state, peers, walk, bars + rounds * STEPS_A_ROUND)
    return newest, whole


def _columns(walk: dict[str, Floats], bars: int) -> tuple[Floats, Floats, Floats, Floats]:
    high, low, close, volume = (walk[name][:, :bars] for name in ("high", "low", "close", "volume_usd"))
    return high, low, close, volume


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


def _all_agree(state: Running, peers: list[Peer], walk: dict[str, Floats], bars: int) -> None:
    """Load the first `bars` bars into the peers, and raise AssertionError if results differ."""
    panel = _panel(walk, bars)
    _agree(state, panel, _talib_loop(walk, bars))
    for peer in peers:
        peer.load(*_columns(walk, bars))
        peer_agrees(peer, panel)


def _agree(state: Running, panel: tuple[Floats, ...], oracle: list[float]) -> None:
    np.testing.assert_allclose(panel[0][:, -1], oracle[0::2], rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(panel[1][:, -1], oracle[1::2], rtol=0, atol=TOLERANCE)
    columns = (
        running.RSI, running.ADX, running.MACD, running.ATR, running.CCI, running.WILLIAMS_R, running.AO,
        running.OBV, running.CMF, running.ADL,
    )  # fmt: skip
    for column, series in zip(columns, panel, strict=True):
        np.testing.assert_allclose(state.read(column), series[:, -1], rtol=TOLERANCE, atol=TOLERANCE)


def peer_agrees(peer: Peer, panel: tuple[Floats, ...]) -> None:
    """Raise AssertionError if a peer's result differs from prism's or begins on another bar."""
    series, newest = peer.arrays(peer.series()), peer.arrays(peer.newest())
    for name, ours, whole, last in zip(NAMES, panel, series, newest, strict=True):
        what = f"{peer.name} {name}"
        np.testing.assert_allclose(whole, ours, rtol=TOLERANCE, atol=TOLERANCE, err_msg=what)
        np.testing.assert_allclose(last, ours[:, -1], rtol=TOLERANCE, atol=TOLERANCE, err_msg=what)


def _report(title: str, times: Times) -> None:
    """Print the medians of one part; the first contender is prism's."""
    medians = {name: _median_ms(taken) for name, taken in times.items()}
    ours = next(iter(medians.values()))
    print(f"\n{title}")
    for place, (name, taken) in enumerate(medians.items()):
        beside = f"   {taken / ours:8.1f} x prism's time" if place else ""
        print(f"  {name:<46}{taken:9.3f} ms{beside}")


if __name__ == "__main__":
    sys.exit(main())
