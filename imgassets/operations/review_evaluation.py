"""How well the ranks of review photos agree with votes: rows of ``ranking_evaluations``."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from imgassets import __version__
from imgassets.operations.photo_ranker import photo_limits
from imgassets.reviews.baselines import BASELINES, RANKER, baseline_scores
from imgassets.reviews.evaluation import DATASET, Evaluated, evaluate_against_engagement
from imgassets.settings import Settings
from imgassets.vision.photo_version import photo_signals_version
from imgassets.vision.record import PhotoMeasures
from imgassets.warehouse.contracts import RankingEvaluations
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import quote

# Of the version that most of the newest ranks come from: scores of two rankers do not compare.
_RANKED = """
WITH newest AS (
    SELECT *, count(*) OVER (PARTITION BY model_version) AS photos FROM latest_review_ranks
),
chosen AS (
    SELECT * FROM newest
    QUALIFY model_version = first(model_version) OVER (ORDER BY photos DESC, model_version DESC)
),
styles AS (
    SELECT category, review_id, arg_max(style, day) AS style FROM review_images GROUP BY ALL
),
measured AS (
    SELECT * FROM review_signals WHERE signals_version = {version}
    QUALIFY row_number() OVER (PARTITION BY category, image_id ORDER BY day) = 1
)
SELECT c.product_id, s.style, c.review_id, c.score, c.aesthetic, c.technical, c.helpful_votes,
    c.impressions, c.model_version, m.width, m.height, m.colourfulness, {measures}
FROM chosen AS c
JOIN styles AS s USING (category, review_id)
JOIN measured AS m USING (category, image_id)
ORDER BY c.category, c.product_id, c.review_id
"""


@dataclass(frozen=True)
class VotesReport:
    """What an evaluation against votes found.

    Attributes:
        model_version: of the ranker that was evaluated.
        found: its rows, and how many photos were used and left out.
        snapshot_id: of the commit.
    """

    model_version: str
    found: Evaluated
    snapshot_id: int


def evaluate_on_votes(
    warehouse: Warehouse, settings: Settings, *, note: str = "", run_id: str = ""
) -> VotesReport:
    """Compare the ranker and every baseline with votes per impression, and store the figures.

    Args:
        warehouse: holds ranks and stored signals.
        settings: give limits, versions and the seed.
        note: what to say wherever the figures stand, such as that votes are simulated.
        run_id: of the run that asks.

    Raises:
        ValueError: nothing is ranked.
    """
    warehouse.initialise()
    measures = ", ".join(f"m.{name}" for name in PhotoMeasures._fields)
    query = _RANKED.format(version=quote(photo_signals_version(settings)), measures=measures)
    photos = warehouse.sql(query)
    if photos.is_empty():
        raise ValueError("no review photo is ranked: run `imgassets reviews rank` first")
    version = str(photos["model_version"][0])
    baselines = baseline_scores(photos, photo_limits(settings), settings.seed)
    about = photos.select(
        "product_id", "style", "helpful_votes", "impressions", pl.col("score").alias(RANKER)
    )
    scored = about.hstack(baselines)
    found = evaluate_against_engagement(
        scored,
        [RANKER, *(name for name in BASELINES if name in scored.columns)],
        model_version=version,
        seed=settings.seed,
        note=note,
    )
    snapshot_id = warehouse.replace(
        [
            Replacement(
                RankingEvaluations,
                found.rows,
                equals={"model_version": version, "dataset": DATASET},
            )
        ],
        CommitMessage(asset="ranking_report", run_id=run_id, code_version=__version__),
    )
    return VotesReport(version, found, snapshot_id)
