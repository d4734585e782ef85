"""image_signals: everything that is measured of product images."""

from imgassets.defs.conventions import INFERENCE
from imgassets.defs.measuring import measured_asset
from imgassets.operations.signals import collect_signals, infer_signals, plan_signals

image_signals = measured_asset(
    "image_signals",
    "Hashes, histograms, framing, sharpness and the embedding: one decode, one forward pass.",
    group="images",
    kinds=("torch", "opencv"),
    source="aggregated_images",
    columns=["day", "category", "product_id", "image_id", "image_urls"],
    stage="signals",
    plan=plan_signals,
    infer=infer_signals,
    collect=collect_signals,
    step=INFERENCE,
)
