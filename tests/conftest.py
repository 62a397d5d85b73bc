"""Settings of every test run: the machine may be slow and shared, so no example is judged by its duration."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("everywhere", deadline=None)
# The same examples at every run of CI, so that what passed once does not fail by chance.
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "everywhere")

BY_NAME = {
    "live": "talks to the real venues; run by hand with -m live",
    "long": "takes minutes; run by hand with -m long",
}
"""Marks of what runs only when it is asked for by its mark, and why."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Three workers for two cores: many tests mostly wait, for a process to start or for a real second to pass."""
    return max(2, (os.cpu_count() or 1) * 3 // 2)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what the run was not asked for by name."""
    expression: str = config.getoption("-m") or ""
    asked = set(re.findall(r"\w+", expression)) - set(re.findall(r"not (\w+)", expression))
    for item in items:
        for mark, reason in BY_NAME.items():
            if mark not in asked and item.get_closest_marker(mark) is not None:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def log_of_prism() -> Iterator[None]:
    """What a command made of the program's log does not outlive its test: the next one may want to read it."""
    log = logging.getLogger("prism")
    held = log.propagate, log.level, list(log.handlers)
    yield
    for handler in log.handlers:
        if handler not in held[2]:
            handler.close()
    log.propagate, log.handlers[:] = held[0], held[2]
    log.setLevel(held[1])
