"""Renewing an index: what stays is copied, what is new is loaded, and then the version is swapped.

Only one process at a time writes (a file lock). It may be killed at any moment: the version that
answers is not touched, and what it left behind is deleted by the next one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from filelock import FileLock
from numpy.typing import NDArray

from imgassets.search.ann import AnnIndex
from imgassets.search.index import (
    COLUMNS,
    CURRENT,
    GRAPH,
    INPUTS,
    ROWS,
    VECTORS,
    IndexMissing,
    Manifest,
    SearchIndex,
    current_version,
)

Floats = NDArray[np.float32]
IMAGE = ["category", "product_id", "image_id"]

_AT_ONCE = 16_384
"""Images that are copied or loaded at a time."""

_GONE = 0.25
"""Vectors of images that are gone, to a graph's others, from which it is built anew."""

_PREFIX = ".new-"


@dataclass(frozen=True)
class Source:
    """What an index is made of.

    Attributes:
        encoder_version: encoder that made the vectors.
        inputs_version: what made the re-ranker's inputs.
        dimension: length of a vector.
        n_inputs: length of a row of inputs.
        wanted: returns the images that belong in the index, of some categories, None for all: a
            frame with the columns :data:`IMAGE`, distinct, and further ones that ``load`` needs.
        load: takes rows of such a frame and returns their vectors and inputs, in their order.
    """

    encoder_version: str
    inputs_version: str
    dimension: int
    n_inputs: int
    wanted: Callable[[Collection[str] | None], pl.DataFrame]
    load: Callable[[pl.DataFrame], tuple[Floats, Floats]]


@dataclass(frozen=True)
class IndexReport:
    """What became of an index.

    Attributes:
        rows: images in it now.
        added: images that are new in it.
        removed: images that left it.
        renewed: images that stayed, whose inputs were made anew.
        is_new: it was built from nothing: it is the first, or of another encoder.
        is_approximate: it has a graph.
    """

    rows: int
    added: int
    removed: int
    renewed: int
    is_new: bool
    is_approximate: bool

    @property
    def changed(self) -> bool:
        """Whether there is a new version."""
        return self.is_new or bool(self.added or self.removed or self.renewed)


def update_index(
    folder: Path,
    source: Source,
    categories: Collection[str] | None,
    *,
    ann_from: int,
    rebuild: bool = False,
) -> IndexReport:
    """Bring an index up to date with what it is made of.

    An index of another encoder is built anew; where only the inputs are made of something else,
    vectors and graph stay. Both take in all categories, whatever was asked for.

    Args:
        folder: the index; it need not exist.
        source: what it is made of.
        categories: only these are looked at; None: all.
        ann_from: images from which it gets a graph.
        rebuild: build it anew, whatever there is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        _clear(folder)
        old = None if rebuild else _usable(folder, source)
        renew = old is not None and (
            old.manifest.inputs_version != source.inputs_version
            or old.manifest.n_inputs != source.n_inputs
        )
        if old is None or renew:
            categories = None
        wanted = source.wanted(categories)
        rows = _rows(old)
        inside = pl.lit(True) if categories is None else pl.col("category").is_in([*categories])
        kept = pl.concat(
            [rows.filter(~inside), rows.filter(inside).join(wanted, on=IMAGE, how="semi")]
        ).sort("key")
        added = wanted.join(rows.filter(inside), on=IMAGE, how="anti")
        n = kept.height + added.height
        report = IndexReport(
            rows=n,
            added=added.height,
            removed=rows.height - kept.height,
            renewed=kept.height if renew else 0,
            is_new=old is None,
            is_approximate=n >= ann_from,
        )
        if old is not None and not report.changed and old.is_approximate == report.is_approximate:
            return report
        again = wanted if renew else None
        _write_version(folder, source, old, kept, added, again, report.is_approximate)
    return report


def _usable(folder: Path, source: Source) -> SearchIndex | None:
    """Return the present version if it can be gone on from."""
    try:
        old = SearchIndex.open(folder)
    except IndexMissing:
        return None
    same = old.manifest.encoder_version == source.encoder_version
    return old if same and old.manifest.dimension == source.dimension else None


def _rows(old: SearchIndex | None) -> pl.DataFrame:
    """Return a version's rows and where they stand in it."""
    rows = pl.DataFrame(schema=COLUMNS) if old is None else old.rows
    return rows.with_row_index("place")


