"""The market behind `engine.simulator.world`: what there is, how it moves, what it was before.

`assets`, `catalogue`, `traits`, `founding` set it up; `driver` keeps the schedule and moves `line`s through `matching`,
`positions` (with `ladders`) and `regimes`; `plan`, `scripts`, `stage` bend it into episodes; `history`, `past`,
`live_bars`, `candles`, `tickers`, `positioning`, `derivatives` answer for the past. All chance comes from `chance`.
"""
