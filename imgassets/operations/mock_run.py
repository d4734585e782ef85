"""A mock run (paper A, III-D): what would a category gain, and what would it cost?

A random sample of its products goes through every step of the main job; nothing is written to the
warehouse, and no image is kept.
"""

from __future__ import annotations

import math
import os
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from imgassets.ingest.store import ImageStore
from imgassets.learning.registry import ModelRegistry
from imgassets.operations.feeds import load_feeds
from imgassets.operations.images import image_bases
from imgassets.operations.live_selection import LiveSelection, Selected
from imgassets.selection.decisions import LEFT_OUT
from imgassets.selection.estimates import Estimate, per_item, share
from imgassets.settings import Settings
from imgassets.warehouse.contracts import FeedCategories
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition, quote

_GROUP, _GROUPS = 10, 8
"""Products that are worked on together, and the least number of groups: a run has larger ones, but
groups tell how costs vary."""


@dataclass(frozen=True)
class MockRun:
    """What a mock run found.

    Attributes:
        category: the category.
        products: how many it has.
        sampled: how many were looked at.
        per_product: estimates by product: references, images (distinct), bytes (downloaded),
            seconds, and 'seconds <step>' of each step.
        shares: estimated shares of products by what would become of them.
        left_out: estimated shares of images by the rule that leaves them out.
        cores: of the machine that was measured.
        within_hours: time that the whole category may take.
        notes: what to know of the models that answered.
    """

    category: str
    products: int
    sampled: int
    per_product: Mapping[str, Estimate]
    shares: Mapping[str, Estimate]
    left_out: Mapping[str, Estimate]
    cores: int
    within_hours: float
    notes: tuple[str, ...]

    @property
    def hours(self) -> Estimate:
        """Hours that one such machine needs for the whole category."""
        return self.per_product["seconds"].times(self.products / 3600)

    @property
    def machines(self) -> Estimate:
        """Machines of this kind that do it in time."""
        return Estimate(*(float(math.ceil(hours / self.within_hours)) for hours in self.hours))

    @property
    def gigabytes(self) -> Estimate:
        """Bytes of the category's images, in GB."""
        return self.per_product["bytes"].times(self.products / 1e9)


def mock_run(
    warehouse: Warehouse,
    registry: ModelRegistry,
    settings: Settings,
    category: str,
    sample: int,
    within_hours: float = 8.0,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
) -> MockRun:
    """Run a sample of a category's products through all steps, and estimate the whole.

    Args:
        warehouse: holds the feeds; the category need not have been backfilled.
        registry: where the champions are.
        settings: as for a backfill; ``seed`` chooses the sample.
        category: the category.
        sample: products to look at; all, if it has fewer.
        within_hours: time that the whole category may take, for the number of machines.
        tell: called with how many products were looked at, and of how many.

    Raises:
        ValueError: no feed names the category, or no row of its feeds can be used.
        RegistryUnavailable: the registry does not answer, and no champion is cached.
    """
    cells, products = _products(warehouse, category)
    chosen = sorted(random.Random(settings.seed).sample(products, min(sample, len(products))))
    offers, _ = load_feeds(warehouse, settings, cells)
    offers = offers.filter(pl.col("product_id").is_in(chosen))
    bases = [Path(base) for base in image_bases(warehouse) if "://" not in base]
    groups: list[Selected] = []
    with tempfile.TemporaryDirectory(prefix="imgassets-mock-") as scratch:
        store = ImageStore(scratch)
        with LiveSelection(warehouse, store, registry, settings, journal=False) as selection:
            selection.start()  # a long run does that once: it must not be in a product's time
            for group in _groups(offers, chosen):
                newest = group.group_by("category", "product_id").agg(pl.col("day").max())
                groups.append(selection.select(group, bases, newest))
                tell(sum(found.changes.height for found in groups), len(chosen))
    if not groups:
        raise ValueError(f"no row of the feeds of '{category}' can be used: see quarantine")
    return _estimates(category, len(products), groups, settings.seed, within_hours)


