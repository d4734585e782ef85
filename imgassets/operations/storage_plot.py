"""A picture of what the storage takes over time."""

from __future__ import annotations

import io

import polars as pl

_COLOURS = {
    "tables, present rows": "tab:blue",
    "tables, the past": "tab:cyan",
    "catalog": "tab:orange",
    "images": "tab:green",
    "waiting signals": "tab:purple",
}


def plot_sizes(rows: pl.DataFrame) -> bytes:
    """Draw the bytes of each part of the storage over time, and the number of tables' files.

    Args:
        rows: of contract ``StorageSizes``.

    Returns:
        A PNG.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure

    def of(kind: str, column: str) -> pl.Expr:
        return pl.col(column).filter(pl.col("kind") == kind).sum()

    over_time = (
        rows.group_by("measured_at")
        .agg(
            of("table", "bytes").alias("tables, present rows"),
            of("table", "past_bytes").alias("tables, the past"),
            of("catalog", "bytes").alias("catalog"),
            of("images", "bytes").alias("images"),
            of("signals", "bytes").alias("waiting signals"),
            (of("table", "files") + of("table", "past_files")).alias("files"),
        )
        .sort("measured_at")
    )
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    sizes, files = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    moments = over_time["measured_at"].to_numpy()
    for name, colour in _COLOURS.items():
        sizes.plot(
            moments,
            over_time[name].to_numpy() / 2**20,
            "o-",
            color=colour,
            label=name,
            markersize=3,
        )
    sizes.set_yscale("symlog", linthresh=1)
    sizes.set_title("MiB", loc="left", fontsize=9)
    sizes.legend(loc="upper left", frameon=False, ncols=3, fontsize=8)
    files.plot(moments, over_time["files"].to_numpy(), "o-", color="black", markersize=3)
    files.set_ylim(bottom=0)
    files.set_title("Parquet files of tables", loc="left", fontsize=9)
    locator = AutoDateLocator()
    files.xaxis.set_major_locator(locator)
    files.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    for axes in (sizes, files):
        axes.grid(axis="y", alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
