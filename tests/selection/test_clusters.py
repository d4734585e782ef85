from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from imgassets.selection.clusters import Clustered, cluster_duplicates
from imgassets.selection.judging import PAIR
from imgassets.selection.thresholds import Limits, Thresholds
from imgassets.warehouse.contracts import ComparedPairs, DedupClusters

LIMITS = Thresholds(
    default=Limits.model_validate(
        {
            "same_probability": 0.9,
            "gate": {"shape": 20, "edges": 20, "hsv": 0.5},
            "ensemble": {"phash": 10, "edge_dhash": 10, "hsv": 0.3},
        }
    )
)
OF_AGGREGATED = ("width", "height", "is_curated", "best_position", "suppliers")
OF_SIGNALS = (
    "source", "phash", "dhash", "object_phash", "edge_dhash", "hsv_histogram", "sharpness",
    "foreground_fraction", "colourfulness",
)  # fmt: skip


@pytest.fixture(scope="session")
def inputs(make_aggregated, make_signals, make_types, to_cluster):
    """Make the rows of images given as dicts: name, product, type, and what differs."""

    def make(*images: dict) -> pl.DataFrame:
        aggregated = make_aggregated(
            *(
                {k: v for k, v in image.items() if k in ("name", *OF_AGGREGATED)}
                | {"product_id": image.get("product", "p1")}
                for image in images
            )
        )
        unique = {image["name"]: image for image in images}.values()
        signals = make_signals(
            *({k: v for k, v in i.items() if k in ("name", *OF_SIGNALS)} for i in unique)
        )
        typed = make_types(
            *((i.get("product", "p1"), i["name"], i.get("type", "front")) for i in images)
        )
        judged = typed.select("product_id", "image_id").with_columns(
            doubts=pl.Series([i.get("doubts", 0) for i in images], dtype=pl.Int64),
            defect=pl.Series([i.get("defect", 0.1) for i in images], dtype=pl.Float32),
        )
        return to_cluster(typed, signals, aggregated, judged)

    return make


def clustered(images: pl.DataFrame, **more) -> Clustered:
    found = cluster_duplicates(images, LIMITS, **more)
    return Clustered(DedupClusters.conform(found.clusters), ComparedPairs.conform(found.pairs))


@pytest.fixture
def cluster(inputs):
    """Cluster images by the ensemble of signals alone."""
    return lambda *images: clustered(inputs(*images)).clusters


def seeing(same: dict[frozenset[str], float], asked: list[frozenset[str]] | None = None):
    """Return what compares pixels: the given probabilities, 0 for every other pair."""

    def compare(pairs: pl.DataFrame) -> pl.DataFrame:
        found = [frozenset(row) for row in pairs.select(PAIR).rows()]
        if asked is not None:
            asked.extend(found)
        boxes = pl.Series([[0.1, 0.2, 0.3, 0.4]] * len(found), dtype=pl.List(pl.Float32))
        return pairs.with_columns(
            probability=pl.Series([same.get(pair, 0.0) for pair in found], dtype=pl.Float32),
            left_box=boxes,
            right_box=boxes,
            comparator_version=pl.lit("test"),
        )

    return compare


def representative(frame: pl.DataFrame) -> str:
    return frame.filter("is_representative")["image_id"].item()


def cluster_of(frame: pl.DataFrame) -> dict[str, str]:
    return dict(frame.select("image_id", "cluster_id").iter_rows())


def test_copies_form_a_cluster(cluster, key) -> None:
    frame = cluster({"name": "a"}, {"name": "a2", "source": "a"}, {"name": "b"})
    assert frame["is_representative"].sum() == 2
    copies = frame.filter(pl.col("image_id").is_in([key("a"), key("a2")]))
    assert copies["cluster_id"].n_unique() == 1
    assert copies["nearest_image_id"].to_list() == copies["image_id"].reverse().to_list()
    assert copies["phash_distance"].to_list() == [0, 0]
    assert copies["decided_by"].to_list() == ["signals", "signals"]


