"""The approaches to ranking that compete, behind one interface."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from imgassets.learning.ranking.fit import FitOptions, Pairs, fit_perceptron
from imgassets.learning.ranking.net import (
    COLUMNS,
    Floats,
    Head,
    Layer,
    LimitTerm,
    Member,
    RankerModel,
    assemble,
    raw_scores,
    read_columns,
)
from imgassets.reviews.prompt import PhotoLimit, builtin_limits

if TYPE_CHECKING:
    from imgassets.reviews.settings import RankingSettings

_LEAST_GAP, _GAP_RISE = 0.3, 2.0
"""Of graded pairs: share of the margin that the nearest pair must lie apart, and what the distance
between two photos (0 … 1) adds."""

_LEAST_SPREAD = 0.1
"""Of scores by rule, 0 … 1, over the examples."""


@dataclass(frozen=True)
class Approach:
    """One way to learn a ranker.

    Attributes:
        name: what it is called in tables.
        members: groups of features of each of its perceptrons.
        graded: it learns from graded pairs, too, and its margins grow with the distance.
        with_limits: the limits of measures add to its perceptrons' scores, and the score by rule
            is a member of its own.
        description: one sentence.
    """

    name: str
    members: tuple[tuple[str, ...], ...]
    graded: bool
    with_limits: bool
    description: str


_Terms = tuple[LimitTerm, ...]
_PAPER = ("nima", "distributions", "size")

APPROACHES: Mapping[str, Approach] = {
    approach.name: approach
    for approach in (
        Approach(
            "siamese", (_PAPER,), False, False,
            "The paper's: NIMA's features and ratings and the size; one margin for all pairs.",
        ),
        Approach(
            "graded", (_PAPER,), True, False,
            "The same with margins that grow with the severity of distortions.",
        ),
        Approach(
            "general", (("embedding", "size"),), True, False,
            "The same on the general backbone's embedding.",
        ),
        Approach(
            "measured", (_PAPER, ("measures", "size")), True, True,
            "Two networks, of NIMA's features and of measures such as sharpness and noise; the "
            "limits of these measures; and the score by rule.",
        ),
    )
}  # fmt: skip


def fit_approach(
    approach: Approach,
    examples: pl.DataFrame,
    pairs: pl.DataFrame,
    heads: Mapping[str, Head],
    settings: RankingSettings,
    seed: int,
    features_version: str,
    limits: Mapping[str, PhotoLimit] | None = None,
) -> RankerModel:
    """Train a ranker on pairs of examples.

    Args:
        approach: of :data:`APPROACHES`.
        examples: rows of ``ranking_examples``; at least those that the pairs name.
        pairs: ``better_id``, ``worse_id`` (of ``example_id``) and ``margin``, 0 … 1.
        heads: NIMA's, of the group ``distributions``; may be none.
        settings: margin and training.
        seed: of the training.
        features_version: what the features come from.
        limits: of measures; by default the built-in ones.

    Raises:
        ValueError: there is no pair, or one names an unknown example.
    """
    placed = _places(examples, pairs, settings.margin, approach.graded)
    options = FitOptions(settings.epochs, settings.learning_rate, settings.weight_decay)
    terms = limit_terms(limits or builtin_limits()) if approach.with_limits else ()
    named = {name for groups in approach.members for g in groups for name in COLUMNS[g]}
    columns = read_columns(
        examples, [*named, *(t.measure for t in terms if t.measure not in named)]
    )
    used = np.unique(np.concatenate([placed.better, placed.worse]))

    def member(
        groups: tuple[str, ...], layers: tuple[Layer, ...], by: _Terms, least: float
    ) -> Member:
        plain = Member(groups, layers, by)
        raw = raw_scores(plain, assemble(columns, groups, heads), columns)[used]
        # A member that says nearly the same of all examples must not drown the others elsewhere.
        return replace(plain, mean=float(raw.mean()), spread=max(float(raw.std()), least))

    members = []
    for place, wanted in enumerate(approach.members):
        groups = tuple(g for g in wanted if g != "distributions" or heads)
        features = assemble(columns, groups, heads)
        fitted = fit_perceptron(
            features, _shares(terms, columns, examples.height), placed, options, seed + place
        )
        weights = (float(weight) for weight in fitted.weights)
        weighted = tuple(replace(t, weight=w) for t, w in zip(terms, weights, strict=True))
        members.append(member(groups, fitted.layers, weighted, _LEAST_GAP * settings.margin))
    if terms:
        members.append(member((), (), terms, _LEAST_SPREAD))
    return RankerModel(approach.name, tuple(members), dict(heads), features_version)


def limit_terms(limits: Mapping[str, PhotoLimit]) -> _Terms:
    """Return limits as terms of a score, with weight 1."""
    found = []
    for limit in limits.values():
        log = limit.scale == "log"
        worst, at, good = (
            math.log(value) if log else value for value in (limit.worst, limit.limit, limit.good)
        )
        found.append(LimitTerm(limit.measure, log, (worst, at, good), 1.0))
    return tuple(found)


def _shares(terms: Sequence[LimitTerm], columns: Mapping[str, Floats], n: int) -> Floats:
    found = [term.shares(columns[term.measure]) for term in terms]
    return np.stack(found, axis=1) if found else np.zeros((n, 0), np.float32)


def _places(examples: pl.DataFrame, pairs: pl.DataFrame, margin: float, graded: bool) -> Pairs:
    places = {name: place for place, name in enumerate(examples["example_id"])}
    try:
        better = np.array([places[name] for name in pairs["better_id"]], np.int64)
        worse = np.array([places[name] for name in pairs["worse_id"]], np.int64)
    except KeyError as error:
        raise ValueError(f"a pair names an example that there is not: {error}") from error
    apart = pairs["margin"].to_numpy().astype(np.float32)
    gaps = margin * (_LEAST_GAP + _GAP_RISE * apart if graded else np.ones_like(apart))
    return Pairs(better, worse, gaps.astype(np.float32))
