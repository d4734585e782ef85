"""Rows about review photos, made up: measures of good photos, all of them different pictures."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from imgassets.settings import Settings
from imgassets.vision.photo_version import photo_signals_version
from imgassets.warehouse.contracts import FetchedReviewImages, ReviewImages, ReviewSignals
from imgassets.warehouse.lake import CommitMessage, Upsert, Warehouse

BINS = 24


def image_id(n: int) -> str:
    return f"{n:064x}"


def signals(
    n: int, *, day: dt.date = dt.date(2026, 1, 5), category: str = "tablet", seed: int = 0
) -> pl.DataFrame:
    """Rows of `review_signals` of photos 0 … n-1."""
    random = np.random.default_rng(seed)
    hashes = random.integers(0, 2**63, (n, 4), dtype=np.uint64)
    histograms = random.gamma(0.3, size=(n, BINS)).astype(np.float32)
    histograms /= histograms.sum(1, keepdims=True)
    embedding = random.normal(size=(n, 8)).astype(np.float32)
    frame = pl.DataFrame(
        {
            "image_id": [image_id(i) for i in range(n)],
            "width": np.full(n, 900, np.int32),
            "height": np.full(n, 1200, np.int32),
            "longer_side": np.full(n, 1200, np.int32),
            **{
                name: [f"{value:016x}" for value in hashes[:, i]]
                for i, name in enumerate(("phash", "dhash", "object_phash", "edge_dhash"))
            },
            "hsv_histogram": histograms.tolist(),
            "sharpness": np.full(n, 0.45),
            "foreground_fraction": np.full(n, 0.6),
            "background_whiteness": np.full(n, 0.1),
            "background_pure_white": np.full(n, 0.0),
            "object_extent": np.full(n, 0.9),
            "detail": np.full(n, 0.7),
            "colourfulness": np.full(n, 30.0),
            "bright": np.full(n, 230.0),
            "clipped": np.full(n, 0.001),
            "noise": np.full(n, 0.3),
            "blockiness": np.full(n, 0.5),
            "embedding": embedding.tolist(),
            "nima": np.abs(embedding).tolist(),
        }
    ).with_columns(day=pl.lit(day), category=pl.lit(category), signals_version=pl.lit("photos-1"))
    return ReviewSignals.conform(frame)


class Told:
    """What a day's files tell of review photos, and the tables up to `review_signals`.

    Photo n of a review is picture n of :func:`signals`, unless it is told otherwise.
    """

    def __init__(self, warehouse: Warehouse, settings: Settings) -> None:
        self.warehouse, self.settings = warehouse, settings

    def tell(
        self,
        day: dt.date,
        rows: list[dict[str, object]],
        *,
        category: str = "tablet",
        features: pl.DataFrame | None = None,
    ) -> None:
        """Add a day's reviews: product_id and review_id, and whatever else differs."""
        named = pl.DataFrame(
            [
                {
                    "style": row["product_id"],
                    "image_url": f"{row['review_id']}.jpg",
                    "image_location": f"/photos/{row['review_id']}.jpg",
                    "submitted_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
                    "helpful_votes": None,
                    "impressions": None,
                    "image_id": image_id(int(row.get("picture", _number(row["review_id"])))),
                    "feed_file": "f.csv",
                    "feed_row": number,
                    **{name: value for name, value in row.items() if name != "picture"},
                }
                for number, row in enumerate(rows, 1)
            ],
            schema_overrides={"helpful_votes": pl.Int64, "impressions": pl.Int64},
        ).with_columns(day=pl.lit(day), category=pl.lit(category))
        facts = {
            "format": "JPEG", "width": 900, "height": 1200, "byte_size": 9000, "mode": "rgb",
            "bit_depth": 8, "frames": 1, "extension": "jpg", "extension_matches": True,
        }  # fmt: skip
        all_features = signals(60) if features is None else features
        measured = all_features.with_columns(
            day=pl.lit(day),
            category=pl.lit(category),
            signals_version=pl.lit(photo_signals_version(self.settings)),
        ).join(named, on="image_id", how="semi")
        self.warehouse.replace(
            [
                Upsert(ReviewImages, named),
                Upsert(FetchedReviewImages, named.with_columns(**_literals(facts))),
                Upsert(ReviewSignals, measured),
            ],
            CommitMessage(asset="test"),
        )


def _number(review_id: object) -> int:
    return int("".join(c for c in str(review_id) if c.isdigit()) or 0)


def _literals(values: dict[str, object]) -> dict[str, pl.Expr]:
    return {name: pl.lit(value) for name, value in values.items()}
