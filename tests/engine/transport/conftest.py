"""What the tests of streams share: a set of streams against an exchange in the test's hands."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.engine.transport.stream_bench import Bench, close


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await close(made)
