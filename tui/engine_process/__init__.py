"""The live engine in a process of its own, so that no scan ever delays a key or the screen.

`remote` is the console's side, `child` the engine's, `wire` and `pictures` the protocol between them.
"""
