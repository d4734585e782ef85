"""The nearest of millions of vectors, approximately: HNSW (Malkov and Yashunin, 2018) by usearch.

The graph holds vectors in 8 bits, a quarter of their size. Alone they would find about nine of ten
right neighbours; so more are taken than asked for, and the caller compares those by their full
vectors: :data:`WIDER` times as many were enough for 99 of 100 in ``benchmarks/search_speed.py``.
There graphs of hnswlib and faiss took as long to build and to search for the same recall.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WIDER = 8
"""Candidates for each vector asked for, to be compared by their full vectors."""

_LEAST = 64
"""Candidates at least."""

_CONNECTIVITY, _EXPANSION_ADD, _EXPANSION_SEARCH = 16, 256, 512
"""HNSW's links per node, and how many candidates are held while adding and searching: texts are far
from images, and with the usual 128 and 64 some of their searches end in the wrong place."""

_AT_ONCE = 65_536


class AnnIndex:
    """Vectors under keys that their owner gives; searched by many threads, added to by one.

    Nothing is taken out: usearch gives the places of removed vectors to new ones, whose neighbours
    are others, and finds less with every change (.993 of the right ones to .989 when 1 of 100 were
    replaced). The owner passes over keys that are gone, and builds a graph anew in time.

    Args:
        dimension: length of the vectors.
    """

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._is_view = False
        self._index = _empty(dimension)
        # usearch gives every caller the same scratch space, without the interpreter's lock.
        self._lock = threading.Lock()

    @classmethod
    def load(cls, path: Path, dimension: int, *, view: bool = False) -> AnnIndex:
        """Load a saved index.

        Args:
            path: what :meth:`save` wrote.
            dimension: length of its vectors.
            view: leave the file on disk, mapped into memory; such an index cannot be changed.

        Raises:
            ValueError: the file is not there, or no index of such vectors.
        """
        from usearch.index import Index

        loaded = cls(dimension)
        try:
            about = Index.metadata(str(path))
            if about is None or about["dimensions"] != dimension:
                raise ValueError(f"{path} is no index of vectors of length {dimension}")
            (loaded._index.view if view else loaded._index.load)(str(path))
        except RuntimeError as error:
            raise ValueError(f"{path} is no whole index of vectors: {error}") from error
        loaded._is_view = view
        return loaded

    def __len__(self) -> int:
        return len(self._index)

    def add(self, keys: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Add vectors of length 1 under keys that are not there yet.

        One thread adds: several lose some vectors for good in usearch 2.26 (up to 28 of 2,000 were
        not found by themselves), and make another graph every time.

        Args:
            keys: 0 or more, distinct.
            vectors: keys × dimension, perhaps memory-mapped.

        Raises:
            ValueError: the index is a view of a file.
        """
        self._refuse_view()
        for start in range(0, len(keys), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            self._index.add(keys[part].astype(np.uint64), np.asarray(vectors[part]), threads=1)

    def candidates(self, query: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """Return keys among which the ``k`` nearest to a query are, but for a few of 100.

        Args:
            query: a vector of the index's length.
            k: how many will be taken of them.

        Returns:
            At most ``max(8 k, 64)`` keys in no order.
        """
        wanted = min(max(WIDER * k, _LEAST), len(self._index))
        if not wanted:
            return np.zeros(0, np.int64)
        with self._lock:
            found = self._index.search(query, wanted, threads=1)
        return np.asarray(found.keys).astype(np.int64)

    def save(self, path: Path) -> None:
        """Write the index into a file."""
        self._index.save(str(path))

    def _refuse_view(self) -> None:
        # usearch would write into the mapped file's memory, and crash.
        if self._is_view:
            raise ValueError("this index is a view of a file: load it to change it")


def _empty(dimension: int) -> Any:  # noqa: ANN401  usearch is imported where it is used
    from usearch.index import Index

    return Index(
        ndim=dimension,
        metric="ip",
        dtype="i8",
        connectivity=_CONNECTIVITY,
        expansion_add=_EXPANSION_ADD,
        expansion_search=_EXPANSION_SEARCH,
    )
