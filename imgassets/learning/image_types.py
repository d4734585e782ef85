"""The image-type model: training, the contest with the present champion, and answering.

What a registered version holds, and which number belongs to which weights:

- `evaluated/`: the head fitted on the training part alone. Every reported metric is this head's, on
  groups it never saw; contests between versions are held between these heads.
- the folder itself: the head that answers, refitted on all labels with the evaluated head's
  hyperparameter. Labels are scarce, so a fifth of them is worth having; this head has no
  measured score of its own.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from imgassets.learning import head as head_module
from imgassets.learning.evaluation import Evaluation, evaluate, group_split
from imgassets.learning.head import LogisticHead
from imgassets.learning.registered import PROMOTED_TAG, CorruptedModel, RegisteredVersion
from imgassets.learning.registry import ModelRegistry
from imgassets.learning.type_card import describe_types
from imgassets.settings import TypeSettings
from imgassets.warehouse.contracts import ImageTypes

MODEL = "image_type"
"""Name of the registered model."""

METRIC = "macro_f1"
"""What promotion is decided by."""

HOLDOUT = 0.2
"""Share of the groups that is held out."""

ALGORITHM = "logistic-head-1"
"""Version of everything here and in `head.py` that can change a model trained on the same data."""

NONE, UNSURE, UNTYPED = "none", "unsure", "untyped"

_INPUTS = {"embedding": "floats", "category": "string"}
_EVALUATED = "evaluated"


@dataclass(frozen=True)
class TrainingReport:
    """What a training did.

    Attributes:
        version: the version these labels belong to: new, or the one they made before.
        retrained: a new version was registered.
        promoted: the alias moved to `version` now.
        is_champion: `version` answers, now or still.
        explanation: one sentence: what was decided, and by how much.
        metrics: held-out measures of the version, e.g. `macro_f1`, `recall_back`.
        n_train: labelled images of the training part.
        n_test: labelled images compared on.
        notes: what was left out and why.
        evaluation: the held-out comparison; None where nothing was trained.
    """

    version: RegisteredVersion
    retrained: bool
    promoted: bool
    is_champion: bool
    explanation: str
    metrics: Mapping[str, float]
    n_train: int
    n_test: int
    notes: tuple[str, ...]
    evaluation: Evaluation | None


def train_image_type(
    labelled: pl.DataFrame,
    registry: ModelRegistry,
    snapshot_id: int,
    signals_version: str,
    seed: int = 0,
    limits: TypeSettings | None = None,
) -> TrainingReport:
    """Train, measure on held-out groups, register, and promote if better than the champion.

    Champion and candidate answer the same images: held-out ones of groups that neither was
    evaluated as having seen. A champion for other signals, or one that saw all of these groups,
    cannot be compared, nor can one whose files are corrupted: the candidate replaces it. Labels
    that already made a version make no second one while its files are intact.

    Args:
        labelled: `product_id`, `image_id`, `category`, `image_type`, `group_id` and `embedding`
            (list of d floats), one row per labelled image.
        registry: where versions are kept.
        snapshot_id: warehouse snapshot that the labels and embeddings were read from.
        signals_version: signals of all the embeddings.
        seed: of the split and the folds.
        limits: what answers will be held against, for the model card; by default, the defaults.

    Raises:
        ValueError: too few labels, groups or classes, or embeddings of several lengths.
        RegistryUnavailable: the registry does not answer.
    """
    labelled = labelled.sort("product_id", "image_id")
    data_hash = _data_hash(labelled, signals_version, seed)
    champion = registry.champion(MODEL)
    for made in registry.versions(MODEL):
        same = made.tags.get("data_hash") == data_hash
        if same and registry.is_intact(MODEL, made.version):
            return _already_trained(registry, made, champion)

    train, held = group_split(labelled, HOLDOUT, seed)
    # Bytes shared with the training part (a placeholder of many products) would be too easy.
    test = held.join(train, on="image_id", how="anti")
    evaluated = _fit(train, signals_version, seed)
    evaluated.info["train_groups"] = sorted(train["group_id"].unique())
    answered = _answered(evaluated, test)
    result = evaluate(
        test["image_type"].to_list(), answered["answer"].to_list(), scored=evaluated.classes
    )
    wins, explanation = _contest(registry, champion, evaluated, test)
    final = _fit(labelled, signals_version, seed, c=evaluated.info["c"])

    notes = list(evaluated.info["notes"])
    if held.height > test.height:
        notes.append(
            f"left out of the comparison: {held.height - test.height} held-out images whose "
            "bytes also occur in the training part"
        )
    card = describe_types(
        MODEL,
        evaluated,
        train,
        answered,
        result,
        limits=limits or TypeSettings(),
        decision=f"{'promoted' if wins else 'not promoted'}: {explanation}",
        notes=notes,
    )
    tags = {
        "data_hash": data_hash,
        "decision": "promote" if wins else "keep",
        "explanation": explanation,
        "signals_version": signals_version,
        "snapshot_id": str(snapshot_id),
        "metric": METRIC,
        "value": repr(result.macro_f1),
        "n_train": str(train.height),
        "n_test": str(test.height),
    }
    params = {
        "algorithm": ALGORITHM,
        "c": evaluated.info["c"],
        "classes": ", ".join(final.classes),
        "dimensions": final.dimensions,
        "signals_version": signals_version,
        "snapshot_id": snapshot_id,
        "seed": seed,
        "n_labels": labelled.height,
        "n_train": train.height,
        "n_test": test.height,
    }
    with tempfile.TemporaryDirectory() as scratch:
        final.save(Path(scratch))
        evaluated.save(Path(scratch, _EVALUATED))
        version = registry.log_and_register(
            MODEL,
            folder=Path(scratch),
            code=Path(head_module.__file__),
            inputs=_INPUTS,
            params=params,
            metrics=result.metrics(),
            plots={"confusion": result.confusion_plot(f"{MODEL}, {result.n} held-out images")},
            tags=tags,
            card=card,
        )
    if wins:
        registry.promote(MODEL, version.version)
    return TrainingReport(
        version=version,
        retrained=True,
        promoted=wins,
        is_champion=wins,
        explanation=explanation,
        metrics=result.metrics(),
        n_train=train.height,
        n_test=test.height,
        notes=tuple(notes),
        evaluation=result,
    )


class TypeChampion(NamedTuple):
    """The head that answers.

    Attributes:
        head: it; None while there is none.
        version: its version; '' while there is none.
        stale: empty where the registry answered, else a sentence that says so.
    """

    head: LogisticHead | None
    version: str
    stale: str


def load_champion(registry: ModelRegistry) -> TypeChampion:
    """Return the head that answers, the cached one where the registry is down.

    Raises:
        RegistryUnavailable: the registry does not answer, and no champion is cached.
        CorruptedModel: the champion's files are not those that were registered.
    """
    served = registry.load_champion(MODEL)
    if served is None:
        return TypeChampion(None, "", "")
    head = LogisticHead.load(served.folder)
    return TypeChampion(head, str(served.version.version), served.stale)


def predict_types(
    images: pl.DataFrame, head: LogisticHead | None, version: str, settings: TypeSettings
) -> pl.DataFrame:
    """Type images.

    Args:
        images: `day`, `category`, `product_id`, `image_id` and `embedding` (list of d floats).
        head: the champion; without one, every image is 'untyped' with probability 0 (nothing was
            estimated) and `approach` says so too.
        version: the head's version.
        settings: limits. 'none' needs `min_none_probability`, else the best view stands; an
            answer below `min_probability` becomes 'unsure' and keeps its probability.

    Returns:
        Frame in contract `ImageTypes`, one row per row of `images`, in their order.

    Raises:
        ValueError: the embeddings are not of the length the head takes.
    """
    keys = images.select("day", "category", "product_id", "image_id")
    if head is None:
        return ImageTypes.conform(
            keys.with_columns(
                image_type=pl.lit(UNTYPED),
                probability=pl.lit(0.0),
                approach=pl.lit(UNTYPED),
                model_version=pl.lit(""),
            )
        )
    p = head.predict_proba(_matrix(images), images["category"].to_list())
    classes = np.array(head.classes)
    is_none = classes == NONE
    views = np.where(is_none, -1.0, p)
    best = views.argmax(axis=1)
    if is_none.any():
        none = int(is_none.argmax())
        best = np.where(p[:, none] >= settings.min_none_probability, none, best)
    probability = p[np.arange(len(p)), best]
    answer = np.where(probability < settings.min_probability, UNSURE, classes[best])
    return ImageTypes.conform(
        keys.with_columns(
            image_type=pl.Series(answer, dtype=pl.String),
            probability=pl.Series(probability, dtype=pl.Float32).clip(0, 1),
            approach=pl.lit("embedding_head"),
            model_version=pl.lit(version),
        )
    )


def _fit(
    labelled: pl.DataFrame, signals_version: str, seed: int, c: float | None = None
) -> LogisticHead:
    return LogisticHead.fit(
        _matrix(labelled),
        labelled["image_type"].to_list(),
        labelled["category"].to_list(),
        labelled["group_id"].to_list(),
        seed=seed,
        signals_version=signals_version,
        c=c,
    )


def _best(head: LogisticHead, images: pl.DataFrame) -> list[str]:
    """Return each image's most probable class, without limits."""
    return _answered(head, images)["answer"].to_list()


