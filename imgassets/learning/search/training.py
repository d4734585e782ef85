"""A search model from examples to registry: train, measure, register, promote.

A version holds the model, the scale of relevance and what was measured (`evaluations.parquet`).
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from imgassets.learning.outcome import TrainingOutcome
from imgassets.learning.registered import CorruptedModel, RegisteredVersion, needs_promotion
from imgassets.learning.registry import ModelRegistry
from imgassets.learning.search import reranker
from imgassets.learning.search.card import describe_search
from imgassets.learning.search.champion import MODEL, load_version
from imgassets.learning.search.competition import RERANKED, Found, compete, search_run
from imgassets.learning.search.data import SearchData
from imgassets.learning.search.plots import attribute_plot, interpolation_plot, methods_plot
from imgassets.learning.search.questions import CATALOG
from imgassets.learning.search.relevance import RelevanceScale, fit_relevance
from imgassets.search.attributes import load_lexicon
from imgassets.search.evaluation import ALL, evaluate, highest_grade
from imgassets.search.measures import MAIN_MEASURE, mean_of, measure
from imgassets.search.query_types import query_types
from imgassets.search.settings import DUAL, SearchSettings
from imgassets.vision.backbones import backbone_name

if TYPE_CHECKING:
    from imgassets.settings import VisionSettings

ALGORITHM = "product-search-1"
"""Version of everything in `learning/search` that can change a model of the same examples."""

EVALUATIONS = "evaluations.parquet"


@dataclass(frozen=True, kw_only=True)
class SearchReport(TrainingOutcome):
    """What a training of the search model did.

    Attributes:
        metrics: the whole model's measures on the queries over held-out styles.
        n_train: images trained on.
        n_test: queries it was measured on.
        evaluations: of contract ``SearchEvaluations``: every method on the same queries.
        plots: PNG files by name; none where nothing was trained.
    """

    evaluations: pl.DataFrame
    plots: Mapping[str, bytes] = field(default_factory=dict)


def train_search(
    data: SearchData,
    registry: ModelRegistry,
    settings: SearchSettings,
    vision: VisionSettings,
    snapshot_id: int,
    tell: Callable[[str], None] = lambda what: None,
) -> SearchReport:
    """Train, measure on held-out styles, register, and promote if better than the champion.

    Examples that already made a version make no second one while its files are intact. The
    champion is asked the same queries; one that cannot be asked them is replaced.

    Args:
        data: examples of both parts.
        registry: where versions are kept.
        settings: encoder and training.
        vision: device, threads, general backbone.
        snapshot_id: warehouse snapshot that the examples were read from.
        tell: called with what is being done.

    Raises:
        ValueError: there is too little to learn from, or no query has an answer.
        RegistryUnavailable: the registry does not answer.
        RuntimeError: a model that the settings name cannot be loaded.
    """
    hashed = _data_hash(data, settings, vision)
    champion = registry.champion(MODEL)
    for made in registry.versions(MODEL):
        if made.tags.get("data_hash") == hashed and registry.is_intact(MODEL, made.version):
            return _already_trained(registry, made, champion)
    highest_grade(data.test_queries.judgements)  # before an hour's work, not after it
    found = compete(data, settings, vision, tell=tell)
    relevance = fit_relevance(found.model.encoder, data.test, data.seed)
    named = load_lexicon(settings.attributes).named
    evaluations = evaluate(
        found.runs,
        data.test_queries.judgements,
        query_types(data.test_queries.queries, named),
        model_version="",
        dataset=CATALOG,
        seed=data.seed,
    ).rows
    metrics = _metrics(evaluations)
    wins, explanation = _contest(registry, champion, data, metrics[MAIN_MEASURE], settings, vision)
    tags = {
        "data_hash": hashed,
        "decision": "promote" if wins else "keep",
        "explanation": explanation,
        "snapshot_id": str(snapshot_id),
    }
    plots = _draw(found, evaluations)
    version = _register(
        data, found, relevance, evaluations, registry, settings, metrics, plots, tags
    )
    if wins:
        registry.promote(MODEL, version.version)
    return SearchReport(
        version=version,
        retrained=True,
        promoted=wins,
        explanation=explanation,
        metrics=metrics,
        n_train=len(data.train),
        n_test=data.test_queries.queries.height,
        notes=found.notes,
        evaluations=_named(evaluations, version),
        plots=plots,
    )


def _contest(
    registry: ModelRegistry,
    champion: RegisteredVersion | None,
    data: SearchData,
    new: float,
    settings: SearchSettings,
    vision: VisionSettings,
) -> tuple[bool, str]:
    """Compare with the champion on the same queries."""
    if champion is None:
        return True, "first version: no champion to compare with"
    name = f"champion {champion.version}"
    try:
        folder = registry.download(MODEL, champion.version)
        theirs = load_version(folder, vision.model_dump_json())
    except (CorruptedModel, ValueError, RuntimeError) as error:
        return True, f"{name} cannot be read, replaced: {error}"
    if theirs.features_version != data.features_version:
        return True, (
            f"{name} reads features '{theirs.features_version}', not '{data.features_version}': it "
            "cannot answer, replaced"
        )
    if theirs.encoder.input != data.test.input:
        return True, (
            f"{name} looks at pictures of {theirs.encoder.input.side} pixels, not "
            f"{data.test.input.side}: it was not asked, replaced"
        )
    judged = data.test_queries
    run = search_run(theirs, data.test, judged.queries, settings.depth)
    old = mean_of(measure(run, judged.judgements, highest_grade(judged.judgements)))
    verdict = "better" if new > old else "not better"
    return new > old, (
        f"{verdict} than {name} on the same {judged.queries.height} queries over held-out styles: "
        f"{MAIN_MEASURE} {new:.4f} against {old:.4f} ({new - old:+.4f})"
    )


def _metrics(evaluations: pl.DataFrame) -> dict[str, float]:
    """Return the whole model's measures over all queries."""
    own = evaluations.filter(
        pl.col("method") == RERANKED, pl.col("slice") == ALL, pl.col("value").is_not_null()
    )
    return dict(own.select("measure", "value").iter_rows())


