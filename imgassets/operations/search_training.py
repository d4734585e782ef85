"""Training the search model on the catalog: its images, titles and descriptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from imgassets import __version__
from imgassets.ingest.store import ImageStore
from imgassets.learning.evaluation import group_split, place_of
from imgassets.learning.registry import ModelRegistry
from imgassets.learning.search.champion import MODEL
from imgassets.learning.search.data import ATTRIBUTE, ITEMS, SearchData
from imgassets.learning.search.questions import CATALOG, CATEGORY, make_queries
from imgassets.operations.models import TrainingError, follow_registry
from imgassets.operations.product_groups import GROUPS
from imgassets.operations.product_texts import product_texts
from imgassets.search.attributes import load_lexicon
from imgassets.settings import Settings
from imgassets.vision.record import FEATURES_VERSION
from imgassets.warehouse.contracts import AttributeLabels, SearchEvaluations
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import quote

if TYPE_CHECKING:
    from imgassets.learning.search.training import SearchReport

QUERIES = 400
"""Queries that are made of each part, at most."""

_KNOWN = pl.List(ATTRIBUTE)

_KEY = ["day", "category", "product_id"]

# An image of several products counts for the first of them.
_IMAGES = f"""
WITH {GROUPS}
SELECT DISTINCT ON (o.image_id) o.day, o.category, o.product_id, o.image_id,
    coalesce(l.group_id, s.style, o.product_id) AS group_id
