"""Ten minutes of a restless market under a user who moves, reads and moves again: nothing jumps, nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.snapshot import Snapshot
from tests.engine.builders import make_snapshot
from tests.tui.table_host import key_of, ranked, table_on
from tui.widgets.candidates import READING_S, CandidatesTable

BASE = make_snapshot(60, preset="relaxed")
TICKS_PER_S = 2
SECONDS = 600


def market(rng: np.random.Generator) -> Iterator[Snapshot]:
    """Convictions wander, so that rows overtake each other, come and go all the time."""
    rankable = np.array([*BASE.rankings["relaxed"].candidates, *BASE.rankings["relaxed"].vetoed])
    strength = rng.normal(0.0, 1.0, len(rankable))
    while True:
        strength += rng.normal(0.0, 0.15, len(rankable)) - 0.01 * strength
        order = np.argsort(-strength, kind="stable")
        yield ranked(BASE, rankable[order[: int((strength > 0).sum())]].tolist())


def shown(table: CandidatesTable) -> list[object]:
    """Which instrument stands on which line of the screen."""
    top = table.scroll_offset.y
    return [table.model.key_at(top + line) for line in range(table.size.height - 1)]


async def drive(size: tuple[int, int]) -> tuple[int, int]:
    """Drive it; returns how often the order changed and how often a change had to wait."""
    rng = np.random.default_rng(11)
    snapshots = market(rng)
    orders = waits = 0
    async with table_on(size, next(snapshots)) as (table, pilot, _app):
        key_at = -np.inf
        for tick in range(SECONDS * TICKS_PER_S):
            now = 1.0 + tick / TICKS_PER_S
            before, revision = shown(table), table.model.order_revision
            snapshot = next(snapshots)
            table.update_snapshot(snapshot, now)
            assert table.model.sheet is not None
            assert table.model.sheet.snapshot is snapshot, "the figures are those of the newest picture"
            if now - key_at < READING_S:
                assert shown(table) == before
                waits += table.status.would_move > 0
            orders += table.model.order_revision != revision
            if tick % 40 < 6 and rng.random() < 0.7:
                key_at = now
                held = table.model.order
                (table.cursor_down, table.cursor_up, table.page_down)[int(rng.integers(3))]()
                assert table.model.order == held, "a key moves the cursor, not the rows"
            if tick % 100 == 0:
                await pilot.pause()
        table.model.anchor = None
        last = next(snapshots)
        for after in range(1, 8):
            table.update_snapshot(last, now + READING_S + after)
        expected = {key_of(BASE, int(row)) for row in last.rankings["relaxed"].candidates}
        assert set(table.model.order) - {table.cursor_key} == expected - {table.cursor_key}
    return orders, waits


async def test_no_row_moves_under_a_user_who_reads_a_list_longer_than_the_screen() -> None:
    orders, waits = await drive((80, 12))
    assert orders > 100
    assert waits > 50


async def test_nor_in_a_list_shorter_than_the_screen() -> None:
    orders, waits = await drive((120, 80))
    assert orders > 100
    assert waits > 50