def _write_version(
    folder: Path,
    source: Source,
    old: SearchIndex | None,
    kept: pl.DataFrame,
    added: pl.DataFrame,
    again: pl.DataFrame | None,
    with_graph: bool,
) -> None:
    """Write a version beside the present one, and swap them.

    Args:
        folder: the index.
        source: what is loaded.
        old: the present version, if it is gone on from.
        kept: its rows that stay, by key, and their places.
        added: images that are new.
        again: wanted images, where also those that stay get new inputs; None: they keep them.
        with_graph: whether it gets a graph.
    """
    next_key = 0 if old is None else old.manifest.next_key
    keys = np.arange(next_key, next_key + added.height, dtype=np.int64)
    new_rows = added.with_columns(key=keys)
    rows = pl.concat([kept.select(list(COLUMNS)), new_rows.select(list(COLUMNS))])
    manifest = Manifest(
        source.encoder_version,
        source.inputs_version,
        source.dimension,
        source.n_inputs,
        rows.height,
        next_key + added.height,
    )
    name = f"{1 + max((int(version) for version in _versions(folder)), default=0):06d}"
    new = folder / f"{_PREFIX}{name}"
    new.mkdir()
    rows.write_parquet(new / ROWS)
    vectors = _file(new / VECTORS, rows.height, source.dimension)
    inputs = _file(new / INPUTS, rows.height, source.n_inputs)
    if old is not None:
        places = kept["place"].to_numpy()
        for start in range(0, len(places), _AT_ONCE):
            part = slice(start, min(start + _AT_ONCE, len(places)))
            vectors[part] = old.vectors[places[part]]
            if again is None:
                inputs[part] = old.inputs[places[part]]
            else:
                found = kept[part].join(again, on=IMAGE, how="left", maintain_order="left")
                _, inputs[part] = source.load(found)
    for start in range(0, added.height, _AT_ONCE):
        part = slice(start, min(start + _AT_ONCE, added.height))
        here = slice(kept.height + part.start, kept.height + part.stop)
        vectors[here], inputs[here] = source.load(added[part])
    vectors.flush()
    inputs.flush()
    if with_graph:
        graph = _graph(old, kept.height, source.dimension)
        first = 0 if not len(graph) else kept.height
        graph.add(rows["key"].to_numpy()[first:], vectors[first:])
        graph.save(new / GRAPH)
    manifest.write(new)
    os.replace(new, folder / name)
    pointer = folder / f"{_PREFIX}{CURRENT}"
    pointer.write_text(f"{name}\n", encoding="utf-8")
    os.replace(pointer, folder / CURRENT)


def _graph(old: SearchIndex | None, n_kept: int, dimension: int) -> AnnIndex:
    """Return the graph that is added to: the present version's, or an empty one."""
    if old is None or not old.is_approximate or len(old) + old.gone > (1 + _GONE) * n_kept:
        return AnnIndex(dimension)
    return AnnIndex.load(old.version / GRAPH, dimension)


def _file(path: Path, rows: int, columns: int) -> np.memmap[Any, np.dtype[np.float32]]:
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(rows, columns))


def _clear(folder: Path) -> None:
    """Delete what no reader can be about to open: all but the present version and the last one."""
    try:
        present = current_version(folder)
    except IndexMissing:
        present = ""
    before = [name for name in _versions(folder) if name < present][-1:]
    for path in folder.iterdir():
        if path.name in (present, *before, CURRENT) or path.name.startswith(".lock"):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _versions(folder: Path) -> list[str]:
    """Return the names of the versions that there are, the oldest first."""
    return sorted(path.name for path in folder.iterdir() if path.name.isdigit())
