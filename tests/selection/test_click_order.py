from __future__ import annotations

from itertools import combinations

import numpy as np
import polars as pl
import pytest

from imgassets.selection.positions import MIN_CLICKS, SHOWN, fit_clicks
from tests.selection.set_inputs import clicks, image, image_id, order, policies, shown, url

PLACES = 5
LOOKED_AT = np.array([1.0, 0.55, 0.3, 0.18, 0.1])
"""True propensities of the simulation."""
LEARNED = {"learned": True, "shrinkage": 50.0, "min_impressions": 100}


def images_of(product: str) -> list[dict]:
    """Return images of one product, all fronts, so that positions alone are the policy's order."""
    return [image(f"{product}-{n}", product_id=product, position=n + 1) for n in range(PLACES)]


@pytest.fixture(scope="module")
def simulated():
    """Simulate clicks: in each product an order was shown for long, then two others for a while.

    Returns the rows of the clicks and the true rate of each image by product and number.
    """
    rng = np.random.default_rng(7)
    truth: dict[str, np.ndarray] = {}
    rows: list[tuple[str, str, int, int, int]] = []
    for number in range(60):
        product = f"p{number}"
        rate = truth[product] = rng.uniform(0.02, 0.3, PLACES)
        for times in (4000, 1000, 1000):
            shown_as = rng.permutation(PLACES) if times < 4000 else np.arange(PLACES)
            for place, which in enumerate(shown_as):
                clicked = rng.binomial(times, LOOKED_AT[place] * rate[which])
                rows.append((product, url(f"{product}-{which}"), place + 1, times, int(clicked)))
    return rows, truth


def in_true_order(order_of: dict[str, list[int]], truth: dict[str, np.ndarray]) -> float:
    """Return the share of pairs of one product's images, the heroes apart, in the true order."""
    right = total = 0
    for product, numbers in order_of.items():
        for first, second in combinations(numbers, 2):
            right += truth[product][first] > truth[product][second]
            total += 1
    return right / total


def test_positions_and_rates_are_told_apart(simulated) -> None:
    rows, _ = simulated
    model = clicks(rows).model
    np.testing.assert_allclose(model.propensities["propensity"], LOOKED_AT, rtol=0.06)


def test_the_learned_order_finds_the_truth_where_raw_rates_do_not(simulated) -> None:
    rows, truth = simulated
    images = [i for product in truth for i in images_of(product)]
    sets = order(images, policies(clicks=LEARNED), clicks=clicks(rows))
    learned = {p: [int(n.split("-")[1]) for n in shown(sets, images, p)] for p in truth}
    raw = (
        pl.DataFrame(rows, schema=["product", "image", "place", "shown", "clicked"], orient="row")
        .group_by("product", "image")
        .agg(rate=pl.col("clicked").sum() / pl.col("shown").sum())
        .sort("rate", descending=True)
    )
    by_rate = {
        p: [int(u.split("-")[1].split(".")[0]) for u in raw.filter(product=p)["image"]]
        for p in truth
    }
    by_policy = {p: list(range(PLACES)) for p in truth}
    assert in_true_order(learned, truth) > 0.95
    assert in_true_order(by_rate, truth) < 0.8
    assert in_true_order(by_policy, truth) < 0.6
    assert set(sets.ordered["ordered_by"]) == {"clicks"}


def test_both_orders_are_logged_whichever_is_shown(simulated) -> None:
    rows, _ = simulated
    images, known = images_of("p0"), clicks(rows)
    off = order(images, clicks=known).ordered.sort("rank")
    on = order(images, policies(clicks=LEARNED), clicks=known).ordered.sort("policy_rank")
    assert off["rank"].to_list() == off["policy_rank"].to_list() == [1, 2, 3, 4, 5]
    assert set(off["ordered_by"]) == {"policy"}
    assert on["rank"].to_list() == on["click_rank"].to_list() != on["policy_rank"].to_list()
    assert on["image_id"].to_list() == off["image_id"].to_list()
    best = on.filter(rank=1).row(0, named=True)
    assert "; hero by clicks, the most of 5; by clicks on " in best["reason"]
    assert best["reason"].endswith(f" % of looks, by the policy at place {best['policy_rank']}")


def test_one_product_is_ordered_as_among_all(simulated) -> None:
    rows, truth = simulated
    by = policies(clicks=LEARNED)
    everything = order([i for p in truth for i in images_of(p)], by, clicks=clicks(rows)).ordered
    own = [row for row in rows if row[0] == "p9"]
    alone = order(images_of("p9"), by, clicks=clicks(own, [r for r in rows if r[0] != "p9"]))
    assert alone.ordered.equals(everything.filter(product_id="p9"))


def test_without_data_the_policys_order_stands(simulated) -> None:
    rows, _ = simulated
    images = [image("new-0", product_id="new"), image("new-1", product_id="new", position=2)]
    found = order(images, policies(clicks=LEARNED), clicks=clicks(rows)).ordered
    assert found["click_rank"].to_list() == found["click_rate"].to_list() == [None, None]
    assert found["ordered_by"].to_list() == ["policy", "policy"]
    assert found["rank"].to_list() == found["policy_rank"].to_list()


