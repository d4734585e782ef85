"""The category model from feeds to registry: train, compare, describe, register, promote.

A registered version holds `evaluated/`, the model of the training part, whose measures are reported
and which contests between versions are held between, and in the folder itself the model that
answers: fitted on all products with the evaluated model's strength, temperature and limit.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from imgassets.learning import category_text
from imgassets.learning.cards import (
    ModelCard,
    count_examples,
    few_examples,
    never_answered,
    weak_categories,
)
from imgassets.learning.category_fit import NEVER, TextExamples, fit_category_text
from imgassets.learning.category_rows import usable_products
from imgassets.learning.category_text import CategoryText
from imgassets.learning.evaluation import Evaluation, evaluate, group_split
from imgassets.learning.outcome import TrainingOutcome
from imgassets.learning.registered import CorruptedModel, RegisteredVersion, needs_promotion
from imgassets.learning.registry import ModelRegistry
from imgassets.settings import CategorySettings

MODEL = "category"
"""Name of the registered model."""

METRIC = "macro_f1"
"""What promotion is decided by."""

HOLDOUT = 0.2
"""Share of the groups that is held out."""

ALGORITHM = "category-text-1"
"""Version of all in `category_{rows,fit,text,training}.py` that can change a model."""

_SHOWN_PAIRS = 15
_EVALUATED = "evaluated"


def train_category(
    texts: pl.DataFrame,
    registry: ModelRegistry,
    snapshot_id: int,
    settings: CategorySettings,
    seed: int = 0,
) -> TrainingOutcome:
    """Train, measure on held-out products, register, and promote if better than the champion.

    Champion and candidate answer the same products: held-out ones of groups that neither was
    evaluated as having seen. A champion that saw all of these, or whose files are corrupted, is
    replaced. Products that already made a version make no second one while its files are intact.

    Args:
        texts: `product_id`, `category`, `title`, `description`, `group_id` (null where nobody named
            one), a row per distinct text of a product whose feeds name its category.
        registry: where versions are kept.
        snapshot_id: warehouse snapshot that the texts were read from.
        settings: the precision that is wanted.
        seed: of the split and the folds.

    Raises:
        ValueError: too few products, groups or categories.
        RegistryUnavailable: the registry does not answer.
    """
    texts, notes = usable_products(texts)
    hashed = _data_hash(texts, settings, seed)
    champion = registry.champion(MODEL)
    for made in registry.versions(MODEL):
        if made.tags.get("data_hash") == hashed and registry.is_intact(MODEL, made.version):
            return _already_trained(registry, made, champion)

    train, test = group_split(texts, HOLDOUT, seed)
    evaluated = fit_category_text(_examples(train), min_precision=settings.min_precision, seed=seed)
    evaluated.info["train_groups"] = sorted(train["group_id"].unique())
    evaluated.info["train_products"] = sorted(train["product_id"].unique())
    answered = answer_products(evaluated, test)
    result = _evaluate(evaluated.classes, answered)
    wins, explanation = _contest(registry, champion, evaluated, answered, test)
    final = fit_category_text(
        _examples(texts), min_precision=settings.min_precision, seed=seed, like=evaluated
    )
    metrics = {
        **{name: result.metrics()[name] for name in ("accuracy", "macro_f1", "n")},
        **_at_limit(answered),
        "limit": evaluated.limit,
        "temperature": evaluated.temperature,
    }
    n_train, n_test = (part["product_id"].n_unique() for part in (train, test))
    decision = f"{'promoted' if wins else 'not promoted'}: {explanation}"
    with tempfile.TemporaryDirectory() as scratch:
        final.save(Path(scratch))
        evaluated.save(Path(scratch, _EVALUATED))
        version = registry.log_and_register(
            MODEL,
            folder=Path(scratch),
            code=Path(category_text.__file__),
            inputs={"title": "string", "description": "string"},
            params={
                "algorithm": ALGORITHM,
                "c": evaluated.info["c"],
                "categories": len(final.classes),
                "min_precision": settings.min_precision,
                "seed": seed,
                "snapshot_id": snapshot_id,
                "n_train": n_train,
                "n_test": n_test,
            },
            metrics=metrics,
            plots={"confusion": worst_pairs_plot(result)},
            tags={
                "data_hash": hashed,
                "decision": "promote" if wins else "keep",
                "explanation": explanation,
                "snapshot_id": str(snapshot_id),
                "metric": METRIC,
                "value": repr(result.macro_f1),
                "n_train": str(n_train),
                "n_test": str(n_test),
            },
            card=_card(evaluated, train, answered, result, metrics, settings, decision, notes),
            requirements=("scikit-learn", "scipy"),
        )
    if wins:
        registry.promote(MODEL, version.version)
    return TrainingOutcome(
        version=version,
        retrained=True,
        promoted=wins,
        explanation=explanation,
        metrics=metrics,
        n_train=n_train,
        n_test=n_test,
        notes=tuple(notes),
    )


def answer_products(model: CategoryText, texts: pl.DataFrame) -> pl.DataFrame:
    """Let a model answer products, as it does where a feed names no category.

    Args:
        model: the model.
        texts: `product_id`, `category`, `title`, `description`.

    Returns:
        A row per product, sorted: `product_id`, `category`, `title`, `answer`, `probability` (of
        the answer, averaged over the product's texts) and `sure`.
    """
    p, known = model.predict_proba(texts["title"].to_list(), texts["description"].to_list())
    names = [f"p{i}" for i in range(len(model.classes))]
    told = texts.select("product_id", "category", "title").with_columns(
        pl.DataFrame(p.astype(np.float64), schema=names), known=pl.Series(known)
    )
    mean = told.group_by("product_id").agg(
        pl.col("category", "title").sort_by("title").first(), pl.col(names).mean(),
        pl.col("known").max(),
    ).sort("product_id")  # fmt: skip
    matrix = mean.select(names).to_numpy()
    return mean.select(
        "product_id", "category", "title",
        answer=pl.Series([model.classes[i] for i in matrix.argmax(axis=1)], dtype=pl.String),
        probability=pl.Series(matrix.max(axis=1)),
        sure=pl.Series(matrix.max(axis=1) >= model.limit) & (pl.col("known") > 0),
    )  # fmt: skip


def by_categories(answered: pl.DataFrame) -> pl.DataFrame:
    """Return `category`, `n` products, `accuracy`, and `coverage` and `precision` of sure answers.

    Args:
        answered: as :func:`answer_products` returns it.
    """
    right = pl.col("answer") == pl.col("category")
    return (
        answered.group_by("category")
        .agg(
            n=pl.len().cast(pl.Int64),
            accuracy=right.mean(),
            coverage=pl.col("sure").mean(),
            precision=right.filter("sure").mean(),
        )
        .sort("category")
    )


def worst_pairs(result: Evaluation) -> list[tuple[str, str, int]]:
    """Return (category, answer, products) of the wrong answers, the most frequent first."""
    wrong = [
        (result.classes[row], result.classes[column], int(result.confusion[row, column]))
        for row, column in np.argwhere(result.confusion)
        if row != column
    ]
    return sorted(wrong, key=lambda pair: (-pair[2], pair[0], pair[1]))


def worst_pairs_plot(result: Evaluation) -> bytes:
    """Draw the pairs of categories that are mistaken most often, with their numbers. A PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    pairs = worst_pairs(result)[:_SHOWN_PAIRS][::-1]
    figure = Figure(figsize=(7, 1.6 + 0.28 * len(pairs)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    bars = axes.barh([f"{told} → {said}" for told, said, _ in pairs], [n for *_, n in pairs])
    axes.bar_label(bars)
    wrong = result.n - int(np.trace(result.confusion))
    axes.set(xlabel="products", title=f"{wrong} of {result.n} held-out products answered wrongly")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def _examples(texts: pl.DataFrame) -> TextExamples:
    return TextExamples(
        titles=texts["title"].to_list(),
        descriptions=texts["description"].to_list(),
        categories=texts["category"].to_list(),
        products=texts["product_id"].to_list(),
        groups=texts["group_id"].to_list(),
    )


def _evaluate(classes: Sequence[str], answered: pl.DataFrame) -> Evaluation:
    return evaluate(answered["category"].to_list(), answered["answer"].to_list(), classes)


def _at_limit(answered: pl.DataFrame) -> dict[str, float]:
    """Return the share of products answered surely and, if there are any, how many are right."""
    sure = answered.filter("sure")
    found = {"coverage": sure.height / answered.height}
    if sure.height:
        right = sure.filter(pl.col("answer") == pl.col("category")).height
        found["precision"] = right / sure.height
    return found


def _contest(
    registry: ModelRegistry,
    champion: RegisteredVersion | None,
    candidate: CategoryText,
    answered: pl.DataFrame,
    test: pl.DataFrame,
) -> tuple[bool, str]:
    """Compare the evaluated models; return whether the candidate wins and a sentence why."""
    if champion is None:
        return True, "first version: no champion to compare with"
    name = f"champion {champion.version}"
    try:
        holder = CategoryText.load(registry.download(MODEL, champion.version) / _EVALUATED)
    except CorruptedModel as error:
        return True, f"{name} cannot be read, replaced: {error}"
    common = test.filter(
        ~pl.col("group_id").is_in(holder.info["train_groups"]),
        ~pl.col("product_id").is_in(holder.info["train_products"]),
    )
    if common.is_empty():
        return True, f"{name} was trained on all held-out products: not comparable, replaced"
    scored = sorted({*candidate.classes, *holder.classes})
    mine = answered.join(common, on="product_id", how="semi")
    new = _evaluate(scored, mine).macro_f1
    old = _evaluate(scored, answer_products(holder, common)).macro_f1
    wins = new > old
    return wins, (
        f"{'better' if wins else 'not better'} than {name} on the same {mine.height} held-out "
        f"products: {METRIC} {new:.4f} against {old:.4f} ({new - old:+.4f})"
    )


def _card(
    model: CategoryText,
    train: pl.DataFrame,
    answered: pl.DataFrame,
    result: Evaluation,
    metrics: Mapping[str, float],
    settings: CategorySettings,
    decision: str,
    notes: Sequence[str],
) -> ModelCard:
    """Describe a version."""
    products = train.unique("product_id")
    data = count_examples(
        pl.concat(
            frame.select(label="category", split=pl.lit(split), source=pl.lit("feeds"))
            for frame, split in ((products, "train"), (answered, "held out"))
        )
    )
    labels, answers = answered["category"].to_list(), answered["answer"].to_list()
    by_category = by_categories(answered)
    folds = "; ".join(
        f"{name}: accuracy {found['accuracy']:.3f}, at the limit precision "
        f"{'–' if found['precision'] is None else format(found['precision'], '.3f')}, coverage "
        f"{found['coverage']:.3f}"
        for name, found in model.info.get("out_of_fold", {}).items()
    )
    never = " (never: no answer is taken)" if model.limit >= NEVER else ""
    return ModelCard(
        model=MODEL,
        purpose="Predicts a product's category from title and description.",
        approach=(
            "Multinomial logistic regression on TF-IDF of word and character n-grams, titles and "
            f"descriptions apart; {model.weight.shape[0]} features, strength {model.info['c']:g}, "
            f"temperature {model.temperature:.2f}. Out of fold, {folds or 'too few groups to ask'}."
        ),
        signals_version="none: it reads texts",
        data=data,
        how_split=(
            "Examples are products. Parts share no product, no group that labels name, and no "
            "products whose descriptions start alike."
        ),
        metrics=dict(metrics),
        measured_on=f"the held-out part, {result.n} products, before the limit where none is named",
        metrics_by_category=by_category,
        thresholds={
            "limit": (
                model.limit,
                f"least probability with a precision of {settings.min_precision:g} "
                f"(category.min_precision) out of fold{never}",
            )
        },
        decision=decision,
        known_failures=[
            *notes,
            *few_examples(data),
            *never_answered(labels, answers),
            *weak_categories(by_category, "accuracy"),
            *(f"'{told}' answered '{said}': {n} products"
              for told, said, n in worst_pairs(result)[:_SHOWN_PAIRS]),
        ],
        intended_use=(
            "Gives feed rows without a category one where it is sure; the others are quarantined.",
            "It answers with categories that feeds have named: a product of a new one is "
            "answered wrongly or, mostly, unsurely.",
        ),
    )  # fmt: skip


def _already_trained(
    registry: ModelRegistry, made: RegisteredVersion, champion: RegisteredVersion | None
) -> TrainingOutcome:
    """Report the version that these products made; finish a promotion that was cut short."""
    if promote := needs_promotion(made, champion):
        registry.promote(MODEL, made.version)
    return TrainingOutcome(
        version=made,
        retrained=False,
        promoted=promote,
        explanation=f"the same products made version {made.version}: {made.tags['explanation']}",
        metrics={made.tags["metric"]: float(made.tags["value"])},
        n_train=int(made.tags["n_train"]),
        n_test=int(made.tags["n_test"]),
        notes=(),
    )


def _data_hash(texts: pl.DataFrame, settings: CategorySettings, seed: int) -> str:
    """Return a hash of all that decides which model comes out."""
    digest = hashlib.sha256(f"{ALGORITHM}\n{settings!r}\n{seed}\n{HOLDOUT}".encode())
    for row in texts.iter_rows():
        digest.update(repr(row).encode())
    return digest.hexdigest()
