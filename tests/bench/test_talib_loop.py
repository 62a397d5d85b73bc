"""The TA-Lib loop is TA-Lib at its best, whatever else is installed."""

from __future__ import annotations

import talib

from bench.indicators import TA


def test_the_loop_calls_the_compiled_functions() -> None:
    for name, function in vars(TA).items():
        assert not hasattr(function, "__wrapped__"), f"{name} is wrapped"
        assert function.__name__ == getattr(talib, name).__name__ == name
