"""How well the results match the truth of a sample catalog, one row per measure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table

from imgassets.gallery.frames import latest, newest_days
from imgassets.gallery.orders import OrderCounts, hero_row_counts, order_row_counts
from imgassets.gallery.truth import (
    REFERENCE,
    RULE_GROUPS,
    clean_images,
    clean_products,
    split_products,
)

QUALITY_DEFECTS = ("low_resolution", "blurry", "small_object", "placeholder")
"""Defects that a quality rule of the same name must catch."""


ORDER, HERO = "Products whose order is exactly right", "Products with the right hero"


@dataclass(frozen=True)
class ScoreRow:
    """One measure: what was rightly found, what was missed, what was wrongly found.

    Attributes:
        measure: What is measured, for a person.
        found: True positives.
        missed: False negatives.
        wrong: False positives.
        result: The headline figure where it is neither precision nor recall (an F1, a share).
        note: One sentence on how to read it.
    """

    measure: str
    found: int
    missed: int
    wrong: int
    result: float | None = None
    note: str = ""

    @property
    def precision(self) -> float | None:
        """Share of what was found that is right; None where nothing was found."""
        return _ratio(self.found, self.found + self.wrong)

    @property
    def recall(self) -> float | None:
        """Share of what is right that was found; None where there is nothing to find."""
        return _ratio(self.found, self.found + self.missed)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 where nothing was found."""
        return _ratio(2 * self.found, 2 * self.found + self.missed + self.wrong) or 0.0


@dataclass(frozen=True)
class Tables:
    """The warehouse tables that are compared, each with the columns of its contract.

    They may hold several days: only the newest day of each product counts, except for fetched
    and quarantined files, where every day counts.
    """

    fetched: pl.DataFrame
    quarantine: pl.DataFrame
    aggregated: pl.DataFrame
    quality: pl.DataFrame
    types: pl.DataFrame
    clusters: pl.DataFrame
    ordered: pl.DataFrame


def score(
    truth_images: pl.DataFrame,
    truth_products: pl.DataFrame,
    tables: Tables,
    *,
    test_products: Collection[str] | None = None,
    rule_groups: Mapping[str, Collection[str]] = RULE_GROUPS,
) -> list[ScoreRow]:
    """Compare the tables with the truth.

    Args:
        truth_images: ``images.csv`` of a sample catalog.
        truth_products: Its ``products.csv``.
        tables: The results.
        test_products: Products whose labels no model was trained on, for the type measures;
            default: see :func:`imgassets.gallery.truth.split_products`.
        rule_groups: Quarantine rules that are right for each kind of broken file.
    """
    if test_products is None:
        test_products = split_products(truth_products)
    now = _newest(tables)
    seen = _references(clean_images(truth_images), now)
    products = clean_products(truth_products)
    return [
        _broken_files(seen, tables.quarantine, rule_groups),
        _aggregated(seen),
        *(_defect(seen, defect) for defect in QUALITY_DEFECTS),
        _false_rejects(seen),
        *_types(seen, now.types, test_products),
        *_duplicates(seen),
        _order(ORDER, order_row_counts(seen, products, now.ordered)),
        _order(HERO, hero_row_counts(seen, products, now.ordered)),
    ]


