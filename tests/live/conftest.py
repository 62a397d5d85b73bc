"""Nothing here talks to a venue unless it was asked to: `pytest -m live tests/live`."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what is marked `live` where the run was not asked for it by name."""
    asked: str = config.getoption("-m") or ""
    if "live" in asked.replace("(", " ").replace(")", " ").split() and "not live" not in asked:
        return
    skip = pytest.mark.skip(reason="talks to the real venues; run by hand with -m live")
    for item in items:
        if item.get_closest_marker("live") is not None:
            item.add_marker(skip)
