"""Which synthetic examples to make: a plan of (image, defect, severity, seed), and better plans.

Plans are stable: an image's draws follow from its id, the kind of defect and the number of the
draw, so flags share their examples, and what was made once is found again by its id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from imgassets.learning.synthetic import DEFECTS, SYNTHETIC_VERSION

JOB_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "example_id": pl.String,
    "image_id": pl.String,
    "defect": pl.String,
    "severity": pl.Float64,
    "seed": pl.Int64,
    "others": pl.List(pl.String),
}

MOST_OTHERS = 5
"""Further pictures of its product that one example shows, at most."""

HARMLESS = ""
"""Kind of the variations that leave a picture good."""

_LEAST_SEVERITY = 0.2
"""Below it a defect can hardly be seen: a label of 'yes' would be a lie."""


def pick_sources(images: pl.DataFrame, most: int, seed: int) -> pl.DataFrame:
    """Choose pictures to spoil, spread evenly over the categories.

    Args:
        images: `image_id` and `category`, one row per image.
        most: how many, at most.
        seed: another seed is another choice.

    Returns:
        Rows of `images`, sorted by image_id.
    """
    place = pl.col("image_id").map_elements(
        lambda i: hashlib.sha256(f"{seed}:{i}".encode()).hexdigest(), return_dtype=pl.String
    )
    ranked = images.with_columns(place=place).sort("category", "place")
    in_turn = ranked.with_columns(turn=pl.int_range(pl.len()).over("category"))
    chosen = in_turn.sort("turn", "place").head(most)
    return chosen.select(images.columns).sort("image_id")


def kinds_of(names: Sequence[str]) -> dict[str, list[str]]:
    """Return the defects of each kind (flag) of ``names``; '' holds the harmless variations."""
    return {kind: [d.name for d in DEFECTS.values() if d.flag == kind] for kind in names}


def all_kinds() -> list[str]:
    """Return every kind of defect, the harmless one first."""
    return sorted({defect.flag for defect in DEFECTS.values()})


def plan_examples(
    image_ids: Sequence[str],
    draws: Mapping[str, int],
    seed: int,
    weights: Mapping[str, float] | None = None,
    first: int = 0,
    siblings: Mapping[str, Sequence[str]] | None = None,
) -> pl.DataFrame:
    """Draw examples for images.

    Args:
        image_ids: the pictures to spoil.
        draws: kind of defect to the number of examples per image.
        seed: of every draw.
        weights: how often each defect is drawn, relative to 1.
        first: number of the first draw: later stages go on from where earlier ones stopped.
        siblings: image to other images of its product, for defects that show several of them.

    Returns:
        Frame of :data:`JOB_SCHEMA`, without repeats, sorted by example_id.
    """
    kinds = kinds_of(list(draws))
    rows = []
    for image_id in sorted(image_ids):
        for kind, count in draws.items():
            names = kinds[kind]
            share = np.array([(weights or {}).get(name, 1.0) for name in names])
            for draw in range(first, first + count):
                key = f"{seed}:{image_id}:{kind}:{draw}".encode()
                rng = np.random.default_rng(int.from_bytes(hashlib.sha256(key).digest()[:8]))
                name = names[int(rng.choice(len(names), p=share / share.sum()))]
                severity = round(float(rng.uniform(_LEAST_SEVERITY, 1)), 3)
                number = int(rng.integers(2**31))
                others: list[str] = []
                if DEFECTS[name].several and siblings:
                    known = sorted(siblings.get(image_id, ()))
                    some = rng.permutation(len(known))[: int(rng.integers(1, MOST_OTHERS + 1))]
                    others = [known[int(i)] for i in sorted(some)]
                rows.append(_job(image_id, name, severity, number, others))
    return (
        pl.DataFrame(rows, schema=JOB_SCHEMA, orient="row")
        .unique("example_id", keep="first")
        .sort("example_id")
    )


def deal_kinds(image_ids: Sequence[str], kinds: Sequence[str], seed: int) -> dict[str, list[str]]:
    """Give each image one of some kinds, whichever other images there are.

    An image ranks all kinds by a hash, and takes the first of those on offer (rendezvous hashing):
    flags that may use most of the same kinds share most of their examples.

    Args:
        image_ids: the images.
        kinds: the kinds on offer.
        seed: another seed deals otherwise.

    Returns:
        Kind to its images, sorted.
    """
    dealt: dict[str, list[str]] = {kind: [] for kind in kinds}
    if kinds:
        for image_id in sorted(image_ids):
            rank = {k: hashlib.sha256(f"{seed}:{image_id}:{k}".encode()).digest() for k in kinds}
            dealt[min(kinds, key=rank.__getitem__)].append(image_id)
    return dealt


def harder_weights(
    answered: pl.DataFrame, present: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Return weights that draw more of the defects that are answered wrongly.

    Args:
        answered: `kind` (a defect's name, '' for real images), `value` and `answer`.
        present: the weights that these examples were drawn with.

    Returns:
        Defect to weight: 1 where no example is wrong, up to 10 where all are.
    """
    wrong = (
        answered.filter(pl.col("kind") != "")
        .group_by("kind")
        .agg((pl.col("value") != pl.col("answer")).mean().alias("share"))
    )
    found = {kind: 1 + 9 * share for kind, share in wrong.iter_rows()}
    return {**(present or {}), **found}


def _job(
    image_id: str, defect: str, severity: float, seed: int, others: Sequence[str]
) -> tuple[object, ...]:
    key = ":".join([SYNTHETIC_VERSION, image_id, defect, f"{severity}", f"{seed}", *others])
    example_id = hashlib.sha256(key.encode()).hexdigest()
    return (example_id, image_id, defect, severity, seed, list(others))
