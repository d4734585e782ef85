"""The generated sample catalog as the warehouse holds it after `imgassets backfill`, in seconds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from imgassets.ingest.store import ImageStore
from imgassets.sample import write_sample_catalog
from imgassets.settings import Settings, VisionSettings
from imgassets.vision.backbones import signals_version
from imgassets.vision.engine import compute_signals
from imgassets.warehouse.contracts import (
    AggregatedImages,
    FetchedImages,
    FlagLabels,
    ImageLabels,
    ImageSignals,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse

DAY = dt.date(2026, 1, 7)
_UNSEEN = ["corrupt", "not_an_image", "dead_url"]


@dataclass(frozen=True)
class SmallCatalog:
    """Pictures of 16 generated products, and what is true of them.

    Attributes:
        store: holds the pictures.
        images: image_url, product_id, category, style, defects ('' for a good picture), image_id.
    """

    store: ImageStore
    images: pl.DataFrame

    @classmethod
    def draw(cls, folder: Path) -> SmallCatalog:
        """Draw the catalog into a folder."""
        written = write_sample_catalog(folder / "sample", styles=2)
        store = ImageStore(str(folder / "images"))
        truth = pl.read_csv(written.truth / "images.csv", schema_overrides={"defects": pl.String})
        products = pl.read_csv(written.truth / "products.csv").select("product_id", "style")
        seen = (
            truth.with_columns(pl.col("defects").fill_null(""))
            .filter(~pl.col("defects").is_in(_UNSEEN))
            .join(products, on="product_id", maintain_order="left")
        )
        ids = [store.put((written.folder / url).read_bytes()) for url in seen["image_url"]]
        images = seen.select(
            "image_url", "product_id", "category", "style", "defects", image_id=pl.Series(ids)
        )
        return cls(store, images)

    def fill(self, settings: Settings) -> Warehouse:
        """Return a new warehouse with the pictures' rows and signals; labels name the styles."""
        warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
        warehouse.replace(
            [
                Replacement(FetchedImages, self._fetched()),
                Replacement(AggregatedImages, self._aggregated()),
                Replacement(ImageSignals, self.signals(settings.vision)),
                Replacement(ImageLabels, self._styles()),
            ],
            CommitMessage(asset="test"),
        )
        return warehouse

    def signals(self, vision: VisionSettings) -> pl.DataFrame:
        """Compute the rows of ``image_signals``."""
        found = compute_signals(self.images["image_id"].unique().to_list(), self.store.get, vision)
        cells = self.images.select("category", "image_id").unique()
        rows = cells.join(found.signals, on="image_id").with_columns(day=pl.lit(DAY))
        return ImageSignals.conform(
            rows.with_columns(signals_version=pl.lit(signals_version(vision)))
        )

    def labels(self, rows: pl.DataFrame, flag: str, split: str = "train") -> pl.DataFrame:
        """Return flag labels of some of `images` as an import would: what is true of them."""
        return FlagLabels.conform(
            rows.select(
                "product_id",
                "image_url",
                flag=pl.lit(flag),
                value=pl.col("defects") == flag,
                group_id="style",
                split=pl.lit(split),
                source=pl.lit("truth.csv"),
            ).unique(["product_id", "image_url"])
        )

    def of(self, *defects: str) -> pl.DataFrame:
        """Return the images with one of these defects ('' for good ones)."""
        return self.images.filter(pl.col("defects").is_in(defects))

    def _fetched(self) -> pl.DataFrame:
        return FetchedImages.conform(
            self._about().with_columns(
                supplier_id=pl.lit("acme"),
                image_location="image_url",
                extension=pl.lit("jpg"),
                extension_matches=pl.lit(True),
            )
        )

    def _aggregated(self) -> pl.DataFrame:
        rows = self._about().group_by("product_id", "image_id").agg(
            pl.exclude("image_url").first(), image_urls=pl.col("image_url").sort()
        )  # fmt: skip
        return AggregatedImages.conform(
            rows.with_columns(
                suppliers=pl.lit(["acme"]), best_position=1, is_curated=False, first_seen=DAY
            )
        )

    def _styles(self) -> pl.DataFrame:
        rows = self.images.unique("product_id").select(
            "product_id", "image_url", image_type=pl.lit("front"), group_id="style",
            source=pl.lit("types.csv"),
        )  # fmt: skip
        return ImageLabels.conform(rows)

    def _about(self) -> pl.DataFrame:
        sizes = [self._size(image_id) for image_id in self.images["image_id"]]
        return self.images.with_columns(
            pl.DataFrame(sizes, schema=["width", "height", "byte_size"], orient="row"),
            day=pl.lit(DAY),
            format=pl.lit("JPEG"),
            mode=pl.lit("rgb"),
            bit_depth=pl.lit(8),
            frames=pl.lit(1),
        )

    def _size(self, image_id: str) -> Sequence[int]:
        import io

        from PIL import Image

        data = self.store.get(image_id)
        return (*Image.open(io.BytesIO(data)).size, len(data))
