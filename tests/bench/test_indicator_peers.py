"""pandas and polars answer the ten indicators as we do, and one that did not would not be timed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bench import indicators
from bench.indicator_peers import NAMES, Pandas, Peer, Polars
from engine.arrays import Floats


@pytest.fixture(params=[Pandas, Polars])
def peer(request: pytest.FixtureRequest) -> Peer:
    make: Callable[[], Peer] = request.param
    try:
        return make()
    except ImportError as error:
        pytest.skip(f"{make.__name__} is a peer of the benchmarks that is not installed here: {error}")


def _loaded(peer: Peer) -> tuple[Floats, ...]:
    walk = indicators._walk(7, 150)
    peer.load(*indicators._columns(walk, 150))
    return indicators._panel(walk, 150)


def test_a_peer_answers_as_the_panel_does(peer: Peer) -> None:
    panel = _loaded(peer)
    indicators.peer_agrees(peer, panel)
    assert all(values.shape == (7, 150) for values in peer.arrays(peer.series()))
    assert all(values.shape == (7,) and not np.isnan(values).any() for values in peer.arrays(peer.newest()))


def test_another_answer_is_refused(peer: Peer) -> None:
    panel = _loaded(peer)
    for which, name in enumerate(NAMES):
        off = panel[which].copy()
        off[3, 60] += 1e-6 * (1.0 + abs(off[3, 60]))
        with pytest.raises(AssertionError, match=f"{peer.name} {name}"):
            indicators.peer_agrees(peer, (*panel[:which], off, *panel[which + 1 :]))


def test_an_absent_peer_is_not_measured_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(_peer: object) -> None:
        raise ImportError("no such module")

    for peer in (Pandas, Polars):
        monkeypatch.setattr(peer, "__init__", absent)
    monkeypatch.setattr("sys.argv", ["bench.indicators", "--rows", "3", "--bars", "150", "--rounds", "1"])
    assert indicators.main() == 3
    printed = capsys.readouterr().out
    assert "pandas: not measured, it cannot be imported (no such module)" in printed
    assert "TA-Lib, loop over rows" in printed
