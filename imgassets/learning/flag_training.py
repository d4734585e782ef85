"""Training a flag's model: approaches compete, evidence decides who answers.

1. Split: a fixed part of the examples is held out, by group; it is looked at once, at the end.
2. Augment: while the tuning measures (out of fold, on the training part) miss the target, more
   synthetic examples are drawn of the defects that are answered wrongly (paper A, II-A).
3. Compete: heads on stored embeddings and signals against the backbone's retrained last block;
   limits are chosen out of fold, and so is the winner.
4. Contest: the winner meets the present champion on the held-out part, or, where there is none, the
   quality rule of that name. Only a better F1 moves the alias.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.augmentation import harder_weights
from imgassets.learning.block_model import APPROACH as BLOCK
from imgassets.learning.block_model import BlockModel
from imgassets.learning.evaluation import group_split
from imgassets.learning.features import SCALARS, feature_matrix
from imgassets.learning.flag_model import FlagModel
from imgassets.learning.heads import best_variant, candidates
from imgassets.learning.limits import Limits, Measures, choose_limits, measures

if TYPE_CHECKING:
    from imgassets.settings import LearningSettings, ReviewSettings

HOLDOUT = 0.2
"""Share of the groups that is held out, where no label names a holdout."""

MIN_POSITIVES = 3
"""Fewer different images that deserve a flag teach nothing."""

METRIC = "f1"
"""What promotion is decided by."""

MIN_GAIN = 0.01
"""F1 that a stage of augmentation must gain to be worth another one."""

_FROM_THE_LOOP = ("answer", "confident")
"""Origins that a model had a say in: never held out."""

ALGORITHM = "flag-heads-1"
"""Version of everything here that can change a model trained on the same data."""

Floats = NDArray[np.float64]
Grow = Callable[[Sequence[Mapping[str, float]]], pl.DataFrame]
"""Weights of defects of each further stage of augmentation → all examples up to the last of them;
no weights: the first stage."""

Squares = Callable[[pl.DataFrame], NDArray[np.uint8]]
AnyModel = FlagModel | BlockModel


class TooFewExamples(ValueError):
    """A flag cannot be learnt from what there is; the message says what is missing."""


class Parts(NamedTuple):
    """Examples to train on, and those held out."""

    train: pl.DataFrame
    test: pl.DataFrame


class Stage(NamedTuple):
    """One stage of augmentation, measured out of fold on the training part."""

    stage: int
    n_train: int
    n_synthetic: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Trained:
    """One approach, trained.

    Attributes:
        model: it.
        tuned: its measures on the training part, out of fold, at its limit.
        p: its out-of-fold probabilities, float64 [n], in the order of the training part.
    """

    model: AnyModel
    tuned: Measures
    p: Floats


def split_examples(examples: pl.DataFrame, seed: int) -> Parts:
    """Split a flag's examples into a part to train on and a part held out.

    Labels that name a holdout make it; without them it is a share of the groups, chosen by a hash
    of their ids, so that it stays the same from round to round. People's answers about held-out
    groups belong to neither part: the holdout must not follow the questions that a model asked.

    Args:
        examples: `image_id`, `group_id`, `value`, `origin`, `split` and what training needs.
        seed: of the hash.

    Raises:
        TooFewExamples: there are no two groups to split.
    """
    named = examples.filter(pl.col("split") == "holdout")
    if not named.is_empty():
        train = examples.filter(pl.col("split") != "holdout")
        # Neither the held-out bytes nor what was made from them, nor their group.
        for column in ("image_id", "group_id"):
            train = train.join(named.select(column).unique(), on=column, how="anti")
        return Parts(train, named)
    try:
        train, held = group_split(examples, HOLDOUT, seed)
    except ValueError as error:
        raise TooFewExamples(str(error)) from error
    held = held.join(train.select("image_id").unique(), on="image_id", how="anti")
    return Parts(train, held.filter(~pl.col("origin").is_in(_FROM_THE_LOOP)))


def require_examples(flag: str, parts: Parts) -> None:
    """Raise TooFewExamples unless a model can be trained and tried on these examples."""
    positives = parts.train.filter("value")
    found = positives["image_id"].n_unique()
    groups = positives["group_id"].n_unique()
    held = parts.test.filter("value")["image_id"].n_unique()
    if found < MIN_POSITIVES or groups < 2:
        raise TooFewExamples(
            f"'{flag}' needs {MIN_POSITIVES} images that deserve it, of 2 products or styles, to "
            f"train on; there are {found} of {groups}, besides {held} held out to test on: import "
            "labels (`imgassets labels import`) or answer review tasks"
        )
    if parts.train.filter(~pl.col("value"))["group_id"].n_unique() < 2:
        raise TooFewExamples(
            f"'{flag}' needs images that do not deserve it, of 2 products or styles: run "
            "`imgassets backfill`, so that there are some to compare with"
        )


def augment(
    flag: str, grow: Grow, learning: LearningSettings, review: ReviewSettings, seed: int
) -> tuple[pl.DataFrame, list[Stage]]:
    """Add synthetic examples, most of what is answered wrongly, until the target is reached.

    It gives up after `max_augmentations` stages, or when a stage gains less than `MIN_GAIN`.

    Args:
        flag: the flag.
        grow: see :data:`Grow`.
        learning: the target, and how many stages to try.
        review: precision that limits need.
        seed: of splits and folds.

    Returns:
        The examples of the last stage, and the history.
    """
    history: list[Stage] = []
    weights: list[dict[str, float]] = []
    for stage in range(1, learning.max_augmentations + 1):
        examples = grow(weights)
        parts = split_examples(examples, seed)
        require_examples(flag, parts)
        train = parts.train
        made = int((train["origin"] == "synthetic").sum())
        trained = train_heads(flag, train, learning, review, seed, only="logistic")[0]
        tuned = trained.tuned
        history.append(Stage(stage, train.height, made, tuned.precision, tuned.recall, tuned.f1))
        reached = (
            tuned.precision >= learning.target_precision and tuned.recall >= learning.target_recall
        )
        stuck = stage > 1 and tuned.f1 < history[-2].f1 + MIN_GAIN
        if reached or stuck or not made:
            break
        answers = pl.Series(trained.p >= trained.model.limits["flag"])
        wrong = train.select("kind", "value", answer=answers)
        weights.append(harder_weights(wrong, weights[-1] if weights else None))
    return examples, history


def train_heads(
    flag: str,
    train: pl.DataFrame,
    learning: LearningSettings,
    review: ReviewSettings,
    seed: int,
    *,
    only: str | None = None,
    signals_version: str = "",
) -> list[Trained]:
    """Train the heads on embeddings and signals.

    Args:
        flag: the flag.
        train: the training part.
        learning: share of good images that a limit may discard.
        review: precision that rejecting needs.
        seed: of folds and trees.
        only: this approach alone; None: all of :func:`imgassets.learning.heads.candidates`.
        signals_version: what the features come from.

    Returns:
        One per approach.
    """
    x, y, groups = feature_matrix(train), train["value"].to_numpy(), train["group_id"].to_list()
    found = []
    for approach, variants in candidates(x, seed).items():
        if only not in (None, approach):
            continue
        make, p = best_variant(variants, x, y, groups, seed)
        limits, tuned = judge(train, p, learning, review)
        model = FlagModel(
            flag, approach, make().fit(x, y), asdict(limits), SCALARS, signals_version,
            trained_on(train),
        )  # fmt: skip
        found.append(Trained(model, tuned, p))
    return found


def judge(
    train: pl.DataFrame, p: Floats, learning: LearningSettings, review: ReviewSettings
) -> tuple[Limits, Measures]:
    """Choose limits on out-of-fold probabilities; return them and the measures at the flag's."""
    y, real = train["value"].to_numpy(), is_real(train)
    limits = choose_limits(
        y,
        p,
        real,
        max_false_discards=learning.max_false_discards,
        reject_precision=review.reject_precision,
        min_rejections=review.min_rejections,
    )
    return limits, measures(y, p >= limits.flag, real)


