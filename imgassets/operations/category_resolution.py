"""What a feed row without a category gets: what feeds say of its product, else what a model says.

Feeds count where all rows of the product that name a category name the same one. What was decided
stays decided: a later model is asked about what is still open, never about what has its category.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from imgassets.ingest.feeds import Decision, ParsedFeed
from imgassets.learning.category_training import MODEL
from imgassets.learning.champions import load_champions
from imgassets.learning.registered import CorruptedModel, RegistryUnavailable
from imgassets.learning.registry import ModelRegistry
from imgassets.warehouse.contracts import CategoryResolutions, FeedCategories
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import quote

if TYPE_CHECKING:
    from imgassets.learning.category_text import CategoryText

NO_WORDS = "no known word in title or description"

_SCHEMA = CategoryResolutions.create_empty().schema
_ANSWER = [
    "outcome", "category", "probability", "min_probability", "source", "model_version",
    "decided_at",
]  # fmt: skip
_ANSWERS = pl.Schema([("product_id", pl.String()), *((name, _SCHEMA[name]) for name in _ANSWER)])
"""An answer about one product of one file."""


class Champion(NamedTuple):
    """The model that answers, with its version."""

    model: CategoryText
    version: str


class CategoryResolver:
    """Decides about feed rows without a category.

    Args:
        warehouse: holds what feeds name and what was decided before.
        registry: where the model is; it is asked only where there is something to decide.

    Attributes:
        notes: what a person should know: a registry that is down, a model that cannot be read.
    """

    def __init__(self, warehouse: Warehouse, registry: ModelRegistry) -> None:
        self.warehouse = warehouse
        self.registry = registry
        self.notes: list[str] = []

    @cached_property
    def version(self) -> str:
        """Version of the champion; '' where there is none, or nobody knows."""
        try:
            champion = self.registry.champion(MODEL)
        except RegistryUnavailable as error:
            self.notes.append(f"{error.what}: open categories wait")
            return ""
        return str(champion.version) if champion else ""

    @cached_property
    def champion(self) -> Champion | None:
        """The model that answers, the cached one where the registry is down."""
        from imgassets.learning.category_text import CategoryText

        try:
            found, notes = load_champions(self.registry, [MODEL])
            self.notes += notes
            if (served := found.get(MODEL)) is None:
                return None
            return Champion(CategoryText.load(served.folder), str(served.version.version))
        except (CorruptedModel, RegistryUnavailable, ValueError) as error:
            # Feeds that name their categories must not wait for this.
            self.notes.append(f"no model of categories: {error}")
            return None

    def decide(
        self, parsed: ParsedFeed, feed_file: str, day: date, supplier_id: str
    ) -> pl.DataFrame:
        """Decide about the open rows of a feed file.

        In this order: what was decided about the product in this file before; what feeds say of
        it; what a model said of it in another file; what the model says of its texts here.

        Args:
            parsed: the file, parsed without decisions.
            feed_file: its name.
            day: its day.
            supplier_id: its supplier.

        Returns:
            Frame in contract ``CategoryResolutions``, one row per open row.
        """
        open_rows = parsed.uncategorised
        if open_rows.is_empty():
            return CategoryResolutions.create_empty()
        products = open_rows.select("product_id").unique().sort("product_id")
        earlier = self._earlier(products)
        is_own = (pl.col("day") == day) & (pl.col("supplier_id") == supplier_id)
        answers = pl.DataFrame(schema=_ANSWERS)
        for found in (
            lambda _: _latest(earlier.filter(is_own)),
            lambda rest: self._named(rest, parsed.named, day, supplier_id),
            lambda _: _latest(earlier.filter(~is_own, pl.col("source") == "model")),
            lambda rest: self._predicted(open_rows.join(rest, on="product_id", how="semi")),
        ):
            rest = products.join(answers, on="product_id", how="anti")
            if rest.is_empty():
                break
            answers = pl.concat([answers, found(rest).join(rest, on="product_id", how="semi")])
        return CategoryResolutions.conform(
            open_rows.join(answers, on="product_id", maintain_order="left").with_columns(
                day=pl.lit(day),
                supplier_id=pl.lit(supplier_id),
                feed_file=pl.lit(feed_file),
            )
        )

    def has_news(self, undecided: pl.DataFrame) -> pl.DataFrame:
        """Return the files that deciding again may change.

        Args:
            undecided: rows of ``CategoryResolutions`` that are not resolved.

        Returns:
            Frame (day, supplier_id), sorted: files with a product of which feeds name one category
            by now, or that the present model was not asked about.
        """
        if undecided.is_empty():
            return undecided.select("day", "supplier_id")
        named = self._unanimous(undecided.select("product_id").unique())
        news = pl.col("product_id").is_in(named["product_id"].to_list())
        if self.version:
            news |= pl.col("model_version") != self.version
        return undecided.filter(news).select("day", "supplier_id").unique().sort(pl.all())

    def _earlier(self, products: pl.DataFrame) -> pl.DataFrame:
        """Return what was resolved about some products before, in any file."""
        rows = self.warehouse.sql(
            "SELECT * FROM category_resolutions SEMI JOIN products USING (product_id) "
            "WHERE outcome = 'resolved'",
            products=products,
        )
        return rows.cast(dict(_SCHEMA))  # type: ignore[arg-type]

    def _unanimous(
        self,
        products: pl.DataFrame,
        own: pl.DataFrame | None = None,
        but: str = "false",
    ) -> pl.DataFrame:
        """Return (product_id, category) of the products of which all feeds name one category.

        Args:
            products: product_id, one row each.
            own: product_id and category that a file names that is not yet in the warehouse.
            but: condition on rows of ``feed_categories`` that do not count.
        """
        named = self.warehouse.sql(
            f"SELECT DISTINCT product_id, category FROM feed_categories "
            f"SEMI JOIN products USING (product_id) WHERE NOT ({but})",
            products=products,
        ).cast({"product_id": pl.String, "category": pl.String})
        if own is not None:
            named = pl.concat([named, own.join(products, on="product_id", how="semi")])
        counted = named.group_by("product_id").agg(pl.col("category").unique())
        return counted.filter(pl.col("category").list.len() == 1).explode("category").sort(pl.all())

    def _named(
        self, products: pl.DataFrame, own: pl.DataFrame, day: date, supplier_id: str
    ) -> pl.DataFrame:
        """Return answers from what feeds name; a file's earlier version does not count."""
        but = f"day = {quote(day)} AND supplier_id = {quote(supplier_id)}"
        return _answers(self._unanimous(products, own, but), outcome="resolved", source="feed")

    def _predicted(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the model's answer about each product; its texts' probabilities are averaged."""
        if self.champion is None:
            unasked = rows.select("product_id").unique()
            return _answers(unasked, outcome="no_model", source="")
        model, version = self.champion
        texts = rows.select("product_id", "title", "description").unique().sort(pl.all())
        p, known = model.predict_proba(texts["title"].to_list(), texts["description"].to_list())
        products, place = np.unique(texts["product_id"].to_numpy(), return_inverse=True)
        told = np.bincount(place, known > 0)
        total = np.zeros((len(products), p.shape[1]))
        np.add.at(total, place[known > 0], p[known > 0])
        mean = total / np.maximum(told, 1)[:, None]
        found = pl.DataFrame(
            {
                "product_id": pl.Series(products, dtype=pl.String),
                "category": pl.Series([model.classes[i] for i in mean.argmax(axis=1)]),
                "probability": mean.max(axis=1),
                "told": told > 0,
            }
        )
        sure = pl.col("told") & (pl.col("probability") >= model.limit)
        return _answers(
            found.with_columns(
                outcome=pl.when(sure).then(pl.lit("resolved")).otherwise(pl.lit("unsure")),
                category=pl.when("told").then("category"),
                probability=pl.when("told").then("probability"),
                min_probability=pl.lit(model.limit),
            ),
            source="model",
            model_version=version,
        )


def open_rows(warehouse: Warehouse) -> dict[str, int]:
    """Count the feed rows that have no category, by outcome: 'unsure' or 'no_model'."""
    undecided = warehouse.read(CategoryResolutions, where="outcome <> 'resolved'")
    return dict(undecided.group_by("outcome").len().sort("outcome").iter_rows())


def to_decisions(resolutions: pl.DataFrame) -> tuple[Decision, ...]:
    """Return rows of ``CategoryResolutions`` of one file as what :func:`read_feed` takes.

    Rows that no model was asked about have none.
    """
    decisions = []
    for row in resolutions.filter(pl.col("outcome") != "no_model").iter_rows(named=True):
        if row["outcome"] == "resolved":
            decisions.append(Decision(row["feed_row"], row["category"]))
        elif row["category"] is None:
            decisions.append(Decision(row["feed_row"], None, NO_WORDS, "at least one"))
        else:
            measured = f"{row['category']} {row['probability']:.2f}"
            never = row["min_probability"] >= 1
            limit = "none is sure enough" if never else f"≥ {row['min_probability']:.2f}"
            decisions.append(Decision(row["feed_row"], None, measured, limit))
    return tuple(decisions)


def names_of(named: pl.DataFrame, day: date, supplier_id: str) -> pl.DataFrame:
    """Return what a file names, in contract ``FeedCategories``."""
    return FeedCategories.conform(
        named.with_columns(day=pl.lit(day), supplier_id=pl.lit(supplier_id))
    )


def _latest(rows: pl.DataFrame) -> pl.DataFrame:
    """Return each product's newest answer."""
    newest = rows.sort("day", "supplier_id", "feed_row", descending=[True, False, False])
    return newest.unique("product_id", keep="first", maintain_order=True).select(_ANSWERS.names())


def _answers(found: pl.DataFrame, **fixed: str) -> pl.DataFrame:
    """Return answers of now, sorted; what ``found`` and ``fixed`` do not say is null or ''."""
    absent = {
        "category": None, "probability": None, "min_probability": None, "model_version": "",
        "decided_at": datetime.now(UTC),
    }  # fmt: skip
    said = {name: value for name, value in absent.items() if name not in found.columns} | fixed
    rows = found.with_columns(pl.lit(value).alias(name) for name, value in said.items())
    return rows.select(_ANSWERS.names()).cast(dict(_ANSWERS)).sort("product_id")  # type: ignore[arg-type]
