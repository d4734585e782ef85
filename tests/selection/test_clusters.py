from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from imgassets.selection.clusters import cluster_duplicates
from imgassets.settings import DedupSettings
from imgassets.warehouse.contracts import DedupClusters

LIMITS = DedupSettings(max_phash_distance=10, max_edge_dhash_distance=10, max_hsv_distance=0.3)


@pytest.fixture
def cluster(make_aggregated, make_signals, make_types):
    """Cluster images given as dicts: name, and what differs among product, type and signals."""
    aggregated_keys = ("width", "height", "is_curated", "best_position")

    def run(*images: dict) -> pl.DataFrame:
        rows = []
        for image in images:
            own = {k: v for k, v in image.items() if k in ("name", *aggregated_keys)}
            rows.append(own | {"product_id": image.get("product", "p1")})
        unique = {image["name"]: image for image in images}.values()
        skip = ("product", "type", *aggregated_keys)
        signals = make_signals(
            *({k: v for k, v in image.items() if k not in skip} for image in unique)
        )
        typed = make_types(
            *((i.get("product", "p1"), i["name"], i.get("type", "front")) for i in images)
        )
        return DedupClusters.conform(
            cluster_duplicates(typed, signals, make_aggregated(*rows), LIMITS)
        )

    return run


def representative(frame: pl.DataFrame) -> str:
    return frame.filter("is_representative")["image_id"].item()


def test_copies_form_a_cluster(cluster, key) -> None:
    frame = cluster({"name": "a"}, {"name": "a2", "source": "a"}, {"name": "b"})
    assert frame["is_representative"].sum() == 2
    copies = frame.filter(pl.col("image_id").is_in([key("a"), key("a2")]))
    assert copies["cluster_id"].n_unique() == 1
    assert copies["nearest_image_id"].to_list() == copies["image_id"].reverse().to_list()
    assert copies["phash_distance"].to_list() == [0, 0]


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
        ({"is_curated": True, "width": 400, "height": 500}, {}),
        ({"colourfulness": 20.0, "width": 400}, {"colourfulness": 0.0}),
        ({"width": 1600, "height": 2000}, {"best_position": 1}),
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


def test_chains_do_not_merge_and_representatives_differ(cluster, key) -> None:
    def shifted(name: str, bits: int, position: int) -> dict:
        phash = f"{(1 << bits) - 1:016x}"
        same = {"source": "x", "edge_dhash": "0" * 16, "best_position": position}
        return {"name": name, "object_phash": phash} | same

    frame = cluster(shifted("a", 0, 1), shifted("b", 8, 2), shifted("c", 16, 3))
    chosen = dict(frame.select("image_id", "cluster_id").iter_rows())
    assert chosen[key("a")] == chosen[key("b")] == key("a")
    assert chosen[key("c")] == key("c")
    nearer = cluster(shifted("a", 0, 1), shifted("c", 18, 2), shifted("b", 10, 3))
    chosen = dict(nearer.select("image_id", "cluster_id").iter_rows())
    assert chosen[key("b")] == key("c")


def test_the_order_of_rows_changes_nothing(make_aggregated, make_signals, make_types) -> None:
    images = [{"name": f"i{k}", "source": f"s{k % 3}"} for k in range(9)]
    aggregated = make_aggregated(*({"name": image["name"]} for image in images))
    signals = make_signals(*images)
    typed = make_types(*(("p1", image["name"], "front") for image in images))
    first = cluster_duplicates(typed, signals, aggregated, LIMITS)
    again = cluster_duplicates(typed.reverse(), signals.reverse(), aggregated.reverse(), LIMITS)
    assert_frame_equal(first, again)
    assert first["is_representative"].sum() == 3


def test_empty(make_aggregated, make_signals, make_types) -> None:
    frame = cluster_duplicates(
        make_types(),
        make_signals({"name": "a"}).clear(),
        make_aggregated({"name": "a"}).clear(),
        LIMITS,
    )
    assert DedupClusters.conform(frame).is_empty()
