"""Commands about categories: their types, orders of views and labels."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from imgassets.cli.common import console, errors, open_warehouse, settings


class Format(StrEnum):
    """How categories are listed."""

    table = "table"
    toml = "toml"


def import_(
    file: Annotated[
        Path,
        typer.Argument(help="categories.toml, or a CSV with the columns category, rank, view."),
    ],
) -> None:
    """Set the types of each category and their order. Replaces the categories named.

    A categories.toml lists, for verticals and categories, `types` (those that images may have;
    'none' always may be), `priority` (their order, default: as listed), `expected` (those of a
    complete image set), and each category's `vertical`:

        [verticals.apparel]
        types = ["front", "back", "closeup"]
        expected = ["front"]

        [categories.mens-tees]
        vertical = "apparel"

    A CSV sets orders alone (rank 1 comes first): verticals, types and expected types stay. A
    category that no categories.toml named has the types of its order.
    """
    from imgassets.learning.categories import read_categories
    from imgassets.learning.labels import read_type_priorities
    from imgassets.operations.categories import import_categories, import_priorities

    warehouse = open_warehouse(settings())
    if file.suffix.lower() == ".toml":
        lists = read_categories(file)
        count = import_categories(warehouse, lists)
        verticals = lists.categories["vertical"].drop_nulls().n_unique()
        console.print(f"types of {count} categories in {verticals} verticals imported")
    else:
        count = import_priorities(warehouse, read_type_priorities(file))
        console.print(f"orders of views of {count} categories imported")
    outside = warehouse.sql(
        "SELECT count(*) AS n FROM label_conflicts WHERE conflict = 'type_not_listed'"
    )["n"][0]
    if outside:
        errors.print(
            f"[yellow]{outside} labels[/] have a type that their category does not list: "
            '`imgassets sql "from label_conflicts"`',
            soft_wrap=True,
        )


def list_(
    format: Annotated[
        Format, typer.Option(help="toml: a categories.toml of what is known.")
    ] = Format.table,
) -> None:
    """List the categories: vertical, types in their order, those expected, and labels of each."""
    from imgassets.learning.categories import write_categories
    from imgassets.operations.categories import category_lists, label_counts

    warehouse = open_warehouse(settings())
    lists = category_lists(warehouse)
    if format is Format.toml:
        typer.echo(write_categories(lists), nl=False)
        return
    if lists.categories.is_empty():
        console.print("no categories yet: run `imgassets categories import categories.toml`")
        return
    counts = label_counts(warehouse)
    table = Table("category", "vertical", "types in order", "expected", "labels")
    for row in lists.categories.iter_rows(named=True):
        ranked = lists.priorities.filter(category=row["category"]).sort("rank")["image_type"]
        order = [*ranked, *(name for name in row["types"] if name not in set(ranked))]
        of_category = counts.filter(category=row["category"])
        n_labels = dict(of_category.select("image_type", "n").iter_rows())
        shown = [*order, *sorted(set(n_labels) - set(order))]
        table.add_row(
            row["category"],
            row["vertical"] or "–",
            ", ".join(order),
            ", ".join(row["expected"]) or "–",
            ", ".join(f"{name} {n_labels[name]}" for name in shown if name in n_labels) or "none",
        )
    console.print(table)
    elsewhere = counts.join(lists.categories, on="category", how="anti")
    for (category,), rows in elsewhere.group_by("category", maintain_order=True):
        where = (
            f"of category {category}, whose types are not known"
            if category
            else ("of products that no offer names yet")
        )
        console.print(f"besides: {rows['n'].sum()} labels {where}", soft_wrap=True)
