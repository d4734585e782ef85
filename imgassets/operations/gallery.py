"""What a gallery page shows, gathered from the warehouse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from imgassets.gallery import GalleryData, ScoreRow, Tables, latest, render_gallery
from imgassets.ingest.store import ImageStore
from imgassets.operations.images import rows_so_far
from imgassets.operations.selection import supplier_sequences
from imgassets.selection.decisions import explain, with_rules
from imgassets.warehouse.contracts import (
    AggregatedImages,
    ComparedPairs,
    ComplianceFlags,
    Contract,
    DedupClusters,
    FetchedImages,
    ImageSetChanges,
    ImageTypes,
    OrderedImageSets,
    QualityScores,
    Quarantine,
    SupplierOffers,
)
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition

_PRODUCT = ["day", "category", "product_id"]
_BOX = ("top", "left", "height", "width")


def result_tables(warehouse: Warehouse, partitions: Iterable[Partition] | None = None) -> Tables:
    """Return the tables that a scoreboard compares with the truth."""
    chosen = None if partitions is None else frozenset(partitions)

    def read(contract: type[Contract]) -> pl.DataFrame:
        return warehouse.read(contract, partitions=chosen)

    return Tables(
        fetched=read(FetchedImages),
        quarantine=read(Quarantine),
        aggregated=read(AggregatedImages),
        quality=read(QualityScores),
        types=read(ImageTypes),
        clusters=read(DedupClusters),
        ordered=read(OrderedImageSets),
    )


def collect(
    warehouse: Warehouse,
    partitions: Iterable[Partition] | None = None,
    scoreboard: Sequence[ScoreRow] = (),
) -> GalleryData:
    """Return each product's newest sets, before and after, with a reason for every decision.

    Args:
        warehouse: the warehouse.
        partitions: only products of these partitions; None: all.
        scoreboard: rows to show at the top.
    """
    tables = result_tables(warehouse, partitions)
    chosen = None if partitions is None else frozenset(partitions)
    changes = latest(warehouse.read(ImageSetChanges, partitions=chosen))
    keys = changes.select(_PRODUCT)

    def of_products(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.join(keys, on=_PRODUCT, how="semi")

    titles = warehouse.read(
        SupplierOffers, partitions=chosen, columns=[*_PRODUCT, "supplier_id", "title"]
    )
    first_title = (
        titles.drop_nulls("title")
        .sort(*_PRODUCT, "supplier_id", "title")
        .group_by(_PRODUCT, maintain_order=True)
        .agg(pl.col("title").first())
    )
    aggregated = of_products(tables.aggregated)
    compliance = warehouse.read(ComplianceFlags, partitions=chosen)
    decisions = explain(
        aggregated,
        of_products(tables.quality),
        of_products(tables.types),
        of_products(tables.clusters),
        of_products(tables.ordered),
        of_products(compliance),
    )
    decisions = with_rules(decisions, tables.quality, tables.types, tables.clusters, compliance)
    cells = frozenset(Partition(day, category) for day, category, _ in keys.iter_rows())
    return GalleryData(
        products=changes.select(*_PRODUCT, "status")
        .join(first_title, on=_PRODUCT, how="left")
        .with_columns(pl.col("title").fill_null(pl.col("product_id"))),
        before=_with_refusals(
            supplier_sequences(warehouse, cells, keys),
            rows_so_far(warehouse, Quarantine, cells, keys),
        ),
        after=of_products(tables.ordered),
        left_out=decisions.filter(pl.col("decision") == "left_out"),
        differences=_differences(
            of_products(warehouse.read(ComparedPairs, partitions=chosen, where="NOT same"))
        ),
        summary=_summary(changes, aggregated, tables, decisions, compliance),
        scoreboard=scoreboard,
    )


def write_gallery(
    warehouse: Warehouse,
    store: ImageStore,
    out: Path,
    partitions: Iterable[Partition] | None = None,
    scoreboard: Sequence[ScoreRow] = (),
    title: str = "Image sets, before and after",
) -> Path:
    """Render the gallery page of some partitions and return its path."""
    return render_gallery(collect(warehouse, partitions, scoreboard), store.get, out, title=title)


def _with_refusals(before: pl.DataFrame, quarantine: pl.DataFrame) -> pl.DataFrame:
    """Add to each reference the sentence that refused it, or null."""
    keys = ["category", "product_id", "supplier_id", "image_url"]
    refusals = (
        # What the signals stage refuses came from several suppliers, perhaps: it names none.
        quarantine.filter(pl.col("stage") == "fetch")
        .sort(*keys, "day", "rule_id")
        .group_by(keys, maintain_order=True)
        .agg((pl.col("rule_id").last() + ": " + pl.col("detail").last()).alias("refusal"))
    )
    return before.join(refusals, on=keys, how="left").with_columns(
        pl.when(pl.col("image_id").is_null()).then("refusal").alias("refusal")
    )


def _differences(pairs: pl.DataFrame) -> pl.DataFrame:
    """Return rows of ``GalleryData.differences``: each pair once for either image."""
    box = pl.col("box").list
    sides = [
        pairs.select(
            *_PRODUCT,
            "probability",
            image_id=f"{own}_image_id",
            other_image_id=f"{other}_image_id",
            box=f"{own}_box",
        )
        for own, other in (("left", "right"), ("right", "left"))
    ]
    return pl.concat(sides).select(
        *_PRODUCT,
        "image_id",
        "other_image_id",
        *(box.get(place).alias(name) for place, name in enumerate(_BOX)),
        "probability",
    )


def _summary(
    changes: pl.DataFrame,
    aggregated: pl.DataFrame,
    tables: Tables,
    decisions: pl.DataFrame,
    compliance: pl.DataFrame,
) -> dict[str, int | float | str]:
    left_out = decisions.filter(pl.col("decision") == "left_out")
    flags = compliance.filter(pl.col("decision") == "rejected")["flag"].unique().to_list()
    return {
        "products": changes.height,
        "distinct images in": aggregated.height,
        "images chosen": decisions.height - left_out.height,
        "duplicates left out": left_out.filter(pl.col("rule") == "duplicate").height,
        "refused by quality": left_out.filter(
            ~pl.col("rule").is_in(["duplicate", "type_none", "over_maximum", *flags])
        ).height,
        "refused by compliance": left_out.filter(pl.col("rule").is_in(flags)).height,
        "references quarantined": tables.quarantine.filter(pl.col("stage") != "labels").height,
        "sets changed": changes.filter(pl.col("status") == "changed").height,
    }
