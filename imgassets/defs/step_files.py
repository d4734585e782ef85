"""Frames that travel between the steps of one asset, as Parquet files."""

from typing import Any

import dagster as dg
import polars as pl
from upath import UPath

from imgassets.object_store import storage_options


class StepFiles(dg.UPathIOManager):
    """Keeps a step's frame under a root that all machines running steps share.

    Args:
        root: folder or object-store prefix.
    """

    extension = ".parquet"

    def __init__(self, root: str) -> None:
        super().__init__(base_path=UPath(root, **storage_options(root)))

    def dump_to_path(self, context: dg.OutputContext, obj: pl.DataFrame, path: UPath) -> None:
        """Write the frame; a retried step replaces it."""
        with path.open("wb") as file:
            obj.write_parquet(file)

    def load_from_path(self, context: dg.InputContext, path: UPath) -> Any:  # noqa: ANN401
        """Read the frame."""
        return pl.read_parquet(path.read_bytes())
