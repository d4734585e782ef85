from __future__ import annotations

import numpy as np
import pytest

from imgassets.learning.features import SCALARS
from imgassets.learning.heads import (
    C_GRID,
    REPEATS,
    best_variant,
    candidates,
    forest,
    log_loss,
    logistic,
    out_of_fold,
)

N_SIGNALS = len(SCALARS)


def cloud(n_groups=20, per_group=4, spread=1.0, flipped=0.0, seed=0, dimensions=12):
    """Return features, truth and groups: the truth shows in every number, more or less."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_groups * per_group) % 2 == 0
    x = rng.normal(np.where(y, 0.5, -0.5)[:, None], spread, (len(y), N_SIGNALS + dimensions))
    groups = [f"g{i // per_group}" for i in range(len(y))]
    return x.astype(np.float32), y ^ (rng.random(len(y)) < flipped), groups


def memorable(n_groups=30, per_group=4):
    """Return features that tell groups apart and nothing else, and one random truth per group."""
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(n_groups, N_SIGNALS + 24))
    x = np.repeat(centres, per_group, axis=0)
    x += rng.normal(0, 0.01, x.shape)
    y = np.repeat(rng.permutation(np.arange(n_groups) % 2 == 0), per_group)
    return x.astype(np.float32), y, [f"g{i // per_group}" for i in range(len(y))]


class TestOutOfFold:
    def test_a_group_is_never_on_both_sides(self) -> None:
        x, y, groups = memorable()
        make = candidates(x, 0)["logistic"][-1]
        singles = [str(i) for i in range(len(y))]
        leaked = out_of_fold(make, x, y, singles, 0) >= 0.5
        honest = out_of_fold(make, x, y, groups, 0) >= 0.5
        assert np.mean(leaked == y) > 0.95, "whoever has seen the group knows the answer"
        assert np.mean(honest == y) < 0.7

    def test_learns_what_holds_for_other_groups(self) -> None:
        x, y, groups = cloud(spread=0.5)
        p = out_of_fold(lambda: logistic(x.shape[1], 1.0), x, y, groups, 0)
        assert np.mean((p >= 0.5) == y) > 0.95

    def test_no_probability_reaches_one(self) -> None:
        """A limit of 1 means never; a forest that is sure says 1."""
        x, y, groups = cloud(n_groups=6, spread=0.05)
        p = out_of_fold(lambda: forest(x.shape[1], len(y), 0), x, y, groups, 0)
        assert 0.99 < p.max() < 1

    @pytest.mark.parametrize("approach", ["logistic", "forest"])
    def test_a_seed_gives_the_same_probabilities(self, approach) -> None:
        x, y, groups = cloud(n_groups=4)
        first, again = (
            out_of_fold(candidates(x, 7)[approach][0], x, y, groups, 7) for _ in range(2)
        )
        assert np.array_equal(first, again)

    def test_another_seed_makes_other_folds(self) -> None:
        x, y, groups = cloud(spread=2.0)
        one, other = (
            out_of_fold(lambda: logistic(x.shape[1], 1.0), x, y, groups, seed) for seed in (7, 8)
        )
        assert not np.array_equal(one, other)

    def test_positives_of_two_groups_among_many(self) -> None:
        x, y, groups = cloud()
        y = np.isin(groups, ["g3", "g4"])
        p = out_of_fold(lambda: logistic(x.shape[1], 1.0), x, y, groups, 0)
        assert np.isfinite(p).all()

    @pytest.mark.parametrize(("value", "word"), [(True, "yes"), (False, "no")])
    def test_too_few_groups_are_named(self, value, word) -> None:
        x, y, groups = cloud()
        y = np.array([(group == "g0") == value for group in groups])
        with pytest.raises(ValueError, match=rf"answered '{word}' come from 1 groups .* two at le"):
            out_of_fold(lambda: logistic(x.shape[1], 1.0), x, y, groups, 0)


class TestVariants:
    def test_the_least_loss_wins(self) -> None:
        x, y, groups = cloud(n_groups=8, spread=2.0)
        variants = candidates(x, 0)["logistic"]
        make, p = best_variant(variants, x, y, groups, 0)
        losses = {v.args[1]: log_loss(y, out_of_fold(v, x, y, groups, 0)) for v in variants}
        assert tuple(losses) == C_GRID
        assert make.args[1] == min(losses, key=losses.__getitem__)
        foldings = [out_of_fold(make, x, y, groups, seed) for seed in range(REPEATS)]
        assert p == pytest.approx(np.mean(foldings, axis=0))

    def test_noise_is_met_with_regularisation(self) -> None:
        clean = cloud(spread=0.5)
        noisy = cloud(spread=1.0, flipped=0.3, dimensions=60)
        chosen = [
            best_variant(candidates(x, 0)["logistic"], x, y, groups, 0)[0].args[1]
            for x, y, groups in (clean, noisy)
        ]
        assert chosen[0] > chosen[1]

    def test_few_examples_limit_a_forest_s_components(self) -> None:
        x, y, groups = cloud(n_groups=3, per_group=2, dimensions=40)
        p = out_of_fold(candidates(x, 0)["forest"][0], x, y, groups, 0)
        assert np.isfinite(p).all()


def test_loss_counts_both_sides_alike() -> None:
    y = np.array([True] + [False] * 99)
    missed = log_loss(y, np.full(100, 0.01))
    assert missed > log_loss(y, np.full(100, 0.5))
    assert np.isfinite(log_loss(y, y.astype(float)))