def is_real(examples: pl.DataFrame) -> NDArray[np.bool_]:
    """Return which examples came from a supplier, bool [n]."""
    return (examples["origin"] != "synthetic").to_numpy()


def trained_on(train: pl.DataFrame) -> dict[str, Any]:
    """Return what a model remembers of its training part, JSON-able."""
    positive = int(train["value"].sum())
    return {
        "counts": {"positive": positive, "negative": train.height - positive},
        "train_groups": sorted(train["group_id"].unique()),
    }


def choose_approach(trained: Sequence[Trained], pixel_margin: float) -> Trained:
    """Return the approach of best F1 out of fold; one that needs pixels must win by a margin.

    Args:
        trained: all approaches, measured on the same examples.
        pixel_margin: F1 by which the retrained block must be better than the best head: it reads
            every image again where a head reads stored signals.
    """
    heads = [t for t in trained if t.model.approach != BLOCK]
    best = max(heads, key=lambda t: t.tuned.f1)
    blocks = [t for t in trained if t.model.approach == BLOCK]
    if blocks and blocks[0].tuned.f1 > best.tuned.f1 + pixel_margin:
        return blocks[0]
    return best


def answers_of(model: AnyModel, examples: pl.DataFrame, squares: Squares | None) -> Floats:
    """Return a model's probabilities of examples, float64 [n].

    Raises:
        ValueError: the model needs pixels, and there is nothing to load them with.
    """
    if isinstance(model, FlagModel):
        return model.predict_proba(feature_matrix(examples)).astype(np.float64)
    if squares is None:
        raise ValueError(f"the model of '{model.flag}' needs pixels: name a pretrained backbone")
    return model.predict_proba(squares(examples)).astype(np.float64)


