"""Pairs that a ranker learns from: of each it is known which photo is better (paper B).

Nobody labelled them. A studio image is better than its distortion; a photo that no rule of
``reviews/limits.toml`` faults is better than one that some rule does. Pairs are drawn uniformly
over the paper's six types, and within a type over the families of distortions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.synthetic.distortions import TRAINED
from imgassets.reviews.prompt import AT_LIMIT, PhotoLimit, builtin_limits
from imgassets.reviews.weakness import weaknesses

STUDIO, DISTORTED_STUDIO = "studio image", "distorted studio image"
GOOD, BAD, DISTORTED_REVIEW = "good review photo", "bad review photo", "distorted review photo"

PAIR_TYPES: Mapping[str, tuple[str, str]] = {
    "studio image > its distortion": (STUDIO, DISTORTED_STUDIO),
    "studio image > good review photo": (STUDIO, GOOD),
    "studio image > bad review photo": (STUDIO, BAD),
    "studio image > distorted review photo": (STUDIO, DISTORTED_REVIEW),
    "good review photo > its distortion": (GOOD, DISTORTED_REVIEW),
    "good review photo > bad review photo": (GOOD, BAD),
}
"""The paper's six: name to the classes of the better and the worse photo."""

GRADED = "less > more distorted"
"""Two severities of one distortion of one image; no pair of the paper, so it is asked for."""

_OWN = ("studio image > its distortion", "good review photo > its distortion")

_MARGINS = {
    "studio image > good review photo": 1 / 3,
    "studio image > bad review photo": 2 / 3,
    "good review photo > bad review photo": 1 / 2,
}
"""How far apart two photos are where no severity tells."""

PAIR_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "better_id": pl.String,
    "worse_id": pl.String,
    "pair_type": pl.String,
    "family": pl.String,
    "margin": pl.Float64,
}
"""Columns of pairs: example_ids, type, family of the worse ('' for none), and a distance 0 … 1."""

_COLOURED = 10.0
"""Colourfulness of an image below which taking its colours away changes nothing to see."""

_PHOTO = ["example_id", "source_image_id", "family", "severity", "photo_class"]


def classified(
    examples: pl.DataFrame, limits: Mapping[str, PhotoLimit] | None = None
) -> pl.DataFrame:
    """Add ``photo_class`` to examples: the five classes of the paper.

    Args:
        examples: columns of the table ``ranking_examples``.
        limits: what tells a good review photo from a bad one; by default the built-in limits.
    """
    good = weaknesses(examples, limits or builtin_limits())["rule_score"] >= AT_LIMIT
    plain, studio = pl.col("family") == "", pl.col("origin") == "studio"
    return examples.with_columns(
        photo_class=pl.when(studio & plain)
        .then(pl.lit(STUDIO))
        .when(studio)
        .then(pl.lit(DISTORTED_STUDIO))
        .when(~plain)
        .then(pl.lit(DISTORTED_REVIEW))
        .when(good)
        .then(pl.lit(GOOD))
        .otherwise(pl.lit(BAD))
    )


def sample_pairs(
    examples: pl.DataFrame,
    n: int,
    seed: int,
    types: Collection[str] = tuple(PAIR_TYPES),
    families: Collection[str] = TRAINED,
    limits: Mapping[str, PhotoLimit] | None = None,
) -> pl.DataFrame:
    """Draw pairs, uniformly over the types that there are photos for.

    Args:
        examples: rows of ``ranking_examples``; their order does not matter.
        n: pairs to draw; one that is drawn twice is there once.
        seed: of the draws.
        types: of :data:`PAIR_TYPES`, and :data:`GRADED`.
        families: distortions that may occur.
        limits: as of :func:`classified`.

    Returns:
        Frame of :data:`PAIR_SCHEMA`, by type in the order above, at most ``n`` rows.

    Raises:
        ValueError: a type is unknown.
    """
    if unknown := sorted(set(types) - {*PAIR_TYPES, GRADED}):
        known = "', '".join((*PAIR_TYPES, GRADED))
        raise ValueError(f"unknown type of pairs '{unknown[0]}': the known ones are '{known}'")
    photos = _photos(examples, families, limits)
    drawers = [(t, _drawer(photos, t)) for t in (*PAIR_TYPES, GRADED) if t in types]
    present = [(t, draw) for t, draw in drawers if draw is not None]
    parts = [pl.DataFrame(schema=PAIR_SCHEMA)]
    for place, (pair_type, draw) in enumerate(present):
        share = n // len(present) + (place < n % len(present))
        rng = np.random.default_rng([seed, place, len(pair_type)])
        parts.append(
            draw(share, rng).with_columns(pair_type=pl.lit(pair_type)).select(list(PAIR_SCHEMA))
        )
    return pl.concat(parts).unique(["better_id", "worse_id"], keep="first", maintain_order=True)


