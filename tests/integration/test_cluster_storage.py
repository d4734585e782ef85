"""The main job where everything is kept on servers: the rows are those of one machine's folders."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import fsspec
import polars as pl
import psycopg2
import pytest

from benchmarks.kills import COMPARED, comparable_rows
from imgassets.sample import SampleCatalog
from imgassets.warehouse.lake import Warehouse
from tests.command import other_variables
from tests.integration.conftest import BIN, REPOSITORY, Deployment, running
from tests.servers import MlflowServer, free_port, postgres, postgres_url, s3

pytestmark = [pytest.mark.slow, pytest.mark.soak]

DAY = "2026-01-05"


@pytest.fixture(scope="module")
def feeds(tmp_path_factory: pytest.TempPathFactory, sample: SampleCatalog) -> Path:
    """Return a folder with the feeds of the sample's first day."""
    folder = tmp_path_factory.mktemp("feeds")
    shutil.copytree(sample.feeds / DAY, folder / DAY)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """One machine: SQLite and folders."""
    home = tmp_path_factory.mktemp("folders")
    return Deployment(home, 0, {**other_variables(), "IMGASSETS_HOME": str(home)})


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, feeds: Path) -> Iterator[Deployment]:
    """PostgreSQL holds catalog, runs and models; S3 holds tables, images, feeds and files."""
    home = tmp_path_factory.mktemp("cluster")
    with ExitStack() as stack:
        bucket = stack.enter_context(s3("shop"))
        patched = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in bucket.items():
            patched.setenv(name, value)
        dsn = stack.enter_context(postgres(home / "pg"))
        _make_databases(dsn, "dagster", "mlflow")
        mlflow = MlflowServer(home, free_port(), postgres_url(dsn, "mlflow"), "s3://shop/models")
        mlflow.start()
        stack.callback(mlflow.kill)
        fsspec.filesystem("s3").put(f"{feeds}/", "s3://shop/incoming/", recursive=True)
        port = free_port()
        yield Deployment(
            home,
            port,
            {
                **other_variables(),
                "IMGASSETS_HOME": str(home / "home"),
                "IMGASSETS_WAREHOUSE": f"ducklake:postgres:{dsn}",
                "IMGASSETS_WAREHOUSE_DATA": "s3://shop/warehouse/",
                "IMGASSETS_IMAGE_STORE": "s3://shop/images",
                "IMGASSETS_LANDING": "s3://shop/landing",
                "IMGASSETS_SIGNAL_SHARDS": "s3://shop/signals",
                "IMGASSETS_MLFLOW_TRACKING_URI": mlflow.url,
                "IMGASSETS_DAGSTER_STORAGE": str(home / "dagster"),
                "IMGASSETS_WEBSERVER": f"http://127.0.0.1:{port}",
                "DAGSTER_HOME": str(REPOSITORY / "deploy" / "dagster_home"),
                "DAGSTER_POSTGRES_URL": postgres_url(dsn, "dagster"),
                "PATH": f"{BIN}:{os.environ['PATH']}",
            },
        )


def _make_databases(dsn: str, *names: str) -> None:
    connection = psycopg2.connect(dsn)
    connection.autocommit = True  # CREATE DATABASE is no part of a transaction
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"CREATE DATABASE {name}")
    connection.close()


def run(deployment: Deployment, *arguments: str) -> str:
    done = deployment.imgassets(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def fill(deployment: Deployment, feeds: str, sample: SampleCatalog, *backfill: str) -> None:
    run(deployment, "ingest", feeds, "--image-base", str(sample.folder))
    run(deployment, "categories", "import", str(sample.categories_toml))
    run(deployment, "labels", "import", str(sample.labels))
    run(deployment, "train", "image_type")
    run(deployment, "backfill", *backfill)


def tables(deployment: Deployment) -> dict[str, pl.DataFrame]:
    warehouse = Warehouse(
        deployment.environment.get(
            "IMGASSETS_WAREHOUSE", f"ducklake:sqlite:{deployment.home}/warehouse/catalog.sqlite"
        ),
        deployment.environment.get(
            "IMGASSETS_WAREHOUSE_DATA", f"{deployment.home}/warehouse/data/"
        ),
    )
    return {c.table_name(): comparable_rows(warehouse, c) for c in COMPARED}


def test_rows_are_those_of_one_machine(
    folders: Deployment, cluster: Deployment, sample: SampleCatalog, feeds: Path, tmp_path: Path
) -> None:
    fill(folders, str(feeds), sample)
    with running(cluster):
        fill(cluster, "s3://shop/incoming", sample, "--launch", "--wait", "--timeout", "1500")
    assert "nothing to do" in run(cluster, "backfill")
    expected, found = tables(folders), tables(cluster)
    assert [name for name, rows in expected.items() if not rows.equals(found[name])] == []
    assert expected["image_set_changes"].height > 0

    gallery = tmp_path / "gallery.html"
    run(cluster, "gallery", "--out", str(gallery))
    assert "data:image/" in gallery.read_text()

    home = cluster.home / "home"
    champions = home / "mlflow" / "champions"  # each machine has copies of the models that answer
    assert [p for p in home.rglob("*.parquet") if not p.is_relative_to(champions)] == []
    bucket = fsspec.filesystem("s3")
    kept = {path.split("/")[1] for path in bucket.find("s3://shop")}
    assert kept >= {"images", "incoming", "landing", "models", "warehouse"}
