"""Searching products by the words of their newest offers: titles, descriptions and categories.

Images are searched by :mod:`imgassets.operations.image_search`, which also puts both together.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.search.text_index import TextIndex, TextMatches
from imgassets.search.words import words
from imgassets.warehouse.contracts import ImageSetChanges, OrderedImageSets, SupplierOffers
from imgassets.warehouse.lake import ALIAS, Warehouse, WarehouseError

Method = Literal["words", "images", "reranked", "fused"]
"""See :mod:`imgassets.operations.image_search`."""

MAX_QUERY = 1000
"""Characters of a query, at most."""

LOW_COVERAGE = 1 / 3
"""Share of a query, its words weighted by their rarity, that the best product must have.

On 6,000 shop titles 3 of 100 queries that describe a product there fall below it, and 16 of 30 that
ask for what such a shop does not sell: a word that fits by chance ("coffee" in a colour) passes.
"""

CHECKED_EVERY = 2.0
"""Seconds for which an index is taken to be new."""

_PATIENCE = 1.0
"""Seconds that a search waits for a newer index: enough for some thousand products."""

_LOG = logging.getLogger(__name__)

_NAMED = 5
"""Words that a note names, at most."""

# Feeds are deltas: what a supplier said last of a product stands.
_PRODUCTS = """
WITH newest AS (
    SELECT category, product_id, supplier_id, max(day) AS day,
           arg_max(title, (day, feed_row, title)) AS title,
           arg_max(description, (day, feed_row, description)) AS description
    FROM supplier_offers GROUP BY ALL
), texts AS (
    SELECT category, product_id,
           first(title ORDER BY day DESC, supplier_id) FILTER (title IS NOT NULL) AS title,
           list(title ORDER BY supplier_id) FILTER (title IS NOT NULL) AS titles,
           list(concat_ws(' ', description, category) ORDER BY supplier_id) AS descriptions
    FROM newest GROUP BY ALL
), heroes AS (
    SELECT category, product_id, image_id
    FROM (FROM ordered_image_sets WHERE rank = 1)
    SEMI JOIN (SELECT category, product_id, max(day) AS day FROM image_set_changes GROUP BY ALL)
        USING (category, product_id, day)
)
FROM texts LEFT JOIN heroes USING (category, product_id)
ORDER BY category, product_id
"""

_TABLES = (SupplierOffers, OrderedImageSets, ImageSetChanges)

_NEWER = """
SELECT count(*) > 0 AS newer
FROM {lake}.snapshots() AS s
WHERE s.snapshot_id > {snapshot} AND EXISTS (
    FROM ducklake_table_info('{lake}') AS t
    WHERE t.table_name IN ({tables})
        AND (list_contains(s.changes['tables_inserted_into'], t.table_id::VARCHAR)
             OR list_contains(s.changes['tables_deleted_from'], t.table_id::VARCHAR))
)
"""


@dataclass(frozen=True)
class Hit:
    """One product that was found.

    Attributes:
        product_id: the product.
        category: its category; a product of two categories is found in each.
        title: as the supplier that spoke last wrote it; None if none did.
        image_id: the image that matches best, where images were searched; else the hero of its
            newest image set; None if it has none.
        score: BM25 by words, the inner product by images, 0 … 1 re-ranked, the sum of reciprocal
            ranks fused; comparable within one answer only.
        matched: the query's words that its texts have, where these were searched.
        word_rank: its place by words alone; None if it is not among the best, or in no text.
        image_rank: the same by its images.
    """

    product_id: str
    category: str
    title: str | None
    image_id: str | None
    score: float
    matched: list[str]
    word_rank: int | None = None
    image_rank: int | None = None


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        query: as it was asked, without spaces around it.
        category: that was asked for; None: all.
        hits: the best first.
        is_low: even the best one matches badly, or there is none. By words: it has less than
            :data:`LOW_COVERAGE` of the query.
        note: a sentence or two for a person; '' where there is nothing to say.
        method: how it was searched; see :mod:`imgassets.operations.image_search`.
    """

    query: str
    category: str | None
    hits: list[Hit]
    is_low: bool
    note: str
    method: Method = "words"


@dataclass(frozen=True)
class _Catalog:
    """The products as they were at one snapshot, and their index."""

    snapshot_id: int
    products: pl.DataFrame
    index: TextIndex

    def place(self, category: str, product_id: str) -> int | None:
        """Return where a product stands among those sorted by category and id."""
        first = self.products["category"].search_sorted(category, "left")
        last = self.products["category"].search_sorted(category, "right")
        ids = self.products["product_id"][first:last]
        place = ids.search_sorted(product_id, "left")
        if place == len(ids) or ids[place] != product_id:
            return None
        return first + place


