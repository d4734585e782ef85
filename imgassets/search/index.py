"""The index of a catalog's images: a folder that many processes read while one renews it.

    <folder>/current              the name of the version that answers
    <folder>/<number>/manifest.json
    <folder>/<number>/rows.parquet    one row per image of a product
    <folder>/<number>/vectors.npy     their vectors, memory-mapped
    <folder>/<number>/inputs.npy      what the re-ranker reads of them, memory-mapped
    <folder>/<number>/graph.usearch   for approximate search; only where there are many

A version never changes: :mod:`imgassets.search.index_update` writes a new one beside it and swaps
``current``. A reader keeps the files that it has opened, even after they were deleted.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.search.ann import WIDER, AnnIndex
from imgassets.search.vectors import Nearest, nearest

CURRENT, MANIFEST, ROWS = "current", "manifest.json", "rows.parquet"
VECTORS, INPUTS, GRAPH = "vectors.npy", "inputs.npy", "graph.usearch"

FORMAT = 1
"""Of the folder; a version of another format is taken for none."""

REMEDY = "run `imgassets search index`"
"""What to do about an index that is missing or old."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "key": pl.Int64,
    "category": pl.String,
    "product_id": pl.String,
    "image_id": pl.String,
}
"""Columns of an index's rows. A row keeps its key, ascending, as long as it stays."""

_ATTEMPTS = 5


class IndexMissing(ValueError):
    """There is no index, or not one of this release."""


class IndexRefused(ValueError):
    """The index was built by another encoder or model: its numbers mean nothing to this one."""


@dataclass(frozen=True)
class Manifest:
    """What an index's version is made of.

    Attributes:
        encoder_version: encoder that made all of its vectors.
        inputs_version: what made the re-ranker's inputs.
        dimension: length of a vector.
        n_inputs: length of a row of inputs.
        rows: images.
        next_key: of the next row.
        format: of the folder.
    """

    encoder_version: str
    inputs_version: str
    dimension: int
    n_inputs: int
    rows: int
    next_key: int
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        """Write it into a version's folder."""
        (folder / MANIFEST).write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")


class SearchIndex:
    """One version of an index, open for reading; unchanging, so threads share it.

    Args:
        version: the version's folder.

    Raises:
        IndexMissing: it is of another format, or its files do not fit each other.
        FileNotFoundError: a file is not there.
    """

    def __init__(self, version: Path) -> None:
        try:
            found = json.loads((version / MANIFEST).read_text(encoding="utf-8"))
            if found.get("format") != FORMAT:
                raise IndexMissing(f"the search index {version} is of another release: {REMEDY}")
            self.manifest = Manifest(**found)
            self.rows = pl.read_parquet(version / ROWS, memory_map=False)
            self.vectors: NDArray[np.float32] = np.load(version / VECTORS, mmap_mode="r")
            self.inputs: NDArray[np.float32] = np.load(version / INPUTS, mmap_mode="r")
            self._graph = None
            if (version / GRAPH).exists():
                self._graph = AnnIndex.load(version / GRAPH, self.manifest.dimension, view=True)
        except (ValueError, TypeError, pl.exceptions.PolarsError) as error:
            raise IndexMissing(f"{version} is damaged: {error}: {REMEDY}") from error
        shapes = {len(self.rows), len(self.vectors), len(self.inputs)}
        if shapes != {self.manifest.rows} or self.gone < 0:
            raise IndexMissing(f"the search index {version} is damaged: {REMEDY}")
        self.version = version
        self._keys = self.rows["key"].to_numpy()
        self._categories = _places_by(self.rows["category"])

    @classmethod
    def open(
        cls, folder: Path, encoder_version: str | None = None, inputs_version: str | None = None
    ) -> SearchIndex:
        """Open the version that answers now.

        Args:
            folder: the index.
            encoder_version: of the encoder that queries come from; None: any.
            inputs_version: of what the re-ranker reads; None: any.

        Raises:
            IndexMissing: there is none, it is damaged, or of another release.
            IndexRefused: another encoder built it, or its inputs are made of something else.
        """
        index = cls._opened(folder)
        for what, built_by, wanted in (
            ("encoder", index.manifest.encoder_version, encoder_version),
            ("features and attributes", index.manifest.inputs_version, inputs_version),
        ):
            if wanted is not None and built_by != wanted:
                raise IndexRefused(
                    f"the search index was built by {what} {built_by}, and the search model has "
                    f"{wanted}: {REMEDY}"
                )
        return index

    @classmethod
    def _opened(cls, folder: Path) -> SearchIndex:
        for _ in range(_ATTEMPTS):
            try:
                return cls(folder / current_version(folder))
            except FileNotFoundError:
                continue  # it was replaced, and deleted, in between
        raise IndexMissing(f"the search index {folder} is damaged: {REMEDY}")

    def __len__(self) -> int:
        return self.manifest.rows

    @property
    def is_approximate(self) -> bool:
        """Whether there is a graph."""
        return self._graph is not None

    @property
    def gone(self) -> int:
        """Vectors of the graph whose images have left the index."""
        return 0 if self._graph is None else len(self._graph) - len(self.rows)

    def nearest(self, query: NDArray[np.float32], k: int, category: str | None = None) -> Nearest:
        """Return the images nearest to one query.

        All are compared, or, where there is a graph and no category is given, those that it finds;
        the scores are exact in both cases.

        Args:
            query: a vector of the encoder that built the index.
            k: images at most.
            category: only images of this category's products; None: all.

        Returns:
            One row of places in :attr:`rows`, best first.
        """
        among = None
        if category is not None:
            among = self._categories.get(category, np.zeros(0, np.int64))
        elif self._graph is not None and WIDER * k < len(self):
            keys = np.sort(self._graph.candidates(query, k * len(self._graph) // len(self) + 1))
            places = np.searchsorted(self._keys, keys)
            found = places[self._keys[np.minimum(places, len(self) - 1)] == keys]
            among = found if len(found) >= k else None
        return nearest(query[None], self.vectors, k, among)


def current_version(folder: Path) -> str:
    """Return the name of the version that answers.

    Raises:
        IndexMissing: there is none.
    """
    try:
        return (folder / CURRENT).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise IndexMissing(f"there is no search index yet: {REMEDY}") from error


def _places_by(values: pl.Series) -> dict[str, NDArray[np.int64]]:
    """Return the places of each value, ascending."""
    groups = pl.DataFrame({"value": values}).with_row_index("place").group_by("value").agg("place")
    return {
        value: places.to_numpy().astype(np.int64)
        for value, places in zip(groups["value"], groups["place"], strict=True)
    }
