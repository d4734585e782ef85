"""Training NIMA's heads: on photos that people rated, or else on distorted ones."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import polars as pl

from imgassets.ingest.store import ImageStore
from imgassets.learning.nima.ratings import Ratings, read_ratings
from imgassets.learning.nima.targets import FAMILIES, Targets, distortion_targets
from imgassets.learning.nima.training import NimaReport, train_nima
from imgassets.learning.registry import ModelRegistry
from imgassets.operations.models import TrainingError, follow_registry
from imgassets.settings import Settings
from imgassets.vision.photo_schema import PHOTO_SCHEMA
from imgassets.vision.photo_version import nima_version, weight_files
from imgassets.vision.schema import split
from imgassets.warehouse.lake import Warehouse

RATED = "rated"
"""Category of rated photos in reports: they are of no product."""

Progress = Callable[[int, int], None]


def train_head(
    kind: str,
    warehouse: Warehouse,
    registry: ModelRegistry,
    store: ImageStore,
    settings: Settings,
    ratings: tuple[str, str] | None = None,
    progress: Progress | None = None,
) -> NimaReport:
    """Train a head, promote it if it is better, and record the outcome.

    Args:
        kind: ``aesthetic`` or ``technical``.
        warehouse: holds images and distorted examples made before.
        registry: where versions are kept.
        store: holds the pictures that are distorted.
        settings: towers, backbone, seed, share held out.
        ratings: a file of people's ratings and the folder of its images; None: distorted photos.
        progress: called with (done, total) photos that are made or measured now.

    Raises:
        TrainingError: there is nothing to train or to learn from; the message says what to do.
        RegistryUnavailable: the registry does not answer.
    """
    if weight_files(settings.ranking) is not None:
        raise TrainingError(
            "the settings name NIMA's own weights, whose heads answer: there is nothing to train "
            "(to train heads, unset ranking.aesthetic_weights and ranking.technical_weights)"
        )
    warehouse.initialise()
    if ratings is None:
        # Loaded where it is used: it brings compiled kernels that a code location has no use for.
        from imgassets.operations.ranking_examples import ranking_examples

        rows = ranking_examples(warehouse, store, settings, progress).rows
        targets = distortion_targets(kind, rows, nima_version(settings))
        if targets.rows.is_empty():
            raise TrainingError(
                f"no photo is distorted by {', '.join(FAMILIES[kind])}: nothing to learn from; "
                "give people's ratings (--ratings)"
            )
    else:
        targets = _rated(Path(ratings[0]), Path(ratings[1]), settings, progress)
    try:
        report = train_nima(
            kind,
            targets,
            registry,
            warehouse.snapshot_id(),
            holdout=settings.ranking.holdout,
            seed=settings.seed,
        )
    except ValueError as error:
        raise TrainingError(f"{error}: ingest more, or give people's ratings") from error
    follow_registry(warehouse, registry)
    return report


def has_review_photos(warehouse: Warehouse) -> bool:
    """Tell whether any review photo is known."""
    warehouse.initialise()
    return not warehouse.sql("SELECT 1 FROM review_images LIMIT 1").is_empty()


def rated_images(file: Path, folder: Path) -> Ratings:
    """Read a file of ratings, and leave out rows whose image is not a file in the folder.

    Raises:
        TrainingError: the file cannot be read, or no row is left.
    """
    try:
        found = read_ratings(file)
    except ValueError as error:
        raise TrainingError(str(error)) from error
    root = folder.resolve()
    present, refused = [], list(found.refused)
    for image in found.rows["image"]:
        path = (root / image).resolve()
        inside = path.is_relative_to(root)
        present.append(inside and path.is_file())
        if not present[-1]:
            why = "there is no such file" if inside else "the path leads out of the folder"
            refused.append(f"{image}: {why}")
    rows = found.rows.filter(pl.Series(present, dtype=pl.Boolean))
    if rows.is_empty():
        raise TrainingError(f"none of the {len(present)} rated images is a file in {folder}")
    return Ratings(rows, tuple(refused))


def _rated(file: Path, folder: Path, settings: Settings, progress: Progress | None) -> Targets:
    """Measure the rated photos; nothing of them is stored."""
    from imgassets.vision.photo_signals import photo_outcomes

    found = rated_images(file, folder)
    ids = found.rows["image"].to_list()
    outcomes: list[pl.DataFrame] = []
    done = 0
    for frame in photo_outcomes(ids, lambda image: (folder / image).read_bytes(), settings):
        outcomes.append(frame)
        done += frame.height
        if progress is not None:
            progress(done, len(ids))
    measured = split(pl.concat(outcomes), PHOTO_SCHEMA)
    if measured.signals.is_empty():
        raise TrainingError(f"none of the {len(ids)} rated images can be decoded")
    contents = {
        image: hashlib.sha256((folder / image).read_bytes()).hexdigest()
        for image in measured.signals["image_id"]
    }
    rows = (
        measured.signals.select("image_id", "nima")
        .join(found.rows, left_on="image_id", right_on="image")
        .with_columns(
            category=pl.lit(RATED),
            example_id=pl.col("image_id").replace_strict(contents, return_dtype=pl.String),
        )
        .unique("example_id", keep="first", maintain_order=True)
        .select("example_id", "group_id", "category", "nima", "target")
        .sort("example_id")
    )
    # Counts alone: a card outlives what somebody asks to be forgotten.
    counted = {
        "rows of the file of ratings were left out": len(found.refused),
        "rated images cannot be decoded": measured.refused.height,
        "rated images have the bytes of another one": measured.signals.height - rows.height,
    }
    notes = tuple(f"{n} {what}" for what, n in counted.items() if n)
    return Targets(rows, "ratings", nima_version(settings), notes)