FROM ordered_image_sets AS o
SEMI JOIN latest_partitions USING (day, category, product_id)
LEFT JOIN labelled AS l USING (product_id)
LEFT JOIN styled AS s USING (product_id)
ORDER BY o.image_id, o.category, o.product_id
"""

Progress = Callable[[int, int], None]


def train_search(
    warehouse: Warehouse,
    registry: ModelRegistry,
    store: ImageStore,
    settings: Settings,
    looked: Progress | None = None,
    tell: Callable[[str], None] = lambda what: None,
) -> SearchReport:
    """Train the search model, promote it if it finds better, and record the figures.

    Args:
        warehouse: holds image sets, offers and labels.
        registry: where versions are kept.
        store: holds the pictures.
        settings: encoder, backbone, seed, share held out, training.
        looked: called with (done, total) images that are decoded.
        tell: called with what is being done.

    Raises:
        TrainingError: there is nothing to learn from; the message says what to do.
        RegistryUnavailable: the registry does not answer.
        RuntimeError: the model that the settings name cannot be loaded.
    """
    # Loaded where it is used: it brings what fits and draws.
    from imgassets.learning.search import training

    data = search_data(warehouse, store, settings, looked)
    try:
        report = training.train_search(
            data, registry, settings.search, settings.vision, warehouse.snapshot_id(), tell
        )
    except ValueError as error:
        raise TrainingError(f"no search model can be trained: {error}") from error
    keep_evaluations(report, warehouse)
    follow_registry(warehouse, registry)
    return report


def keep_evaluations(report: SearchReport, warehouse: Warehouse) -> None:
    """Record what was measured of a version in ``search_evaluations``."""
    rows = report.evaluations
    scope = {"model_version": rows["model_version"][0], "dataset": rows["dataset"][0]}
    warehouse.replace(
        [Replacement(SearchEvaluations, rows, equals=scope)],
        CommitMessage(asset=MODEL, code_version=__version__),
    )


def kept_evaluations(warehouse: Warehouse, version: int) -> pl.DataFrame:
    """Return what was measured of a version when it was trained.

    Args:
        warehouse: the warehouse.
        version: its number.

    Returns:
        Rows of contract ``SearchEvaluations``, of every method.
    """
    name = quote(f"{MODEL}-{version}")
    return warehouse.read(
        SearchEvaluations, where=f"model_version = {name} AND dataset = {quote(CATALOG)}"
    )


def has_image_sets(warehouse: Warehouse) -> bool:
    """Tell whether there are image sets that a search model could learn from."""
    warehouse.initialise()
    return not warehouse.sql("SELECT 1 FROM ordered_image_sets LIMIT 1").is_empty()


def search_data(
    warehouse: Warehouse, store: ImageStore, settings: Settings, looked: Progress | None = None
) -> SearchData:
    """Return the images of the newest sets with what is known of their products.

    Whole styles are held out by a hash of their id: they are the test. Nobody judged queries, so
    they are made of titles and attributes (:mod:`imgassets.learning.search.questions`).

    Args:
        warehouse: holds image sets, offers and labels.
        store: holds the pictures.
        settings: encoder, share held out, number of images, lexicon of attributes, seed.
        looked: called with (done, total) images that are decoded.

    Raises:
        TrainingError: there are no images with a title, or of one style only.
        RuntimeError: the model that the settings name cannot be loaded.
    """
    from imgassets.learning.search.encoder import input_of
    from imgassets.operations.search_items import items_of

    rows = search_rows(warehouse, settings)
    try:
        train, test = group_split(rows, settings.search.holdout, settings.seed)
    except ValueError:
        raise TrainingError(
            "no search model can be trained: images and titles of at least two products (or "
            "styles) are needed; run `imgassets backfill`"
        ) from None
    spec = input_of(settings.search, settings.vision)
    done = 0

    def tell(n: int) -> None:
        nonlocal done
        done += n
        if looked is not None:
            looked(done, rows.height)

    items = items_of(rows, store.get, spec, settings.vision, tell)
    parts = [
        items.take(
            np.flatnonzero(items.rows["item_id"].is_in(part["item_id"].implode()).to_numpy())
        )
        for part in (train, test)
    ]
    queries = [make_queries(part.rows, QUERIES, settings.seed) for part in parts]
    return SearchData(
        train=parts[0],
        train_queries=queries[0],
        test=parts[1],
        test_queries=queries[1],
        seed=settings.seed,
        features_version=FEATURES_VERSION,
    )


def search_rows(warehouse: Warehouse, settings: Settings) -> pl.DataFrame:
    """Return what is known of the images that can be learnt from.

    Args:
        warehouse: holds image sets, offers and labels.
        settings: number of images, lexicon of attributes, seed.

    Returns:
        Columns of :data:`imgassets.learning.search.data.ITEMS`, a row per image, sorted by it.
    """
    warehouse.initialise()
    images = warehouse.sql(_IMAGES)
    texts = product_texts(images, warehouse)
    told = images.join(texts, on=_KEY).filter(pl.col("text") != "")
    chosen = (
        told.with_columns(
            place=pl.col("image_id").map_elements(
                lambda image: place_of(image, settings.seed), return_dtype=pl.Float64
            )
        )
        .sort("place")
        .head(settings.search.max_images)
    )
    attributes = _attributes(chosen, warehouse, settings)
    return (
        chosen.with_columns(item_id="image_id", attributes=pl.Series(attributes, dtype=_KNOWN))
        .select(pl.col(name).cast(dtype) for name, dtype in ITEMS.items())
        .sort("item_id")
    )


def _attributes(
    images: pl.DataFrame, warehouse: Warehouse, settings: Settings
) -> list[list[dict[str, str]]]:
    """Return what is known of each image's product: by files of labels, else by its texts."""
    lexicon = load_lexicon(settings.search.attributes)
    told: dict[str, dict[str, str]] = {}
    labels = warehouse.read(AttributeLabels, columns=["product_id", "attribute", "value"])
    for product, attribute, value in labels.iter_rows():
        told.setdefault(product, {})[attribute] = lexicon.value_of(attribute, value)
    found = []
    for row in images.iter_rows(named=True):
        category = row["category"]
        said = lexicon.labels(row["title"], row["description"], category)
        known = {
            CATEGORY: category.replace("-", " "),
            **{one["attribute"]: one["value"] for one in said},
            **told.get(row["product_id"], {}),
        }
        found.append([{"attribute": a, "value": v} for a, v in sorted(known.items())])
    return found
