"""Champions that are held: a new one answers after a while, not at once."""

from __future__ import annotations

from registering import bias_of, register

from imgassets.learning.held_champions import HeldChampions
from imgassets.learning.registry import ModelRegistry


def test_an_answer_holds_for_a_while_and_no_longer(registry: ModelRegistry) -> None:
    now = [0.0]
    held = HeldChampions(
        registry.tracking_uri, registry.artifact_root, seconds=10, clock=lambda: now[0]
    )
    assert held.load_champion("blurry") is None
    registry.promote("blurry", register(registry, bias=1.0))
    assert held.load_champion("blurry") is None, "no champion is an answer, too"
    now[0] = 10.5
    first = held.load_champion("blurry")
    assert first is not None
    assert bias_of(first.folder) == 1.0
    assert held.models() == ["blurry"]
    registry.promote("blurry", register(registry, bias=2.0))
    now[0] = 20.0
    assert held.load_champion("blurry") is first
    now[0] = 21.0
    second = held.load_champion("blurry")
    assert second is not None
    assert bias_of(second.folder) == 2.0
