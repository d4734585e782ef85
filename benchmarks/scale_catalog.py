"""The generated catalog of `benchmarks/scale.py`: feeds, what pictures would measure, engagement.

Suppliers send two to six views of a product, on one of the catalog's days. Another supplier's
picture of a view has the same bytes, is a near copy (a few bits of each hash differ), or is another
picture. One picture in a hundred is a stock picture that its whole category shares. A reference
says which: `…/<product>/<look>-<variant>.jpg`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from imgassets.settings import Settings
from imgassets.vision.backbones import signals_version
from imgassets.warehouse.contracts import Contract, EngagementDaily, FetchedImages
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.workspace import open_workspace

FIRST_DAY = dt.date(2026, 1, 5)
SUPPLIERS = ("acme", "borealis", "cobalt", "dune", "ember", "fjord")
VIEWS = ("front", "back", "side", "detail", "worn", "packaging")
EMBEDDING, BINS = 640, 128
"""Widths of the embedded backbone's vectors and of the histograms."""

DAYS_BEFORE, DAYS_AFTER = 56, 28
"""Days of engagement before the first feed and after it."""

_LOOK = r"/(\d+)/(\d+)-(\d+)\.jpg$"


@dataclass(frozen=True)
class Catalog:
    """How large the catalog is.

    Attributes:
        products: in all.
        per_category: products of a category.
        days: over which the feeds come; each product comes on one of them.
        seed: of all that is drawn.
    """

    products: int
    per_category: int
    days: int
    seed: int = 0

    @property
    def categories(self) -> list[str]:
        """Return the categories' slugs."""
        return [f"category-{n:04d}" for n in range(-(-self.products // self.per_category))]


def write_feeds(catalog: Catalog, folder: Path) -> int:
    """Write `<day>/<supplier>.parquet` below a folder; return the number of references."""
    total = 0
    for number in range(catalog.days):
        offers = _offers(catalog, number)
        day = folder / str(FIRST_DAY + dt.timedelta(days=number))
        day.mkdir(parents=True)
        for (supplier,), rows in offers.group_by("supplier_id"):
            rows.drop("supplier_id").write_parquet(day / f"{supplier}.parquet")
        total += offers.height
    return total


def _offers(catalog: Catalog, day: int) -> pl.DataFrame:
    """Return the references of the products of one day, sorted by supplier and product."""
    rng = np.random.default_rng((catalog.seed, day))
    products = np.arange(day, catalog.products, catalog.days)
    views = rng.integers(2, len(VIEWS) + 1, len(products))
    n_suppliers = rng.choice([1, 2, 3], len(products), p=[0.3, 0.4, 0.3])
    first = rng.integers(0, len(SUPPLIERS), len(products))
    parts = []
    for place in range(3):
        for view in range(len(VIEWS)):
            sent = (view < views) & (place < n_suppliers) & (rng.random(len(products)) < 0.8)
            product = products[sent]
            supplier = (first[sent] + place) % len(SUPPLIERS)
            kind = rng.random(len(product))
            # Of the first supplier's pictures all are originals.
            other, copied = (kind < 0.2) & (place > 0), (kind > 0.7) & (place > 0)
            look = np.where(other, view + len(VIEWS) * place, view)
            stock = rng.random(len(product)) < 0.01
            parts.append(
                pl.DataFrame(
                    {
                        "supplier_id": np.array(SUPPLIERS)[supplier],
                        "number": product,
                        "position": np.full(len(product), view + 1),
                        "owner": np.where(
                            stock, catalog.products + product // catalog.per_category, product
                        ),
                        "look": np.where(stock, product % 20, look),
                        "variant": np.where(copied & ~stock, place, 0),
                    }
                )
            )
    return (
        pl.concat(parts)
        .sort("supplier_id", "number", "position")
        .select(
            "supplier_id",
            product_id=pl.format("p{}", pl.col("number").cast(pl.String).str.zfill(8)),
            category=pl.format(
                "category-{}", (pl.col("number") // catalog.per_category)
                .cast(pl.String).str.zfill(4),
            ),
            title=pl.format("Product {} of this catalog, size M", "number"),
            description=pl.format("What suppliers say of product {}: soft, washable. " * 3,
                                  *["number"] * 3),
            image_url=pl.format(
                "https://{}.example/images/{}/{}-{}.jpg",
                "supplier_id", "owner", "look", "variant",
            ),
            position="position",
            is_curated=pl.lit(value=False),
        )
    )  # fmt: skip


def fetched_rows(warehouse: Warehouse, offers: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of ``fetched_images`` of some offers, as if their pictures had come."""
    ids = warehouse.sql(
        "SELECT url, sha256(split_part(url, '/images/', 2)) AS image_id FROM urls",
        urls=offers.select(pl.col("image_url").unique().alias("url")),
    )
    facts = {
        "format": "JPEG", "width": 1200, "height": 1500, "byte_size": 180_000, "mode": "rgb",
        "bit_depth": 8, "frames": 1, "extension": "jpg", "extension_matches": True,
    }  # fmt: skip
    rows = offers.join(ids, left_on="image_url", right_on="url")
    return FetchedImages.conform(rows.with_columns(pl.lit(v).alias(k) for k, v in facts.items()))


def signal_rows(settings: Settings, aggregated: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Return the rows of ``image_signals`` of one partition's images.

    Args:
        settings: name the version.
        aggregated: rows of ``aggregated_images``.
        seed: of the partition.
    """
    images = (
        aggregated.with_columns(pl.col("image_urls").list.first().alias("url"))
        .unique("image_id")
        .sort("image_id")
        .select("day", "category", "image_id", *_looks())
    )
    looks = images.select("owner", "look").unique().sort("owner", "look")
    drawn = images.join(looks.with_row_index("row"), on=["owner", "look"], maintain_order="left")
    row, n = drawn["row"].to_numpy(), looks.height
    rng = np.random.default_rng(seed)
    hashes = _hashes(looks["owner"].to_numpy(), looks["look"].to_numpy())[row]
    copied = drawn["variant"].to_numpy() > 0
    for _ in range(3):
        bit = np.uint64(1) << rng.integers(0, 64, hashes.shape).astype(np.uint64)
        hashes[copied] ^= bit[copied]
    histograms = rng.gamma(0.3, size=(n, BINS)).astype(np.float32)
    histograms /= histograms.sum(axis=1, keepdims=True)
    vectors = rng.standard_normal((n, EMBEDDING), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    uniform = {
        "sharpness": (0.31, 0.5), "foreground_fraction": (0.2, 1), "background_whiteness": (0, 1),
        "background_pure_white": (0, 1), "object_extent": (0.4, 1), "detail": (0.3, 1),
        "colourfulness": (15, 60),
    }  # fmt: skip
    names = ("phash", "dhash", "object_phash", "edge_dhash")
    return images.select("day", "category", "image_id").with_columns(
        pl.lit(signals_version(settings.vision)).alias("signals_version"),
        *(
            pl.Series(name, [f"{value:016x}" for value in hashes[:, i]])
            for i, name in enumerate(names)
        ),
        *(pl.Series(k, rng.uniform(*ends, len(row)).astype(np.float32))
          for k, ends in uniform.items()),
        pl.Series("hsv_histogram", histograms[row]).arr.to_list(),
        pl.Series("embedding", vectors[row]).arr.to_list(),
    )  # fmt: skip


def _looks() -> list[pl.Expr]:
    groups = pl.col("url").str.extract_groups(_LOOK).struct
    names = ("owner", "look", "variant")
    return [groups.field(str(n)).cast(pl.Int64).alias(k) for n, k in enumerate(names, 1)]


def _hashes(owner: np.ndarray, look: np.ndarray) -> np.ndarray:
    """Return four 64-bit hashes of each look (splitmix64; Steele et al. 2014), [n, 4]."""
    with np.errstate(over="ignore"):
        z = (owner.astype(np.uint64) * np.uint64(64) + look.astype(np.uint64))[:, None]
        z = (z * np.uint64(4) + np.arange(4, dtype=np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def type_rows(contract: type[Contract], quality: pl.DataFrame, aggregated: pl.DataFrame
              ) -> pl.DataFrame:  # fmt: skip
    """Return the rows of ``image_types`` of images that passed: the view that was sent."""
    key = ["day", "category", "product_id", "image_id"]
    view = pl.col("look") % len(VIEWS)
    return contract.conform(
        quality.filter("passed")
        .select(key)
        .join(aggregated.select(*key, url=pl.col("image_urls").list.first()), on=key)
        .with_columns(_looks())
        .with_columns(
            image_type=view.replace_strict(list(range(len(VIEWS))), VIEWS),
            probability=pl.lit(0.9, pl.Float32),
            approach=pl.lit("logistic"),
            model_version=pl.lit("generated"),
            answered_by=pl.lit("global"),
        )
        .with_columns(best_guess="image_type")
    )


def write_engagement(warehouse: Warehouse, catalog: Catalog, memory: str) -> int:
    """Write daily engagement by SQL, a category at a time: three products in ten sell every day.

    Returns:
        Rows.
    """
    first = FIRST_DAY - dt.timedelta(days=DAYS_BEFORE)
    columns = ", ".join(EngagementDaily.column_names())
    with open_workspace(warehouse, memory) as work:
        for number, category in enumerate(catalog.categories):
            start = number * catalog.per_category
            stop = min(start + catalog.per_category, catalog.products)
            work.execute(
                f"""
                INSERT INTO engagement_daily ({columns})
                SELECT DATE '{first}' + d::INTEGER, '{category}', 'p' || printf('%08d', p), seen,
                    seen // 10 + hash(p, d, 2) % 5, seen // 40 + hash(p, d, 3) % 3, seen // 90,
                    'generated'
                FROM (
                    SELECT p, d, (40 + hash(p, 4) % 400) * (10 + (d % 7)) // 10
                        + (hash(p, d, 1) % 30)::INTEGER AS seen
                    FROM range({start}, {stop}) AS products(p),
                        range({DAYS_BEFORE + DAYS_AFTER}) AS days(d)
                    WHERE hash(p, 5) % 10 < 3 OR hash(p, d, 6) % 20 = 0
                )
                """
            )
        return int(work.sql("SELECT count(*) FROM engagement_daily").item())
