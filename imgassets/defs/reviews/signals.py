"""review_signals: everything that is measured of customers' review photos."""

from imgassets.defs.conventions import INFERENCE
from imgassets.defs.measuring import measured_asset
from imgassets.operations.review_signals import (
    collect_review_signals,
    infer_review_signals,
    plan_review_signals,
)

review_signals = measured_asset(
    "review_signals",
    "All measures, the embedding and NIMA's features of each photo, from one decode.\n\n"
    "Nothing identifies anyone: no face is looked for, none is measured.",
    group="reviews",
    kinds=("torch", "opencv"),
    source="fetched_review_images",
    columns=["day", "category", "product_id", "image_location", "image_id"],
    stage="review_signals",
    plan=plan_review_signals,
    infer=infer_review_signals,
    collect=collect_review_signals,
    step=INFERENCE,
)
