"""Keeping the index of product images up to date with the warehouse, category by category."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from imgassets.learning.features import embedding_matrix
from imgassets.learning.search.champion import SearchChampion
from imgassets.operations.planning import Plan
from imgassets.search.index import SearchIndex
from imgassets.search.index_update import IMAGE, Floats, IndexReport, Source, update_index
from imgassets.search.recall import measure_recall
from imgassets.settings import Settings
from imgassets.warehouse.contracts import ImageFeatures
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition, partition_predicate, quote

if TYPE_CHECKING:
    from imgassets.learning.search.model import SearchModel

MEASURED_QUERIES = 200
"""Titles by which an approximate index is compared with all vectors."""

_KEY = ["day", "category", "image_id"]
_FEATURES = [name for name in ImageFeatures.column_names() if name not in _KEY]

# What images of the newest sets have been looked at by the present encoder and features, and on
# which day. An image has the same vector on every day.
_WANTED = """
WITH described AS (
    SELECT category, image_id, min(day) AS day
    FROM image_embeddings SEMI JOIN (
        FROM image_features WHERE features_version = {features}
    ) USING (day, category, image_id)
    WHERE encoder_version = {encoder} AND {inside} GROUP BY ALL
)
SELECT DISTINCT day, category, product_id, image_id
FROM (
    FROM ordered_image_sets SEMI JOIN latest_partitions USING (day, category, product_id)
    SELECT category, product_id, image_id WHERE {inside}
) JOIN described USING (category, image_id)
ORDER BY category, day, product_id, image_id
"""

_VECTORS = """
SELECT day, category, image_id, embedding, {columns}
FROM image_embeddings JOIN image_features USING (day, category, image_id)
SEMI JOIN rows USING (day, category, image_id)
WHERE encoder_version = {encoder} AND features_version = {features} AND {partitions}
"""

_WAITING = """
SELECT {what}
FROM ordered_image_sets SEMI JOIN latest_partitions USING (day, category, product_id)
ANTI JOIN (
    SELECT category, image_id FROM image_embeddings WHERE encoder_version = {encoder}
) USING (category, image_id)
WHERE {inside}
"""

_TITLES = """
SELECT title FROM supplier_offers WHERE title IS NOT NULL
GROUP BY title ORDER BY hash(title) LIMIT {limit}
"""


@dataclass(frozen=True)
class Refreshed:
    """What became of the index.

    Attributes:
        index: rows, and what was added and removed.
        waiting: images of the newest sets, of the categories looked at, that the present encoder
            has not embedded: they cannot be found by what they show.
        recall: share of the 10 nearest images that an approximate index found, over titles;
            None where all are compared, or the index is as it was.
    """

    index: IndexReport
    waiting: int
    recall: float | None


def index_folder(settings: Settings) -> Path:
    """Return where the index is kept: a cache of this machine, made of the warehouse."""
    return settings.home / "search_index"


def no_model(champion: SearchChampion) -> str:
    """Return what to tell a person where there is no champion."""
    missing = "there is no search model yet: run `imgassets train search`"
    return "; ".join([missing, *champion.notes])


def refresh_index(
    warehouse: Warehouse,
    settings: Settings,
    champion: SearchChampion,
    categories: Collection[str] | None = None,
    *,
    rebuild: bool = False,
) -> Refreshed:
    """Put the images of the newest sets into the index, and take out those that left them.

    Only what is new is read. An index of another encoder is built anew, with all categories.

    Args:
        warehouse: holds sets, embeddings and features.
        settings: name the folder and where approximation starts.
        champion: what queries will be embedded by.
        categories: only these are looked at; None: all.
        rebuild: build it anew, whatever there is.

    Raises:
        ValueError: there is no search model.
    """
    model = _model(champion)
    warehouse.initialise()
    folder = index_folder(settings)
    report = update_index(
        folder,
        _source(warehouse, model),
        categories,
        ann_from=settings.search.ann_from,
        rebuild=rebuild,
    )
    recall = None
    if report.is_approximate and report.changed:
        titles = warehouse.sql(_TITLES.format(limit=MEASURED_QUERIES))["title"].to_list()
        recall = measure_recall(SearchIndex.open(folder), model.encoder.embed_texts(titles))
    waiting = warehouse.sql(
        _WAITING.format(
            what="count(DISTINCT (category, image_id))",
            encoder=quote(model.encoder_version),
            inside=_inside(categories),
        )
    ).item()
    return Refreshed(report, int(waiting), recall)


def images_out_of_step(
    warehouse: Warehouse,
    settings: Settings,
    champion: SearchChampion,
    categories: Collection[str] | None = None,
) -> tuple[int, int]:
    """Count images that the index lacks, and images that it should no longer hold.

    Raises:
        ValueError: there is no search model or no index, or the index is of another one.
    """
    model = _model(champion)
    wanted = warehouse.sql(_WANTED.format(**_versions(model), inside=_inside(categories)))
    index = SearchIndex.open(index_folder(settings), model.encoder_version, model.inputs_version)
    held = index.rows
    if categories is not None:
        held = held.filter(pl.col("category").is_in([*categories]))
    missing = wanted.join(held, on=IMAGE, how="anti").height
    return missing, held.join(wanted, on=IMAGE, how="anti").height


def plan_index(
    warehouse: Warehouse,
    champion: SearchChampion,
    *,
    first: date | None = None,
    last: date | None = None,
    categories: Sequence[str] = (),
) -> Plan:
    """Return the partitions whose newest sets hold images without a vector by the champion.

    Args:
        warehouse: the warehouse.
        champion: what embeds; its model need not be loaded.
        first: earliest day, inclusive; None: no limit.
        last: latest day, inclusive; None: no limit.
        categories: only these; empty: all.

    Raises:
        ValueError: there is no search model, no image set, or none of a category.
    """
    if not champion.encoder_version:
        raise ValueError(no_model(champion))
    warehouse.initialise()
    sets = warehouse.sql(
        "SELECT DISTINCT day, category FROM latest_partitions ORDER BY day, category"
    )
    if sets.is_empty():
        raise ValueError("there is no image set yet: run `imgassets backfill` first")
    if unknown := sorted(set(categories) - set(sets["category"])):
        known = ", ".join(sorted(set(sets["category"])))
        raise ValueError(f"no image set of category {', '.join(unknown)} (known: {known})")
    inside = (
        f"{_inside(categories or None)} AND "
        f"day BETWEEN {quote(first or date.min)} AND {quote(last or date.max)}"
    )
    counts = "day, category, count(*) AS n"
    encoder = quote(champion.encoder_version)
    query = _WAITING.format(what=counts, encoder=encoder, inside=inside) + " GROUP BY day, category"
    waiting = {Partition(*row[:2]): int(row[2]) for row in warehouse.sql(query).iter_rows()}
    existing = frozenset(Partition(*row) for row in sets.iter_rows())
    return Plan(waiting, existing, len(existing) - len(waiting))


def _model(champion: SearchChampion) -> SearchModel:
    if champion.model is None:
        raise ValueError(no_model(champion))
    return champion.model


def _source(warehouse: Warehouse, model: SearchModel) -> Source:
    """Return what an index of the warehouse's images is made of."""
    versions = _versions(model)

    def wanted(categories: Collection[str] | None) -> pl.DataFrame:
        return warehouse.sql(_WANTED.format(**versions, inside=_inside(categories)))

    def load(rows: pl.DataFrame) -> tuple[Floats, Floats]:
        cells = frozenset(Partition(*cell) for cell in rows.select("day", "category").iter_rows())
        query = _VECTORS.format(
            **versions, columns=", ".join(_FEATURES), partitions=partition_predicate(cells)
        )
        images = rows.select(_KEY).unique(maintain_order=True)
        found = images.join(
            warehouse.sql(query, rows=images), on=_KEY, how="inner", maintain_order="left"
        )
        if found.height < images.height:
            raise RuntimeError("images changed while they were read: run the same command again")
        vectors = embedding_matrix(found)
        inputs = model.reranker_inputs(vectors, found.select(_FEATURES))
        places = rows.join(found.select(_KEY).with_row_index("at"), on=_KEY, maintain_order="left")
        at = places["at"].to_numpy()
        return vectors[at], inputs[at]

    nothing = ImageFeatures.create_empty().select(_FEATURES)
    dimension = model.encoder.dimension
    n_inputs = model.reranker_inputs(np.zeros((0, dimension), np.float32), nothing).shape[1]
    return Source(model.encoder_version, model.inputs_version, dimension, n_inputs, wanted, load)


def _versions(model: SearchModel) -> dict[str, str]:
    return {"encoder": quote(model.encoder_version), "features": quote(model.features_version)}


def _inside(categories: Collection[str] | None) -> str:
    if categories is None:
        return "true"
    if not categories:
        return "false"
    return f"category IN ({', '.join(quote(name) for name in sorted(categories))})"