def _answered(head: LogisticHead, images: pl.DataFrame) -> pl.DataFrame:
    """Return the images with `answer`, the most probable class, and its `probability`."""
    p = head.predict_proba(_matrix(images), images["category"].to_list())
    return images.with_columns(
        answer=pl.Series([head.classes[i] for i in p.argmax(axis=1)], dtype=pl.String),
        probability=pl.Series(p.max(axis=1), dtype=pl.Float32),
    )


def _contest(
    registry: ModelRegistry,
    champion: RegisteredVersion | None,
    candidate: LogisticHead,
    test: pl.DataFrame,
) -> tuple[bool, str]:
    """Compare the evaluated heads; return whether the candidate wins and a sentence why."""
    if champion is None:
        return True, "first version: no champion to compare with"
    name = f"champion {champion.version}"
    try:
        folder = registry.download(MODEL, champion.version)
    except CorruptedModel as error:
        return True, f"{name} cannot be read, replaced: {error}"
    holder = LogisticHead.load(folder / _EVALUATED)
    if holder.signals_version != candidate.signals_version:
        return True, (
            f"{name} reads signals '{holder.signals_version}', not '{candidate.signals_version}': "
            "not comparable, replaced"
        )
    common = test.filter(~pl.col("group_id").is_in(holder.info["train_groups"]))
    if common.is_empty():
        return True, f"{name} was trained on all held-out groups: not comparable, replaced"
    labels = common["image_type"].to_list()
    scored = {*candidate.classes, *holder.classes}
    new = evaluate(labels, _best(candidate, common), scored).macro_f1
    old = evaluate(labels, _best(holder, common), scored).macro_f1
    wins = new > old
    return wins, (
        f"{'better' if wins else 'not better'} than {name} on the same {common.height} held-out "
        f"images: {METRIC} {new:.4f} against {old:.4f} ({new - old:+.4f})"
    )


