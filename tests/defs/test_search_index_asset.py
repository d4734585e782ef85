"""search_index in Dagster: the asset, its check, and when it is made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import dagster as dg
import pytest

from imgassets.defs.partitions import CATEGORY, to_key
from imgassets.defs.search import index as module
from imgassets.defs.search.index import index_previous_day, search_index, search_index_check
from imgassets.learning.search.champion import SearchChampion
from imgassets.operations.search_index import index_folder
from imgassets.search.index import SearchIndex
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition
from tests.searched_images import MONDAY, TUESDAY, Model, Shown, write_catalog

IMAGES = [
    Shown("p1", "a", "red shirt"),
    Shown("p2", "b", "red"),
    Shown("b1", "c", "bag", 1, "bags"),
]


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        made.add_dynamic_partitions(CATEGORY.name or "", ["tees", "bags"])
        yield made


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"))


@pytest.fixture
def warehouse(settings: Settings) -> Warehouse:
    made = Warehouse(settings.warehouse, settings.warehouse_data)
    write_catalog(made, {}, IMAGES)
    return made


@pytest.fixture
def champion(monkeypatch: pytest.MonkeyPatch) -> list[SearchChampion]:
    answers = [Model().champion]
    for name in ("load_search_model", "find_search_model"):
        monkeypatch.setattr(module, name, lambda *_: answers[-1])
    return answers


def run(
    settings: Settings, warehouse: Warehouse, instance: dg.DagsterInstance, category: str
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [search_index, search_index_check],
        instance=instance,
        partition_key=to_key(Partition(MONDAY, category)),
        resources={"settings": settings, "warehouse": warehouse, "registry": object()},
        raise_on_error=True,
    )


def told(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    (event,) = result.asset_materializations_for_node("search_index")
    return {name: value.value for name, value in event.metadata.items()}


def test_a_run_brings_its_categories_up_to_date_and_checks_them(
    settings: Settings,
    warehouse: Warehouse,
    instance: dg.DagsterInstance,
    champion: list[SearchChampion],
) -> None:
    first = told(run(settings, warehouse, instance, "tees"))
    assert (first["added"], first["built_anew"]) == (3, True)
    write_catalog(warehouse, {}, [*IMAGES[1:], Shown("p3", "d", "green"), Shown("p4", "e", "red")])
    result = run(settings, warehouse, instance, "bags")
    assert (told(result)["added"], told(result)["removed"]) == (0, 0)
    assert [check.passed for check in result.get_asset_check_evaluations()] == [True]
    result = run(settings, warehouse, instance, "tees")
    assert (told(result)["added"], told(result)["removed"]) == (2, 1)
    (check,) = result.get_asset_check_evaluations()
    assert check.passed
    assert len(SearchIndex.open(index_folder(settings))) == 4


def test_without_a_model_a_run_says_so(
    settings: Settings,
    warehouse: Warehouse,
    instance: dg.DagsterInstance,
    champion: list[SearchChampion],
) -> None:
    champion.append(SearchChampion())
    result = run(settings, warehouse, instance, "tees")
    assert "imgassets train search" in str(told(result)["notes"])
    assert [check.passed for check in result.get_asset_check_evaluations()] == [True]


def test_the_schedule_asks_for_what_the_model_has_not_seen(
    settings: Settings,
    warehouse: Warehouse,
    instance: dg.DagsterInstance,
    champion: list[SearchChampion],
) -> None:
    def tick(day: dt.date) -> list[dg.RunRequest] | dg.SkipReason:
        context = dg.build_schedule_context(
            instance, scheduled_execution_time=dt.datetime.combine(day, dt.time(4))
        )
        requested = index_previous_day(context, warehouse=warehouse, registry=object())
        assert isinstance(requested, (list, dg.SkipReason))
        return requested

    assert isinstance(tick(TUESDAY), dg.SkipReason)
    write_catalog(warehouse, {}, [*IMAGES, Shown("p9", "z", "red", encoder="")])
    (request,) = tick(TUESDAY)
    assert request.partition_key == to_key(Partition(MONDAY, "tees"))
    assert isinstance(tick(MONDAY), dg.SkipReason)
    champion.append(SearchChampion())
    skipped = tick(TUESDAY)
    assert isinstance(skipped, dg.SkipReason)
    assert "no search model" in (skipped.skip_message or "")
