"""Indicators as pure functions on float arrays `[rows, bars]`: one row an instrument, column -1 its newest bar.

Rows may hold different numbers of bars: they are right-aligned and NaN means that there is no bar yet. A function gives
NaN until its window is full. Seeds follow TA-Lib, so a series equals TA-Lib's from TA-Lib's first value on. If a window
holds no movement at all, the result is the neutral value named in the docstring.
"""
