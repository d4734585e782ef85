"""Searching products by words and by what their images show.

words     titles, descriptions and categories by BM25
images    the images whose vectors are nearest to the query's
reranked  the same, the nearest put in order by the re-ranker
fused     words and reranked images together, by reciprocal rank fusion
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, get_args

import numpy as np

from imgassets.learning.registry import ModelRegistry
from imgassets.learning.search.champion import load_search_model
from imgassets.operations.product_search import (
    LOW_COVERAGE,
    Hit,
    Method,
    ProductSearch,
    SearchResult,
    check_query,
    named,
)
from imgassets.operations.search_index import index_folder, no_model
from imgassets.search.fusion import fuse
from imgassets.search.index import SearchIndex, current_version
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse

if TYPE_CHECKING:
    from imgassets.learning.search.model import SearchModel

METHODS: tuple[Method, ...] = get_args(Method)

MOST = 1000
"""Products that a search of images returns, at most."""

HELD_SECONDS = 15.0
"""How long a loaded model answers before the registry is asked again."""

_LOG = logging.getLogger(__name__)

Product = tuple[str, str]
"""Category and id."""


@dataclass(frozen=True)
class _Opened:
    """What images are searched by; without an index, why not."""

    model: SearchModel | None = None
    index: SearchIndex | None = None
    problem: str = ""


@dataclass(frozen=True)
class _Found:
    """Products by their images, best first.

    Attributes:
        images: product to its best image and that one's score.
        is_low: even the best image hardly shows what the query asks for.
        unknown: the query's words that the model was taught nothing about.
        is_blind: these are all of them, and nothing was found.
    """

    images: Mapping[Product, tuple[str, float]]
    is_low: bool
    unknown: list[str]
    is_blind: bool


class ImageSearch:
    """Searches products; thread-safe.

    A new index answers from the next search on, a new champion within :data:`HELD_SECONDS`; until
    there is an index of its encoder, the model and the index that were loaded before go on.

    Args:
        settings: name the index and the depth of re-ranking.
        warehouse: the warehouse.
        registry: where the champion is.
        clock: monotonic time in seconds.
    """

    def __init__(
        self,
        settings: Settings,
        warehouse: Warehouse,
        registry: ModelRegistry,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._registry, self._clock = settings, registry, clock
        self._words = ProductSearch(warehouse, clock)
        self._lock = threading.Lock()
        self._embedding = threading.Lock()
        self._opened: _Opened | None = None
        self._asked = 0.0

    def start(self) -> None:
        """Load the model and the index now, which only the first search waits for."""
        self._current()

    def categories(self) -> list[str]:
        """Return the categories that have products, sorted.

        Raises:
            WarehouseError: there is no warehouse, or it is out of reach.
        """
        return self._words.categories()

    def search(
        self,
        query: str,
        category: str | None = None,
        k: int = 10,
        method: Method | None = None,
    ) -> SearchResult:
        """Return the products that match a query best.

        Args:
            query: words of any script.
            category: only products of this category; None: all.
            k: products at most; :data:`MOST` where images are searched.
            method: how; None: fused, and words alone where images cannot be searched, with a note.

        Raises:
            ValueError: the query has no word or is too long, k is below 1, no product is of the
                category, there is no such method, or ``method`` asks for images and they cannot be
                searched: there is no model or index, or the index is of another encoder.
            WarehouseError: there is no warehouse, or the first search cannot reach it.
        """
        if method is not None and method not in METHODS:
            raise ValueError(f"method is one of {', '.join(METHODS)} (got '{method}')")
        query, distinct = check_query(query, k)
        if method == "words":
            return self._words.search(query, category, k)
        opened = self._current()
        if opened.model is None or opened.index is None:
            if method is not None:
                raise ValueError(opened.problem)
            found = self._words.search(query, category, k)
            return replace(found, note=_sentences(found.note, _words_alone(opened.problem)))
        k = min(k, MOST)
        find = partial(self._find, opened.model, opened.index, query, set(distinct), category)
        if method in ("images", "reranked"):
            self._words.check_category(category)
            return self._by_images(query, category, k, method, find(k, method))
        wide = max(k, self._settings.search.depth)
        return self._fused(self._words.search(query, category, wide), find(k, "reranked"), k)

    def _find(
        self,
        model: SearchModel,
        index: SearchIndex,
        query: str,
        words: Collection[str],
        category: str | None,
        k: int,
        method: Method,
    ) -> _Found:
        """Return at least k products by their images, if there are so many."""
        unknown = [*dict.fromkeys(model.encoder.unknown_words(query))]
        known = 1 - len(unknown) / len(words)
        if known <= 0:
            return _Found({}, True, unknown, is_blind=True)
        with self._embedding:
            vector = model.encoder.embed_texts([query])[0]
        wanted = max(k, self._settings.search.depth)
        while True:
            near = index.nearest(vector, wanted, category)
            places = near.places[0]
            rows = index.rows[places].select("category", "product_id", "image_id").rows()
            if len(rows) < wanted or len({row[:2] for row in rows}) >= k:
                break
            wanted *= 4
        if not rows:
            return _Found({}, True, unknown, is_blind=False)
        relevance = model.scores(query, vector, index.vectors[places], index.inputs[places])
        scores = relevance if method == "reranked" else near.scores[0]
        images: dict[Product, tuple[str, float]] = {}
        for place in np.argsort(-scores, kind="stable"):
            of_category, product, image = rows[place]
            images.setdefault((of_category, product), (image, float(scores[place])))
        # A good answer to a small part of the query is no good answer to it.
        is_low = known < LOW_COVERAGE or model.is_low(float(relevance.max()))
        return _Found(images, is_low, unknown, is_blind=False)

    def _by_images(
        self, query: str, category: str | None, k: int, method: Method, found: _Found
    ) -> SearchResult:
        """Return what images alone found."""
        hits = [
            self._hit(product, score, image=image, image_rank=rank)
            for rank, (product, (image, score)) in enumerate(found.images.items(), 1)
            if rank <= k
        ]
        if found.is_blind:
            note = "The search model knows none of these words."
        elif not hits:
            note = f"The search index holds no image{' of this category' if category else ''}."
        elif found.is_low:
            note = _sentences("No image shows this well.", _unknown_to_model(found))
        else:
            note = _unknown_to_model(found)
        return SearchResult(query, category, hits, found.is_low, note, method)

    def _fused(self, words: SearchResult, found: _Found, k: int) -> SearchResult:
        """Return words and images together; unless both do, a bad part has no say."""
        by_words = {(hit.category, hit.product_id): hit for hit in words.hits}
        rankings: list[list[Product]] = []
        if by_words and (not words.is_low or found.is_low):
            rankings.append(list(by_words))
        if not found.is_low or words.is_low:
            rankings.append(list(found.images))
        hits = []
        word_ranks = {product: rank for rank, product in enumerate(by_words, 1)}
        image_ranks = {product: rank for rank, product in enumerate(found.images, 1)}
        for product, score in fuse(rankings)[:k]:
            hit = by_words.get(product)
            image, _ = found.images.get(product, (None, 0.0))
            hits.append(
                self._hit(
                    product,
                    score,
                    image=image,
                    matched=hit.matched if hit else [],
                    word_rank=word_ranks.get(product),
                    image_rank=image_ranks.get(product),
                )
            )
        is_low = words.is_low and found.is_low
        if is_low and not found.is_blind and hits:
            note = _sentences("Nothing matches well.", _unknown_to_model(found))
        elif words.is_low and not is_low:
            note = _unknown_to_model(found)
        else:
            note = words.note
        return SearchResult(words.query, words.category, hits, is_low, note, "fused")

    def _hit(
        self,
        product: Product,
        score: float,
        *,
        image: str | None,
        matched: list[str] | None = None,
        word_rank: int | None = None,
        image_rank: int | None = None,
    ) -> Hit:
        category, product_id = product
        title, hero = self._words.describe(category, product_id)
        return Hit(
            product_id, category, title, image or hero, score, matched or [], word_rank, image_rank
        )

    def _current(self) -> _Opened:
        """Return the model and the index of now, or of a moment ago."""
        opened = self._opened
        if opened is None:
            with self._lock:
                if self._opened is None:
                    self._asked, self._opened = self._clock(), self._open()
                return self._opened
        is_old = self._clock() - self._asked > HELD_SECONDS or self._is_replaced(opened)
        if is_old and self._lock.acquire(blocking=False):
            try:
                self._asked = self._clock()
                now = self._open()
                if now.index is not None or self._is_replaced(opened):
                    self._opened = now
            finally:
                self._lock.release()
        return self._opened or opened

    def _is_replaced(self, opened: _Opened) -> bool:
        """Tell whether another version of the index answers than the one that is open."""
        try:
            present = current_version(index_folder(self._settings))
        except ValueError:
            return opened.index is not None
        return opened.index is None or opened.index.version.name != present

    def _open(self) -> _Opened:
        try:
            # Without an index there is nothing to ask the registry for, which takes seconds.
            current_version(index_folder(self._settings))
            champion = load_search_model(self._registry, self._settings.vision)
            if champion.model is None:
                return _Opened(problem=no_model(champion))
            index = SearchIndex.open(
                index_folder(self._settings),
                champion.model.encoder_version,
                champion.model.inputs_version,
            )
        except (ValueError, RuntimeError) as error:
            _LOG.info("images cannot be searched: %s", error)
            return _Opened(problem=str(error))
        return _Opened(champion.model, index)


def _words_alone(problem: str) -> str:
    return f"Only words were searched, not images: {problem}."


def _unknown_to_model(found: _Found) -> str:
    unknown = named(found.unknown)
    return f"The search model does not know {unknown}." if unknown else ""


def _sentences(*notes: str) -> str:
    return " ".join(note for note in notes if note)
