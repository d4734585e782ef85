"""How much a position is looked at, whatever it shows, learned from clicks.

People look at the first places and rarely further, so a raw click rate prefers what was in front.
The position-based model (Craswell et al., WSDM 2008; Richardson et al., WWW 2007) says that a click
needs a look and an image that attracts: P(click | image, position) = propensity(position) ·
rate(image). An image that was shown at several positions tells the propensities apart from the
rates (interventions: Joachims, Swaminathan and Schnabel, WSDM 2017; harvested from what was shown
anyhow: Agarwal et al., WSDM 2019). They are estimated by the multiplicative model's own equations,
clicks seen = clicks expected for every image and for every position, solved in turn; Wang et al.
(WSDM 2018) reach the same model by expectation maximisation, which is slow where rates are small.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

SHOWN = {
    "category": pl.String,
    "product_id": pl.String,
    "image": pl.String,
    "position": pl.Int32,
    "impressions": pl.Int64,
    "clicks": pl.Int64,
}
"""What was shown and clicked, all days together: ``image`` is an image_id or an image_url."""

MIN_CLICKS = 20
"""Clicks on images seen at several positions from which a position's propensity is estimated: its
standard error is then about 1/√20 = 22 % of it."""

MIN_PROPENSITY = 0.01
"""Smallest propensity: what fewer looks than this tell is weighed as if it were more (clipping)."""

_ROUNDS = 1000
_CLOSE = 1e-9

_PROPENSITIES = {"category": pl.String, "position": pl.Int32, "propensity": pl.Float64}
_PLACES = {"category": pl.String, "policy_rank": pl.Int32, "place_rate": pl.Float64}


class ClickModel(NamedTuple):
    """What the clicks of whole categories tell; small, whatever the number of products.

    Attributes:
        propensities: category, position, propensity: how likely the position is looked at, as a
            multiple of the first one's. Positions that cannot be compared are not in it, nor are
            categories none of whose images was seen at several positions.
        places: category, policy_rank (1 … n without gaps), place_rate: mean rate of what was shown
            there, never rising with the rank, so that it alone keeps the policy's order.
    """

    propensities: pl.DataFrame
    places: pl.DataFrame


def no_model() -> ClickModel:
    """Return what is known where nothing can be compared."""
    return ClickModel(pl.DataFrame(schema=_PROPENSITIES), pl.DataFrame(schema=_PLACES))


def fit_clicks(shown: pl.DataFrame) -> ClickModel:
    """Estimate the position's effect in each category.

    Args:
        shown: :data:`SHOWN` rows of all products of some categories; rows of one image and position
            may repeat.
    """
    cells = (
        shown.filter(pl.col("impressions") > 0)
        .group_by("category", "product_id", "image", "position")
        .agg(pl.col("impressions", "clicks").sum())
        .sort("category", "product_id", "image", "position")
    )
    models = [_fit(str(name), rows) for (name,), rows in cells.group_by("category")]
    found = [model for model in models if not model.propensities.is_empty()]
    return ClickModel(
        pl.concat([pl.DataFrame(schema=_PROPENSITIES), *(m.propensities for m in found)]).sort(
            "category", "position"
        ),
        pl.concat([pl.DataFrame(schema=_PLACES), *(m.places for m in found)]).sort(
            "category", "policy_rank"
        ),
    )


def _fit(category: str, cells: pl.DataFrame) -> ClickModel:
    """Fit one category's model to its distinct (image, position) cells."""
    compared = _comparable(cells)
    if compared.is_empty():
        return no_model()
    image = compared.select(pl.struct("product_id", "image").rle_id()).to_series()  # it is sorted
    position = compared["position"].to_numpy()
    places = np.unique(position)
    propensity = _solve(
        image.to_numpy().astype(np.int64),
        np.searchsorted(places, position),
        compared["impressions"].to_numpy().astype(np.float64),
        compared["clicks"].to_numpy().astype(np.float64),
    )
    propensities = pl.DataFrame(
        {"category": category, "position": places, "propensity": propensity}, schema=_PROPENSITIES
    )
    return ClickModel(propensities, _place_rates(category, cells, propensities))