def contest(
    candidate: AnyModel,
    champion: AnyModel | None,
    name: str,
    test: pl.DataFrame,
    squares: Squares | None,
    tuned: Measures | None = None,
) -> tuple[bool, str]:
    """Compare a candidate with what answers now, on held-out examples that neither saw.

    Args:
        candidate: the new model.
        champion: the present one; None: the quality rule of the flag's name, if there is one.
        name: what to call the champion; the rule is called what it is.
        test: the held-out part.
        squares: loads pixels for models that need them.
        tuned: the candidate's measures out of fold: a first version must have found something,
            since images that it passes are no longer reported as not assessed.

    Returns:
        Whether the candidate wins, and one sentence why.
    """
    common = test
    if champion is not None:
        if champion.signals_version != candidate.signals_version:
            return True, (
                f"{name} reads signals '{champion.signals_version}', not "
                f"'{candidate.signals_version}': not comparable, replaced"
            )
        common = test.filter(~pl.col("group_id").is_in(champion.info["train_groups"]))
    by_rule = champion is None and not test.is_empty() and test["rule_answer"].null_count() == 0
    if champion is None:
        if not by_rule:
            if tuned is not None and tuned.f1 == 0:
                return False, "first version, but it found nothing out of fold: label more images"
            return True, "first version: there is nothing to compare with"
        name = "the quality rule"
    if not common["value"].any():
        return False, (
            f"not comparable with {name}: no held-out example deserves the flag; label more, or "
            "promote by hand (`imgassets models promote`)"
        )
    truth, real = common["value"].to_numpy(), is_real(common)
    new = measures(truth, answers_of(candidate, common, squares) >= candidate.limits["flag"], real)
    if champion is None:
        said = common["rule_answer"].to_numpy()
    else:
        said = answers_of(champion, common, squares) >= champion.limits["flag"]
    old = measures(truth, said, real)
    wins = new.f1 > old.f1
    return wins, (
        f"{'better' if wins else 'not better'} than {name} on the same {len(truth)} held-out "
        f"examples: {METRIC} {new.f1:.4f} against {old.f1:.4f} ({new.f1 - old.f1:+.4f}), good "
        f"images discarded {new.false_discards:.2%} against {old.false_discards:.2%}"
    )


def data_hash(examples: pl.DataFrame, signals_version: str, parameters: str, seed: int) -> str:
    """Return a hash of all that decides which model comes out."""
    digest = hashlib.sha256(f"{ALGORITHM}\n{signals_version}\n{parameters}\n{seed}".encode())
    columns = ["example_id", "group_id", "category", "value", "origin", "split"]
    for row in examples.sort("example_id").select(columns).iter_rows():
        digest.update(repr(row).encode())
    return digest.hexdigest()
