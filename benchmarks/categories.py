"""The category model on a catalog's titles and descriptions, on products that it never saw.

    python benchmarks/categories.py CATALOG

CATALOG holds feeds/, truth/products.csv and labels/styles.csv (a split of styles). Products are
held out in two ways: those of the styles whose split is 'test', as a shop meets a new style; and
every fifth product, whose style's other colours are known. Prints accuracy, macro-F1, precision and
coverage at the limit; overall, by supplier's spelling, for titles alone, and by category; and how
often products of a category that the model was never told of are answered surely (all wrongly).
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table

from imgassets.ingest.feeds import read_feed
from imgassets.learning.category_fit import TextExamples, fit_category_text
from imgassets.learning.category_rows import grouped
from imgassets.learning.category_text import CategoryText
from imgassets.learning.category_training import answer_products, by_categories, worst_pairs
from imgassets.learning.evaluation import evaluate
from imgassets.settings import CategorySettings

console = Console(width=110, highlight=False)
TEXT = ["product_id", "category", "title", "description"]
UNTOLD = ("watches", "womens-bras", "mens-tanks")
"""Categories that are left out in turn."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("catalog", type=Path)
    parser.add_argument("--min-precision", type=float, default=CategorySettings().min_precision)
    arguments = parser.parse_args()
    texts = read_texts(arguments.catalog)
    for name, test in (
        ("new styles (labels/styles.csv)", pl.col("split") == "test"),
        ("random products", pl.col("is_fifth")),
    ):
        report(name, texts.filter(~test), texts.filter(test), arguments.min_precision)
    untold(texts, arguments.min_precision)


def read_texts(catalog: Path) -> pl.DataFrame:
    """Return the distinct texts of all products: TEXT, supplier_id, style, split, is_fifth."""
    offers = []
    for path in sorted((catalog / "feeds").glob("*/*")):
        day = dt.date.fromisoformat(path.parent.name)
        feed_file = f"{path.parent.name}/{path.name}"
        parsed = read_feed(path.read_bytes(), feed_file, day, path.stem, str(catalog.absolute()))
        offers.append(parsed.offers.select(*TEXT, "supplier_id"))
    styles = pl.read_csv(catalog / "labels" / "styles.csv").select("style", "split")
    products = pl.read_csv(catalog / "truth" / "products.csv").select("product_id", "style")
    texts = pl.concat(offers).unique().join(products, on="product_id").join(styles, on="style")
    fifth = [hashlib.sha256(p.encode()).digest()[0] < 256 / 5 for p in texts["product_id"]]
    return texts.with_columns(is_fifth=pl.Series(fifth)).sort(pl.all())


def fit(texts: pl.DataFrame, min_precision: float) -> CategoryText:
    """Train as `imgassets train category` does where nobody named groups."""
    told = grouped(texts.select(*TEXT, group_id=pl.lit(None, pl.String)))
    examples = TextExamples(*(told[name].to_list() for name in (
        "title", "description", "category", "product_id", "group_id")))  # fmt: skip
    return fit_category_text(examples, min_precision=min_precision)


def report(name: str, train: pl.DataFrame, test: pl.DataFrame, min_precision: float) -> None:
    """Print what a model of one part makes of the other."""
    model = fit(train, min_precision)
    console.print(
        f"\n[bold]{name}[/]: {train['product_id'].n_unique()} products to train on, "
        f"{test['product_id'].n_unique()} held out; limit {model.limit:.3f}, "
        f"temperature {model.temperature:.2f}; out of fold {model.info['out_of_fold']}"
    )
    table = Table("texts", "products", "accuracy", "macro-F1", "precision", "coverage")
    alone = pl.lit(None, pl.String).alias("description")
    suppliers = sorted(test["supplier_id"].unique())
    parts = [("all", test), ("title alone", test.with_columns(alone))]
    parts += [(s, test.filter(pl.col("supplier_id") == s)) for s in suppliers]
    parts += [(f"{s}, title alone", part.with_columns(alone)) for s, part in parts[2:]]
    for what, part in parts:
        table.add_row(what, *_measured(answer_products(model, part)))
    console.print(table)
    answered = answer_products(model, test)
    by_category = Table("category", "products", "accuracy", "coverage", "precision")
    for category, n, *values in by_categories(answered).iter_rows():
        by_category.add_row(category, str(n), *("–" if v is None else f"{v:.3f}" for v in values))
    console.print(by_category)
    kinds = [pl.col(c).str.split("-").list.last() for c in ("category", "answer")]
    console.print(
        "right but for men's and women's: "
        f"{answered.select((kinds[0] == kinds[1]).mean()).item():.3f}"
    )
    result = evaluate(answered["category"].to_list(), answered["answer"].to_list())
    for told, said, n in worst_pairs(result)[:8]:
        console.print(f"  {told} answered {said}: {n}")


def untold(texts: pl.DataFrame, min_precision: float) -> None:
    """Print how often products of a category without examples are answered surely."""
    console.print("\n[bold]categories that the model was never told of[/]")
    for category in UNTOLD:
        is_untold = pl.col("category") == category
        if texts.filter(is_untold).is_empty():
            continue
        model = fit(texts.filter(~is_untold), min_precision)
        answered = answer_products(model, texts.filter(is_untold))
        sure = answered["sure"].sum()
        console.print(f"  {category}: {sure} of {answered.height} products answered surely")


def _measured(answered: pl.DataFrame) -> list[str]:
    result = evaluate(answered["category"].to_list(), answered["answer"].to_list())
    sure = answered.filter("sure")
    right = sure.filter(pl.col("answer") == pl.col("category")).height
    return [
        str(result.n),
        f"{result.accuracy:.3f}",
        f"{result.macro_f1:.3f}",
        f"{right / sure.height:.3f}" if sure.height else "–",
        f"{sure.height / result.n:.3f}",
    ]


if __name__ == "__main__":
    main()
