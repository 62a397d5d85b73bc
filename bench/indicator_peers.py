"""pandas and polars on the ten indicators of `bench.indicators`, each in the layout that suits it best.

Used by `bench.indicators` only. A peer builds its frames in `load`, outside the measured time, as a program that keeps
them would have them. `series` returns whole series, `newest` only the newest bar. `newest` reduces only the last bars
of a window, and uses plain sums instead of running totals; but recursive means need the whole series, because neither
library carries their state. Seeds are the same as in TA-Lib and prism, so all results agree to rounding. Results are in
the order of `NAMES`. The libraries are imported when a peer is created, so that an absent one does not affect the
others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Protocol

import numpy as np

from engine.arrays import Floats

NAMES: Final = ("RSI", "ADX", "MACD", "ATR", "CCI", "%R", "AO", "OBV", "CMF", "ADL")
PERIOD: Final = 14
WINDOW: Final = 20
LONGEST: Final = 34
"""Bars of the longest window, the slow mean of AO."""


class Peer(Protocol):
    """A library that keeps no state between bars."""

    name: str
    version: str

    def load(self, high: Floats, low: Floats, close: Floats, volume: Floats) -> None:
        """Load the market, each array `[rows, bars]`, without gaps."""

    def series(self) -> Any:
        """The ten as whole series, in the library's own form."""

    def newest(self) -> Any:
        """The ten at the newest bar, in the library's own form."""

    def arrays(self, answer: Any) -> list[Floats]:
        """A result of `series` as `[rows, bars]` each, of `newest` as `[rows]`; NaN while a window is not full."""


class Pandas:
    """Wide frames, one column per symbol: one call per step for all of them, twice as fast as `groupby` or more."""

    name = "pandas"

    def __init__(self) -> None:
        import pandas

        self._pandas, self.version = pandas, pandas.__version__

    def load(self, high: Floats, low: Floats, close: Floats, volume: Floats) -> None:
        # A frame stores column after column, which matches the rows of these arrays in memory.
        self._frames = [self._pandas.DataFrame(values.T) for values in (high, low, close, volume)]

    def series(self) -> list[Any]:
        high, low, close, volume = self._frames
        flow = _pandas_flow(high, low, close, volume)
        signed = np.sign(close.diff()) * volume
        signed.iloc[0] = volume.iloc[0]
        return [
            *_pandas_recursions(high, low, close),
            *_pandas_windows(high, low, close),
            signed.cumsum(),
            _pandas_cmf(flow, volume),
            flow.cumsum(),
        ]

    def newest(self) -> list[Any]:
        high, low, close, volume = self._frames
        flow = _pandas_flow(high, low, close, volume)
        signed = np.sign(close.diff()) * volume
        return [
            *(frame.iloc[-1] for frame in _pandas_recursions(high, low, close)),
            *_pandas_ends(*(frame.iloc[-LONGEST:] for frame in (high, low, close))),
            signed.sum() + volume.iloc[0],
            _pandas_cmf(flow, volume).iloc[-1],
            flow.sum(),
        ]

    def arrays(self, answer: Any) -> list[Floats]:
        return [one.to_numpy().T for one in answer]


def _pandas_mean(values: Any, alpha: float, first: int, period: int) -> Any:
    """Recursive mean of frames that begin at bar `first`, seeded with the mean of `period` values."""
    seed = first + period - 1
    seeded = values.copy()
    seeded.iloc[seed] = values.iloc[first : seed + 1].mean()
    seeded.iloc[:seed] = np.nan
    return seeded.ewm(alpha=alpha, adjust=False).mean()


def _pandas_recursions(high: Any, low: Any, close: Any) -> Iterable[Any]:
    """RSI, ADX, MACD's histogram and ATR."""
    wilder = 1 / PERIOD
    change, before = close.diff(), close.shift(1)
    gain = _pandas_mean(change.clip(lower=0), wilder, 1, PERIOD)
    loss = _pandas_mean(-change.clip(upper=0), wilder, 1, PERIOD)
    up, down = high.diff(), -low.diff()
    # Wilder's sum starts with one value fewer than its period: the missing one, on the first bar, counts as 0.
    plus, minus = up.where((up > down) & (up > 0), 0.0), down.where((down > up) & (down > 0), 0.0)
    plus, minus = (_pandas_mean(moved, wilder, 0, PERIOD) for moved in (plus, minus))
    index = ((plus - minus).abs() * 100 / (plus + minus)).iloc[PERIOD:]
    ranges = np.maximum(high, before) - np.minimum(low, before)
    line = _pandas_mean(close, 2 / 13, 14, 12) - _pandas_mean(close, 2 / 27, 0, 26)
    return (
        100 * gain / (gain + loss),
        _pandas_mean(index, wilder, 0, PERIOD).reindex(close.index),
        line - _pandas_mean(line, 2 / 10, 25, 9),
        _pandas_mean(ranges, wilder, 1, PERIOD),
    )