class ProductSearch:
    """Searches products; thread-safe.

    The index is built with the first search, and again when the tables it is made from have a newer
    snapshot: an answer is at most :data:`CHECKED_EVERY` seconds and one build behind. A new index
    is built beside the old one, which answers until then, also while the warehouse is out of reach.

    Args:
        warehouse: the warehouse.
        clock: monotonic time in seconds.
    """

    def __init__(self, warehouse: Warehouse, clock: Callable[[], float] = time.monotonic) -> None:
        self._warehouse = warehouse
        self._clock = clock
        self._lock = threading.Lock()
        self._checked = 0.0
        self._catalog: _Catalog | None = None

    def search(self, query: str, category: str | None = None, k: int = 10) -> SearchResult:
        """Return the products whose titles and descriptions match a query best.

        Args:
            query: words of any script, 1 to :data:`MAX_QUERY` characters.
            category: only products of this category; None: all.
            k: hits at most.

        Raises:
            ValueError: the query has no word or is too long, k is below 1, or no product is of the
                category; the message is for a person.
            WarehouseError: there is no warehouse, or the first search cannot reach it.
        """
        query, wanted = check_query(query, k)
        catalog = self._current()
        among = _among(catalog, category)
        found = catalog.index.search(wanted, k, among)
        is_low = found.coverage < LOW_COVERAGE
        return SearchResult(
            query=query,
            category=category,
            hits=[
                Hit(
                    **catalog.products.row(m.document, named=True),
                    score=m.score,
                    matched=m.matched,
                    word_rank=rank,
                )
                for rank, m in enumerate(found.best, 1)
            ],
            is_low=is_low,
            note=_note(len(catalog.index), found, is_low, category),
        )

    def categories(self) -> list[str]:
        """Return the categories that have products, sorted.

        Raises:
            WarehouseError: as :meth:`search`.
        """
        return self._current().products["category"].unique().sort().to_list()

    def check_category(self, category: str | None) -> None:
        """Raise ValueError if there are products, and none of a category."""
        _among(self._current(), category)

    def describe(self, category: str, product_id: str) -> tuple[str | None, str | None]:
        """Return a product's title and its hero, each None if there is none."""
        catalog = self._current()
        if (place := catalog.place(category, product_id)) is None:
            return None, None
        title, hero = catalog.products.row(place)[2:]
        return title, hero

    def _current(self) -> _Catalog:
        """Return the products of now, or of a moment ago."""
        if self._catalog is None:
            with self._lock:
                if self._catalog is None:
                    self._checked, self._catalog = self._clock(), self._read()
        elif self._clock() - self._checked > CHECKED_EVERY and self._lock.acquire(blocking=False):
            renewal = threading.Thread(
                target=self._renew, args=(self._catalog.snapshot_id,), name="search", daemon=True
            )
            renewal.start()
            renewal.join(_PATIENCE)
        return self._catalog

    def _renew(self, snapshot_id: int) -> None:
        """Build the index again if the warehouse is newer than a snapshot, and give up the lock."""
        try:
            self._checked = self._clock()
            if self._is_newer(snapshot_id):
                self._catalog = self._read()
        except WarehouseError as error:
            _LOG.warning("search answers from an old index: %s", error)
        finally:
            self._lock.release()

    def _is_newer(self, snapshot_id: int) -> bool:
        tables = ", ".join(f"'{contract.table_name()}'" for contract in _TABLES)
        query = _NEWER.format(lake=ALIAS, snapshot=snapshot_id, tables=tables)
        return bool(self._warehouse.sql(query)["newer"][0])

    def _read(self) -> _Catalog:
        # What is committed between the two is read again the next time.
        snapshot_id = self._warehouse.snapshot_id()
        rows = self._warehouse.sql(_PRODUCTS)
        texts = rows.select(pl.col("titles").fill_null([]), "descriptions")
        return _Catalog(
            snapshot_id,
            rows.select("product_id", "category", "title", "image_id"),
            TextIndex(texts.iter_rows()),
        )


def check_query(query: str, k: int) -> tuple[str, list[str]]:
    """Return a query without spaces around it, and its words.

    Raises:
        ValueError: it has no word or is too long, or k, hits at most, is below 1; the message is
            for a person.
    """
    query = query.strip()
    if len(query) > MAX_QUERY:
        raise ValueError(
            f"a query has at most {MAX_QUERY:,} characters, and this one {len(query):,}"
        )
    wanted = words(query)
    if not wanted:
        raise ValueError("the query has no words: name what to look for")
    if k < 1:
        raise ValueError(f"k is how many products to return, at least 1 (got {k})")
    return query, wanted


def named(unknown: Sequence[str]) -> str:
    """Return words for a note, '' for none; of many the first ones."""
    shown = ", ".join(f"'{word}'" for word in unknown[:_NAMED])
    more = len(unknown) - _NAMED
    return f"{shown} or {more} more" if more > 0 else shown


def _among(catalog: _Catalog, category: str | None) -> NDArray[np.bool_] | None:
    """Return the mask of a category's products; None: all."""
    if category is None or not len(catalog.index):
        return None
    among = (catalog.products["category"] == category).to_numpy()
    if not among.any():
        raise ValueError(f"no product is of the category '{category}'")
    return among


def _note(size: int, found: TextMatches, is_low: bool, category: str | None) -> str:
    if not size:
        return "There are no products yet: ingest feeds first."
    if not found.best:
        where = "No product" if category is None else "No product of this category"
        return f"{where} has any of these words."
    unknown = named(found.unknown)
    nowhere = f"no product has {unknown}" if unknown else ""
    if is_low:
        reason = f": {nowhere}" if nowhere else ""
        return f"Nothing matches well{reason}. These have only a small part of the query."
    return f"{nowhere[0].upper()}{nowhere[1:]}." if nowhere else ""
