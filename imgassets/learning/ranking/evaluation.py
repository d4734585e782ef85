"""How often scores put the better photo of a pair first: by method, type of pair and distortion.

All methods are asked about the same pairs, of groups that no ranker learnt from. Intervals come
from resampling whole groups (:mod:`imgassets.statistics`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.ranking.examples import SEVERITIES
from imgassets.learning.ranking.pairs import own_pairs, sample_pairs
from imgassets.learning.synthetic.distortions import TRAINED, UNSEEN
from imgassets.reviews.baselines import AESTHETIC, BASELINES, TECHNICAL, baseline_scores
from imgassets.reviews.prompt import PhotoLimit
from imgassets.statistics import cluster_bootstrap, ratio_of

HELD_OUT, UNSEEN_FAMILIES = "held-out pairs", "unseen distortions"
ALL = "all"
MEASURE = "pairwise_accuracy"

_NO_HEAD = "no model of NIMA's ratings: run `imgassets train nima`"

EVALUATION_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "dataset": pl.String,
    "method": pl.String,
    "slice": pl.String,
    "measure": pl.String,
    "n": pl.Int64,
    "value": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
    "note": pl.String,
}
"""Columns of an evaluation: those of the table ``ranking_evaluations`` without the version."""


class AskedPairs(NamedTuple):
    """Pairs that methods are compared on, as places in a frame of examples.

    Attributes:
        better: intp [n], places of the better photos.
        worse: likewise of the worse.
        groups: [n], the worse photo's group: pairs of one group are resampled together.
        slices: name of a part to bool [n]; 'all' comes first.
    """

    better: NDArray[np.intp]
    worse: NDArray[np.intp]
    groups: NDArray[np.str_]
    slices: Mapping[str, NDArray[np.bool_]]


def held_out_pairs(
    examples: pl.DataFrame, n: int, seed: int, limits: Mapping[str, PhotoLimit] | None = None
) -> AskedPairs:
    """Return pairs of the six types, with all pairs of an image and a trained distortion of it.

    The slice 'all', which decides about promotion, holds the sampled ones, uniform over types;
    slices named after a type are parts of it. Slices named after families hold every pair.

    Args:
        examples: of held-out groups.
        n: pairs to sample.
        seed: of the draws.
        limits: what tells good review photos from bad ones.
    """
    sampled = sample_pairs(examples, n, seed, limits=limits)
    own = own_pairs(examples, TRAINED, limits)
    both = pl.concat([sampled, own.select(sampled.columns)])
    is_sampled = np.arange(both.height) < sampled.height
    types, families = both["pair_type"].to_numpy(), both["family"].to_numpy()
    slices = {ALL: is_sampled}
    slices |= {
        t: is_sampled & (types == t) for t in sampled["pair_type"].unique(maintain_order=True)
    }
    slices |= {f: ~is_sampled & (families == f) for f in TRAINED if f in set(own["family"])}
    return _placed(examples, both, slices)


def unseen_pairs(
    examples: pl.DataFrame, limits: Mapping[str, PhotoLimit] | None = None
) -> AskedPairs:
    """Return all pairs of an image and a distortion of it of a family that is never trained.

    Args:
        examples: of held-out groups.
        limits: what tells good review photos from bad ones.
    """
    own = own_pairs(examples, UNSEEN, limits)
    families, severities = own["family"].to_numpy(), own["severity"].to_numpy()
    slices = {ALL: np.ones(own.height, bool)}
    slices |= {_severity(s): severities == s for s in SEVERITIES if (severities == s).any()}
    for family in (f for f in UNSEEN if (families == f).any()):
        slices[family] = families == family
        for severity in SEVERITIES:
            name = f"{family}, {_severity(severity)}"
            slices[name] = (families == family) & (severities == severity)
    return _placed(examples, own, slices)


def _severity(severity: float) -> str:
    return f"severity {severity:.2g}"


def evaluate_methods(
    pairs: AskedPairs, scores: Mapping[str, NDArray[np.float64] | None], dataset: str, seed: int
) -> pl.DataFrame:
    """Compare methods on pairs.

    Args:
        pairs: of :func:`held_out_pairs` or :func:`unseen_pairs`.
        scores: method to its scores of the examples, float64 [n]; None: it cannot answer.
        dataset: what the pairs are.
        seed: of the resampling.

    Returns:
        Frame of :data:`EVALUATION_SCHEMA`; a tie counts one half.
    """
    rows = []
    for method, given in scores.items():
        right = None if given is None else _right(given, pairs)
        for name, part in pairs.slices.items():
            row: dict[str, object] = {
                "dataset": dataset, "method": method, "slice": name, "measure": MEASURE,
                "n": int(part.sum()), "note": "",
            }  # fmt: skip
            if right is None:
                rows.append({**row, "n": 0, "note": _NO_HEAD})
                continue
            names, number = np.unique(pairs.groups[part], return_inverse=True)
            won = np.bincount(number, right[part], minlength=len(names))
            asked = np.bincount(number, minlength=len(names)).astype(np.float64)
            found = cluster_bootstrap(ratio_of(won, asked), names, seed=seed)
            rows.append({**row, **found._asdict()})
    return pl.DataFrame(rows, schema=EVALUATION_SCHEMA)


def accuracy_of(scores: NDArray[np.float64], pairs: AskedPairs, part: str = ALL) -> float:
    """Return the share of a slice's pairs that scores order rightly; NaN: there are none."""
    kept = pairs.slices.get(part)
    return float(_right(scores, pairs)[kept].mean()) if kept is not None and kept.any() else np.nan


