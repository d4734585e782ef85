"""How right the image sets of a catalog with known truth are, and three of them as pictures.

    python benchmarks/ordering.py CATALOG --home HOME [--policies FILE] [--out FOLDER]

CATALOG holds truth/ (images.csv, products.csv) and labels/styles.csv with a split. HOME is what
`python benchmarks/catalog.py CATALOG --home HOME` left. Compares the sets that the run stored, and
those that the present policies give for what the steps before the order stored, with the truth:
of all products, and of those of test styles, which no label names. An order is right if it is the
truth's, any order among photos of one view, any copy standing for its source photo.

FOLDER gets case studies as PNG, as in paper A's table V: one product gains images, one loses
duplicates, one is re-ordered.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path

import polars as pl
from PIL import Image, ImageDraw, ImageFont, ImageOps
from rich.console import Console
from rich.table import Table

from imgassets.gallery import Tables, latest, read_truth, score
from imgassets.gallery.scoreboard import HERO, ORDER
from imgassets.ingest.store import ImageStore
from imgassets.operations.gallery import result_tables
from imgassets.operations.selection import order_products
from imgassets.selection import PRODUCT
from imgassets.selection.ordering import ImageSets
from imgassets.settings import OrderingSettings, Settings
from imgassets.warehouse.contracts import (
    AggregatedImages,
    ComplianceFlags,
    DedupClusters,
    ImageSignals,
    ImageTypes,
    QualityScores,
    SupplierOffers,
)
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition

console = Console(width=120)
TILE, MARGIN, TITLE = 200, 12, 22
CASES = ("gains_images", "loses_duplicates", "is_reordered")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("catalog", type=Path)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--policies", type=Path)
    parser.add_argument("--out", type=Path, help="folder of the case studies; default: none made")
    arguments = parser.parse_args()
    settings = Settings(home=arguments.home, ordering=OrderingSettings(policies=arguments.policies))
    warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
    warehouse.initialise()
    stored = result_tables(warehouse)
    sets = order_again(warehouse, settings)
    report(arguments.catalog, stored, sets)
    report_places(sets.ordered)
    if arguments.out:
        store = ImageStore(settings.image_store)
        for case, row in case_studies(latest(sets.changes), stored):
            path = draw(case, row, latest(sets.ordered), store, arguments.out)
            console.print(f"{case}: {path}", soft_wrap=True)


def order_again(warehouse: Warehouse, settings: Settings) -> ImageSets:
    """Order the images of every partition by the present policies."""
    products = warehouse.read(SupplierOffers, columns=PRODUCT).unique()
    cells = [Partition(*row) for row in products.select("day", "category").unique().rows()]
    return order_products(
        warehouse,
        settings,
        cells,
        products=products,
        aggregated=warehouse.read(AggregatedImages),
        signals=warehouse.read(ImageSignals),
        quality=warehouse.read(QualityScores),
        types=warehouse.read(ImageTypes),
        clusters=warehouse.read(DedupClusters),
        compliance=warehouse.read(ComplianceFlags),
    )


def report(catalog: Path, stored: Tables, sets: ImageSets) -> None:
    """Print the shares of right orders and right heroes, as stored and as ordered now."""
    images, products = read_truth(catalog / "truth")
    styles = pl.read_csv(catalog / "labels" / "styles.csv", infer_schema=False)
    test = products.join(styles.filter(pl.col("split") == "test"), on="style", how="semi")
    several = products.filter(pl.col("expected_order").str.contains(";"))
    table = Table("products", "", "order exactly right", "right hero", title_justify="left")
    for name, among in (
        ("all", products),
        ("test styles", test),
        ("test styles, several images expected", test.join(several, on="product_id", how="semi")),
    ):
        of_them = images.join(among, on="product_id", how="semi")
        for which, ordered in (("as stored", stored.ordered), ("ordered now", sets.ordered)):
            rows = score(of_them, among, dataclasses.replace(stored, ordered=ordered))
            found = {row.measure: row for row in rows}
            table.add_row(name, which, *(
                f"{row.found} of {among.height}: {row.result:.1%}"
                for row in (found[ORDER], found[HERO])
            ))  # fmt: skip
    console.print(table)


def report_places(ordered: pl.DataFrame) -> None:
    """Print what decided who is first, over the newest sets."""
    heroes = latest(ordered).filter(pl.col("is_hero"))
    by = heroes.group_by("ordered_by").len().sort("ordered_by").rows()
    console.print("heroes by: " + ", ".join(f"{name} {count}" for name, count in by))
    reason = pl.col("reason")
    for what, condition in {
        "chosen by a rule among several fronts": reason.str.contains("hero by (one|white|quality)"),
        "the best there is, a rule passed over": reason.str.contains("the best there is"),
        "... no image of the category's first type": reason.str.contains(r"there is: no \w+ image"),
        "... no white background": reason.str.contains("is: .*white background"),
    }.items():
        console.print(f"  {what}: {heroes.filter(condition).height} of {heroes.height}")


def case_studies(changes: pl.DataFrame, stored: Tables) -> Iterator[tuple[str, dict]]:
    """Yield the product of each case in which most happens, the first by id among equals."""
    twins = (
        latest(stored.clusters)
        .filter(~pl.col("is_representative"))
        .group_by(PRODUCT)
        .agg(twins="image_id")
    )
    n = {name: pl.col(name).list.len() for name in ("added", "removed", "moved", "twins", "after")}
    found = (
        changes.filter(pl.col("status") == "changed", n["after"] > 1)
        .join(twins, on=PRODUCT, how="left")
        .with_columns(pl.col("twins").fill_null([]))
        .with_columns(gone=pl.col("removed").list.set_difference("twins").list.len())
    )
    cases = {
        "gains_images": (
            found.filter(n["added"] > 0, n["removed"] == 0, "hero_changed"),
            n["added"],
        ),
        "loses_duplicates": (
            found.filter(n["removed"] > 0, pl.col("gone") == 0, n["added"] == 0),
            n["removed"],
        ),
        "is_reordered": (
            found.filter(n["added"] == 0, n["removed"] == 0, "hero_changed"),
            n["moved"],
        ),
    }
    for case in CASES:
        rows, most = cases[case]
        if rows.is_empty():
            console.print(f"{case}: no product of this catalog")
            continue
        yield case, rows.sort(most, "product_id", descending=[True, False]).row(0, named=True)


def draw(case: str, row: dict, ordered: pl.DataFrame, store: ImageStore, out: Path) -> Path:
    """Draw a product's images before and after, and return the picture's path."""
    after = ordered.filter(category=row["category"], product_id=row["product_id"]).sort("rank")
    notes = dict(after.select("image_id", "image_type").iter_rows())
    columns = max(len(row["before"]), len(row["after"]))
    width = MARGIN + columns * (TILE + MARGIN)
    lines = [textwrapped(line, width) for line in (heading(case, row), *reasons(after))]
    below = sum(len(wrapped) for wrapped in lines[1:]) * TITLE
    height = 4 * TITLE + 2 * (TILE + TITLE) + len(lines[0]) * TITLE + below + 4 * MARGIN
    page = Image.new("RGB", (width, height), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(15)
    y = MARGIN
    for line in lines[0]:
        pen.text((MARGIN, y), line, "black", font)
        y += TITLE
    for name, images in (("before", row["before"]), ("after", row["after"])):
        y += MARGIN
        pen.text((MARGIN, y), f"{name}: {len(images)} images", "black", font)
        y += TITLE
        for place, image_id in enumerate(images):
            x = MARGIN + place * (TILE + MARGIN)
            picture = ImageOps.exif_transpose(Image.open(io.BytesIO(store.get(image_id))))
            tile = ImageOps.contain(picture.convert("RGB"), (TILE, TILE))
            page.paste(tile, (x + (TILE - tile.width) // 2, y + (TILE - tile.height) // 2))
            added = name == "after" and image_id in row["added"]
            gone = name == "before" and image_id in row["removed"]
            colour = "green" if added else "red" if gone else "silver"
            pen.rectangle(
                (x, y, x + TILE, y + TILE), outline=colour, width=3 if added or gone else 1
            )
            what = notes.get(image_id, "left out")
            pen.text((x, y + TILE + 2), f"{place + 1} {what}", colour if gone else "black", font)
        y += TILE + TITLE
    y += MARGIN
    for wrapped in lines[1:]:
        for line in wrapped:
            pen.text((MARGIN, y), line, "dimgray", font)
            y += TITLE
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{case}.png"
    page.crop((0, 0, width, y + MARGIN)).save(path)
    return path


def heading(case: str, row: dict) -> str:
    return (
        f"{row['category']} {row['product_id']} {case.replace('_', ' ')}: "
        f"{len(row['added'])} added, {len(row['removed'])} removed, {len(row['moved'])} moved"
    )


def reasons(after: pl.DataFrame) -> list[str]:
    return [f"{rank}: {why}" for rank, why in after.select("rank", "reason").iter_rows()]


def textwrapped(text: str, width: int) -> list[str]:
    """Return lines of a text that fit into so many pixels."""
    font = ImageFont.load_default(15)
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and font.getlength(longer) > width - 2 * MARGIN:
            lines.append(line)
            longer = word
        line = longer
    return [*lines, line]


if __name__ == "__main__":
    main()