def _draw(found: Found, evaluations: pl.DataFrame) -> dict[str, bytes]:
    plots = {"methods": methods_plot(evaluations, "queries over held-out styles, 95 % intervals")}
    if found.interpolation is not None:
        plots["interpolation"] = interpolation_plot(found.interpolation)
    if not (accuracy := found.model.heads.accuracy).is_empty():
        plots["attributes"] = attribute_plot(accuracy)
    return plots


def _register(
    data: SearchData,
    found: Found,
    relevance: RelevanceScale | None,
    evaluations: pl.DataFrame,
    registry: ModelRegistry,
    settings: SearchSettings,
    metrics: Mapping[str, float],
    plots: Mapping[str, bytes],
    tags: Mapping[str, str],
) -> RegisteredVersion:
    decided = "promoted" if tags["decision"] == "promote" else "not promoted"
    model = found.model
    params: dict[str, Any] = {
        "algorithm": ALGORITHM,
        "features_version": data.features_version,
        "groups": ",".join(model.groups),
        "dimension_of_vectors": model.encoder.dimension,
        "strength": "none" if found.interpolation is None else found.interpolation.strength,
        "seed": data.seed,
        "n_images": len(data.train),
        "n_queries": found.n_queries,
        **_decisive(settings),
    }
    every = evaluations.filter(pl.col("slice") == ALL, pl.col("value").is_not_null())
    flat = {f"{r['method']}: {r['measure']}": float(r["value"]) for r in every.to_dicts()}
    accuracy = {
        f"{row['attribute']}: accuracy": float(row["accuracy"])
        for row in model.heads.accuracy.to_dicts()
        if row["accuracy"] is not None
    }
    losses = {f"out of fold, {name}: {MAIN_MEASURE}": v for name, v in found.compared.items()}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        model.save(folder)
        evaluations.write_parquet(folder / EVALUATIONS)
        if relevance is not None:
            relevance.save(folder)
        return registry.log_and_register(
            MODEL,
            folder=folder,
            code=Path(reranker.__file__),
            inputs=dict.fromkeys(("query", "image", "features", "match"), "floats"),
            params=params,
            metrics={**metrics, **flat, **accuracy, **losses},
            plots=plots,
            tags={
                "metric": MAIN_MEASURE,
                "value": repr(metrics[MAIN_MEASURE]),
                "n_train": str(len(data.train)),
                "n_test": str(data.test_queries.queries.height),
                "signals_version": data.features_version,
                **tags,
            },
            card=describe_search(
                data, found, evaluations, relevance,
                own=RERANKED, decision=f"{decided}: {tags['explanation']}",
            ),
        )  # fmt: skip


def _already_trained(
    registry: ModelRegistry, made: RegisteredVersion, champion: RegisteredVersion | None
) -> SearchReport:
    """Report the version that these examples made; finish a promotion that was cut short."""
    if promote := needs_promotion(made, champion):
        registry.promote(MODEL, made.version)
    evaluations = pl.read_parquet(registry.download(MODEL, made.version) / EVALUATIONS)
    return SearchReport(
        version=made,
        retrained=False,
        promoted=promote,
        explanation=f"the same examples made version {made.version}: {made.tags['explanation']}",
        metrics=_metrics(evaluations),
        n_train=int(made.tags["n_train"]),
        n_test=int(made.tags["n_test"]),
        notes=(),
        evaluations=_named(evaluations, made),
    )


def _named(evaluations: pl.DataFrame, version: RegisteredVersion) -> pl.DataFrame:
    """Return figures as those of a version, which has its name since it was registered."""
    return evaluations.with_columns(model_version=pl.lit(f"{MODEL}-{version.version}"))


def _decisive(settings: SearchSettings) -> dict[str, Any]:
    """Return the settings that decide which model comes out."""
    return settings.model_dump(mode="json", exclude={"depth", "ann_from", "attributes"})


def _data_hash(data: SearchData, settings: SearchSettings, vision: VisionSettings) -> str:
    """Return a hash of all that decides which model comes out."""
    if settings.encoder != DUAL:
        named = {"backbone": settings.encoder, "backbone_revision": settings.encoder_revision}
        vision = vision.model_copy(update=named)
    parts = [
        ALGORITHM, data.features_version, data.seed, backbone_name(vision), _decisive(settings),
    ]  # fmt: skip
    digest = hashlib.sha256(repr(parts).encode())
    for items, judged in ((data.train, data.train_queries), (data.test, data.test_queries)):
        for frame in (items.rows, judged.queries, judged.judgements):
            digest.update(repr(frame.sort(frame.columns[:2]).rows()).encode())
    return digest.hexdigest()