def family_accuracy(
    scores: NDArray[np.float64],
    examples: pl.DataFrame,
    families: Collection[str],
    limits: Mapping[str, PhotoLimit] | None = None,
) -> dict[str, float]:
    """Return the share of pairs of an image and its distortion in order, by family."""
    own = own_pairs(examples, families, limits)
    names = own["family"].to_numpy()
    slices = {family: names == family for family in families}
    pairs = _placed(examples, own, slices)
    return {family: accuracy_of(scores, pairs, family) for family in families}


def baselines_of(
    examples: pl.DataFrame,
    ratings: pl.DataFrame,
    limits: Mapping[str, PhotoLimit],
    seed: int,
) -> dict[str, NDArray[np.float64] | None]:
    """Return every baseline's scores of examples, by name; None where there is no model.

    Args:
        examples: columns of the table ``ranking_examples``.
        ratings: NIMA's mean ratings of them, ``aesthetic`` and ``technical``, null without a head.
        limits: of the rule score.
        seed: of the random scores.
    """
    rated = examples.with_columns(ratings["aesthetic"], ratings["technical"])
    scores = baseline_scores(rated, limits, seed)
    missing = {
        name
        for name, column in ((AESTHETIC, "aesthetic"), (TECHNICAL, "technical"))
        if ratings[column].null_count()
    }
    return {
        name: None if name in missing else scores[name].cast(pl.Float64).to_numpy()
        for name in BASELINES
    }


def _right(scores: NDArray[np.float64], pairs: AskedPairs) -> NDArray[np.float64]:
    better, worse = scores[pairs.better], scores[pairs.worse]
    return np.asarray((better > worse) + 0.5 * (better == worse), dtype=np.float64)


def _placed(
    examples: pl.DataFrame, pairs: pl.DataFrame, slices: Mapping[str, NDArray[np.bool_]]
) -> AskedPairs:
    places = examples.select("example_id", place=pl.int_range(pl.len()), group="group_id")
    found = pairs.select("better_id", "worse_id")
    for side in ("better", "worse"):
        named = places.rename({"place": side, "group": f"{side}_group"})
        found = found.join(
            named, left_on=f"{side}_id", right_on="example_id", how="left", maintain_order="left"
        )
    return AskedPairs(
        found["better"].to_numpy().astype(np.intp),
        found["worse"].to_numpy().astype(np.intp),
        found["worse_group"].to_numpy().astype(str),
        slices,
    )
