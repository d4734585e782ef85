"""The main job through the command line on hostile and changing input."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.command import run_command

COLUMNS = ["product_id", "category", "title", "image_url", "position", "is_curated"]
DAY1, DAY2 = "2026-01-05", "2026-01-06"

pytestmark = pytest.mark.slow


@dataclass
class Shop:
    """A folder with feeds and images, and the home that works on them."""

    folder: Path

    def __post_init__(self) -> None:
        (self.folder / "images").mkdir()

    def run(self, *arguments: str, code: int = 0) -> str:
        done = run_command(*arguments, environment={"IMGASSETS_HOME": str(self.folder / "home")})
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def ingest(self) -> str:
        return self.run("ingest", str(self.folder / "feeds"), "--image-base", str(self.folder))

    def rows(self, query: str) -> list[dict[str, object]]:
        printed = self.run("sql", query, "--format", "json")
        return [json.loads(line) for line in printed.splitlines()]

    def feed(self, day: str, supplier: str, rows: list[list[object]]) -> None:
        path = self.folder / "feeds" / day / f"{supplier}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *rows])

    def picture(self, name: str, seed: int, size: tuple[int, int] = (500, 600)) -> str:
        """Draw a textured object on white; another seed is plainly another picture."""
        rng = np.random.default_rng(seed)
        coarse = rng.integers(0, 256, (7, 6, 3), np.uint8)
        art = Image.fromarray(coarse).resize((size[0] * 7 // 10, size[1] * 7 // 10), 0)
        page = Image.new("RGB", size, "white")
        page.paste(art, (size[0] * 15 // 100, size[1] * 15 // 100))
        page.save(self.folder / "images" / name, quality=92)
        return f"images/{name}"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A day of feeds and images of which much is bad, after its backfill."""
    shop = Shop(tmp_path_factory.mktemp("mixed"))
    _add_bad_images(shop)
    _add_bad_feeds(shop)
    _add_bypassed_products(shop)
    _add_a_product_of_two_suppliers(shop)
    assert "not a feed: 2026-01-05/notes.txt" in shop.ingest()
    shop.run("backfill")
    return shop


