"""Approaches to ranking compete, and what each distortion teaches is measured.

Which approach answers is decided in the training part alone, by what it knows of a family that it
was not shown: for each trained family, every approach is fitted without it on most of the training
groups and asked about it on the rest. The families that are never trained on, and the held-out
groups, have no say: figures on them are of what was decided before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.evaluation import place_of
from imgassets.learning.nima.heads import Heads
from imgassets.learning.ranking.approaches import APPROACHES, Approach, fit_approach
from imgassets.learning.ranking.evaluation import (
    EVALUATION_SCHEMA,
    HELD_OUT,
    UNSEEN_FAMILIES,
    baselines_of,
    evaluate_methods,
    family_accuracy,
    held_out_pairs,
    unseen_pairs,
)
from imgassets.learning.ranking.net import RankerModel
from imgassets.learning.ranking.pairs import GRADED, PAIR_TYPES, missing_types, sample_pairs
from imgassets.learning.synthetic.distortions import FAMILIES, TRAINED
from imgassets.reviews.baselines import RANKER
from imgassets.reviews.prompt import PhotoLimit
from imgassets.reviews.settings import RankingSettings

_VALIDATION = 0.25
"""Share of the training groups that approaches are compared on."""

_FEWER_PAIRS, _FEWER_EPOCHS = 3, 2
"""What the many fits of comparisons are spared: they are alike, and their order is what counts."""

_JUDGED = 4
"""Pairs trained on for one that methods are compared on."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Data:
    """What rankers are trained on and judged by.

    Attributes:
        examples: rows of ``ranking_examples``, sorted by example_id.
        held: groups that no ranker learns from.
        heads: NIMA's.
        limits: of measures.
        settings: of the training.
        seed: of every choice.
        features_version: what measured the examples.
    """

    examples: pl.DataFrame
    held: Collection[str]
    heads: Heads
    limits: Mapping[str, PhotoLimit]
    settings: RankingSettings
    seed: int
    features_version: str

    @property
    def n_judged(self) -> int:
        """Pairs drawn to compare methods on: so few that hardly one is drawn twice."""
        return max(1, self.settings.pairs // _JUDGED)

    @property
    def train(self) -> pl.DataFrame:
        """Rows of the groups that are learnt from."""
        return self.examples.filter(~pl.col("group_id").is_in(list(self.held)))

    @property
    def test(self) -> pl.DataFrame:
        """Rows of the groups that are held out."""
        return self.examples.filter(pl.col("group_id").is_in(list(self.held)))


@dataclass(frozen=True)
class Competition:
    """What came out.

    Attributes:
        model: fitted on the whole training part.
        evaluations: of :data:`imgassets.learning.ranking.evaluation.EVALUATION_SCHEMA`: the ranker,
            every approach and every baseline on the same pairs.
        comparison: ``approach``, ``without`` (family) and ``accuracy`` on it in the training part;
            no rows where the settings name the approach, and …
        ablation: ``without`` ('' for none), ``family`` and ``accuracy`` on held-out groups; none
            either.
        n_train: pairs trained on.
        notes: what there was no data for.
    """

    model: RankerModel
    evaluations: pl.DataFrame
    comparison: pl.DataFrame
    ablation: pl.DataFrame
    n_train: int
    notes: tuple[str, ...]


def compete(
    data: Data,
    approaches: Mapping[str, Approach] = APPROACHES,
    progress: Progress | None = None,
) -> Competition:
    """Fit every approach, choose one, and measure all of them on held-out groups.

    Where the settings name an approach, it is fitted alone, once.

    Args:
        data: examples of both parts.
        approaches: what competes, by name; the last one answers unless another is clearly better.
        progress: called with (done, total) fits.

    Raises:
        ValueError: the training part or the held-out part holds no pair.
    """
    if not data.train.height or not data.test.height:
        raise ValueError("there are no examples to train on, or none to be held out")
    left_out = [f for f in TRAINED if (data.train["family"] == f).any()]
    if named := data.settings.approach:
        approaches, left_out = {named: APPROACHES[named]}, []
    n_ablated = len(left_out) + 1 if left_out else 0
    counted = _counted(progress, len(approaches) * (len(left_out) + 1) + n_ablated)
    comparison = _compare(data, approaches, left_out, counted)
    chosen = named or _best(comparison, list(approaches))
    fitted = {
        name: counted(partial(_fit, data, approach, data.train, TRAINED))
        for name, approach in approaches.items()
    }
    evaluations = _evaluate(data, fitted, chosen)
    ablation = _ablate(data, approaches[chosen], left_out, counted)
    missing = missing_types(data.train, limits=data.limits)
    notes = [f"no pairs '{pair_type}' to train on" for pair_type in missing]
    return Competition(
        model=_described(fitted[chosen], data, comparison),
        evaluations=evaluations,
        comparison=comparison,
        ablation=ablation,
        n_train=_pairs(data, approaches[chosen], data.train, TRAINED, data.settings.pairs).height,
        notes=(*notes, *data.heads.notes),
    )


def ratings_of(heads: Heads, examples: pl.DataFrame) -> pl.DataFrame:
    """Return NIMA's mean ratings of examples: ``aesthetic`` and ``technical``, maybe null."""
    width = len(examples["nima"][0]) if examples.height else 0
    features = examples["nima"].list.to_array(width).to_numpy()
    return heads.rate(features).select("aesthetic", "technical")


def _compare(
    data: Data,
    approaches: Mapping[str, Approach],
    families: Sequence[str],
    counted: Callable[[Callable[[], RankerModel]], RankerModel],
) -> pl.DataFrame:
    """Ask every approach about each trained family that it was fitted without."""
    places = data.train["group_id"].map_elements(
        lambda group: place_of(group, data.seed + 1), return_dtype=pl.Float64
    )
    inner = data.train.filter(places >= _VALIDATION)
    judged = data.train.filter(places < _VALIDATION)
    if not judged.height or not inner.height:  # a handful of groups: all are both
        inner = judged = data.train
    rows = []
    for name, approach in approaches.items():
        for family in families:
            others = [f for f in families if f != family]
            model = counted(partial(_fit, data, approach, inner, others, _quick(data.settings)))
            wanted = judged.filter(pl.col("family").is_in(["", family]))
            found = family_accuracy(model.scores(wanted), wanted, [family], data.limits)
            value = found[family]
            rows.append((name, family, value if np.isfinite(value) else None))
    schema = {"approach": pl.String, "without": pl.String, "accuracy": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _best(comparison: pl.DataFrame, names: Sequence[str]) -> str:
    """Return the last approach, or one that clearly knows more of families that it was not shown.

    Few groups are asked, so luck is large: another approach must be better by more than two
    standard errors of its lead over the families.
    """
    wide = comparison.pivot("approach", index="without", values="accuracy").drop_nulls()
    *others, preferred = names
    best, lead = preferred, 0.0
    for name in others:
        ahead = (wide[name] - wide[preferred]).to_numpy()
        error = ahead.std(ddof=1) / np.sqrt(len(ahead)) if len(ahead) > 1 else np.inf
        if len(ahead) and ahead.mean() > max(lead, 2 * error):
            best, lead = name, float(ahead.mean())
    return best


def _evaluate(data: Data, fitted: Mapping[str, RankerModel], chosen: str) -> pl.DataFrame:
    test = data.test
    scores: dict[str, NDArray[np.float64] | None] = {RANKER: fitted[chosen].scores(test)}
    scores |= {name: model.scores(test) for name, model in fitted.items()}
    scores |= baselines_of(test, ratings_of(data.heads, test), data.limits, data.seed)
    pairs = {
        HELD_OUT: held_out_pairs(test, data.n_judged, data.seed, data.limits),
        UNSEEN_FAMILIES: unseen_pairs(test, data.limits),
    }
    if not len(pairs[HELD_OUT].better):
        raise ValueError("the held-out part holds no pair: more products or styles are needed")
    parts = [
        evaluate_methods(of, scores, dataset, data.seed)
        for dataset, of in pairs.items()
        if len(of.better)
    ]
    return pl.concat([pl.DataFrame(schema=EVALUATION_SCHEMA), *parts])


def _ablate(
    data: Data,
    approach: Approach,
    families: Sequence[str],
    counted: Callable[[Callable[[], RankerModel]], RankerModel],
) -> pl.DataFrame:
    """Fit without each family in turn; ask about every family on held-out groups."""
    rows = []
    for without in ("", *families) if families else ():
        kept = [f for f in families if f != without]
        model = counted(partial(_fit, data, approach, data.train, kept, _quick(data.settings)))
        found = family_accuracy(model.scores(data.test), data.test, list(FAMILIES), data.limits)
        rows += [(without, f, v) for f, v in found.items() if np.isfinite(v)]
    schema = {"without": pl.String, "family": pl.String, "accuracy": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _quick(settings: RankingSettings) -> RankingSettings:
    return settings.model_copy(
        update={
            "pairs": max(1, settings.pairs // _FEWER_PAIRS),
            "epochs": max(1, settings.epochs // _FEWER_EPOCHS),
        }
    )


def _fit(
    data: Data,
    approach: Approach,
    examples: pl.DataFrame,
    families: Collection[str],
    settings: RankingSettings | None = None,
) -> RankerModel:
    settings = settings or data.settings
    pairs = _pairs(data, approach, examples, families, settings.pairs)
    heads = {
        kind: (head.start, head.weight, head.bias)
        for kind, head in data.heads.by_kind.items()
        if head is not None
    }
    return fit_approach(
        approach, examples, pairs, heads, settings, data.seed, data.features_version, data.limits
    )


def _pairs(
    data: Data, approach: Approach, examples: pl.DataFrame, families: Collection[str], n: int
) -> pl.DataFrame:
    types = (*PAIR_TYPES, GRADED) if approach.graded else tuple(PAIR_TYPES)
    return sample_pairs(examples, n, data.seed, types, families, data.limits)


def _described(model: RankerModel, data: Data, comparison: pl.DataFrame) -> RankerModel:
    means = comparison.group_by("approach", maintain_order=True).agg(pl.col("accuracy").mean())
    info = {
        **model.info,
        "compared": dict(means.iter_rows()),
        "families": list(TRAINED),
        "nima": data.heads.version,
    }
    return replace(model, info=info)


def _counted(
    progress: Progress | None, total: int
) -> Callable[[Callable[[], RankerModel]], RankerModel]:
    done = 0

    def run(fit: Callable[[], RankerModel]) -> RankerModel:
        nonlocal done
        model = fit()
        done += 1
        if progress is not None:
            progress(done, total)
        return model

    return run
