"""The market behind `engine.simulator.world`: its instruments, its movement and its history.

`assets`, `catalogue`, `traits`, `founding` set it up; `driver` keeps the schedule and moves `line`s through `matching`,
`positions` (with `ladders`) and `regimes`; `plan`, `scripts`, `stage` bend it into episodes; `history`, `past`,
`live_bars`, `candles`, `tickers`, `positioning`, `derivatives` answer queries about the past. Draw random numbers only
from `chance`.
"""