def _add_bad_images(shop: Shop) -> None:
    images = shop.folder / "images"
    good = shop.picture("good.jpg", 1)
    (images / "text.jpg").write_text("<html>404</html>")
    (images / "empty.jpg").write_bytes(b"")
    whole = (shop.folder / good).read_bytes()
    (images / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    Image.new("RGB", (1, 1)).save(images / "dot.png")
    # A whole file by its structure whose pixels cannot be decoded.
    Image.new("RGB", (400, 400)).save(images / "noise.png")
    png = bytearray((images / "noise.png").read_bytes())
    start = png.index(b"IDAT") + 4
    png[start : start + 8] = b"\0" * 8
    (images / "noise.png").write_bytes(bytes(png))
    names = ["good.jpg", "text.jpg", "empty.jpg", "cut.jpg", "dot.png", "noise.png", "absent.jpg"]
    rows = [["p1", "Sofas", "A sofa", f"images/{n}", i + 1, "false"] for i, n in enumerate(names)]
    rows.append(["p1", "Sofas", "A sofa", "../secret.jpg", 9, "false"])
    shop.feed(DAY1, "acme", rows)


def _add_bad_feeds(shop: Shop) -> None:
    good, other = shop.picture("lamp.jpg", 2), shop.picture("other.jpg", 3)
    shop.feed(
        DAY1,
        "birch",
        [
            ["p2", "lamps", "Lamp", good, 1, "false"],
            ["p2", "lamps", "Lamp", good, 1, "false"],
            ["", "lamps", "Lamp", other, 1, "false"],
            ["p3", "", "Lamp", other, 1, "false"],
            ["p2", "lamps", "Lamp", other, "second", "false"],
        ],
    )
    day = shop.folder / "feeds" / DAY1
    (day / "nothing.csv").write_bytes(b"")
    (day / "latin.csv").write_bytes(
        "product_id,category,image_url\np9,lämps,x.jpg\n".encode("latin-1")
    )
    (day / "narrow.jsonl").write_text('{"product_id": "p1"}\n')
    (day / "broken.parquet").write_bytes(b"PAR1 but not really")
    (day / "notes.txt").write_text("hello")


def _add_bypassed_products(shop: Shop) -> None:
    a, b, c = (shop.picture(f"{n}.jpg", 10 + i) for i, n in enumerate("abc"))
    tiny = shop.picture("tiny.jpg", 9, (120, 150))
    shop.feed(
        DAY1,
        "cedar",
        [
            ["curated", "rugs", "Rug", tiny, 1, "true"],
            ["curated", "rugs", "Rug", a, 2, "true"],
            ["single", "rugs", "Rug", b, 1, "false"],
            ["none", "rugs", "Rug", "images/absent.jpg", 1, "false"],
            ["normal", "rugs", "Rug", tiny, 1, "false"],
            ["normal", "rugs", "Rug", c, 2, "false"],
        ],
    )


def _add_a_product_of_two_suppliers(shop: Shop) -> None:
    a, b = (shop.picture(f"mug-{n}.jpg", 20 + i) for i, n in enumerate("ab"))
    shutil.copy(shop.folder / a, shop.folder / "images" / "copy.jpg")
    rows = [["mug", "mugs", "<b>Mug</b>", u, i + 1, "no"] for i, u in enumerate([a, b])]
    shop.feed(DAY1, "dune", rows)
    shop.feed(DAY1, "elm", [["mug", "mugs", "Mug", "images/copy.jpg", 1, "no"]])


def test_bad_images_are_quarantined_and_the_rest_goes_through(mixed: Shop) -> None:
    quarantined = "FROM quarantine WHERE category = 'sofas'"
    refused = {
        (row["image_url"], row["stage"], row["rule_id"])
        for row in mixed.rows(f"SELECT image_url, stage, rule_id {quarantined}")
    }
    assert refused == {
        ("images/text.jpg", "fetch", "not_an_image"),
        ("images/empty.jpg", "fetch", "empty_body"),
        ("images/cut.jpg", "fetch", "truncated"),
        ("images/dot.png", "fetch", "too_small"),
        ("images/noise.png", "signals", "undecodable"),
        ("images/absent.jpg", "fetch", "missing_file"),
        ("../secret.jpg", "feed", "bad_image_url"),
    }
    (chosen,) = mixed.rows("SELECT image_urls FROM latest_image_sets WHERE category = 'sofas'")
    assert chosen == {"image_urls": ["images/good.jpg"]}
    for row in mixed.rows(f'SELECT measured, "limit", detail {quarantined}'):
        assert all(row.values()), row


def test_bad_feeds_are_quarantined_and_the_rest_goes_through(mixed: Shop) -> None:
    refused = {
        (row["feed_file"].split("/")[1], row["feed_row"], row["rule_id"], row["category"])
        for row in mixed.rows(
            "SELECT feed_file, feed_row, rule_id, category FROM quarantine "
            "WHERE stage = 'feed' AND category <> 'sofas'"
        )
    }
    assert refused == {
        ("birch.csv", 2, "duplicate_row", "lamps"),
        ("birch.csv", 3, "missing_value", "lamps"),
        ("birch.csv", 4, "missing_category", "uncategorised"),
        ("birch.csv", 5, "wrong_type", "lamps"),
        ("nothing.csv", None, "empty_file", "uncategorised"),
        ("latin.csv", None, "unknown_encoding", "uncategorised"),
        ("narrow.jsonl", None, "missing_column", "uncategorised"),
        ("broken.parquet", None, "unreadable_file", "uncategorised"),
    }
    offers = "SELECT product_id, image_url FROM supplier_offers WHERE category = 'lamps'"
    assert mixed.rows(offers) == [{"product_id": "p2", "image_url": "images/lamp.jpg"}]


def test_curated_and_single_products_are_bypassed_and_say_so(mixed: Shop) -> None:
    found = mixed.rows(
        "SELECT product_id, status, len(after) AS n FROM image_set_changes WHERE category = 'rugs'"
    )
    assert {(r["product_id"], r["status"], r["n"]) for r in found} == {
        ("curated", "bypassed_curated", 2),
        ("single", "bypassed_single_image", 1),
        ("none", "bypassed_no_image", 0),
        ("normal", "changed", 1),
    }
    (why,) = mixed.rows(
        "SELECT rule_id, reason FROM image_decisions "
        "WHERE product_id = 'normal' AND decision = 'left_out'"
    )
    assert why["rule_id"] == "low_resolution"
    assert "150 px" in str(why["reason"])


def test_the_gallery_shows_every_product(mixed: Shop) -> None:
    assert "gallery:" in mixed.run("gallery")
    page = (mixed.folder / "home" / "galleries" / "latest.html").read_text()
    assert "&lt;b&gt;Mug" in page
    assert "elm" in page
    for product in ("curated", "single", "none", "normal", "mug", "p1", "p2"):
        assert product in page
    aggregated = mixed.rows(
        "SELECT suppliers FROM aggregated_images WHERE product_id = 'mug' ORDER BY len(suppliers)"
    )
    assert [row["suppliers"] for row in aggregated] == [["dune"], ["dune", "elm"]]


@pytest.mark.soak
def test_feeds_that_come_twice_later_or_corrected(shop: Shop) -> None:
    a, b, c = (shop.picture(f"{n}.jpg", i) for i, n in enumerate("abc"))
    shop.feed(
        DAY1, "acme", [["p1", "lamps", "Lamp", a, 1, "no"], ["p2", "rugs", "Rug", b, 1, "no"]]
    )
    shop.feed(DAY2, "birch", [["p1", "lamps", "LAMP", c, 1, "no"]])
    shop.ingest()
    shop.run("backfill")
    sets = "SELECT day, product_id, status, len(after) AS n FROM image_set_changes ORDER BY ALL"
    before = shop.rows(sets)
    assert [(r["day"], r["product_id"], r["n"]) for r in before] == [
        (DAY1, "p1", 1), (DAY1, "p2", 1), (DAY2, "p1", 2),
    ]  # fmt: skip
    snapshot = shop.rows("SELECT max(snapshot_id) AS id FROM lake.snapshots()")

    shop.ingest()
    assert "nothing to do" in shop.run("backfill")
    assert shop.rows("SELECT max(snapshot_id) AS id FROM lake.snapshots()") == snapshot

    # The correction drops the rug and sends the lamp another picture: day two's lamp changes too.
    shop.feed(DAY1, "acme", [["p1", "lamps", "Lamp", b, 1, "no"]])
    assert "2 (day, category) partitions touched" in shop.ingest()
    assert "3 partitions done" in shop.run("backfill")
    assert [(r["day"], r["product_id"], r["n"]) for r in shop.rows(sets)] == [
        (DAY1, "p1", 1), (DAY2, "p1", 2),
    ]  # fmt: skip
    urls = shop.rows("SELECT image_url FROM supplier_offers ORDER BY 1")
    assert [row["image_url"] for row in urls] == [b, c]


def test_errors_are_one_clear_line(shop: Shop) -> None:
    assert "run `imgassets ingest` first" in shop.run("backfill", code=1)
    assert "does not exist" in shop.run("ingest", str(shop.folder / "nowhere"), code=1)
    assert "no labels yet" in shop.run("train", code=1)
    bad = shop.folder / "labels.csv"
    bad.write_text("picture,kind\nx,front\n")
    assert "missing column: one of image_type" in shop.run("labels", "import", str(bad), code=1)
    assert "Binder Error" in shop.run("sql", "SELECT nothing", code=1)


def test_a_misspelt_setting_is_an_error(tmp_path: Path) -> None:
    environment = {**os.environ, "IMGASSETS_HOME": str(tmp_path), "IMGASSETS_BACKBON": "x"}
    done = subprocess.run(
        [sys.executable, "-m", "imgassets", "sql", "SELECT 1"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "unknown setting IMGASSETS_BACKBON" in done.stderr


@pytest.mark.soak
def test_backfill_trains_first_where_there_are_labels_and_no_model(shop: Shop) -> None:
    rows, labels = [], ["product_id,image_url,image_type"]
    for n in range(12):
        front = shop.picture(f"f{n}.jpg", n, (500, 600))
        # Plainly another shape, so that the two types can be learned from a dozen of each.
        back = shop.picture(f"b{n}.jpg", 100 + n, (900, 320))
        rows += [
            [f"p{n}", "lamps", "Lamp", front, 2, "no"],
            [f"p{n}", "lamps", "Lamp", back, 1, "no"],
        ]
        labels += [f"p{n},{front},front", f"p{n},{back},back"]
    shop.feed(DAY1, "acme", rows)
    (shop.folder / "labels.csv").write_text("\n".join(labels) + "\n")
    (shop.folder / "order.csv").write_text("category,rank,view\nlamps,1,front\nlamps,2,back\n")
    shop.ingest()
    shop.run("categories", "import", str(shop.folder / "order.csv"))
    shop.run("labels", "import", str(shop.folder / "labels.csv"))
    assert "training image_type first" in shop.run("backfill")
    (model,) = shop.rows("SELECT is_champion, n_test FROM model_versions")
    assert model["is_champion"] is True
    heroes = shop.rows("SELECT DISTINCT image_type FROM latest_image_sets WHERE is_hero")
    assert heroes == [{"image_type": "front"}]
    assert "nothing to do" in shop.run("backfill")