def missing_types(
    examples: pl.DataFrame,
    types: Collection[str] = tuple(PAIR_TYPES),
    families: Collection[str] = TRAINED,
    limits: Mapping[str, PhotoLimit] | None = None,
) -> list[str]:
    """Return the types of pairs that these examples hold no pair of."""
    photos = _photos(examples, families, limits)
    return [t for t in (*PAIR_TYPES, GRADED) if t in types and _drawer(photos, t) is None]


def own_pairs(
    examples: pl.DataFrame,
    families: Collection[str],
    limits: Mapping[str, PhotoLimit] | None = None,
) -> pl.DataFrame:
    """Return every pair of an image, studio or good review photo, and one of its distortions.

    Returns:
        Frame of :data:`PAIR_SCHEMA` and ``severity``, sorted.
    """
    photos = _photos(examples, families, limits)
    found = [_of_one_source(photos, t).with_columns(pair_type=pl.lit(t)) for t in _OWN]
    pairs = pl.concat(found).with_columns(severity="margin")
    return pairs.select(*PAIR_SCHEMA, "severity").sort("better_id", "worse_id")


def _photos(
    examples: pl.DataFrame,
    families: Collection[str],
    limits: Mapping[str, PhotoLimit] | None,
) -> pl.DataFrame:
    """Return the photos that pairs are made of, sorted: those that show what they stand for."""
    wanted = pl.col("family").is_in(["", *families])
    of = classified(examples.filter(wanted), limits)
    originals = of.filter(pl.col("family") == "").select(
        "source_image_id", coloured=pl.col("colourfulness") >= _COLOURED,
        spoilable=pl.col("photo_class") != BAD,
    )  # fmt: skip
    shown = of.join(originals, on="source_image_id", how="left").filter(
        (pl.col("family") == "")
        | (
            pl.col("spoilable")
            & ((pl.col("family") != "greyscale") | pl.col("coloured"))
        )
    )  # fmt: skip
    return shown.select(_PHOTO).sort("example_id")


_Draw = Callable[[int, np.random.Generator], pl.DataFrame]


def _drawer(photos: pl.DataFrame, pair_type: str) -> _Draw | None:
    """Return what draws pairs of a type; None where there are none."""
    if pair_type == GRADED or pair_type in _OWN:
        pairs = _graded(photos) if pair_type == GRADED else _of_one_source(photos, pair_type)
        if pairs.is_empty():
            return None
        return lambda n, rng: pairs[_by_family(pairs["family"], n, rng)]
    better_class, worse_class = PAIR_TYPES[pair_type]
    better = photos.filter(pl.col("photo_class") == better_class)
    worse = photos.filter(pl.col("photo_class") == worse_class)
    if better.is_empty() or worse.is_empty():
        return None

    def draw(n: int, rng: np.random.Generator) -> pl.DataFrame:
        first = better[rng.integers(better.height, size=n)]
        second = worse[_by_family(worse["family"], n, rng)]
        told = _MARGINS.get(pair_type)
        return pl.DataFrame(
            {
                "better_id": first["example_id"],
                "worse_id": second["example_id"],
                "family": second["family"],
                "margin": second["severity"] if told is None else pl.repeat(told, n, eager=True),
            }
        )

    return draw


def _of_one_source(photos: pl.DataFrame, pair_type: str) -> pl.DataFrame:
    """Return all pairs of an image of a class and its distortions; `margin` is the severity."""
    better_class, worse_class = PAIR_TYPES[pair_type]
    better = photos.filter(pl.col("photo_class") == better_class).select(
        "source_image_id", better_id="example_id"
    )
    worse = photos.filter(pl.col("photo_class") == worse_class)
    return (
        worse.join(better, on="source_image_id")
        .select("better_id", "family", worse_id="example_id", margin="severity")
        .sort("better_id", "worse_id")
    )


def _graded(photos: pl.DataFrame) -> pl.DataFrame:
    """Return all pairs of two severities; `margin` is their difference."""
    spoilt = photos.filter(pl.col("family") != "")
    keys = ["source_image_id", "family"]
    both = spoilt.join(spoilt, on=keys, suffix="_worse").filter(
        pl.col("severity") < pl.col("severity_worse")
    )
    return both.select(
        "family",
        better_id="example_id",
        worse_id="example_id_worse",
        margin=pl.col("severity_worse") - pl.col("severity"),
    ).sort("better_id", "worse_id")


def _by_family(families: pl.Series, n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw n rows, uniformly over families and then over the rows of each."""
    names: Sequence[str] = sorted(families.unique())
    of = families.to_numpy()
    rows = [np.flatnonzero(of == name) for name in names]
    which = rng.integers(len(names), size=n)
    sizes = np.array([len(found) for found in rows])[which]
    places = (rng.random(n) * sizes).astype(np.intp)
    return np.array([rows[k][i] for k, i in zip(which, places, strict=True)], dtype=np.intp)
