"""How well search finds judged products: rows of ``search_evaluations``, pages, a run in MLflow."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from imgassets import __version__
from imgassets.gallery.gallery import write_page
from imgassets.gallery.search_sheet import (
    Pictures,
    answered_queries,
    render_search_overview,
    render_search_sheet,
)
from imgassets.learning.registry import ModelRegistry
from imgassets.learning.search.data import SearchData
from imgassets.learning.search.plots import methods_plot
from imgassets.operations.search_files import SearchFiles, read_search_files
from imgassets.search.attributes import load_lexicon
from imgassets.search.baseline import WORDS, words_run
from imgassets.search.evaluation import ALL, Evaluated, MethodRun, evaluate
from imgassets.search.measures import MAIN_MEASURE, MEASURES
from imgassets.search.query_types import query_types
from imgassets.search.tables import differences_table, methods_table
from imgassets.settings import Settings
from imgassets.vision.backbones import backbone_name
from imgassets.warehouse.contracts import SearchEvaluations
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse

if TYPE_CHECKING:
    from imgassets.learning.search.model import SearchModel

EXPERIMENT = "search_evaluations"
"""MLflow's experiment."""

_NO_NAME = re.compile(r"\W+")


@dataclass(frozen=True)
class SearchEvaluation:
    """What an evaluation left.

    Attributes:
        found: the figures.
        notes: what a person should know.
        folder: pages: `index.html`, and one of each method.
        run_id: of the run in MLflow.
        snapshot_id: of the warehouse's commit.
    """

    found: Evaluated
    notes: tuple[str, ...]
    folder: Path
    run_id: str
    snapshot_id: int


def evaluate_files(
    warehouse: Warehouse,
    registry: ModelRegistry,
    settings: Settings,
    files: SearchFiles,
    *,
    dataset: str,
    folder: Path,
    champion: bool = False,
    ablate: bool = False,
    tell: Callable[[str], None] = lambda what: None,
) -> SearchEvaluation:
    """Measure search on judged products in files.

    Args:
        warehouse: rows of the same model and data set are replaced.
        registry: where the run is logged, and the champion is.
        settings: encoder, training, lexicon, backbone, seed.
        files: where they are.
        dataset: name of the data set.
        folder: where pages are written.
        champion: measure the registered model; else models are trained on the files' other part,
            and registered nowhere.
        ablate: also train without each group of custom features, which takes several times as long.
        tell: called with what is being done.

    Raises:
        ValueError: a file says something wrong, there is too little to learn from, or no champion.
        RegistryUnavailable: the registry does not answer.
        RuntimeError: the model that the settings name cannot be loaded.
    """
    from imgassets.learning.search.champion import load_search_model
    from imgassets.learning.search.competition import compete
    from imgassets.learning.search.encoder import input_of

    lexicon = load_lexicon(settings.search.attributes)
    served = load_search_model(registry, settings.vision) if champion else None
    if served is not None and served.model is None:
        raise ValueError("no search model is registered: run `imgassets train search` first")
    model = served.model if served else None
    spec = model.encoder.input if model else input_of(settings.search, settings.vision)
    read = read_search_files(
        files,
        lexicon,
        spec,
        settings.vision,
        seed=settings.seed,
        tell=lambda done, total: tell(f"looking at pictures: {done} of {total}"),
    )
    notes = list(read.notes)
    if served is not None and model is not None:
        version, runs = served.version, champion_runs(model, read.data, settings.search.depth)
        notes = [
            f"{version} is the registered model: where its catalog has these products, it may have "
            "learnt from them",
            *served.notes,
            *notes,
        ]
    else:
        found = compete(read.data, settings.search, settings.vision, ablate=ablate, tell=tell)
        version, runs = _version(files, settings), found.runs
        learnt = (
            f"Learnt from {len(read.data.train)} other products and "
            f"{read.data.train_queries.queries.height} judged queries; from none of those that are "
            "searched."
        )
        notes = [learnt, *found.notes, *notes]
    return report_runs(
        warehouse, registry, read.data, runs,
        dataset=dataset,
        model_version=version,
        named=lambda query: [*lexicon.named(query)],
        load=lambda item_id: read.paths[item_id].read_bytes(),
        folder=folder,
        notes=notes,
        params=settings.search.model_dump(mode="json"),
    )  # fmt: skip


def champion_runs(model: SearchModel, data: SearchData, depth: int) -> tuple[MethodRun, ...]:
    """Return what words, a model's encoder and its re-ranker find for the test's queries.

    Args:
        model: any search model whose encoder takes the items' squares.
        data: whose test is searched.
        depth: images that are re-ranked.
    """
    from imgassets.learning.search.competition import IMAGES, RERANKED
    from imgassets.learning.search.runs import image_run, reranked_run

    items, queries = data.test, data.test_queries.queries
    vectors = model.encoder.embed_images(items.squares, model.image_features(items.features))
    inputs = model.reranker_inputs(vectors, items.features)
    by_images = image_run(items.rows, queries, model.encoder.embed_texts, vectors)
    reranked = reranked_run(model, items.rows, queries, vectors, inputs, depth)
    return (
        MethodRun(WORDS, words_run(items.rows, queries)),
        MethodRun(IMAGES, by_images),
        MethodRun(RERANKED, reranked, against=IMAGES),
    )


