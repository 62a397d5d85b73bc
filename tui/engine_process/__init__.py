"""The live engine in a process of its own, so that no scan ever stands between a key and the screen.

`remote` is the console's side, `child` the engine's, `wire` what goes between them.
"""
