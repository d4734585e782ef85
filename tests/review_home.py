"""A home with reviews taken in, fetched and ranked, for tests of what becomes of them."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

from imgassets.ingest.store import ImageStore
from imgassets.operations.file_feed import TakenIn
from imgassets.operations.review_photos import FetchedReviews, fetch_review_images, take_in_reviews
from imgassets.settings import Settings
from imgassets.warehouse.contracts import (
    FetchedReviewImages,
    PartitionState,
    Quarantine,
    RankingExamples,
    ReviewImageRanks,
    ReviewImages,
    ReviewSignals,
)
from imgassets.warehouse.lake import Addition, CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition

HEADER = "review_id,product_id,category,image_url,submitted_at,helpful_votes,impressions"
DAY = dt.date(2026, 1, 5)


class ReviewHome:
    """A warehouse, a folder of files with their photos, and an image store.

    Args:
        home: the home.
        folder: files and photos are below it, outside the home.
        warehouse: default: the one of the home.
    """

    def __init__(self, home: Path, folder: Path, warehouse: Warehouse | None = None) -> None:
        self.settings = Settings(home=home)
        self.warehouse = warehouse or Warehouse(
            self.settings.warehouse, self.settings.warehouse_data
        )
        self.store = ImageStore(self.settings.image_store)
        self.folder = folder

    def photo(self, name: str, seed: int) -> str:
        """Write a photo, the same for the same seed; return its reference."""
        out = io.BytesIO()
        pixels = np.random.default_rng(seed).integers(0, 256, (48, 64, 3), np.uint8)
        Image.fromarray(pixels).save(out, "PNG")
        (self.folder / name).write_bytes(out.getvalue())
        return name

    def write(self, name: str, *lines: str, header: str = HEADER) -> str:
        """Write a file of reviews; return its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([header, *lines]) + "\n")
        return str(path)

    def take_in(self, name: str, *lines: str, day: dt.date | None = None) -> TakenIn:
        """Write a file of reviews and take it in."""
        where = self.write(name, *lines)
        return take_in_reviews(self.warehouse, self.settings, where, str(self.folder), day)

    def fetch(self) -> FetchedReviews:
        """Fetch all photos, and commit what became of them as the asset does."""
        partitions = frozenset(
            Partition(*row)
            for row in self.warehouse.read(ReviewImages).select("day", "category").iter_rows()
        )
        found = fetch_review_images(self.warehouse, self.store, self.settings, partitions)
        self.warehouse.replace(
            [
                Replacement(FetchedReviewImages, found.images, partitions),
                Replacement(
                    Quarantine, found.quarantine, partitions, equals={"stage": "review_fetch"}
                ),
            ],
            CommitMessage("fetched_review_images"),
        )
        return found

    def measure_and_rank(self) -> None:
        """Write made-up signals, examples and ranks of all fetched photos, and the ranks' mark."""
        fetched = self.warehouse.read(FetchedReviewImages)
        images = fetched.unique(["day", "category", "image_id"], maintain_order=True)
        features = {
            **dict.fromkeys(("phash", "dhash", "object_phash", "edge_dhash"), "0" * 16),
            **dict.fromkeys(("width", "height", "longer_side"), 64),
            "hsv_histogram": [0.5], "embedding": [0.25], "nima": [0.5],
        }  # fmt: skip
        measured = filled(ReviewSignals, images.select("day", "category", "image_id"), features)
        examples = images.select(example_id="image_id", source_image_id="image_id").unique()
        made = filled(RankingExamples, examples, {**features, "origin": "review", "category": "x"})
        ranks = fetched.select("day", "category", "product_id", "review_id", "image_id")
        best = pl.col("review_id").first().over("day", "category", "image_id")
        copy = pl.col("review_id") != best
        ranked = filled(
            ReviewImageRanks,
            ranks.with_columns(
                status=pl.when(copy).then(pl.lit("duplicate")).otherwise(pl.lit("ranked")),
                duplicate_of=pl.when(copy).then(best),
            ),
            {"n_ranked": 1},
        )
        cells = fetched.select("day", "category").unique()
        marks = cells.with_columns(stage=pl.lit("review_ranks"), fingerprint=pl.lit("f"))
        self.warehouse.replace(
            [
                Replacement(ReviewSignals, measured),
                Addition(RankingExamples, made),
                Replacement(ReviewImageRanks, ranked),
                Replacement(PartitionState, marks, equals={"stage": "review_ranks"}),
            ],
            CommitMessage("review_image_ranks"),
        )


def filled(contract: type, frame: pl.DataFrame, values: dict[str, object]) -> pl.DataFrame:
    """Return a frame with the contract's other columns, null or of no meaning."""
    schema: pl.Schema = contract.create_empty().schema  # type: ignore[attr-defined]
    nullable = {name for name, column in contract.columns().items() if column.nullable}  # type: ignore[attr-defined]
    plain: dict[type[pl.DataType], object] = {pl.String: "", pl.List: [0.5]}
    more = {
        name: pl.lit(values[name])
        if name in values
        else pl.lit(None if name in nullable else plain.get(type(dtype), 0.5))
        for name, dtype in schema.items()
        if name not in frame.columns
    }
    for name in ("object_extent", "foreground_fraction"):
        more.pop(name, None) if name in frame.columns else None
    return contract.conform(  # type: ignore[attr-defined, no-any-return]
        frame.with_columns(**{k: v.cast(schema[k], strict=False) for k, v in more.items()})
    )


def everything(*folders: Path) -> Sequence[tuple[Path, bytes]]:
    """Return all files below folders, Parquet files as the text of their rows."""
    return [
        (
            path,
            repr(pl.read_parquet(path).to_dicts()).encode()
            if path.suffix == ".parquet"
            else path.read_bytes(),
        )
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
