"""Landed feeds, parsed once and kept by category: a run reads the rows of its own categories.

A feed file holds all categories of a supplier's day. Were it parsed by every run, the work would
grow with the product of the file's size and the number of runs.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection
from typing import NamedTuple

import polars as pl
import pyarrow.dataset
from fsspec import AbstractFileSystem

from imgassets import __version__
from imgassets.ingest.feeds import Decision, ParsedFeed
from imgassets.ingest.landing import LandedCopy, parse_landed
from imgassets.ingest.store import write_whole
from imgassets.object_store import open_root

_FOLDER = "parsed"
_ROWS_AT_ONCE = 8192
"""Rows of a row group: the least that is read of a category."""


class FeedRows(NamedTuple):
    """Rows of a feed: of contract ``SupplierOffers``, and of ``Quarantine``."""

    offers: pl.DataFrame
    quarantine: pl.DataFrame


def read_parsed(
    categories: Collection[str],
    copy: LandedCopy,
    decisions: tuple[Decision, ...] = (),
) -> FeedRows:
    """Return a landed feed's rows of some categories; the first time the whole file is parsed.

    What is kept is named by everything that it was made from, so it is never out of date.

    Args:
        categories: whose rows.
        copy: The landed feed.
        decisions: What was decided about rows without a category.

    Raises:
        FileNotFoundError: the landed copy is gone.
        ValueError: the image base is neither a folder nor a ``file`` or ``http(s)`` URL.
    """
    fs, root = open_root(parsed_root(copy.root))
    made_from = repr([__version__, copy.feed_file, copy.image_base, decisions])
    key = hashlib.sha256(made_from.encode()).hexdigest()[:12]
    paths = [f"{root}/{copy.landed_as}-{key}/{part}.parquet" for part in FeedRows._fields]
    try:
        return _read(fs, paths, categories)
    except FileNotFoundError:
        _write(fs, paths, parse_landed(copy, decisions))
        return _read(fs, paths, categories)


def parsed_root(landing_root: str) -> str:
    """Return where below a landing folder or URL parsed feeds are kept: a cache, made anew."""
    return f"{landing_root.rstrip('/')}/{_FOLDER}"


def _read(fs: AbstractFileSystem, paths: list[str], categories: Collection[str]) -> FeedRows:
    wanted = pyarrow.dataset.field("category").isin(sorted(categories))
    return FeedRows(
        *(
            pl.DataFrame(pyarrow.dataset.dataset(path, filesystem=fs).to_table(filter=wanted))
            for path in paths
        )
    )


def _write(fs: AbstractFileSystem, paths: list[str], parsed: ParsedFeed) -> None:
    for path, rows in zip(paths, (parsed.offers, parsed.quarantine), strict=True):
        file = io.BytesIO()
        by_category = rows.sort("category", maintain_order=True)
        by_category.write_parquet(file, row_group_size=_ROWS_AT_ONCE)
        write_whole(fs, path, file.getvalue())
