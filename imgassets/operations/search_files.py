"""Products, queries and judgements in files as what a search model learns from and is judged by."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from imgassets.learning.search.data import Judged, SearchData
from imgassets.learning.search.files import SPLITS, read_judgements, read_products, read_queries
from imgassets.learning.search.split import split_products
from imgassets.operations.search_items import items_of
from imgassets.search.attributes import Lexicon
from imgassets.settings import VisionSettings
from imgassets.vision.inputs import InputSpec
from imgassets.vision.record import FEATURES_VERSION


@dataclass(frozen=True)
class SearchFiles:
    """Where judged products are.

    Attributes:
        products: CSV file of products.
        queries: CSV file of queries.
        qrels: CSV file of judgements.
        images: folder that the products' image names start from; None: `images` beside the
            products, where it is there, else their folder.
        group: columns of products whose values together are never split.
    """

    products: Path
    queries: Path
    qrels: Path
    images: Path | None = None
    group: Sequence[str] = ()

    @property
    def folder(self) -> Path:
        """The folder of images."""
        beside = self.products.parent / "images"
        return self.images or (beside if beside.is_dir() else self.products.parent)


@dataclass(frozen=True)
class FromFiles:
    """What files gave.

    Attributes:
        data: both parts.
        paths: the picture's file by product.
        notes: what was left out, in words.
    """

    data: SearchData
    paths: dict[str, Path]
    notes: tuple[str, ...]


def read_search_files(
    files: SearchFiles,
    lexicon: Lexicon,
    spec: InputSpec,
    vision: VisionSettings,
    *,
    seed: int,
    tell: Callable[[int, int], object] = lambda done, total: None,
) -> FromFiles:
    """Read judged products, split them, and look at their pictures.

    The gallery of the test is made of its products alone: nothing in it is ever learnt from.

    Args:
        files: where they are.
        lexicon: the attributes that columns, titles and descriptions may tell.
        spec: the encoder's input.
        vision: batch size and decoding processes.
        seed: of the split, and of everything random after it.
        tell: called with the numbers of pictures that are done and of all.

    Raises:
        ValueError: a file cannot be read or says something wrong, no picture can be read, or one
            of the parts is empty.
    """
    products = read_products(files.products, lexicon, files.group)
    queries, judgements = read_queries(files.queries), read_judgements(files.qrels)
    paths = {
        product: files.folder / image
        for product, image in products.select("product_id", "image").iter_rows()
    }
    products = products.with_columns(content=_contents(paths, files.folder))
    found = products.filter(pl.col("content").is_not_null())
    split = split_products(found, queries, judgements, seed=seed)
    total, done = len(split.train) + len(split.test), 0

    def add(n: int) -> None:
        nonlocal done
        done += n
        tell(done, total)

    train, test = (
        items_of(
            found.filter(pl.col("product_id").is_in(part.implode())).rename(
                {"product_id": "item_id"}
            ),
            lambda product: paths[product].read_bytes(),
            spec,
            vision,
            add,
        )
        for part in (split.train, split.test)
    )
    asked = {name: queries.filter(split=name) for name in SPLITS}
    judged = {
        name: _restricted(asked[name], judgements, items.rows["item_id"])
        for name, items in (("train", train), ("test", test))
    }
    if judged["test"].queries.is_empty():
        raise ValueError("no query of the test has an answer among the products of its gallery")
    data = SearchData(
        train, judged["train"], test, judged["test"], seed, features_version=FEATURES_VERSION
    )
    counts = {
        "products without a readable image file": products.height - found.height,
        "products whose image cannot be decoded": total - len(train) - len(test),
        "products of the training with the very picture of one of the test": split.left_out,
        "answers to the test's queries that are not in its gallery": _lost(
            asked["test"], judgements, judged["test"]
        ),
        "queries of the test without an answer in its gallery": (
            asked["test"].height - judged["test"].queries.height
        ),
    }
    left_out = tuple(f"left out: {n} {what}" for what, n in counts.items() if n)
    return FromFiles(data, paths, left_out)


def _contents(paths: dict[str, Path], folder: Path) -> pl.Series:
    """Return the hash of each picture's bytes; null where there is no such file.

    Raises:
        ValueError: no picture is there.
    """
    hashes: list[str | None] = []
    for path in paths.values():
        try:
            hashes.append(hashlib.sha256(path.read_bytes()).hexdigest())
        except OSError:
            hashes.append(None)
    if not any(hashes):
        raise ValueError(f"no image of the products is in {folder}: name its folder with --images")
    return pl.Series("content", hashes, pl.String)


def _restricted(queries: pl.DataFrame, judgements: pl.DataFrame, gallery: pl.Series) -> Judged:
    """Return the queries that have an answer in a gallery, and their judgements over it."""
    known = judgements.join(queries, on="query_id", how="semi").filter(
        pl.col("item_id").is_in(gallery.implode())
    )
    answered = known.filter(pl.col("relevance") >= 1)
    kept = queries.join(answered, on="query_id", how="semi").select("query_id", "query")
    return Judged(
        kept.sort("query_id"),
        known.join(kept, on="query_id", how="semi").sort("query_id", "item_id"),
    )


def _lost(queries: pl.DataFrame, judgements: pl.DataFrame, kept: Judged) -> int:
    """Count pairs of relevant products that a gallery does not have."""
    relevant = pl.col("relevance") >= 1
    asked = judgements.filter(relevant).join(queries, on="query_id", how="semi")
    return asked.height - kept.judgements.filter(relevant).height
