"""The product that the tests of its feed follow."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.engine.feeds.feed_bench import FeedBench


@pytest.fixture
async def bench() -> AsyncIterator[FeedBench]:
    made = FeedBench()
    yield made
    await made.close()