def test_clusters_stay_within_type_and_product(cluster) -> None:
    by_type = cluster({"name": "a"}, {"name": "a2", "source": "a", "type": "back"})
    assert by_type["is_representative"].all()
    assert by_type["nearest_image_id"].null_count() == 2
    by_product = cluster({"name": "a"}, {"name": "a2", "source": "a", "product": "p2"})
    assert by_product["is_representative"].all()


def test_the_same_bytes_for_two_products_stand_for_each(cluster) -> None:
    frame = cluster({"name": "a"}, {"name": "a", "product": "p2"})
    assert len(frame) == 2
    assert frame["is_representative"].all()


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({}, {"doubts": 1, "is_curated": True}),
        ({"is_curated": True, "width": 400, "height": 500}, {}),
        ({"colourfulness": 20.0, "width": 400}, {"colourfulness": 0.0}),
        ({"width": 1600, "height": 2000, "defect": 0.4}, {"best_position": 1}),
        ({"defect": 0.1, "sharpness": 0.3}, {"defect": 0.3}),
        ({"sharpness": 0.48}, {"sharpness": 0.3}),
        ({"best_position": 1}, {"best_position": 2}),
        (
            {"foreground_fraction": 0.6, "best_position": 3},
            {"foreground_fraction": 0.4, "width": 980, "height": 1225},
        ),
    ],
)
def test_the_better_image_stands_for_the_cluster(cluster, key, better, worse) -> None:
    for names in (("a", "b"), ("b", "a")):
        frame = cluster(
            {"name": names[0], "source": "x"} | better, {"name": names[1], "source": "x"} | worse
        )
        assert representative(frame) == key(names[0])


def test_chains_do_not_merge(inputs, key) -> None:
    images = [{"name": name, "source": "x", "best_position": n} for n, name in enumerate("abc", 1)]
    near = {frozenset((key("a"), key("b"))): 0.99, frozenset((key("b"), key("c"))): 0.99}
    found = clustered(inputs(*images), compare=seeing(near))
    assert cluster_of(found.clusters) == {
        key("a"): key("a"), key("b"): key("a"), key("c"): key("c")
    }  # fmt: skip
    # The same chain, its middle the best image: both ends are its duplicates.
    images[1]["is_curated"] = True
    middle = clustered(inputs(*images), compare=seeing(near)).clusters
    assert set(middle["cluster_id"]) == {key("b")}


def test_pixels_are_looked_at_where_signals_leave_doubt(inputs, key) -> None:
    asked: list[frozenset[str]] = []
    images = [{"name": "a"}, {"name": "a2", "source": "a"}, {"name": "b"}]
    pair = frozenset((key("a"), key("a2")))
    found = clustered(inputs(*images), compare=seeing({pair: 0.95}, asked))
    assert asked == [pair]
    assert found.pairs.select("same", "probability", "decided_by").rows() == [
        (True, pytest.approx(0.95), "pixels")
    ]
    rows = found.clusters.filter(pl.col("image_id").is_in([key("a"), key("a2")]))
    assert rows["decided_by"].to_list() == ["pixels", "pixels"]
    assert rows["probability"].to_list() == pytest.approx([0.95, 0.95])


def test_identical_signals_do_not_hide_a_difference_in_pixels(inputs, key) -> None:
    images = [{"name": "a"}, {"name": "with stylus", "source": "a"}]
    found = clustered(inputs(*images), compare=seeing({}))
    assert found.clusters["is_representative"].all()
    assert found.pairs["same"].to_list() == [False]


def test_the_probability_must_reach_the_categorys_limit(inputs, key) -> None:
    frames = inputs({"name": "a"}, {"name": "a2", "source": "a"})
    pair = frozenset((key("a"), key("a2")))
    strict = LIMITS.default.model_copy(update={"same_probability": 0.97})
    thresholds = Thresholds(default=LIMITS.default, categories={"bags": strict})
    for probability, same in ((0.96, False), (0.975, True)):
        found = cluster_duplicates(frames, thresholds, seeing({pair: probability}))
        assert found.pairs["same"].to_list() == [same]