def _already_trained(
    registry: ModelRegistry, made: RegisteredVersion, champion: RegisteredVersion | None
) -> TrainingReport:
    """Report the version that these labels made; finish a promotion that was cut short.

    A version that was champion before and no longer is lost the alias to a person: it stays so.
    """
    promote = (
        made.tags["decision"] == "promote"
        and PROMOTED_TAG not in made.tags
        and (champion is None or champion.version < made.version)
    )
    if promote:
        registry.promote(MODEL, made.version)
    return TrainingReport(
        version=made,
        retrained=False,
        promoted=promote,
        is_champion=promote or (champion is not None and champion.version == made.version),
        explanation=f"the same labels made version {made.version}: {made.tags['explanation']}",
        metrics={made.tags["metric"]: float(made.tags["value"])},
        n_train=int(made.tags["n_train"]),
        n_test=int(made.tags["n_test"]),
        notes=(),
        evaluation=None,
    )


def _matrix(images: pl.DataFrame) -> np.ndarray:
    """Return the column `embedding` as float32 [n, d]; [0, 0] of an empty frame."""
    if images.is_empty():
        return np.zeros((0, 0), dtype=np.float32)
    lengths = images["embedding"].list.len().unique().to_list()
    if len(lengths) != 1 or not lengths[0]:
        raise ValueError(f"embeddings must have one length, found {sorted(map(str, lengths))}")
    flat = images["embedding"].list.explode().to_numpy()
    return np.asarray(flat, dtype=np.float32).reshape(len(images), lengths[0])


def _data_hash(labelled: pl.DataFrame, signals_version: str, seed: int) -> str:
    """Return a hash of all that decides which model comes out."""
    digest = hashlib.sha256(f"{ALGORITHM}\n{signals_version}\n{seed}\n{HOLDOUT}".encode())
    columns = ["product_id", "image_id", "category", "image_type", "group_id"]
    for row in labelled.select(columns).iter_rows():
        digest.update(repr(row).encode())
    digest.update(_matrix(labelled).tobytes())
    return digest.hexdigest()