def _pandas_windows(high: Any, low: Any, close: Any) -> Iterable[Any]:
    """CCI, %R and AO."""
    price = (high + low + close) / 3
    mean = price.rolling(WINDOW).mean()
    # Adding up shifted frames is far faster than `rolling.apply`, which calls Python for every window.
    deviation = (price - mean).abs()
    for back in range(1, WINDOW):
        deviation += (price.shift(back) - mean).abs()
    highest, lowest = high.rolling(PERIOD).max(), low.rolling(PERIOD).min()
    middle = (high + low) / 2
    return (
        (price - mean) / (0.015 / WINDOW * deviation),
        -100 * (highest - close) / (highest - lowest),
        middle.rolling(5).mean() - middle.rolling(LONGEST).mean(),
    )


def _pandas_ends(high: Any, low: Any, close: Any) -> Iterable[Any]:
    """CCI, %R and AO of the last bar."""
    price = (high + low + close).iloc[-WINDOW:] / 3
    mean = price.mean()
    highest, lowest = high.iloc[-PERIOD:].max(), low.iloc[-PERIOD:].min()
    middle = (high + low) / 2
    return (
        (price.iloc[-1] - mean) / (0.015 * (price - mean).abs().mean()),
        -100 * (highest - close.iloc[-1]) / (highest - lowest),
        middle.iloc[-5:].mean() - middle.mean(),
    )


def _pandas_flow(high: Any, low: Any, close: Any, volume: Any) -> Any:
    return (2 * close - high - low) / (high - low) * volume


def _pandas_cmf(flow: Any, volume: Any) -> Any:
    share = flow.rolling(WINDOW).sum() / volume.rolling(WINDOW).sum()
    return _pandas_mean(share, 0.5, WINDOW - 1, 3)