def _products(warehouse: Warehouse, category: str) -> tuple[frozenset[Partition], list[str]]:
    rows = warehouse.read(FeedCategories, where=f"category = {quote(category)}")
    if rows.is_empty():
        known = warehouse.sql("SELECT DISTINCT category FROM feed_categories ORDER BY 1")
        names = ", ".join(known["category"]) or "none: run `imgassets ingest` first"
        raise ValueError(f"no feed names the category '{category}' (known: {names})")
    cells = frozenset(Partition(day, category) for day in rows["day"].unique())
    return cells, rows["product_id"].unique().sort().to_list()


def _groups(offers: pl.DataFrame, products: list[str]) -> Iterator[pl.DataFrame]:
    size = max(1, min(_GROUP, len(products) // _GROUPS))
    for at in range(0, len(products), size):
        group = offers.filter(pl.col("product_id").is_in(products[at : at + size]))
        if not group.is_empty():
            yield group


def _estimates(
    category: str, products: int, groups: Sequence[Selected], seed: int, within_hours: float
) -> MockRun:
    changes = pl.concat([found.changes for found in groups])
    aggregated = pl.concat([found.aggregated for found in groups])
    left_out = pl.concat([found.decisions for found in groups]).filter(
        pl.col("decision") == LEFT_OUT
    )
    refused = pl.concat([found.quarantine for found in groups]).filter(pl.col("stage") == "fetch")
    fetched = pl.concat([found.fetched for found in groups])

    def by_product(rows: pl.DataFrame, amount: pl.Expr) -> np.ndarray:
        """Sum an amount over each product's rows, in the order of ``changes``."""
        sums = rows.group_by("product_id").agg(amount=amount)
        of_all = changes.select("product_id").join(
            sums, on="product_id", how="left", maintain_order="left"
        )
        return of_all["amount"].fill_null(0).to_numpy().astype(float)

    one = np.ones(changes.height)
    items = [found.changes.height for found in groups]
    references, images = by_product(fetched, pl.len()), by_product(aggregated, pl.len())
    steps = {
        f"seconds {step}": [found.seconds[step] for found in groups] for step in groups[0].seconds
    }
    return MockRun(
        category=category,
        products=products,
        sampled=changes.height,
        per_product={
            "references": per_item(references + by_product(refused, pl.len()), one, seed),
            "images": per_item(images, one, seed),
            "bytes": per_item(by_product(aggregated, pl.col("byte_size").sum()), one, seed),
            "seconds": per_item(np.sum(list(steps.values()), axis=0), items, seed),
            **{name: per_item(seconds, items, seed) for name, seconds in steps.items()},
        },
        shares={
            name: share(changes.filter(which).height, changes.height)
            for name, which in _FATES.items()
        },
        left_out={
            rule: per_item(
                by_product(left_out.filter(pl.col("rule") == rule), pl.len()), images, seed
            )
            for rule in left_out["rule"].value_counts(sort=True)["rule"]
        },
        cores=os.cpu_count() or 1,
        within_hours=within_hours,
        notes=tuple(sorted({note for found in groups for note in found.notes})),
    )


_FATES = {
    "changed": pl.col("status") == "changed",
    "gains images": pl.col("added").list.len() > 0,
    "loses images": pl.col("removed").list.len() > 0,
    "re-ordered": pl.col("moved").list.len() > 0,
    "another hero": pl.col("hero_changed"),
    "unchanged": pl.col("status") == "unchanged",
    "bypassed: no image": pl.col("status") == "bypassed_no_image",
    "bypassed: one image": pl.col("status") == "bypassed_single_image",
    "bypassed: curated": pl.col("status") == "bypassed_curated",
}
"""What may become of a product, as conditions on ``image_set_changes``."""