def _comparable(cells: pl.DataFrame) -> pl.DataFrame:
    """Keep images seen at several positions, and positions that images connect, with clicks enough.

    Of positions that no image connects with each other, the group with most impressions stays.
    """
    while True:
        kept = cells.filter(
            pl.len().over("product_id", "image") > 1,
        ).filter(pl.col("clicks").sum().over("position") >= MIN_CLICKS)
        group = _connected(kept)
        kept = kept.filter(pl.col("position").is_in(group))
        if kept.height == cells.height:
            return kept
        cells = kept


def _connected(cells: pl.DataFrame) -> list[int]:
    """Return the positions of the connected group that was shown most."""
    seen = cells.group_by("position").agg(pl.col("impressions").sum()).sort("position")
    impressions = dict(seen.iter_rows())
    group = {position: {position} for position in impressions}
    seen_at = cells.group_by("product_id", "image").agg(pl.col("position").sort())
    for positions in sorted({tuple(found) for found in seen_at["position"].to_list()}):
        union = set().union(*(group[position] for position in positions))
        for position in union:
            group[position] = union
    if not group:
        return []
    most = max(
        group.values(), key=lambda members: (sum(impressions[p] for p in members), -min(members))
    )
    return sorted(most)


def _solve(
    image: np.ndarray, place: np.ndarray, impressions: np.ndarray, clicks: np.ndarray
) -> np.ndarray:
    """Solve the model's equations: propensity of each place, the first one's being 1.

    Args:
        image: index of each cell's image, 0 … n - 1; each is in several cells.
        place: index of its place, likewise; images connect all places.
        impressions: of each cell, positive.
        clicks: of each cell.
    """
    of_place, of_image = np.bincount(place, clicks), np.bincount(image, clicks)
    propensity = np.ones(of_place.size)
    for _ in range(_ROUNDS):
        looks = np.bincount(image, impressions * propensity[place])
        rate = of_image / np.maximum(looks, 1e-12)
        expected = np.bincount(place, impressions * rate[image])
        solved = of_place / np.maximum(expected, 1e-12)
        solved /= solved[0]
        change = float(np.max(np.abs(np.log(solved / propensity))))
        propensity = solved
        if change < _CLOSE:
            break
    return np.maximum(propensity, MIN_PROPENSITY)


def _place_rates(category: str, cells: pl.DataFrame, propensities: pl.DataFrame) -> pl.DataFrame:
    """Return the mean rate of what was shown at each rank, made to fall with the rank."""
    seen = (
        cells.join(propensities, on="position")
        .group_by("position")
        .agg(
            pl.col("clicks").sum(),
            looks=(pl.col("impressions") * pl.col("propensity")).sum(),
        )
        .sort("position")
    )
    fallen = _falling(
        (seen["clicks"] / seen["looks"]).to_numpy(), seen["looks"].to_numpy().astype(np.float64)
    )
    ranks = np.arange(1, int(seen["position"].max()) + 1)  # type: ignore[arg-type]
    # A rank that nothing was compared at has the rate of the next one before it, or the first.
    before = np.searchsorted(seen["position"].to_numpy(), ranks, side="right") - 1
    return pl.DataFrame(
        {"category": category, "policy_rank": ranks, "place_rate": fallen[np.maximum(before, 0)]},
        schema=_PLACES,
    )


def _falling(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the closest sequence (weighted least squares) that never rises: pool violators."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        block = (value, weight, 1)
        while blocks and blocks[-1][0] < block[0]:
            mean, mass, size = blocks.pop()
            total = mass + block[1]
            block = ((mean * mass + block[0] * block[1]) / total, total, size + block[2])
        blocks.append(block)
    return np.concatenate([np.full(size, mean) for mean, _, size in blocks])
