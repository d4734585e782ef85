"""All registered versions as rows of the warehouse."""

from __future__ import annotations

import polars as pl

from imgassets.learning.registry import ModelRegistry
from imgassets.warehouse.contracts import ModelVersions

_TAGS = ("metric", "value", "n_train", "n_test", "snapshot_id")
"""What a version must be tagged with; on a shared server, other people's versions are not."""


def model_versions(registry: ModelRegistry) -> pl.DataFrame:
    """Return all versions of all models in contract `ModelVersions`, by model, oldest first.

    Raises:
        RegistryUnavailable: the registry does not answer.
    """
    rows = [
        {
            "model": model.name,
            "version": made.version,
            "is_champion": made.version == model.champion,
            "run_id": made.run_id,
            "metric": made.tags["metric"],
            "value": float(made.tags["value"]) if made.tags["value"] else None,
            "n_train": int(made.tags["n_train"]),
            "n_test": int(made.tags["n_test"]),
            "snapshot_id": int(made.tags["snapshot_id"]),
        }
        for model in registry.overview()
        for made in model.versions
        if all(tag in made.tags for tag in _TAGS)
    ]
    if not rows:
        return ModelVersions.create_empty()
    return ModelVersions.conform(pl.DataFrame(rows))
