"""Scripted episodes of the simulated market do what their truth says, and leave the rest of the market alone."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, get_args

import pytest

from engine.simulator.episodes import Episode, EpisodeKind
from engine.simulator.happenings import Trade
from engine.simulator.market.scripts import SCRIPTS
from engine.simulator.world import World, WorldSpec
from tests.engine.simulator.market.market_worlds import MINUTE, START, found, small

KINDS: tuple[EpisodeKind, ...] = get_args(EpisodeKind)
LENGTH = 4 * MINUTE


@dataclass
class Played:
    """What came of one episode."""

    plan: dict[str, Any]
    outcome: dict[str, Any]
    prices: list[int]
    shares: list[tuple[float, float]]
    """Taker buy shares of perpetuals and of spot, by phase, from the trades themselves."""
    interest: list[int]
    """Open interest of the perpetual at the phases' starts and at the end."""


def play(kind: EpisodeKind, direction: int) -> Played:
    episode = Episode(kind, "SOL", START + 10_000, LENGTH, direction)
    world = small(assets=5, rate=250.0, episodes=[episode])
    perp = found(world, "binance-usdm", "SOLUSDT")
    phases = SCRIPTS[kind]
    ends = [episode.start_ms + round(phase.until * LENGTH) for phase in phases]
    sums = [[0.0, 0.0, 0.0, 0.0] for _ in phases]
    prices: list[int] = []
    interest = [world.open_interest(perp)]
    at = 0
    for now in range(START + 500, ends[-1] + 2_001, 500):
        for one in world.advance(now):
            if (
                isinstance(one, Trade)
                and one.instrument.asset == "SOL"
                and one.ms >= episode.start_ms
                and at < len(ends)
            ):
                place = (0 if one.instrument.kind == "perp" else 2) + (0 if one.buy else 1)
                sums[at][place] += one.steps * one.ticks * one.instrument.quote_unit
        prices.append(world.best(perp).bid)
        while at < len(ends) and now >= ends[at]:
            at += 1
            interest.append(world.open_interest(perp))
    plan, outcome = world.truth()
    shares = [(one[0] / (one[0] + one[1]), one[2] / (one[2] + one[3])) for one in sums]
    return Played(plan, outcome, prices, shares, interest)


def toward(share: float, direction: int) -> float:
    """A buy share as seen by who goes with the episode."""
    return share if direction > 0 else 1 - share


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_moves_by_five_percent_and_tells_its_truth(kind: EpisodeKind, direction: int) -> None:
    played = play(kind, direction)
    plan, outcome = played.plan, played.outcome
    assert math.log(max(played.prices) / min(played.prices)) > 0.05
    assert (plan["record"], outcome["record"]) == ("plan", "outcome")
    for record in (plan, outcome):
        json.dumps(record)
        assert (record["kind"], record["asset"], record["direction"]) == (kind, "SOL", direction)
    assert plan["episode"] == outcome["episode"]
    assert [phase["name"] for phase in plan["phases"]] == [phase.name for phase in SCRIPTS[kind]]
    assert plan["phases"][0]["start_ms"] == plan["start_ms"] == START + 10_000
    assert plan["phases"][-1]["end_ms"] == plan["end_ms"] == START + 10_000 + LENGTH
    assert plan["told_ms"] - plan["start_ms"] <= 250
    faces = {"technical", "volume", "orderflow", "orderbook", "structure", "sentiment"}
    assert all(set(phase["faces"]) <= faces for phase in plan["phases"])
    assert {name for phase in plan["phases"] for name in phase["faces"]}
    # The truth's own sums are those of the trades, but for the ticks at the edges of phases.
    for phase, (perp, spot) in zip(outcome["phases"], played.shares, strict=True):
        told = phase["perp_bought_usd"] / (phase["perp_bought_usd"] + phase["perp_sold_usd"])
        assert told == pytest.approx(perp, abs=0.08)
        told = phase["spot_bought_usd"] / (phase["spot_bought_usd"] + phase["spot_sold_usd"])
        assert told == pytest.approx(spot, abs=0.08)
    # Each phase ends about where the script wants it.
    at = 0.0
    for phase, script in zip(outcome["phases"], SCRIPTS[kind], strict=True):
        at += phase["moved_log"]
        assert at == pytest.approx(script.move * direction, abs=0.02)


@pytest.mark.parametrize("direction", [1, -1])
def test_spot_leads_an_accumulation_while_perpetuals_stay_balanced(direction: int) -> None:
    played = play("spot_led_breakout", direction)
    perp, spot = played.shares[0]
    assert toward(spot, direction) > 0.62
    assert 0.35 < perp < 0.65
    assert abs(played.outcome["phases"][0]["moved_log"]) < 0.02
    assert played.outcome["phases"][1]["moved_log"] * direction > 0.05