class Polars:
    """One long lazy frame, sorted by symbol. Recursions run by symbol, with the strategy for sorted frames.

    Windows and shifts run over the whole column and are set to null on a symbol's first bars, where they would include
    the previous symbol. All ten took 0.6 of the time that they take as window expressions.
    """

    name = "polars"

    def __init__(self) -> None:
        import polars

        self._polars, self.version = polars, polars.__version__

    def load(self, high: Floats, low: Floats, close: Floats, volume: Floats) -> None:
        self._rows, self._bars = close.shape
        columns = {"high": high, "low": low, "close": close, "volume": volume}
        self._frame = self._polars.DataFrame(
            {
                "symbol": np.repeat(np.arange(self._rows, dtype=np.int32), self._bars),
                "bar": np.tile(np.arange(self._bars, dtype=np.int32), self._rows),
                **{name: np.ascontiguousarray(values).reshape(-1) for name, values in columns.items()},
            }
        ).with_columns(self._polars.col("symbol").set_sorted())

    def series(self) -> Any:
        column = self._polars.col
        steps = self._windows(self._recursions(self._frame.lazy()))
        totals = {"OBV": column("signed").cum_sum(), "ADL": column("flow").cum_sum()}
        return steps.with_columns(**{name: _of_symbol(total) for name, total in totals.items()}).select(NAMES).collect()

    def newest(self) -> Any:
        column, polars = self._polars.col, self._polars
        last = column("bar") == self._bars - 1
        steps = self._recursions(self._frame.lazy())
        totals = steps.group_by("symbol", maintain_order=True).agg(OBV=column("signed").sum(), ADL=column("flow").sum())
        means = steps.filter(last).select("RSI", "ADX", "MACD", "ATR", "CMF")
        tail = self._frame.lazy().filter(column("bar") >= self._bars - LONGEST)
        return polars.concat([means, self._ends(tail), totals], how="horizontal").select(NAMES).collect()

    def arrays(self, answer: Any) -> list[Floats]:
        columns = [answer[name].to_numpy() for name in NAMES]
        if answer.height == self._rows:
            return columns
        return [column.reshape(self._rows, self._bars) for column in columns]

    def _mean(self, values: Any, alpha: float, first: int, period: int) -> Any:
        """Recursive mean of values that begin at bar `first`, seeded with the mean of `period` values."""
        seed, bar = first + period - 1, self._polars.col("bar")
        seeded = self._polars.when(bar > seed).then(values).when(bar == seed).then(values.rolling_mean(period))
        return _of_symbol(seeded.ewm_mean(alpha=alpha, adjust=False))

    def _recursions(self, frame: Any) -> Any:
        """RSI, ADX, MACD's histogram, ATR and CMF, with `signed` volume and money `flow`."""
        column, when, mean, wilder = self._polars.col, self._polars.when, self._mean, 1 / PERIOD
        high, low, close, volume = map(column, ("high", "low", "close", "volume"))
        up, down, change, before, flow = map(column, ("up", "down", "change", "before", "flow"))
        plus, minus, line, gain, loss = map(column, ("plus", "minus", "line", "gain", "loss"))
        follows = column("bar") > 0
        moved = frame.with_columns(
            before=close.shift(1),
            change=close.diff(),
            up=high.diff(),
            down=-low.diff(),
            flow=(2 * close - high - low) / (high - low) * volume,
            line=mean(close, 2 / 13, 14, 12) - mean(close, 2 / 27, 0, 26),
        )
        # Wilder's sum starts with one value fewer than its period: the missing one, on the first bar, counts as 0.
        smoothed = moved.with_columns(
            plus=mean(when(follows & (up > down) & (up > 0)).then(up).otherwise(0.0), wilder, 0, PERIOD),
            minus=mean(when(follows & (down > up) & (down > 0)).then(down).otherwise(0.0), wilder, 0, PERIOD),
            gain=mean(change.clip(lower_bound=0), wilder, 1, PERIOD),
            loss=mean(-change.clip(upper_bound=0), wilder, 1, PERIOD),
            range=self._polars.max_horizontal(high, before) - self._polars.min_horizontal(low, before),
            signed=when(follows).then(change.sign() * volume).otherwise(volume),
            share=flow.rolling_sum(WINDOW) / volume.rolling_sum(WINDOW),
            MACD=line - mean(line, 2 / 10, 25, 9),
        ).with_columns(index=(plus - minus).abs() * 100 / (plus + minus))
        return smoothed.with_columns(
            RSI=100 * gain / (gain + loss),
            ADX=mean(column("index"), wilder, PERIOD, PERIOD),
            ATR=mean(column("range"), wilder, 1, PERIOD),
            CMF=mean(column("share"), 0.5, WINDOW - 1, 3),
        )

    def _windows(self, frame: Any) -> Any:
        """CCI, %R and AO."""
        column = self._polars.col
        high, low, close, price, mean = map(column, ("high", "low", "close", "price", "mean"))
        middle = (high + low) / 2
        highest, lowest = high.rolling_max(PERIOD), low.rolling_min(PERIOD)
        distances = ((price.shift(back) - mean).abs() for back in range(1, WINDOW))
        deviation = sum(distances, start=(price - mean).abs())
        answers = {
            "CCI": ((price - mean) / (0.015 / WINDOW * deviation), WINDOW),
            "%R": (-100 * (highest - close) / (highest - lowest), PERIOD),
            "AO": (middle.rolling_mean(5) - middle.rolling_mean(LONGEST), LONGEST),
        }
        return (
            frame.with_columns(price=(high + low + close) / 3)
            .with_columns(mean=price.rolling_mean(WINDOW))
            .with_columns(
                self._polars.when(column("bar") >= window - 1).then(answer).alias(name)
                for name, (answer, window) in answers.items()
            )
        )

    def _ends(self, tail: Any) -> Any:
        """CCI, %R and AO of the last bar."""
        high, low, close = map(self._polars.col, ("high", "low", "close"))
        price, middle = ((high + low + close) / 3).tail(WINDOW), (high + low) / 2
        highest, lowest = high.tail(PERIOD).max(), low.tail(PERIOD).min()
        answers = tail.group_by("symbol", maintain_order=True).agg(
            ((price.last() - price.mean()) / (0.015 * (price - price.mean()).abs().mean())).alias("CCI"),
            (-100 * (highest - close.last()) / (highest - lowest)).alias("%R"),
            (middle.tail(5).mean() - middle.mean()).alias("AO"),
        )
        return answers.select("CCI", "%R", "AO")


def _of_symbol(values: Any) -> Any:
    return values.over("symbol", mapping_strategy="explode")
