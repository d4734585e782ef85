"""Figures of estimates as a person reads them."""

from __future__ import annotations

import pytest

from imgassets.service.rendering import certainty, chance, change


@pytest.mark.parametrize(
    ("part", "said"),
    [(0.0551, "+5.5 %"), (-0.1, "-10.0 %"), (0.0, "+0.0 %"), (None, "–")],
)
def test_a_change_has_its_sign(part, said):
    assert change(part) == said


@pytest.mark.parametrize(
    ("probability", "said"),
    [(0.54, "54 %"), (0.05, "5.0 %"), (0.998, "99.8 %"), (0.99996, "99.9 %"), (None, "–")],
)
def test_no_probability_is_said_to_be_all(probability, said):
    assert certainty(probability) == said


@pytest.mark.parametrize(
    ("p", "said"), [(0.0421, "0.042"), (1.0, "1.000"), (1e-9, "< 0.001"), (None, "–")]
)
def test_no_p_value_is_said_to_be_none(p, said):
    assert chance(p) == said
