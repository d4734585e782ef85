from __future__ import annotations

import io

import polars as pl
from rich.console import Console

from imgassets.cli.ranker import evaluation_table
from imgassets.operations.ranker_report import comparison_table, markdown

ROWS = pl.DataFrame(
    [
        ("held-out pairs", "ranker", "all", 200, 0.97123, 0.95, 0.98, ""),
        ("held-out pairs", "NIMA aesthetic", "all", 0, None, None, None, "no model"),
        ("held-out pairs", "random", "all", 200, 0.5, 0.43, 0.57, ""),
        ("held-out pairs", "ranker", "rotation", 30, 0.9, 0.8, 0.95, ""),
        ("held-out pairs", "random", "rotation", 30, 0.45, 0.3, 0.6, ""),
        ("unseen distortions", "ranker", "all", 90, 0.93, None, None, ""),
        ("unseen distortions", "ranker", "tilt, severity 1", 30, 0.93, None, None, ""),
    ],
    schema=["dataset", "method", "slice", "n", "value", "lower", "upper", "note"],
    orient="row",
)


def test_a_row_per_part_and_a_column_per_method() -> None:
    table = comparison_table(ROWS)
    assert table.columns == ["pairs", "n", "ranker", "NIMA aesthetic", "random"]
    assert table.row(0) == (
        "held-out pairs", 200, "0.971 (0.95 … 0.98)", "–", "0.5 (0.43 … 0.57)",
    )  # fmt: skip
    assert table.row(1) == ("held-out pairs: rotation", 30, "0.9", None, "0.45")
    assert comparison_table(ROWS, ["all"])["pairs"].to_list() == [
        "held-out pairs", "unseen distortions",
    ]  # fmt: skip


def test_markdown_has_a_line_per_row() -> None:
    lines = markdown(comparison_table(ROWS, ["all"])).splitlines()
    assert lines[1].startswith("| --- | --- |")
    assert lines[3] == "| unseen distortions | 90 | 0.93 |  |  |"


def test_the_command_prints_every_method_best_first_and_the_ranker_by_part() -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    for dataset in ("held-out pairs", "unseen distortions"):
        console.print(evaluation_table(ROWS, dataset))
    text = console.export_text()
    order = [text.index(word) for word in ("ranker ", "random ", "NIMA aesthetic", "ranker: rota")]
    assert order == sorted(order)
    assert "0.971" in text
    assert "no model" in text
    assert "severity" not in text
