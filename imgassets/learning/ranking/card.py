"""The card of a ranker of review photos."""

from __future__ import annotations

import polars as pl

from imgassets.learning.cards import ModelCard, few_examples
from imgassets.learning.ranking.approaches import APPROACHES
from imgassets.learning.ranking.champion import MODEL
from imgassets.learning.ranking.competition import Competition, Data
from imgassets.learning.ranking.evaluation import ALL, HELD_OUT, UNSEEN_FAMILIES
from imgassets.learning.ranking.pairs import classified
from imgassets.learning.synthetic.distortions import FAMILIES, TRAINED
from imgassets.reviews.baselines import RANKER

WEAK = 0.9
"""Pairwise accuracy on a family below which the card names it among the known failures."""


def describe_ranker(data: Data, found: Competition, *, decision: str) -> ModelCard:
    """Describe a version.

    Args:
        data: what it learnt from and was judged by.
        found: what came out.
        decision: why it became champion, or did not.
    """
    approach = APPROACHES[found.model.approach]
    rivals = "; ".join(
        f"{name}: {mean:.3f}"
        for name, mean in found.model.info["compared"].items()
        if mean is not None
    )
    chosen = (
        "Chosen by mean accuracy on trained families left out in turn, in the training part: "
        f"{rivals}"
        if rivals
        else "Named by the settings: no other approach was tried"
    )
    counted = count_classes(data)
    own = found.evaluations.filter(pl.col("method") == RANKER)
    return ModelCard(
        model=MODEL,
        purpose="Scores customers' review photos by quality, 0 … 1, so that a product's can be "
        "ranked; nobody labelled what it learnt from.",
        approach=(
            f"{approach.name}: {approach.description} Pairwise hinge loss on {found.n_train} "
            f"synthetic pairs. {chosen}."
        ),
        signals_version=data.features_version,
        data=counted,
        how_split="Whole groups (styles or products) are held out, by a hash of their id.",
        metrics={
            f"{row['dataset']}, {row['method']}": row["value"]
            for row in found.evaluations.filter(
                pl.col("slice") == ALL, pl.col("value").is_not_null()
            ).to_dicts()
        },
        measured_on="pairs of held-out groups: the share whose better photo has the higher score "
        "(a tie counts one half); 'unseen distortions' are of families that no ranker learns from",
        metrics_by_category=own.filter(pl.col("slice") != ALL).select(
            category=pl.col("dataset") + ": " + pl.col("slice"),
            n="n", pairwise_accuracy="value", lower="lower", upper="upper",
        ),
        decision=decision,
        known_failures=[*found.notes, *few_examples(counted), *weak_families(own)],
        intended_use=(
            "Orders photos of clothes by how well they are taken: sharp, lit, whole, undistorted.",
            "Whether a photo shows the product at all, or pleases, it cannot tell.",
            "Reads the features named above only; others are refused.",
        ),
    )  # fmt: skip


def count_classes(data: Data) -> pl.DataFrame:
    """Count examples by class and part, as a card wants them."""
    parts = [
        classified(rows, data.limits).select(
            label="photo_class", split=pl.lit(split), source="origin"
        )
        for rows, split in ((data.train, "train"), (data.test, "held out"))
    ]
    keys = ["label", "split", "source"]
    return pl.concat(parts).group_by(keys).agg(n=pl.len().cast(pl.Int64)).sort(keys)


def weak_families(own: pl.DataFrame) -> list[str]:
    """Name the families that the ranker knows badly, the worst first.

    Args:
        own: the ranker's rows of an evaluation.
    """
    rows = own.filter(
        pl.col("slice").is_in(list(FAMILIES)),
        pl.col("dataset").is_in([HELD_OUT, UNSEEN_FAMILIES]),
        pl.col("value") < WEAK,
    ).sort("value", "slice")
    return [
        f"weak on {row['slice']} ({FAMILIES[row['slice']].description}): {row['value']:.3f} of "
        f"{row['n']} pairs in order" + ("" if row["slice"] in TRAINED else "; never trained on")
        for row in rows.to_dicts()
    ]
