"""What partitions cost beside their work: in a backfill, in a plan, and in Dagster's pages.

    python benchmarks/overhead.py backfill [--partitions 100]
    python benchmarks/overhead.py plan [--partitions 100000]
    python benchmarks/overhead.py pages [--partitions 100000] [--storage POSTGRES_URL]

backfill: partitions of one product with two images, the same two in all partitions. They are
measured once, so all else that `imgassets backfill` takes is overhead: Dagster's steps and events,
what steps read, commits. Overhead per partition = (time of all - time of one) / (all - 1). It is
told for one process (`imgassets backfill`), of the wall and of all cores.

plan: a warehouse with this many (day, category) partitions, all of them complete, then half of them
stale: how long `imgassets backfill` looks for what to do.

pages: a Dagster instance with this many partitions of one asset materialised, and a real webserver:
how long the queries of its pages take, cold and warm.
"""

from __future__ import annotations

import argparse
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx2
import polars as pl
from rich.console import Console

FIRST_DAY = date(2025, 1, 1)
DAYS = 100
console = Console(width=110, highlight=False)

_PAGES = {
    "asset graph: counts of every asset": (
        "{ assetNodes { assetKey { path } partitionStats { numMaterialized numPartitions } } }"
    ),
    "asset page: status of each partition": (
        '{ assetNodeOrError(assetKey: {path: ["image_signals"]}) { ... on AssetNode { '
        "assetPartitionStatuses { ... on MultiPartitionStatuses { ranges { primaryDimStartKey "
        "primaryDimEndKey secondaryDim { __typename ... on DefaultPartitionStatuses { "
        "materializedPartitions } ... on TimePartitionStatuses { ranges { startKey endKey status } "
        "} } } } } } } }"
    ),
    "launch dialog: keys by dimension": (
        '{ assetNodeOrError(assetKey: {path: ["image_signals"]}) { ... on AssetNode { '
        "partitionKeysByDimension { name partitionKeys } } } }"
    ),
    "one partition: its latest event": (
        '{ assetNodeOrError(assetKey: {path: ["image_signals"]}) { ... on AssetNode { '
        'assetMaterializations(partitions: ["category-0007|2025-02-01"], limit: 1) { runId '
        "timestamp } } } }"
    ),
    "runs: the latest 25": (
        "{ runsOrError(limit: 25) { ... on Runs { results { runId status } } } }"
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["backfill", "plan", "pages"])
    parser.add_argument("--partitions", type=int)
    parser.add_argument("--storage", default="", help="SQLAlchemy URL of PostgreSQL; else SQLite")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        if options.what == "backfill":
            measure_backfill(home, options.partitions or 100)
        elif options.what == "plan":
            measure_plan(home, options.partitions or 100_000)
        else:
            measure_pages(home, options.partitions or 100_000, options.storage)


def measure_backfill(home: Path, partitions: int) -> None:
    from imgassets.sample import write_sample_catalog

    sample = write_sample_catalog(home / "sample", styles=2)
    images = sorted(file for file in sample.folder.rglob("*.jpg"))[:2]
    categories, days = max(partitions // 5, 1), min(partitions, 5)
    figures = {}
    for name, n_categories, n_days in (("one", 1, 1), ("all", categories, days)):
        of = home / name
        cells = [(f"category-{c:04d}", d) for c in range(n_categories) for d in range(n_days)]
        for day in range(n_days):
            rows = [
                {"product_id": f"{c}-{d}", "category": c, "image_url": str(image), "position": n}
                for c, d in cells
                if d == day
                for n, image in enumerate(images, 1)
            ]
            file = of / "feeds" / str(FIRST_DAY + timedelta(days=day)) / "acme.csv"
            file.parent.mkdir(parents=True)
            pl.DataFrame(rows).write_csv(file)
        command("ingest", str(of / "feeds"), "--image-base", str(sample.folder), home=of)
        figures[name] = command("backfill", home=of)
        console.print(
            f"{len(cells)} partitions: {figures[name][0]:.1f} s, CPU {figures[name][1]:.1f} s"
        )
    for place, clock in enumerate(("wall", "CPU")):
        more = (figures["all"][place] - figures["one"][place]) / (categories * days - 1)
        console.print(f"overhead per partition, {clock}: {more:.3f} s")


def command(*arguments: str, home: Path) -> tuple[float, float]:
    """Run an imgassets command; return its seconds of the wall and of all cores."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "imgassets", *arguments],
        env={**os.environ, "IMGASSETS_HOME": str(home)},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, used


def measure_plan(home: Path, partitions: int) -> None:
    from imgassets.operations.planning import fingerprints, plan
    from imgassets.settings import Settings
    from imgassets.warehouse.contracts import FeedFiles, PartitionState
    from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse

    settings = Settings(home=home)
    warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
    cells = all_cells(partitions)
    files = cells.join(pl.DataFrame({"supplier_id": ["acme", "borealis"]}), how="cross")
    told = {
        "feed_file": "generated", "landed_as": "", "sha256": "0" * 64, "source_key": "",
        "image_base": "", "n_rows": 1000, "content_hash": "0" * 64,
    }  # fmt: skip
    registered = files.with_columns(pl.lit(value).alias(name) for name, value in told.items())
    warehouse.replace([Replacement(FeedFiles, registered)], CommitMessage("benchmark"))
    order = cells["category"].unique().sort().to_list()

    def look(what: str) -> None:
        count = timed(f"{what}: plan", lambda: plan(warehouse, settings))
        timed(
            f"{what}: {len(count.partitions)} partitions to rectangles",
            lambda: count.rectangles(order),
        )

    look("nothing done")
    marks = fingerprints(warehouse, settings).with_columns(stage=pl.lit("complete"))
    changed = (pl.int_range(pl.len()) % 2 == 0) & pl.lit(value=True)
    for what, fingerprint in (
        ("all complete", pl.col("fingerprint")),
        ("every second stale", pl.when(changed).then(pl.lit("old")).otherwise("fingerprint")),
    ):
        rows = marks.with_columns(fingerprint=fingerprint)
        warehouse.replace([Replacement(PartitionState, rows)], CommitMessage("benchmark"))
        look(what)


def all_cells(partitions: int) -> pl.DataFrame:
    """Return day, category of so many partitions: categories of 100 days each."""
    days = pl.DataFrame({"day": [FIRST_DAY + timedelta(days=n) for n in range(DAYS)]})
    names = [f"category-{n:04d}" for n in range(-(-partitions // DAYS))]
    return days.join(pl.DataFrame({"category": names}), how="cross").sort("category", "day")


def timed(what: str, work: Callable[[], Any]) -> Any:
    """Do some work, print how long it took, and return what it returned."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    console.print(
        f"{what}: {time.perf_counter() - wall:.2f} s, CPU {time.process_time() - cpu:.2f} s"
    )
    return result


def measure_pages(home: Path, partitions: int, storage: str) -> None:
    import dagster as dg
    import sqlalchemy
    from dagster._core.events import (
        AssetMaterialization,
        DagsterEvent,
        DagsterEventType,
        StepMaterializationData,
    )
    from dagster._core.storage.event_log.schema import SqlEventLogStorageTable

    from imgassets.defs.partitions import CATEGORY, to_key
    from imgassets.defs.runner import open_instance
    from imgassets.settings import Settings
    from imgassets.warehouse.partitions import Partition

    if storage:
        os.environ["DAGSTER_HOME"] = str(postgres_home(home, storage))
    cells = all_cells(partitions)
    with open_instance(Settings(home=home)) as instance:
        names = cells["category"].unique().sort().to_list()
        instance.add_dynamic_partitions(CATEGORY.name or "", names)
        run_id = instance.add_run(dg.DagsterRun(job_name="generated")).run_id

        keys = [
            str(to_key(Partition(day, category)))
            for day, category in cells.select("day", "category").iter_rows()
        ]
        materialised = AssetMaterialization(dg.AssetKey("image_signals"), partition=keys[0])
        event = DagsterEvent(
            DagsterEventType.ASSET_MATERIALIZATION.value,
            "generated",
            event_specific_data=StepMaterializationData(materialised),
        )
        instance.report_dagster_event(event, run_id)
        # The others are copies of its row: Dagster commits each event by itself.
        events = SqlEventLogStorageTable
        with instance.event_log_storage.index_connection() as connection:
            first = connection.execute(
                sqlalchemy.select(events).where(events.c.partition == keys[0])
            ).mappings().one()  # fmt: skip
            rows = [
                {
                    **{name: value for name, value in first.items() if name != "id"},
                    "partition": key,
                    "event": first["event"].replace(keys[0], key),
                }
                for key in keys[1:]
            ]
            connection.execute(sqlalchemy.insert(events), rows)
    console.print(f"{len(keys)} partitions materialised")
    with webserver(home) as url:
        for name, query in _PAGES.items():
            seconds = [ask(url, query) for _ in range(3)]
            console.print(f"{name}: {seconds[0]:.2f} s, then {min(seconds[1:]):.2f} s")


def postgres_home(home: Path, url: str) -> Path:
    """Return a folder with a dagster.yaml that keeps everything in PostgreSQL."""
    folder = home / "dagster_home"
    folder.mkdir()
    lines = ["telemetry: {enabled: false}", f"storage: {{postgres: {{postgres_url: '{url}'}}}}"]
    (folder / "dagster.yaml").write_text("\n".join(lines))
    return folder


@contextmanager
def webserver(home: Path) -> Iterator[str]:
    """Start Dagster's webserver for the code location; yield its GraphQL address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [Path(sys.executable).parent / "dagster-webserver", "-m", "imgassets.definitions",
         "-h", "127.0.0.1", "-p", str(port)],
        env={**os.environ, "IMGASSETS_HOME": str(home)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}/graphql"
        started = time.monotonic()
        while True:
            try:
                ask(url, "{ version }")
                break
            except httpx2.HTTPError:
                if time.monotonic() - started > 300 or process.poll() is not None:
                    raise
                time.sleep(0.5)
        yield url
    finally:
        process.terminate()
        process.wait()


def ask(url: str, query: str) -> float:
    """Return the seconds of a query.

    Raises:
        SystemExit: Dagster refuses it.
    """
    started = time.perf_counter()
    answer = httpx2.post(url, json={"query": query}, timeout=600.0)
    answer.raise_for_status()
    if answer.json().get("errors"):
        raise SystemExit(f"Dagster refuses {query}: {answer.json()['errors'][0]['message']}")
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
