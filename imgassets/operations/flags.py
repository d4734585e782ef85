"""Flags in the warehouse: training their models, and scoring images from stored signals."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.ingest.store import ImageStore
from imgassets.learning.champions import load_champions
from imgassets.learning.features import SCALARS, feature_matrix
from imgassets.learning.registry import ModelRegistry
from imgassets.moderation.compliance import SCORED
from imgassets.moderation.flags import Flag, all_flags, require_known
from imgassets.operations.models import TrainingError, follow_registry
from imgassets.operations.pixels import load_squares
from imgassets.operations.reviews import known_values
from imgassets.settings import Settings
from imgassets.vision.backbones import EMBEDDED, input_of, signals_version
from imgassets.vision.inputs import InputSpec
from imgassets.warehouse.lake import Warehouse

if TYPE_CHECKING:
    from imgassets.learning.flag_training import AnyModel
    from imgassets.learning.flags import FlagReport
    from imgassets.operations.flag_examples import Progress

SIGNAL_COLUMNS = ("image_id", "signals_version", *SCALARS, "embedding")
"""Columns of image_signals that models of flags read."""


_PICTURE_SIDE = 160
"""Pixels of a picture on the sheet of mistakes."""


class Scores(NamedTuple):
    """What the champions say.

    Attributes:
        frame: :data:`imgassets.moderation.compliance.SCORED` rows.
        versions: flag to the version that answered.
        notes: what a person should know: a registry that is down, a model that does not fit.
    """

    frame: pl.DataFrame
    versions: dict[str, str]
    notes: list[str]


def flags_of(settings: Settings, group: str | None = None) -> dict[str, Flag]:
    """Return the known flags, of one group if it is named."""
    known = all_flags(settings.flags)
    return {i: flag for i, flag in known.items() if group in (None, flag.group)}


def train_flag_model(
    flag_id: str,
    warehouse: Warehouse,
    registry: ModelRegistry,
    store: ImageStore,
    settings: Settings,
    progress: Progress | None = None,
    finds: Collection[str] = (),
) -> FlagReport:
    """Train a flag's model on all that is known, and promote it if it is better.

    Args:
        flag_id: the flag.
        warehouse: holds what people said, and synthetic examples made before.
        registry: where versions are kept.
        store: holds the pictures.
        settings: targets, limits, seed, backbone.
        progress: called with (done, total) synthetic examples that are made now.
        finds: image_ids that an earlier round was sure of and nobody judged.

    Raises:
        ValueError: the flag is unknown.
        TrainingError: no image of the catalog has signals yet.
        TooFewExamples: too few images are known to deserve the flag.
        RegistryUnavailable: the registry does not answer.
    """
    from imgassets.learning.flags import train_flag
    from imgassets.learning.limits import REVIEW_SHARE

    # Loaded where it is used: a code location has no use for what draws synthetic pictures.
    from imgassets.operations.flag_examples import (
        catalog_images,
        flag_examples,
        render_example,
        synthetic_jobs,
    )

    known = all_flags(settings.flags)
    require_known([flag_id], known)
    flag = known[flag_id]
    version = signals_version(settings.vision)
    images = catalog_images(warehouse, version)
    if images.is_empty():
        raise TrainingError(
            f"no image has signals of version {version}: run `imgassets backfill` first"
        )

    def grow(weights: Sequence[Mapping[str, float]]) -> pl.DataFrame:
        return flag_examples(flag, images, warehouse, store, settings, weights, progress, finds)

    def squares(examples: pl.DataFrame) -> NDArray[np.uint8]:
        jobs = synthetic_jobs(examples, warehouse)
        with render_example(store, jobs, settings) as load:
            spec = input_of(settings.vision)
            return load_squares(examples["example_id"].to_list(), load, settings.vision, spec)

    def pictures(ids: Sequence[str]) -> NDArray[np.uint8]:
        jobs = synthetic_jobs(pl.DataFrame({"example_id": ids}), warehouse)
        with render_example(store, jobs, settings) as load:
            return load_squares(ids, load, settings.vision, InputSpec(_PICTURE_SIDE, "pad"))

    if flag.group != "quality":  # its reject limit decides; at its flag limit people are asked
        learning = settings.learning.model_copy(update={"max_false_discards": REVIEW_SHARE})
        settings = settings.model_copy(update={"learning": learning})
    report = train_flag(
        flag.id,
        flag.question,
        grow,
        registry,
        settings,
        signals_version=version,
        snapshot_id=warehouse.snapshot_id(),
        squares=None if settings.vision.backbone == EMBEDDED else squares,
        pictures=pictures,
    )
    follow_registry(warehouse, registry)
    return report


def score_flags(
    images: pl.DataFrame,
    flags: Iterable[str],
    registry: ModelRegistry,
    store: ImageStore,
    settings: Settings,
) -> Scores:
    """Let the champions judge images, from stored signals.

    Only a champion whose approach is the retrained block opens the images again.

    Args:
        images: :data:`SIGNAL_COLUMNS`; an image may occur in several partitions.
        flags: flags to judge; those without a champion for these signals are left out.
        registry: where champions are.
        store: holds the pixels.
        settings: the backbone and the decoding processes.

    Raises:
        CorruptedModel: a champion's files are not those that were registered.
    """
    from imgassets.learning.flags import load_model

    version = signals_version(settings.vision)
    distinct = (
        images.filter(pl.col("signals_version") == version).unique("image_id").sort("image_id")
    )
    frames: list[pl.DataFrame] = []
    versions: dict[str, str] = {}
    notes: list[str] = []
    served_versions, registry_notes = load_champions(registry, flags)
    notes += registry_notes
    for flag, served in served_versions.items():
        model = load_model(served.folder)
        if model.signals_version != version:
            notes.append(
                f"the champion of '{flag}' reads signals {model.signals_version}: "
                f"not assessed, run `imgassets train {flag}`"
            )
            continue
        versions[flag] = str(served.version.version)
        p = _probabilities(model, distinct, store, settings)
        limits = {f"{name}_limit": pl.lit(model.limits[name]) for name in ("reject", "review")}
        frames.append(
            distinct.select(
                "image_id",
                flag=pl.lit(flag),
                probability=pl.Series(p, dtype=pl.Float32),
                limit=pl.lit(model.limits["flag"]),
                **limits,
                model_version=pl.lit(versions[flag]),
            )
        )
    return Scores(pl.concat([pl.DataFrame(schema=SCORED), *frames]), versions, notes)


def score_model(
    registry: ModelRegistry,
    flag: str,
    version: int,
    images: pl.DataFrame,
    store: ImageStore,
    settings: Settings,
) -> tuple[AnyModel, NDArray[np.float32]]:
    """Let one version, champion or not, judge images.

    Args:
        registry: where it is.
        flag: the flag.
        version: its number.
        images: :data:`SIGNAL_COLUMNS` without the version, one row per image.
        store: holds the pixels.
        settings: the decoding processes.

    Returns:
        The model, and its probabilities, float32 [n].
    """
    from imgassets.learning.flags import load_model

    model = load_model(registry.download(flag, version))
    return model, _probabilities(model, images, store, settings)


def _probabilities(
    model: AnyModel, images: pl.DataFrame, store: ImageStore, settings: Settings
) -> NDArray[np.float32]:
    """Return a model's probabilities: heads read features, retrained blocks pixels."""
    from imgassets.learning.flag_model import FlagModel

    if images.is_empty():
        return np.zeros(0, np.float32)
    if isinstance(model, FlagModel):
        return model.predict_proba(feature_matrix(images))
    ids = images["image_id"].to_list()
    squares = load_squares(ids, store.get, settings.vision, model.block.input)
    return model.predict_proba(squares)


def labelled_flags(warehouse: Warehouse) -> list[str]:
    """Return the flags of which people have said that some image deserves them, sorted."""
    known = known_values(warehouse)
    return sorted(known.filter("value")["flag"].unique())


def told_values(warehouse: Warehouse) -> pl.DataFrame:
    """Return what people said of images: image_id, flag, value."""
    return known_values(warehouse).select("image_id", "flag", "value")