def test_too_few_impressions_are_logged_and_change_nothing(simulated) -> None:
    rows, _ = simulated
    images = [image("few-0", product_id="few"), image("few-1", product_id="few", position=2)]
    few = [("few", url("few-1"), 2, 99, 90)]
    found = order(images, policies(clicks=LEARNED), clicks=clicks(few, rows)).ordered
    assert found["click_rank"].to_list() == [2, 1]
    assert found["ordered_by"].to_list() == ["policy", "policy"]
    enough = [("few", url("few-1"), 2, 100, 90)]
    found = order(images, policies(clicks=LEARNED), clicks=clicks(enough, rows))
    assert shown(found, images, "few") == ["few-1", "few-0"]


def test_shrinkage_holds_an_image_at_the_policys_place(simulated) -> None:
    rows, _ = simulated
    known = clicks(rows)
    held = policies(clicks=LEARNED | {"shrinkage": 1e9})
    found = order(images_of("p0"), held, clicks=known).ordered.sort("policy_rank")
    np.testing.assert_allclose(found["click_rate"], known.model.places["place_rate"], rtol=1e-5)


def test_clicks_put_no_image_first_that_may_not_be_hero(simulated) -> None:
    rows, _ = simulated
    images = [
        image("f", product_id="q"),
        image("grey", product_id="q", white=0.1, position=2),
        image("back", product_id="q", type="back", position=3),
        image("other", product_id="q", type="closeup", position=4, relevance=0.0),
    ]
    loved = [
        ("q", url(name), place, 5000, number)
        for place, (name, number) in enumerate(
            [("f", 10), ("grey", 1500), ("back", 900), ("other", 800)], 1
        )
    ]
    sets = order(images, policies(clicks=LEARNED, min_relevance=0.5), clicks=clicks(loved, rows))
    assert shown(sets, images, "q") == ["f", "back", "grey", "other"]


def test_clicks_on_duplicates_and_on_ids_are_the_representatives(simulated) -> None:
    rows, _ = simulated
    images = [
        image("a", product_id="q"),
        image("b", product_id="q", position=2),
        image("copy", product_id="q", position=3, duplicate_of="b"),
    ]
    by_copy = [("q", url("a"), 1, 500, 50), ("q", url("copy"), 2, 500, 100)]
    by_id = [("q", image_id("a"), 1, 500, 50), ("q", image_id("b"), 2, 500, 100)]
    found = [
        order(images, policies(clicks=LEARNED), clicks=clicks(of, rows)) for of in (by_copy, by_id)
    ]
    assert shown(found[0], images, "q") == ["b", "a"]
    np.testing.assert_allclose(found[0].ordered["click_rate"], found[1].ordered["click_rate"], 0.01)


def test_images_without_types_keep_the_suppliers_order(simulated) -> None:
    rows, _ = simulated
    images = [i | {"type": "untyped"} for i in images_of("p0")]
    found = order(images, policies(clicks=LEARNED), clicks=clicks(rows)).ordered
    assert found["rank"].to_list() == found["policy_rank"].to_list()
    assert set(found["ordered_by"]) == {"suppliers"}


def frame(*rows: tuple[str, int, int, int]) -> pl.DataFrame:
    return pl.DataFrame([("bags", "p", *row) for row in rows], schema=SHOWN, orient="row")


def test_what_cannot_be_compared_is_not() -> None:
    never_moved = frame(("a", 1, 1000, 300), ("b", 2, 1000, 100))
    assert fit_clicks(never_moved).propensities.is_empty()
    few = frame(("a", 1, 1000, 300), ("a", 2, 1000, MIN_CLICKS - 1))
    assert fit_clicks(few).propensities.is_empty()
    assert fit_clicks(frame()).places.is_empty()


def test_of_positions_that_nothing_connects_those_shown_most_count() -> None:
    model = fit_clicks(
        frame(
            ("a", 1, 100, 50), ("a", 2, 100, 25),
            ("b", 4, 1000, 300), ("b", 5, 1000, 150), ("c", 6, 9000, 0),
        )
    )  # fmt: skip
    assert model.propensities["position"].to_list() == [4, 5]
    np.testing.assert_allclose(model.propensities["propensity"], [1, 0.5])
    # Ranks that nothing was compared at have the rate of the next before them, or the first.
    assert model.places["policy_rank"].to_list() == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(model.places["place_rate"], 0.3)


def test_the_mean_rate_of_a_place_never_rises() -> None:
    rows = [(f"i{n}", place, 1000, c) for n, (place, c) in enumerate([(1, 50), (2, 400), (3, 90)])]
    moved = [("m", place, 1000, 200) for place in (1, 2, 3)]  # every place is looked at alike
    places = fit_clicks(frame(*rows, *moved)).places
    np.testing.assert_allclose(places["place_rate"], [0.2125, 0.2125, 0.145])


def test_the_order_of_rows_and_days_does_not_matter(simulated) -> None:
    rows, _ = simulated
    split = [
        (*row[:3], shown_, clicked)
        for row in reversed(rows)
        for shown_, clicked in ((row[3] - 100, row[4]), (100, 0))
    ]
    whole, parts = clicks(rows).model, clicks(split).model
    assert parts.propensities.equals(whole.propensities)
    assert parts.places.equals(whole.places)
