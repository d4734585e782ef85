from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from imgassets.selection.decisions import explain
from imgassets.warehouse.contracts import (
    AggregatedImages,
    ComplianceFlags,
    Contract,
    DedupClusters,
    ImageTypes,
    OrderedImageSets,
    QualityScores,
)

KEY = {"day": date(2026, 1, 5), "category": "hats", "product_id": "P"}
BEST, COPY = "b" * 64, "c" * 64


def frame(contract: type[Contract], *rows: dict) -> pl.DataFrame:
    schema = contract.create_empty().schema
    return pl.DataFrame([{**KEY, **row} for row in rows], schema=schema)


@pytest.mark.parametrize(
    ("decided_by", "probability", "expected"),
    [
        ("people", 0.25, "people said that both show the same"),
        ("pixels", 0.99982, "laid over each other, the same with probability 0.9998"),
        ("signals", None, "by their signals, pHash 3 bits, edge hash 4 bits, colour 0.25"),
    ],
)
def test_a_duplicate_says_who_decided(
    decided_by: str, probability: float | None, expected: str
) -> None:
    cluster = {
        "image_id": COPY, "image_type": "front", "cluster_id": BEST, "is_representative": False,
        "nearest_image_id": BEST, "phash_distance": 3, "edge_dhash_distance": 4,
        "hsv_distance": 0.25, "probability": probability, "decided_by": decided_by,
    }  # fmt: skip
    found = explain(
        frame(AggregatedImages, {"image_id": COPY}),
        frame(QualityScores, {"image_id": COPY, "passed": True, "reasons": []}),
        frame(ImageTypes, {"image_id": COPY, "image_type": "front"}),
        frame(DedupClusters, cluster),
        frame(OrderedImageSets),
        frame(ComplianceFlags),
    )
    assert found.select("decision", "reason").rows() == [
        ("left_out", f"duplicate of {BEST[:8]}: {expected}")
    ]
