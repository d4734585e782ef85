"""Which examples a ranker learns from: which images, and how each is distorted.

Plans are stable: what is made of an image follows from its id and the seed alone, so what was made
once is found again by its id, whatever other images there are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable

import polars as pl

from imgassets.learning.augmentation import pick_sources
from imgassets.learning.evaluation import group_split
from imgassets.learning.synthetic.distortions import DISTORTIONS_VERSION, TRAINED, UNSEEN

SEVERITIES = (0.333, 0.667, 1.0)
"""At which every family is applied."""

SOURCE_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "image_id": pl.String,
    "origin": pl.String,
    "category": pl.String,
    "group_id": pl.String,
    "width": pl.Int32,
    "height": pl.Int32,
    "good": pl.Boolean,
}
"""Columns of images that examples are made of; width and height are the file's."""

JOB_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "example_id": pl.String,
    "source_image_id": pl.String,
    "origin": pl.String,
    "group_id": pl.String,
    "category": pl.String,
    "family": pl.String,
    "severity": pl.Float64,
    "seed": pl.Int64,
}
"""Columns of a plan."""

_BAD_SHARE = 4
"""One bad review photo at most for so many sources: they stand in two of the six types of pairs."""


def choose_sources(images: pl.DataFrame, most: int, seed: int) -> pl.DataFrame:
    """Choose images to make examples of, spread evenly over categories.

    Half of the good ones are studio images and half review photos, where there are as many. Bad
    review photos come on top of ``most``: they are measured as they are.

    Args:
        images: :data:`SOURCE_SCHEMA`, a row per image.
        most: good images, at most.
        seed: another seed is another choice.

    Returns:
        Rows of ``images``, sorted by origin and image_id.
    """
    good = images.filter("good")
    studio, review = (good.filter(pl.col("origin") == origin) for origin in ("studio", "review"))
    half = most // 2
    of_studio = min(studio.height, most - min(review.height, half))
    chosen = pl.concat(
        [
            pick_sources(studio, of_studio, seed),
            pick_sources(review, most - of_studio, seed),
            pick_sources(images.filter(~pl.col("good")), most // _BAD_SHARE, seed),
        ]
    )
    return chosen.sort("origin", "image_id")


def held_out_groups(groups: Iterable[str], holdout: float, seed: int) -> set[str]:
    """Return the groups that no ranker learns from; a group's side follows from its id.

    Raises:
        ValueError: there are fewer than two groups.
    """
    _, held = group_split(pl.DataFrame({"group_id": sorted(set(groups))}), holdout, seed)
    return set(held["group_id"])


def plan_examples(
    sources: pl.DataFrame, held: Collection[str], seed: int, features_version: str
) -> pl.DataFrame:
    """Plan the examples of some images.

    Every source as it is, and every good one distorted by each trained family at each of
    :data:`SEVERITIES`; those of held-out groups by the unseen families, too.

    Args:
        sources: :data:`SOURCE_SCHEMA`.
        held: the groups that are held out.
        seed: of the distortions; a source and family has one seed at all severities.
        features_version: what will measure the examples: it is part of their ids.

    Returns:
        Frame of :data:`JOB_SCHEMA`, sorted by example_id.
    """
    rows = []
    for source in sources.to_dicts():
        rows.append(_job(source, "", 0.0, 0, features_version))
        if not source["good"]:
            continue
        families = (*TRAINED, *(UNSEEN if source["group_id"] in held else ()))
        for family in families:
            key = f"{seed}:{source['image_id']}:{family}".encode()
            number = int.from_bytes(hashlib.sha256(key).digest()[:4], "big")
            rows += [_job(source, family, s, number, features_version) for s in SEVERITIES]
    return pl.DataFrame(rows, schema=JOB_SCHEMA, orient="row").sort("example_id")


def _job(
    source: dict[str, str], family: str, severity: float, seed: int, features_version: str
) -> tuple[object, ...]:
    image_id = source["image_id"]
    key = f"{DISTORTIONS_VERSION}:{features_version}:{image_id}:{family}:{severity}:{seed}"
    example_id = hashlib.sha256(key.encode()).hexdigest()
    return (
        example_id, image_id, source["origin"], source["group_id"], source["category"], family,
        severity, seed,
    )  # fmt: skip
