from __future__ import annotations

import pytest

from imgassets.learning.search.interpolation import interpolate


@pytest.mark.parametrize(
    ("keep", "chosen"),
    [(0.0, 0.0), (0.05, 0.2), (0.5, 0.6), (1.0, 0.6)],
)
def test_the_best_that_keeps_the_ability(keep: float, chosen: float) -> None:
    target = {0.0: 0.1, 0.2: 0.3, 0.4: 0.3, 0.6: 0.8, 0.8: 0.8, 1.0: 0.7}
    ability = {0.0: 0.80, 0.2: 0.78, 0.4: 0.77, 0.6: 0.50, 0.8: 0.3, 1.0: 0.1}
    found = interpolate(lambda strength: (target[strength], ability[strength]), keep)
    assert found.strength == chosen
    assert found.curve.columns == ["strength", "target", "ability"]
    assert found.curve.height == 6


def test_nothing_gained_is_nothing_changed() -> None:
    assert interpolate(lambda _: (0.5, 0.5), keep=0.1).strength == 0