@pytest.mark.parametrize("direction", [1, -1])
def test_a_perp_led_pump_has_spot_flat_and_comes_back(direction: int) -> None:
    played = play("perp_led_pump", direction)
    perp, spot = played.shares[0]
    assert toward(perp, direction) > 0.7
    assert 0.36 < spot < 0.64
    pump, _, unwind = played.outcome["phases"]
    assert pump["moved_log"] * direction > 0.05
    assert unwind["moved_log"] * direction < -0.04


@pytest.mark.parametrize("direction", [1, -1])
def test_a_squeeze_closes_the_crowd_s_positions(direction: int) -> None:
    played = play("squeeze", direction)
    squeezed = played.outcome["phases"][1]
    right, wrong = ("short", "long") if direction > 0 else ("long", "short")
    assert squeezed[f"liquidations_{right}"] > 30
    assert squeezed[f"liquidations_{wrong}"] < squeezed[f"liquidations_{right}"] / 10
    # Positions build up first and are gone afterwards.
    start, crowded, squeezed_out, _ = played.interest
    assert crowded > start
    assert squeezed_out < crowded


def test_a_stop_hunt_goes_the_other_way_first() -> None:
    played = play("stop_hunt", 1)
    low = played.prices.index(min(played.prices))
    high = played.prices.index(max(played.prices))
    assert low < high
    assert played.outcome["phases"][1]["moved_log"] < -0.02
    assert played.outcome["moved_log"] > 0.04
    assert played.outcome["phases"][1]["liquidations_long"] > 5


def test_a_thin_book_loses_its_depth_before_the_spike() -> None:
    episode = Episode("thin_book_spike", "SOL", START + 10_000, LENGTH, 1)
    world = small(assets=5, rate=250.0, episodes=[episode])
    perp = found(world, "binance-usdm", "SOLUSDT")
    other = found(world, "binance-usdm", "XRPUSDT")
    for _ in world.advance(START + 9_000):
        pass
    full, same = world.book(perp), world.book(other)
    for _ in world.advance(START + 10_000 + int(0.38 * LENGTH)):
        pass
    thin, still = world.book(perp), world.book(other)
    assert sum(steps for _, steps in thin.bids) < 0.45 * sum(steps for _, steps in full.bids)
    assert sum(steps for _, steps in thin.asks) < 0.45 * sum(steps for _, steps in full.asks)
    assert sum(steps for _, steps in still.bids) > 0.6 * sum(steps for _, steps in same.bids)


def test_each_episode_has_its_own_number() -> None:
    kind = KINDS[0]
    episodes = [Episode(kind, asset, START + 10_000 * at, LENGTH, 1) for at, asset in enumerate(("SOL", "ETH"), 1)]
    world = small(assets=5, rate=50.0, episodes=episodes)
    for now in range(START + 500, START + 60_000, 500):
        for _ in world.advance(now):
            pass
    assert [(record["asset"], record["episode"]) for record in world.truth()] == [("SOL", 1), ("ETH", 2)]


def test_the_endless_plan_shows_all_kinds_and_takes_turns() -> None:
    world = small(assets=40, rate=30.0, episodes=None)
    plans: list[dict[str, Any]] = []
    for minute in range(0, 30, 3):
        for _ in world.advance(START + (minute + 3) * MINUTE):
            pass
        plans += [one for one in world.truth() if one["record"] == "plan"]
    assert plans[0]["start_ms"] - START <= MINUTE
    assert {plan["kind"] for plan in plans} == set(KINDS)
    assert len({plan["asset"] for plan in plans}) >= 0.8 * len(plans)
    assert {plan["direction"] for plan in plans} == {1, -1}
    assert not list(world.truth())


def test_nothing_is_led_by_spot_where_there_is_none() -> None:
    episode = Episode("spot_led_breakout", "SOL", START + 1, LENGTH, 1)
    with pytest.raises(ValueError, match="no spot market of SOL"):
        World(WorldSpec(1, 5, ("bybit-linear",), episodes=(episode,)), START)
    world = World(WorldSpec(1, 5, ("bybit-linear",), rate_frames_per_s=5.0), START)
    for _ in world.advance(START + 60 * MINUTE):
        pass
    plans = [one for one in world.truth() if one["record"] == "plan"]
    assert len(plans) > 3
    assert "spot_led_breakout" not in {plan["kind"] for plan in plans}
    assert {phase["spot_taker_lean"] for plan in plans for phase in plan["phases"]} == {None}


@pytest.mark.parametrize(
    ("episode", "match"),
    [
        (Episode("squeeze", "SOL", START - 1, LENGTH, 1), "before the world's start"),
        (Episode("squeeze", "NOSUCH", START + 1, LENGTH, 1), "no perpetual on NOSUCH"),
        (Episode("squeeze", "SOL", START + 1, LENGTH, 0), "direction"),
        (Episode("squeeze", "SOL", START + 1, 0, 1), "duration"),
    ],
)
def test_episodes_that_cannot_be_are_refused(episode: Episode, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        small(episodes=[episode])
