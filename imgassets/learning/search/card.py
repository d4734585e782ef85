"""The card of a search model."""

from __future__ import annotations

import polars as pl

from imgassets.learning.cards import ModelCard, few_examples
from imgassets.learning.search.champion import MODEL
from imgassets.learning.search.competition import Found
from imgassets.learning.search.data import SearchData
from imgassets.learning.search.relevance import RelevanceScale
from imgassets.search.evaluation import ALL
from imgassets.search.measures import MAIN_MEASURE

CHANCE = 0.05
"""Accuracy above its commonest value below which an attribute is named among the failures."""


def describe_search(
    data: SearchData,
    found: Found,
    evaluations: pl.DataFrame,
    relevance: RelevanceScale | None,
    *,
    own: str,
    decision: str,
) -> ModelCard:
    """Describe a version.

    Args:
        data: what it learnt from and was judged by.
        found: what came out.
        evaluations: of contract ``SearchEvaluations``: every method on the test's queries.
        relevance: how likeness becomes relevance; None: it does not.
        own: the method that the whole model is.
        decision: why it became champion, or did not.
    """
    counted = count_items(data)
    known = evaluations.filter(pl.col("slice") == ALL, pl.col("value").is_not_null())
    parts = evaluations.filter(
        pl.col("method") == own, pl.col("measure") == MAIN_MEASURE, pl.col("slice") != ALL
    )
    accuracy = found.model.heads.accuracy
    encoder = found.model.encoder
    thresholds = {"low": (found.model.low, "score of a query's best image that is called poor")}
    if relevance is not None:
        thresholds["relevance AUC"] = (
            relevance.auc,
            f"own text against other styles' texts on {relevance.n} held-out images",
        )
    return ModelCard(
        model=MODEL,
        purpose="Finds product images by text: one encoder of images and texts, heads of "
        "attributes, and a re-ranker of what the encoder finds.",
        approach=f"Encoder of the kind {encoder.kind!r}, {encoder.dimension} numbers a vector; "
        f"custom features: {', '.join(found.model.groups) or 'none'}; "
        f"{len(found.model.heads.heads)} attribute heads; the re-ranker learnt from "
        f"{found.n_queries} queries.",
        signals_version=data.features_version,
        data=counted,
        how_split="Whole styles are held out, by a hash of their id.",
        metrics={f"{row['measure']}, {row['method']}": row["value"] for row in known.to_dicts()},
        measured_on=f"{data.test_queries.queries.height} queries over {len(data.test)} images of "
        "held-out styles",
        metrics_by_category=parts.select(
            category="slice", n="n", value=pl.col("value"), lower="lower", upper="upper"
        ).rename({"value": MAIN_MEASURE}),
        thresholds=thresholds,
        decision=decision,
        known_failures=[*found.notes, *few_examples(counted), *blind_attributes(accuracy)],
        intended_use=(
            "Finds images of this catalog's kind of products by what people type.",
            "Queries of the catalog's training are made of its own titles and attributes: how real "
            "people's queries fare, `imgassets search evaluate` tells from judged ones.",
            "Reads the features named above only; others are refused.",
        ),
    )


def count_items(data: SearchData) -> pl.DataFrame:
    """Count images by category and part, as a card wants them."""
    parts = [
        part.rows.select(label="category", split=pl.lit(name), source=pl.lit("catalog"))
        for part, name in ((data.train, "train"), (data.test, "held out"))
    ]
    keys = ["label", "split", "source"]
    return pl.concat(parts).group_by(keys).agg(n=pl.len().cast(pl.Int64)).sort(keys)


def blind_attributes(accuracy: pl.DataFrame) -> list[str]:
    """Name the attributes that are hardly seen, the worst first.

    Args:
        accuracy: ``attribute``, ``accuracy``, ``majority``.
    """
    gain = pl.col("accuracy") - pl.col("majority")
    return [
        f"'{row['attribute']}' is hardly seen: held-out accuracy {row['accuracy']:.2f}, its "
        f"commonest value alone has {row['majority']:.2f}"
        for row in accuracy.filter(gain < CHANCE).sort(gain, "attribute").to_dicts()
    ]