def print_scoreboard(rows: Collection[ScoreRow], console: Console) -> None:
    """Print the rows as a table."""
    table = Table(title="Results compared with the catalog's truth", title_justify="left")
    table.add_column("Measure", overflow="fold")
    for heading in ("Found", "Missed", "Wrong", "Precision", "Recall", "Result"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        shares = (row.precision, row.recall, row.result)
        table.add_row(
            f"{row.measure}\n[dim]{row.note}[/dim]" if row.note else row.measure,
            *(f"{n:,}" for n in (row.found, row.missed, row.wrong)),
            *("–" if share is None else f"{share:.1%}" for share in shares),
        )
    console.print(table)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _newest(tables: Tables) -> Tables:
    """Keep the newest partition of each product, the same one in every table."""
    frames = [getattr(tables, n) for n in ("aggregated", "quality", "types", "clusters", "ordered")]
    days = newest_days(*frames)
    return Tables(
        tables.fetched.sort("day").unique(REFERENCE, keep="last"),
        tables.quarantine,
        *(latest(frame, days) for frame in frames),
    )


def _references(truth: pl.DataFrame, now: Tables) -> pl.DataFrame:
    """Return the truth's references with what became of each.

    Adds ``image_id`` (null: no bytes arrived), ``aggregated``, ``judged``, ``failed`` (ids of the
    quality rules that the image broke), ``image_type`` and ``cluster_id``.
    """
    image = ("product_id", "image_id")
    aggregated = now.aggregated.select(image).unique().with_columns(aggregated=True)
    quality = now.quality.select(*image, failed="failed_rules", passed="passed").unique(image)
    clusters = now.clusters.select(*image, "cluster_id").unique(image)
    return (
        truth.join(now.fetched.select(*REFERENCE, "image_id"), on=REFERENCE, how="left")
        .join(aggregated, on=image, how="left")
        .join(quality, on=image, how="left")
        .join(now.types.select(*image, "image_type").unique(image), on=image, how="left")
        .join(clusters, on=image, how="left")
        .with_columns(
            pl.col("aggregated").fill_null(False),
            pl.col("failed").fill_null(pl.lit([], pl.List(pl.String))),
            rejected=~pl.col("passed").fill_null(True),
        )
    )


def _count(frame: pl.DataFrame, *conditions: pl.Expr) -> int:
    return frame.filter(*conditions).height


def _broken_files(
    seen: pl.DataFrame, quarantine: pl.DataFrame, groups: Mapping[str, Collection[str]]
) -> ScoreRow:
    refused = quarantine.filter(
        ~pl.col("stage").is_in(["feed", "labels"]), pl.col("image_url").is_not_null()
    )
    rules = refused.group_by(REFERENCE).agg(rules=pl.col("rule_id").unique())
    found = missed = wrong = other = 0
    for row in seen.join(rules, on=REFERENCE, how="left").iter_rows(named=True):
        named = set(row["rules"] or ())
        if not row["broken"]:
            wrong += bool(named) and not row["aggregated"]
        elif any(named & set(groups.get(defect, ())) for defect in row["defects"]):
            found += 1
        else:
            missed += 1
            other += bool(named)
    note = f"{other} more were quarantined by a rule of another kind." if other else ""
    return ScoreRow("Broken files quarantined, by the right rule", found, missed, wrong, note=note)


def _aggregated(seen: pl.DataFrame) -> ScoreRow:
    usable, there = pl.col("usable") & ~pl.col("broken"), pl.col("aggregated")
    return ScoreRow(
        "Usable images aggregated",
        found=_count(seen, usable, there),
        missed=_count(seen, usable, ~there),
        wrong=_count(seen, pl.col("broken"), there),
        note="Wrong: broken files that were aggregated.",
    )


def _defect(seen: pl.DataFrame, defect: str) -> ScoreRow:
    has = pl.col("defects").list.contains(defect) & ~pl.col("broken")
    flagged = pl.col("failed").list.contains(defect)
    elsewhere = _count(seen, has, ~flagged, pl.col("rejected"))
    other = f" {elsewhere} of the missed were rejected by another rule." if elsewhere else ""
    return ScoreRow(
        f"{defect.replace('_', ' ').capitalize()} images caught",
        found=_count(seen, has, flagged),
        missed=_count(seen, has, ~flagged),
        wrong=_count(seen, pl.col("usable"), flagged),
        note=f"Wrong: usable images that the rule refused.{other}",
    )


def _false_rejects(seen: pl.DataFrame) -> ScoreRow:
    judged = pl.col("usable") & pl.col("aggregated")
    kept, lost = (_count(seen, judged, e) for e in (~pl.col("rejected"), pl.col("rejected")))
    return ScoreRow(
        "Usable images kept by the quality rules",
        found=kept,
        missed=lost,
        wrong=0,
        result=_ratio(lost, kept + lost),
        note="Result: share falsely rejected.",
    )


def _types(
    seen: pl.DataFrame, types: pl.DataFrame, test_products: Collection[str]
) -> Iterator[ScoreRow]:
    """Yield a row per view, then the macro F1, over distinct images of unseen products."""
    typed = seen.filter(
        pl.col("product_id").is_in(list(test_products)), pl.col("image_type").is_not_null()
    ).unique(["product_id", "image_id"])
    truth, guess = pl.col("view"), pl.col("image_type")
    views = sorted(typed.get_column("view").unique().to_list())
    rows = [
        ScoreRow(
            f"Views typed '{view}'",
            found=_count(typed, truth == view, guess == view),
            missed=_count(typed, truth == view, guess != view),
            wrong=_count(typed, truth != view, guess == view),
        )
        for view in views
    ]
    yield from (_with_result(row, row.f1, "Result: F1.") for row in rows)
    right = _count(typed, truth == guess)
    off = typed.height - right
    macro = sum(row.f1 for row in rows) / len(rows) if rows else None
    over = f"Result: macro F1 over {', '.join(views)}." if views else "Nothing was typed."
    yield ScoreRow("Views of products not trained on", right, off, off, macro, over)


def _with_result(row: ScoreRow, result: float, note: str) -> ScoreRow:
    return ScoreRow(row.measure, row.found, row.missed, row.wrong, result, note)


def _duplicates(seen: pl.DataFrame) -> Iterator[ScoreRow]:
    """Yield the row of all pairs, then of those whose bytes differ."""
    usable = seen.filter(pl.col("usable"), pl.col("image_id").is_not_null())
    every, hard = [0, 0, 0], [0, 0, 0]
    for _, group in usable.sort("image_url").group_by("product_id", maintain_order=True):
        for a, b in combinations(group.iter_rows(named=True), 2):
            outcome = _pair_outcome(a, b)
            if outcome is not None:
                every[outcome] += 1
                hard[outcome] += a["image_id"] != b["image_id"]
    for measure, counts in (("Duplicate pairs", every), ("Duplicate pairs, other bytes", hard)):
        found, missed, wrong = counts
        row = ScoreRow(measure, found, missed, wrong)
        yield _with_result(row, row.f1, "Result: F1. Pairs of usable images of one product.")


def _pair_outcome(a: dict[str, Any], b: dict[str, Any]) -> int | None:
    """Return 0 for a found pair, 1 for a missed one, 2 for a wrong one, None for no pair."""
    truth = bool(a["source_id"]) and a["source_id"] == b["source_id"]
    together = a["cluster_id"] is not None and a["cluster_id"] == b["cluster_id"]
    said = together or a["image_id"] == b["image_id"]
    if truth:
        return 0 if said else 1
    return 2 if said else None


def _order(measure: str, counts: OrderCounts) -> ScoreRow:
    right, absent, wrong, nearly = counts
    note = "Result: share of products. Missed: a set was expected and none was chosen."
    if nearly:
        note += f" {nearly} more are right if a defective copy may stand for its photo."
    return ScoreRow(
        measure,
        found=right,
        missed=absent,
        wrong=wrong,
        result=_ratio(right, right + absent + wrong),
        note=note,
    )