def test_people_overrule_pixels_and_signals(inputs, key) -> None:
    def told(one: str, other: str, same: bool) -> pl.DataFrame:
        left, right = sorted((key(one), key(other)))
        return pl.DataFrame({"left_image_id": [left], "right_image_id": [right], "same": [same]})

    copies = inputs({"name": "a"}, {"name": "a2", "source": "a"})
    pair = frozenset((key("a"), key("a2")))
    kept = clustered(copies, compare=seeing({pair: 1.0}), told=told("a", "a2", False))
    assert kept.clusters["is_representative"].all()
    assert kept.pairs.select("same", "decided_by").rows() == [(False, "people")]
    far = inputs({"name": "a"}, {"name": "b"})
    merged = clustered(far, compare=seeing({}), told=told("a", "b", True))
    assert merged.clusters["is_representative"].sum() == 1
    assert merged.clusters["decided_by"].to_list() == ["people", "people"]
    assert merged.pairs.is_empty()


def test_signals_that_are_no_numbers_leave_the_decision_to_pixels(inputs, key) -> None:
    images = [{"name": "a"}, {"name": "a2", "source": "a"}]
    frames = inputs(*images)
    nothing = pl.Series([[float("nan")] * 128] * 2, dtype=pl.List(pl.Float32))
    frames = frames.with_columns(
        hsv_histogram=nothing, colourfulness=pl.lit(float("nan"), pl.Float32),
        sharpness=pl.lit(float("nan"), pl.Float32), defect=pl.lit(float("nan"), pl.Float32),
        foreground_fraction=pl.lit(float("nan"), pl.Float32),
    )  # fmt: skip
    for probability, clusters in ((0.0, 2), (1.0, 1)):
        pair = frozenset((key("a"), key("a2")))
        found = clustered(frames, compare=seeing({pair: probability}))
        assert found.clusters["is_representative"].sum() == clusters


def test_many_identical_images_cost_one_comparison_each(inputs) -> None:
    asked: list[frozenset[str]] = []

    def everything(pairs: pl.DataFrame) -> pl.DataFrame:
        return seeing({}, asked)(pairs).with_columns(probability=pl.lit(1.0, pl.Float32))

    images = [{"name": f"i{n}", "source": "x"} for n in range(500)]
    found = clustered(inputs(*images), compare=everything)
    assert found.clusters["is_representative"].sum() == 1
    assert len(asked) == len(set(asked)) == 499


IMAGES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 1), st.sampled_from(["front", "back"])),
    min_size=1,
    max_size=10,
)


@settings(max_examples=25, deadline=None)
@given(images=IMAGES, seed=st.integers(0, 2**32 - 1))
def test_neither_the_order_of_rows_nor_suppliers_names_change_a_cluster(
    images, seed, inputs
) -> None:
    rows = [
        {
            "name": f"i{n}", "source": f"s{source}", "type": kind, "product": f"p{product}",
            "suppliers": ["acme", "dune"][: 1 + n % 2], "best_position": 1 + n % 3,
        }
        for n, (source, product, kind) in enumerate(images)
    ]  # fmt: skip
    frame = inputs(*rows)
    renamed = [
        row | {"suppliers": [f"{name} renamed" for name in row["suppliers"]]} for row in rows
    ]
    shuffled = inputs(*renamed).sample(fraction=1, shuffle=True, seed=seed)
    for compare in (None, _by_hash_of_ids):
        first, again = (cluster_duplicates(f, LIMITS, compare) for f in (frame, shuffled))
        assert_frame_equal(first.clusters, again.clusters)
        assert_frame_equal(first.pairs, again.pairs)


def _by_hash_of_ids(pairs: pl.DataFrame) -> pl.DataFrame:
    """A comparator without any transitivity: nothing but the pair itself decides."""
    same = {
        frozenset(pair): float(np.random.default_rng(int(pair[0][:8] + pair[1][:8], 16)).random())
        for pair in pairs.select(PAIR).rows()
    }
    return seeing({pair: p if p > 0.5 else 1.0 for pair, p in same.items()})(pairs)


def test_empty(inputs) -> None:
    frames = inputs({"name": "a"}).clear()
    for compare in (None, seeing({})):
        found = clustered(frames, compare=compare)
        assert found.clusters.is_empty()
        assert found.pairs.is_empty()
