"""Examples of a flag as points around two centres: no pictures, so that many can be trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import polars as pl

from imgassets.learning.features import SCALARS

DIMENSIONS = 8

_SCHEMA = {
    "example_id": pl.String,
    "image_id": pl.String,
    "product_id": pl.String,
    "category": pl.String,
    "group_id": pl.String,
    "value": pl.Boolean,
    "origin": pl.String,
    "kind": pl.String,
    "severity": pl.Float64,
    "split": pl.String,
    "rule_answer": pl.Boolean,
    **dict.fromkeys(SCALARS, pl.Float32),
    "embedding": pl.List(pl.Float32),
}


def example(
    name: str,
    group: str,
    value: bool,
    *,
    looks: bool | None = None,
    centre: float | None = None,
    image: str | None = None,
    origin: str = "label",
    kind: str = "",
    split: str = "train",
    rule: bool | None = None,
    spread: float = 0.3,
) -> dict[str, object]:
    """Return one example, around 1 or -1: by its value, unless ``looks`` says otherwise.

    ``centre`` is another place altogether.
    """
    rng = np.random.default_rng(int(hashlib.sha256(name.encode()).hexdigest()[:12], 16))
    if centre is None:
        centre = 1.0 if (value if looks is None else looks) else -1.0
    numbers = rng.normal(centre, spread, len(SCALARS) + DIMENSIONS)
    return {
        "example_id": name,
        "image_id": image or name,
        "product_id": group,
        "category": "mugs",
        "group_id": group,
        "value": value,
        "origin": origin,
        "kind": kind,
        "severity": None,
        "split": split,
        "rule_answer": rule,
        **dict(zip(SCALARS, numbers, strict=False)),
        "embedding": numbers[len(SCALARS) :].tolist(),
    }


def frame(rows: Sequence[dict[str, object]]) -> pl.DataFrame:
    """Return examples as `flag_examples` does, sorted."""
    return pl.DataFrame(rows, schema=_SCHEMA).sort("example_id")


def both_sides(groups: range, **more: object) -> list[dict[str, object]]:
    """Return four examples of each group: two that deserve the flag and two that do not."""
    return [
        example(f"{'yes' if value else 'no'}-{group}-{i}", f"g{group}", value, **more)  # type: ignore[arg-type]
        for group in groups
        for value in (True, False)
        for i in range(2)
    ]
