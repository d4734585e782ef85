"""Which images the warehouse refers to, now or at a snapshot that is kept."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.warehouse.contracts import CONTRACTS, Contract
from imgassets.warehouse.files import content, data_files
from imgassets.warehouse.lake import Warehouse

_SINGLE = ("image", "cluster_id")
_LISTS = ("before", "after", "added", "removed", "moved", "neighbours", "others")
_DIGITS = 16
"""Of an image's SHA-256: 64 bits tell images apart. Two that share them would both be kept."""


def image_columns(contract: type[Contract]) -> list[str]:
    """Return the columns of a table that hold ids of images, one or a list."""
    schema = contract.create_empty().schema
    return [
        name
        for name, dtype in schema.items()
        if (dtype == pl.String and (name.endswith("image_id") or name in _SINGLE))
        or (dtype == pl.List(pl.String) and name in _LISTS)
    ]


def image_keys(image_ids: Iterable[str]) -> NDArray[np.uint64]:
    """Return what stands for images in :func:`referenced_images`, in their order."""
    return np.fromiter((int(i[:_DIGITS], 16) for i in image_ids), np.uint64)


def referenced_images(warehouse: Warehouse) -> NDArray[np.uint64]:
    """Return the keys of all images that some row names, or named at a snapshot that is kept.

    Eight bytes an image: a catalog of 100 million takes 0.8 GB.

    Returns:
        Sorted, without repeats.
    """
    found: list[NDArray[np.uint64]] = [np.empty(0, np.uint64)]
    with warehouse.connect() as connection:
        naming = [contract for contract in CONTRACTS if image_columns(contract)]
        files = data_files(connection, warehouse.data_path, naming)
        for contract in naming:
            paths = files.filter(table_name=contract.table_name())["path"].to_list()
            if not paths:
                continue
            columns = image_columns(contract)
            schema = contract.create_empty().schema
            ids = " UNION ALL ".join(
                f'SELECT {"unnest" if isinstance(schema[name], pl.List) else ""}("{name}") AS id '
                "FROM ever"
                for name in columns
            )
            # Columns of images may hold something else, such as a URL: it is no key.
            rows = connection.execute(
                f"WITH ever AS (SELECT * {content(connection, contract, paths)}), ids AS ({ids}) "
                f"SELECT DISTINCT try_cast('0x' || left(id, {_DIGITS}) AS UBIGINT) AS key FROM ids"
            ).pl()
            found.append(rows["key"].drop_nulls().to_numpy())
    return np.unique(np.concatenate(found))
