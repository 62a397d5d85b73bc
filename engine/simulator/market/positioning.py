"""The crowd's positioning: skew, funding, open interest and ratios, live and before the world began.

Skew (positive if the crowd is long) drives the premium of a perpetual, which makes its funding, which in turn wears the
skew down. Points are kept every five minutes for two days and every hour for a month. Values before the world's start
are keyed noise that joins the live values at the start.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.arrays import Floats
from engine.simulator.market.chance import Chance, Keys, gauss, key_of, keys_of
from engine.simulator.sim_instrument import SimInstrument

POINT_MS: Final = 300_000
HOUR_MS: Final = 3_600_000
INTEREST_E8: Final = 10_000
"""0.01 % per eight hours: the interest part of funding on all four venues."""
BAND_E8: Final = 50_000
"""Funding is premium + clamp(interest - premium, +- this), as Binance and Bybit document it."""
CAP_E8: Final = 2_000_000
_KNOTS: Final = ((172_800_000, 0.8), (21_600_000, 0.45), (3_600_000, 0.1), (POINT_MS, 0.03))
"""Periods (ms) and amplitudes of the noise before the start."""


def wave(key: int | Keys, times: NDArray[np.int64]) -> Floats:
    """Smooth noise of amplitude about 1 at `times`; one key for all of them, or one each."""
    total = np.zeros(np.broadcast(key, times).shape if not isinstance(key, int) else times.shape)
    for number, (period, size) in enumerate(_KNOTS):
        at, rest = np.divmod(times, period)
        along = rest / period
        before, after = _knot(key, at, number), _knot(key, at + 1, number)
        total += size * (before + (after - before) * along)
    return total


def _knot(key: int | Keys, at: NDArray[np.int64], salt: int) -> Floats:
    return gauss(keys_of(key, at), salt + 11)


class Positioning:
    """Skew and funding of all instruments; spot legs have a premium of 0, their other values mean nothing."""

    def __init__(
        self, instruments: tuple[SimInstrument, ...], sigma: Floats, seed: int, start_ms: int, chance: Chance
    ) -> None:
        self._instruments = instruments
        self._start_ms = start_ms
        self.perp = np.array([one.kind == "perp" for one in instruments])
        self._scale = 0.0005 * np.clip(sigma / 0.04, 0.4, 3.0) * self.perp
        self._hours = np.array([max(1, one.funding_interval_h) for one in instruments])
        self._keys = {
            name: np.array([key_of(seed, one.venue, one.symbol, name) for one in instruments], dtype=np.uint64)
            for name in ("skew", "top", "interest")
        }
        now = np.full(len(instruments), start_ms, dtype=np.int64)
        self.skew = 0.25 + 0.5 * wave(self._keys["skew"], now)
        self.top = wave(self._keys["top"], now)
        self._interest_then = wave(self._keys["interest"], now)
        self._home = self.skew.copy()
        self.script_skew = np.zeros(len(instruments))
        """Added by the stage to the level that skew reverts to."""
        self._rows = chance.normals(2 * len(instruments), 2)
        self._premium_sum = self._scale * self.skew * 600.0
        self._premium_seconds = np.full(len(instruments), 600.0)
        self.last_rate = self._rates(self._scale * self.skew)

    def step(self, stray: Floats) -> Floats:
        """Advance by a second; `stray` is each instrument's premium over its asset. Returns the premiums it reverts
        to."""
        noise = next(self._rows)
        half = len(self.skew)
        self.skew += (self._home + self.script_skew - self.skew) / 120.0 + 0.004 * noise[:half]
        self._home += 0.0012 * noise[half:] - 3e-5 * (self._home - 0.2)
        self._premium_sum += stray * self.perp
        self._premium_seconds += 1.0
        premium: Floats = self._scale * self.skew
        return premium

    def rates(self) -> list[int]:
        """Predicted funding rates, 1e-8 per interval."""
        rates: list[int] = self._rates(self._premium_sum / self._premium_seconds).tolist()
        return rates

    def rate(self, row: int) -> int:
        """Predicted funding rate of one instrument, 1e-8 per interval."""
        premium = self._premium_sum[row] / self._premium_seconds[row]
        return int(_funding(np.array([premium]), self._hours[row : row + 1])[0])

    def settle(self, row: int, rate: int) -> None:
        """A funding settlement at `rate`; paying makes the side that paid less attractive."""
        self.last_rate[row] = rate
        self._premium_sum[row] *= 60.0 / self._premium_seconds[row]
        self._premium_seconds[row] = 60.0
        self._home[row] -= np.clip(rate / 1e8 * 40.0, -0.15, 0.15)

    def _rates(self, premium: Floats) -> NDArray[np.int64]:
        return _funding(premium, self._hours)

    def past_rates(self, row: int, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rates settled at `times` before the start."""
        skew = 0.25 + 0.5 * wave(int(self._keys["skew"][row]), times)
        return _funding(self._scale[row] * skew, self._hours[row : row + 1])

    def past_interest(self, row: int, times: NDArray[np.int64]) -> Floats:
        """Open interest at `times` before the start, relative to the start."""
        return np.asarray(np.exp(0.16 * (wave(int(self._keys["interest"][row]), times) - self._interest_then[row])))

    def past_ratios(self, row: int, kind: str, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Long shares at `times` before the start, 1e-4."""
        skew = 0.25 + 0.5 * wave(int(self._keys["skew"][row]), times)
        return long_shares(kind, skew, wave(int(self._keys["top"][row]), times))


def long_shares(kind: str, skew: Floats, top: Floats) -> NDArray[np.int64]:
    """Shares of longs in units of 1e-4: accounts follow the skew, top traders' positions lean against it."""
    if kind == "accounts":
        lean = 0.24 * np.tanh(skew)
    elif kind == "top_accounts":
        lean = 0.20 * np.tanh(0.8 * skew + 0.25 * top)
    else:
        lean = 0.16 * np.tanh(0.8 * top - 0.4 * skew)
    return np.asarray(np.rint(5_000 + 10_000 * lean), dtype=np.int64)


def _funding(premium: Floats, hours: NDArray[np.int64]) -> NDArray[np.int64]:
    share = premium * 1e8
    rate = (share + np.clip(INTEREST_E8 - share, -BAND_E8, BAND_E8)) * hours / 8
    return np.rint(np.clip(rate, -CAP_E8, CAP_E8)).astype(np.int64)


_Singles = NDArray[np.float32]
_Point = tuple[NDArray[np.int64], NDArray[np.int64], _Singles, _Singles]


class Points:
    """Open interest, mark and skew of all instruments at fixed times, in two bounded rings."""

    FINE: Final = 576
    COARSE: Final = 744

    def __init__(self) -> None:
        self._fine: dict[int, _Point] = {}
        self._coarse: dict[int, _Point] = {}

    def add(self, ms: int, interest: NDArray[np.int64], mark: NDArray[np.int64], skew: Floats, top: Floats) -> None:
        """The state at `ms`, a multiple of five minutes."""
        point = (interest, mark, skew.astype(np.float32), top.astype(np.float32))
        self._fine[ms] = point
        if len(self._fine) > self.FINE:
            del self._fine[next(iter(self._fine))]
        if ms % HOUR_MS == 0:
            self._coarse[ms] = point
            if len(self._coarse) > self.COARSE:
                del self._coarse[next(iter(self._coarse))]

    def at(self, ms: int, row: int) -> tuple[int, int, float, float] | None:
        """(interest, mark, skew, top) at a multiple of five minutes; None if not kept."""
        point = self._fine.get(ms) or self._coarse.get(ms)
        if point is None:
            return None
        return int(point[0][row]), int(point[1][row]), float(point[2][row]), float(point[3][row])