def _version(files: SearchFiles, settings: Settings) -> str:
    """Name models that are trained on files and kept nowhere, by all that decides them."""
    digest = hashlib.sha256()
    for path in (files.products, files.queries, files.qrels):
        digest.update(path.read_bytes())
    decides = [
        files.group, settings.seed, backbone_name(settings.vision),
        settings.search.model_dump_json(),
    ]  # fmt: skip
    digest.update(repr(decides).encode())
    return f"trained-{digest.hexdigest()[:12]}"


def report_runs(
    warehouse: Warehouse,
    registry: ModelRegistry,
    data: SearchData,
    runs: Sequence[MethodRun],
    *,
    dataset: str,
    model_version: str,
    named: Callable[[str], Sequence[str]],
    load: Callable[[str], bytes],
    folder: Path,
    notes: Sequence[str] = (),
    params: Mapping[str, Any] | None = None,
) -> SearchEvaluation:
    """Measure what methods found for the test's queries; store figures, pages and a run.

    Args:
        warehouse: rows of the same model and data set are replaced.
        registry: where the run is logged.
        data: whose test the methods answered.
        runs: what they found.
        dataset: its name.
        model_version: of the model whose parts the methods are.
        named: returns the attributes that a query names.
        load: returns an item's picture by its id.
        folder: where pages are written.
        notes: what a person should know.
        params: parameters of the run in MLflow.

    Raises:
        ValueError: no query has an answer.
        RegistryUnavailable: the registry does not answer.
    """
    judged = data.test_queries
    types = query_types(judged.queries, named)
    found = evaluate(
        runs, judged.judgements, types,
        model_version=model_version, dataset=dataset, seed=data.seed,
    )  # fmt: skip
    about = [
        f"{model_version}: {judged.queries.height} queries over {len(data.test)} products.",
        f"Recall, precision and average precision count grade {found.cut} as relevant; nDCG's gain "
        "is the grade. Intervals: 95 %, by resampling queries; p-values: paired randomisation "
        "test, not adjusted for how many methods are compared.",
        *notes,
    ]
    pages = _pages(data, runs, types, found, dataset, load, about)
    for name, page in pages.items():
        write_page(folder / name, page)
    logged = registry.log_comparison(
        EXPERIMENT,
        {
            "dataset": dataset,
            "model_version": model_version,
            "queries": judged.queries.height,
            "gallery": len(data.test),
            "train": len(data.train),
            "cut": found.cut,
            "seed": data.seed,
            **(params or {}),
        },
        {
            f"{row['method']}: {row['measure']}": row["value"]
            for row in found.rows.filter(slice=ALL).iter_rows(named=True)
            if row["value"] is not None
        },
        pages,
    )
    scope = {"model_version": model_version, "dataset": dataset}
    snapshot_id = warehouse.replace(
        [Replacement(SearchEvaluations, found.rows, equals=scope)],
        CommitMessage(asset="search_evaluations", code_version=__version__),
    )
    return SearchEvaluation(found, tuple(about), folder, logged, snapshot_id)


def _pages(
    data: SearchData,
    runs: Sequence[MethodRun],
    types: pl.DataFrame,
    found: Evaluated,
    dataset: str,
    load: Callable[[str], bytes],
    about: Sequence[str],
) -> dict[str, str]:
    """Return pages by file name."""
    titles = dict(data.test.rows.select("item_id", "title").iter_rows())
    pictures = Pictures(load)
    names = {run.name: f"{_NO_NAME.sub('_', run.name).strip('_')}.html" for run in runs}
    figures = {row["method"]: row for row in methods_table(found.rows).to_dicts()}
    pages = {}
    for run in runs:
        answered = answered_queries(
            run.run,
            data.test_queries.queries,
            data.test_queries.judgements,
            types,
            found.per_query.filter(method=run.name),
            titles,
            pictures,
            found.cut,
        )
        pages[names[run.name]] = render_search_sheet(
            run.name,
            dataset,
            answered,
            figures={name: figures[run.name][name] for name in MEASURES},
            n_queries=data.test_queries.queries.height,
            note=run.note,
        )
    png = base64.b64encode(methods_plot(found.rows, f"Search on {dataset}")).decode("ascii")
    tables = {"All queries": methods_table(found.rows)}
    differences = differences_table(found.rows)
    if differences.height:
        tables["What a method gains or loses against another, query by query"] = differences
    for part in map(str, found.rows["slice"].unique(maintain_order=True)):
        if part != ALL:
            n = max(found.rows.filter(slice=part)["n"].to_list())
            tables[f"Queries whose text {part}: {n}"] = methods_table(
                found.rows, part=part, measures=(MAIN_MEASURE, "P@10", "R@50")
            )
    overview = render_search_overview(
        dataset, tables, sheets=names, plot=f"data:image/png;base64,{png}", notes=about
    )
    return {"index.html": overview, **pages}
