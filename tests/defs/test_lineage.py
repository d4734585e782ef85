"""What Dagster's UI shows of tables and runs: lineage, pictures, tables of changes, views."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import numpy as np
import polars as pl
import pytest
from PIL import Image

from imgassets.definitions import defs
from imgassets.defs.analyst.assets import analyst_views
from imgassets.defs.conventions import partitioned
from imgassets.defs.io_manager import AssetRows, WarehouseIOManager
from imgassets.defs.jobs import MAIN_ASSETS
from imgassets.defs.lineage import column_lineage
from imgassets.defs.partitions import CATEGORY, to_key
from imgassets.defs.reviews.sensors import REVIEW_ASSETS
from imgassets.defs.selection.pictures import category_table, draw_pictures
from imgassets.ingest.store import ImageStore
from imgassets.settings import Settings
from imgassets.warehouse.contracts import BY_NAME, ImageSetChanges, OrderedImageSets
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition
from imgassets.warehouse.views import views

DAY = dt.date(2026, 1, 5)
CELL = Partition(DAY, "lamps")
HOSTILE = "p|1 [x](javascript:alert(1)) <img src=x>"


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("lake")
    return Warehouse(f"ducklake:sqlite:{folder}/catalog.sqlite", f"{folder}/data")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(str(tmp_path / "images"))


def picture(store: ImageStore, colour: str) -> str:
    out = io.BytesIO()
    Image.new("RGB", (300, 200), colour).save(out, "PNG")
    return store.put(out.getvalue())


def changes(*products: tuple[str, list[str], list[str]]) -> pl.DataFrame:
    rows = [
        {
            "day": DAY, "category": "lamps", "product_id": product, "status": "changed",
            "before": before, "after": after, "added": sorted(set(after) - set(before)),
            "removed": sorted(set(before) - set(after)), "moved": [],
            "hero_changed": before[:1] != after[:1],
        }
        for product, before, after in products
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=ImageSetChanges.create_empty().schema)


def sets(of: pl.DataFrame) -> pl.DataFrame:
    rows = [
        {
            "day": row["day"], "category": row["category"], "product_id": row["product_id"],
            "rank": rank, "image_id": image, "image_type": "front", "is_hero": rank == 1,
            "reason": "first front image",
        }
        for row in of.iter_rows(named=True)
        for rank, image in enumerate(row["after"], 1)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=OrderedImageSets.create_empty().schema)


def shown(of: pl.DataFrame, store: ImageStore, **service: str) -> tuple[str, str]:
    """Return the Markdown of heroes and of changes."""
    settings = Settings(service=service)
    context = SimpleNamespace(log=SimpleNamespace(warning=pytest.fail))
    pictures = draw_pictures(context, sets(of), of, store, settings)  # type: ignore[arg-type]
    return (
        pictures.ordered[CELL]["heroes"].value,
        pictures.changes[CELL]["before_and_after"].value,
    )


def test_lineage_names_assets_alone_and_their_columns() -> None:
    graph = defs().resolve_asset_graph()
    assets = {key.path[-1] for key in graph.get_all_asset_keys()}
    for table in (*MAIN_ASSETS, "image_matches", *REVIEW_ASSETS):
        found = column_lineage(table)
        if found is None:  # what comes from outside
            assert table == "supplier_offers"
            continue
        assert set(found.deps_by_column) <= set(BY_NAME[table].column_names())
        step = graph.get(dg.AssetKey(table)).execution_set_entity_keys
        above = {key.path[-1] for key in step if isinstance(key, dg.AssetKey)}
        pending = [dg.AssetKey(table)]
        while pending:
            parents = graph.get(pending.pop()).parent_keys
            pending += [key for key in parents if key.path[-1] not in above]
            above |= {key.path[-1] for key in parents}
        for dep in (d for deps in found.deps_by_column.values() for d in deps):
            name = dep.asset_key.path[-1]
            assert name in assets - {table}, (table, dep)
            assert dep.column_name in BY_NAME[name].column_names(), (table, dep)
            # People's labels and answers are read as they stand: no asset waits for them.
            external = graph.get(dep.asset_key).is_external
            assert name in above or external, (table, dep)


def test_a_materialization_keeps_lineage_schema_and_its_partitions_own_metadata(
    warehouse: Warehouse, instance: dg.DagsterInstance
) -> None:
    frame = sets(changes(("p1", [], ["a" * 64])))

    @dg.asset(**partitioned("selection"), name="ordered_image_sets")
    def written() -> AssetRows:
        return AssetRows(frame, by_partition={CELL: {"heroes": dg.MetadataValue.md("**one**")}})

    instance.add_dynamic_partitions(CATEGORY.name or "", ["lamps", "rugs"])
    result = dg.materialize(
        [written],
        instance=instance,
        resources={"io_manager": WarehouseIOManager(warehouse)},
        tags={
            "dagster/asset_partition_range_start": str(to_key(CELL)),
            "dagster/asset_partition_range_end": str(to_key(Partition(DAY, "rugs"))),
        },
    )
    assert result.success
    stored = {
        str(event.partition): event.metadata
        for event in result.asset_materializations_for_node("ordered_image_sets")
    }
    assert set(stored) == {"lamps|2026-01-05", "rugs|2026-01-05"}
    for metadata in stored.values():
        value = metadata["dagster/column_lineage"].value
        assert value == column_lineage("ordered_image_sets")
        assert [
            (d.asset_key.path[-1], d.column_name) for d in value.deps_by_column["image_id"]
        ] == [("aggregated_images", "image_id")]
    assert stored["lamps|2026-01-05"]["heroes"].value == "**one**"
    assert "heroes" not in stored["rugs|2026-01-05"]
    kept = instance.get_latest_materialization_event(dg.AssetKey("ordered_image_sets"))
    assert kept is not None
    assert kept.asset_materialization is not None
    assert "dagster/column_lineage" in kept.asset_materialization.metadata


def test_the_strip_shows_each_picture_once_and_names_what_is_missing_or_broken(
    store: ImageStore,
) -> None:
    red, blue = picture(store, "red"), picture(store, "blue")
    broken, missing = store.put(b"no picture"), "f" * 64
    of = changes(("p1", [red, broken], [blue, red, missing]))
    heroes, strip = shown(of, store)
    assert strip.count(f"![{red[:8]}][{red}]") == 2
    assert len(re.findall(rf"^\[{red}\]: data:image/webp;base64,", strip, re.MULTILINE)) == 1
    assert f"`{broken[:8]}`" in strip
    assert f"`{missing[:8]}`" in strip
    assert "**another hero**, 2 added, 1 removed" in strip
    assert f"![{blue[:8]}][{blue}]" in heroes
    assert "first front image" in heroes


def test_products_link_to_the_service_and_hostile_ids_stay_text(store: ImageStore) -> None:
    of = changes((HOSTILE, [], [picture(store, "red")]))
    for text in shown(of, store, url="https://images.example/"):
        row = text.splitlines()[2]
        assert "](https://images.example/products/lamps/p%7C1%20%5Bx%5D%28javascript" in row
        assert len(re.findall(r"(?<!\\)\|", row)) == 5
        assert "<img" not in row.replace("\\<", "")
        assert not re.search(r"(?<!\\)\]\(javascript", row)
    assert "http" not in shown(of, store)[1].split("data:")[0]


def test_a_strip_never_outgrows_its_room(store: ImageStore) -> None:
    noise = [store.put(_noise(seed)) for seed in range(30)]
    of = changes(*((f"p{n:02d}", noise[n : n + 2], noise[n + 2 : n + 4]) for n in range(24)))
    heroes, strip = shown(of, store)
    assert max(len(heroes), len(strip)) < 100_000
    assert "more are not shown" in strip
    assert 1 <= strip.count("added") < 8


def _noise(seed: int) -> bytes:
    out = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (96, 96, 3), np.uint8)
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_a_store_that_is_down_costs_the_pictures_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    _, strip = shown(changes(("p1", ["a" * 64], ["b" * 64])), ImageStore(str(tmp_path / "file")))
    assert "`bbbbbbbb`" in strip


def test_the_table_of_changes_has_a_row_for_each_category() -> None:
    of = changes(("p1", ["a"], ["b", "a"]), ("p2", ["a"], ["a"])).with_columns(
        status=pl.Series(["changed", "bypassed_single_image"])
    )
    (record,) = category_table(of).records
    assert record.data == {
        "category": "lamps", "products": 2, "changed": 1, "unchanged": 0, "bypassed": 1,
        "hero_changed": 1, "images_added": 1, "images_removed": 0, "images_moved": 0,
    }  # fmt: skip
    assert category_table(of.clear()).records == []


def test_the_asset_of_views_says_what_it_installed(
    warehouse: Warehouse, instance: dg.DagsterInstance
) -> None:
    warehouse.initialise()
    with warehouse.connect(read_only=False) as connection:
        connection.execute("DROP VIEW image_funnel")
    result = dg.materialize([analyst_views], instance=instance, resources={"warehouse": warehouse})
    (event,) = result.asset_materializations_for_node("analyst_views")
    assert event.metadata["newly_installed"].value == "image_funnel"
    table = event.metadata["what_one_row_is"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [record.data["view"] for record in table.records] == [view.name for view in views()]
    assert all(str(record.data["one row is"]).startswith("One row") for record in table.records)
