from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from imgassets.moderation.flags import builtin_flags
from imgassets.moderation.rounds import SHARES, Limits, Round, choose_tasks
from imgassets.moderation.tasks import task_id
from imgassets.warehouse.contracts import ReviewTasks
from tests.moderation.people import image

LIMITS = Limits(reject=0.9, review=0.3)
WEAPON = builtin_flags()["weapon"]


def catalog(p: np.ndarray | list[float], seed: int = 0, dimensions: int = 16) -> pl.DataFrame:
    """Return scanned images with random embeddings of length 1, sorted by image_id."""
    probability = np.asarray(p, np.float32)
    vectors = np.random.default_rng(seed).normal(size=(len(probability), dimensions))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return pl.DataFrame(
        {
            "image_id": sorted(image(n) for n in range(len(probability))),
            "product_id": [f"P{n}" for n in range(len(probability))],
            "category": ["toys"] * len(probability),
            "probability": probability,
            "embedding": vectors.astype(np.float32).tolist(),
        }
    )


def spread(n: int, seed: int = 1) -> np.ndarray:
    """Return probabilities of which a twentieth is sure, and as many are in doubt."""
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.0, 0.25, n)
    p[: n // 20] = rng.uniform(0.91, 1.0, n // 20)
    p[n // 20 : n // 10] = rng.uniform(0.31, 0.89, n // 10 - n // 20)
    return rng.permutation(p)


def settled(*ids: str) -> pl.DataFrame:
    return pl.DataFrame({"image_id": list(ids)}, schema={"image_id": pl.String})


def ask(scanned: pl.DataFrame, known: pl.DataFrame | None = None, **other: Any) -> Round:
    options: dict[str, Any] = {
        "budget": 20, "neighbours": 4, "number": 1, "model_version": "7", "seed": 0, **other,
    }  # fmt: skip
    limits = options.pop("limits", LIMITS)
    found = choose_tasks(WEAPON, scanned, settled() if known is None else known, limits, **options)
    ReviewTasks.validate(found.tasks)
    assert found.tasks["image_id"].is_unique().all()
    return found


def counts(found: Round) -> dict[str, int]:
    return dict(found.tasks.group_by("reason").len().iter_rows())


def nearest(scanned: pl.DataFrame, row: int, k: int) -> list[str]:
    """Return the k nearest other images of one row, by brute force."""
    vectors = np.array(scanned["embedding"].to_list())
    cosine = vectors @ vectors[row]
    cosine[row] = -np.inf
    return [scanned["image_id"][int(i)] for i in np.argsort(-cosine, kind="stable")[:k]]


def test_a_round_keeps_its_shares_and_counts_what_it_saw() -> None:
    scanned = catalog(spread(400))
    found = ask(scanned)
    assert counts(found) == {name: round(20 * share) for name, share in SHARES.items()}
    p = scanned["probability"].to_numpy()
    assert found.n_confident == int((p >= LIMITS.reject).sum()) == 20
    assert found.n_uncertain == int(((p >= LIMITS.review) & (p < LIMITS.reject)).sum()) == 20
    finds = set(np.flatnonzero(p >= LIMITS.review).tolist())
    near = {i for f in finds for i in nearest(scanned, f, 4)}
    assert found.n_neighbours == len(near - set(scanned["image_id"][sorted(finds)]))


def test_each_reason_asks_about_its_own_and_says_why() -> None:
    scanned = catalog(spread(400))
    tasks = ask(scanned).tasks
    p = dict(scanned.select("image_id", "probability").iter_rows())
    finds = {i for i in p if p[i] >= LIMITS.review}
    ids = scanned["image_id"].to_list()
    for row in tasks.to_dicts():
        assert row["probability"] == p[row["image_id"]]
        assert row["task_id"] == task_id("weapon", row["image_id"])
        assert row["question"] == WEAPON.question
        assert f"{row['probability']:.2f}" in row["why"]
        match row["reason"]:
            case "confident":
                assert row["probability"] >= LIMITS.reject
            case "uncertain":
                assert LIMITS.review <= row["probability"] < LIMITS.reject
            case "neighbour":
                (finder,) = (f for f in finds if f[:8] in row["why"])
                assert row["image_id"] in nearest(scanned, ids.index(finder), 4)
                assert row["image_id"] not in finds
            case "random":
                assert row["probability"] < LIMITS.review


def test_the_likeliest_come_first_and_priorities_fall() -> None:
    scanned = catalog(spread(400))
    tasks = ask(scanned).tasks
    assert tasks["priority"].is_sorted(descending=True)
    doubt = tasks.filter(reason="uncertain")["probability"]
    every = scanned.filter(pl.col("probability").is_between(LIMITS.review, LIMITS.reject))
    assert doubt.to_list() == every["probability"].sort(descending=True).to_list()[: len(doubt)]
    assert 0 < len(doubt) < every.height
    sure = tasks.filter(reason="confident")["probability"]
    assert sure.is_sorted(descending=True)
    of = {name: tasks.filter(reason=name)["priority"] for name in SHARES}
    assert of["confident"].min() >= of["uncertain"].max()
    assert of["uncertain"].min() >= of["neighbour"].max()
    assert of["neighbour"].min() >= of["random"].max()


@pytest.mark.parametrize("n", [300, 20_000], ids=["one block", "several blocks"])
def test_the_neighbours_shown_are_the_nearest(n: int) -> None:
    scanned = catalog(spread(n), seed=3)
    ids = {image_id: row for row, image_id in enumerate(scanned["image_id"])}
    for row in ask(scanned).tasks.to_dicts():
        assert row["neighbours"] == nearest(scanned, ids[row["image_id"]], 4)


def test_thousands_of_finds_in_a_large_catalog() -> None:
    p = np.concatenate([np.full(8_000, 0.95), np.linspace(0, 0.2, 12_000)])
    scanned = catalog(p)
    found = ask(scanned, budget=60)
    assert found.n_confident == 8_000
    assert found.tasks.height == 60
    some = found.tasks.filter(reason="neighbour").to_dicts()[0]
    row = scanned["image_id"].to_list().index(some["image_id"])
    assert some["neighbours"] == nearest(scanned, row, 4)


def test_settled_images_are_never_asked_about_again() -> None:
    scanned = catalog(spread(200))
    known = settled()
    asked: list[str] = []
    for number in range(1, 12):
        tasks = ask(scanned, known, number=number).tasks
        assert not set(tasks["image_id"]) & set(known["image_id"])
        asked += tasks["image_id"].to_list()
        known = pl.concat([known, tasks.select("image_id")])
    assert sorted(asked) == scanned["image_id"].to_list(), "in the end every image was asked about"
    assert tasks.is_empty(), "the eleventh round found nothing open"


def test_settled_finds_still_point_to_their_neighbours() -> None:
    scanned = catalog(spread(200))
    finds = scanned.filter(pl.col("probability") >= LIMITS.review)
    found = ask(scanned, finds.select("image_id"))
    assert found.n_confident + found.n_uncertain == finds.height
    assert counts(found)["neighbour"] > 0


def test_the_same_scan_asks_the_same_and_the_seed_moves_the_random_ones_alone() -> None:
    scanned = catalog(spread(400))
    tasks = ask(scanned).tasks
    assert tasks.equals(ask(scanned).tasks)
    for other in (ask(scanned, seed=1).tasks, ask(scanned, number=2).tasks):
        same = pl.col("reason") != "random"
        assert other.filter(same)["task_id"].equals(tasks.filter(same)["task_id"])
        assert not other.filter(~same)["task_id"].equals(tasks.filter(~same)["task_id"])


@pytest.mark.parametrize("budget", [1, 2, 3, 7])
def test_small_budgets_ask_about_the_likeliest_in_doubt_first(budget: int) -> None:
    scanned = catalog(spread(400))
    tasks = ask(scanned, budget=budget).tasks
    assert tasks.height == budget
    doubt = scanned.filter(pl.col("probability").is_between(LIMITS.review, LIMITS.reject))
    most = doubt.sort("probability", descending=True)["image_id"][0]
    assert most in tasks["image_id"].to_list()


def test_no_budget_asks_nothing_and_still_counts() -> None:
    found = ask(catalog(spread(400)), budget=0)
    assert (found.tasks.height, found.n_confident, found.n_uncertain) == (0, 20, 20)


def test_a_catalog_smaller_than_the_budget_is_asked_about_whole() -> None:
    scanned = catalog([0.95, 0.5, 0.1, 0.05, 0.01])
    tasks = ask(scanned).tasks
    assert sorted(tasks["image_id"]) == scanned["image_id"].to_list()


def test_one_image_has_no_neighbours() -> None:
    (row,) = ask(catalog([0.5])).tasks.to_dicts()
    assert (row["reason"], row["neighbours"]) == ("uncertain", [])


def test_an_empty_catalog_asks_nothing() -> None:
    found = ask(catalog([]))
    assert (found.tasks.height, *found[1:]) == (0, 0, 0, 0)


def test_what_one_reason_leaves_goes_to_the_others() -> None:
    p = np.linspace(0.0, 0.2, 300)
    p[:3] = 0.95  # three sure finds, nothing in doubt
    found = ask(catalog(p))
    assert found.n_uncertain == 0
    assert found.tasks.height == 20
    assert counts(found)["confident"] == 3
    assert counts(found)["neighbour"] > round(20 * SHARES["neighbour"])


def test_a_model_that_finds_nothing_asks_about_the_most_likely() -> None:
    scanned = catalog(np.linspace(0.0, 0.2, 300))
    found = ask(scanned)
    assert (found.n_confident, found.n_uncertain) == (0, 0)
    assert found.tasks.height == 20
    likely = scanned.sort("probability", descending=True)["image_id"].head(5)
    assert set(likely) <= set(found.tasks["image_id"])


def test_a_reject_limit_that_nothing_reaches_leaves_finds_in_doubt() -> None:
    found = ask(catalog(spread(400)), limits=Limits(1.0, 0.3))
    assert (found.n_confident, found.n_uncertain) == (0, 40)
    assert "confident" not in counts(found)


def test_without_neighbours_the_others_share_the_budget() -> None:
    found = ask(catalog(spread(400)), neighbours=0)
    assert found.n_neighbours == 0
    assert found.tasks.height == 20
    assert found.tasks["neighbours"].list.len().max() == 0
    assert "neighbour" not in counts(found)


def test_embeddings_that_are_all_alike_are_no_obstacle() -> None:
    scanned = catalog(spread(200)).with_columns(
        embedding=pl.lit([1.0, 0.0], pl.List(pl.Float32))
    )  # fmt: skip
    tasks = ask(scanned).tasks
    assert tasks.height == 20
    for row in tasks.to_dicts():
        assert row["image_id"] not in row["neighbours"]
        assert len(set(row["neighbours"])) == 4
