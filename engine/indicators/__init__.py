"""Indicators as pure functions on float arrays `[rows, bars]`: one row an instrument, column -1 its newest bar.

Rows may hold different numbers of bars: they are right-aligned and NaN means that there is no bar yet. A function
answers NaN until its window is full. Seeds follow TA-Lib, so a series equals TA-Lib's from TA-Lib's first value on;
where a window holds no movement at all the answer is the neutral value, which each docstring names.
"""
