"""Labels as a feed: files of labels are registered by content, and their good rows imported."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from imgassets.ingest.refusal import Refused
from imgassets.ingest.source_files import SourceFile, source_files
from imgassets.learning.label_rows import (
    NO_GROUPS,
    JudgedLabels,
    LabelRows,
    LabelRules,
    judge_labels,
    parse_labels,
)
from imgassets.learning.labels import labels_flags, read_flag_labels, read_labels
from imgassets.moderation.flags import all_flags
from imgassets.operations.categories import category_types
from imgassets.operations.labels import (
    give_labels,
    import_flag_labels,
    import_image_labels,
    named_groups,
)
from imgassets.settings import Settings
from imgassets.warehouse.contracts import UNCATEGORISED, FileLabels, LabelFiles, Quarantine
from imgassets.warehouse.lake import Replacement, Warehouse
from imgassets.warehouse.partitions import quote

_SHOWN = 5
"""Refused rows that an error message lists."""


@dataclass
class TakenIn:
    """What one look at files of labels found.

    Attributes:
        files: those that were new or had changed, as paths or URLs, with the kind of their labels.
        unchanged: number of files seen before with the same bytes.
        given: labels that are new or other than before.
        withdrawn: labels that a file gave before and gives no more.
        refused: rows, or whole files, in quarantine.
    """

    files: dict[str, str] = field(default_factory=dict)
    unchanged: int = 0
    given: int = 0
    withdrawn: int = 0
    refused: int = 0


def take_in_labels(
    warehouse: Warehouse, settings: Settings, location: str, limit: int | None = None
) -> TakenIn:
    """Import every file of labels that is new or has changed; bad rows go to quarantine.

    A file that arrives twice changes nothing. A corrected file replaces what it gave before, and
    rows that it no longer has are withdrawn; a version that cannot be read leaves the rows of the
    one before. Rows that were refused are judged again when the lists of types or flags change.

    Args:
        warehouse: the warehouse.
        settings: names the file of flags of one's own, and the first day.
        location: a CSV file, or a folder with such files below it: a path or fsspec URL.
        limit: take in at most this many files (a sensor's tick is short); None: all.

    Raises:
        ValueError: there is no such file or folder.
    """
    warehouse.initialise()
    known = {row["file"]: row for row in warehouse.read(LabelFiles).iter_rows(named=True)}
    lists = _Lists.load(warehouse, settings)
    result = TakenIn()
    for source in source_files(location, ["csv"]):
        if limit is not None and len(result.files) >= limit:
            break
        before = known.get(source.file, {})
        judged_alike = not before.get("n_refused") or before["judged_by"] == lists.version
        if before.get("source_key") == source.key and judged_alike:
            result.unchanged += 1
            continue
        content = source.read()
        sha256 = hashlib.sha256(content).hexdigest()
        if before.get("sha256") == sha256 and judged_alike:
            result.unchanged += 1
            continue
        _take_in(warehouse, lists, source, content, before.get("kind", "unknown"), result)
    return result


def import_label_file(
    warehouse: Warehouse, settings: Settings, location: str
) -> tuple[str, int, int]:
    """Add one file's labels to what it gave before, all of them or nothing.

    Args:
        warehouse: the warehouse.
        settings: names the file of flags of one's own, and the first day.
        location: a CSV file: a path or fsspec URL.

    Returns:
        The kind ('types' or 'flags'), and (imported, total) of that kind.

    Raises:
        ValueError: there is no such file, or it has a fault; the message names the lines. Nothing
            is written.
    """
    warehouse.initialise()
    lists = _Lists.load(warehouse, settings)
    source = next(source_files(location, ["csv"]))
    content, path = source.read(), Path(location)
    if labels_flags(path, content):
        labels = read_flag_labels(path, lists.flags, content)
        registered = _registered(source, content, lists, "flags", labels.height)
        return "flags", *import_flag_labels(warehouse, labels, source.file, registered)
    labels = read_labels(path, content)
    try:
        found = parse_labels(content)
    except Refused as error:
        raise ValueError(f"{path}: {error.refusal.detail}") from error
    refused = judge_labels(found, lists.rules(warehouse, found)).refused
    if not (unknown := refused.filter(pl.col("rule_id") == "unknown_type")).is_empty():
        shown = [
            f"line {row['row'] + 1}: '{row['measured']}', known are {row['limit']}: {row['detail']}"
            for row in unknown.head(_SHOWN).iter_rows(named=True)
        ]
        more = f" And {unknown.height - _SHOWN} more." if unknown.height > _SHOWN else ""
        raise ValueError(
            f"{path}: unknown types, nothing was imported (--quarantine imports the other rows): "
            f"{' '.join(shown)}{more}"
        )
    registered = _registered(source, content, lists, "types", labels.height)
    return "types", *import_image_labels(warehouse, labels, source.file, registered)


@dataclass(frozen=True)
class _Lists:
    """What labels are held against, apart from what the feeds say of their products.

    Attributes:
        categories: as ``category_types`` returns.
        flags: flags that there are.
        first_day: day of quarantine rows about products that no feed names.
        version: hash of the categories' types and the flags.
    """

    categories: pl.DataFrame
    flags: Collection[str]
    first_day: Any
    version: str

    @classmethod
    def load(cls, warehouse: Warehouse, settings: Settings) -> _Lists:
        categories, flags = category_types(warehouse), sorted(all_flags(settings.flags))
        listed = categories.select("category", "types").rows()
        version = hashlib.sha256(repr([listed, flags]).encode()).hexdigest()[:16]
        return cls(categories, flags, settings.first_day, version)

    def rules(self, warehouse: Warehouse, found: LabelRows) -> LabelRules:
        """Return the rules for a file: what its products' categories allow."""
        types = pl.col("types")
        offers = warehouse.sql(
            """
            SELECT product_id, category, min(day) AS day FROM supplier_offers
            SEMI JOIN wanted USING (product_id) GROUP BY ALL ORDER BY ALL
            """,
            wanted=found.rows.select("product_id").drop_nulls().unique(),
        )
        types = pl.col("types")
        listed = offers.join(self.categories.select("category", "types"), on="category", how="left")
        any_type = listed.filter(types.is_null())  # a category without a list allows any
        allowed = (
            listed.join(any_type, on="product_id", how="anti")
            .explode("types")
            .group_by("product_id")
            .agg(types.unique(maintain_order=True))
        )
        products = offers.unique("product_id", keep="first", maintain_order=True).join(
            allowed, on="product_id", how="left", maintain_order="left"
        )
        of_unknown = self.categories["types"].explode().drop_nulls().unique().sort().to_list()
        groups = named_groups(warehouse) if found.kind == "flags" else NO_GROUPS
        return LabelRules(self.flags, of_unknown or None, products, groups)


def _take_in(
    warehouse: Warehouse,
    lists: _Lists,
    source: SourceFile,
    content: bytes,
    kind_before: str,
    result: TakenIn,
) -> None:
    """Import one new or changed file."""
    try:
        found = parse_labels(content)
    except Refused as error:
        refused = _file_quarantine(source, lists, error)
        of_file = f"file = {quote(source.file)}"
        labels = warehouse.read(FileLabels, where=of_file).drop("file", "sequence")
        kind, n_rows = kind_before, 0
    else:
        rules = lists.rules(warehouse, found)
        judged = judge_labels(found, rules)
        refused = _row_quarantine(source, lists, judged, rules.products)
        labels, kind, n_rows = judged.labels, found.kind, found.rows.height
    given = give_labels(
        warehouse,
        source.file,
        labels,
        _registered(source, content, lists, kind, labels.height, n_rows, refused.height),
        Replacement(Quarantine, refused, equals={"stage": "labels", "feed_file": source.file}),
    )
    result.files[source.file] = kind
    result.given += given.given
    result.withdrawn += given.withdrawn
    result.refused += refused.height


def _registered(
    source: SourceFile,
    content: bytes,
    lists: _Lists,
    kind: str,
    n_imported: int,
    n_rows: int | None = None,
    n_refused: int = 0,
) -> Replacement:
    """Return the row of ``label_files`` that says that a file was taken in."""
    row = {
        "file": source.file,
        "kind": kind,
        "sha256": hashlib.sha256(content).hexdigest(),
        "source_key": source.key,
        "judged_by": lists.version,
        "n_rows": n_imported if n_rows is None else n_rows,
        "n_imported": n_imported,
        "n_refused": n_refused,
    }
    return Replacement(
        LabelFiles, LabelFiles.conform(pl.DataFrame([row])), equals={"file": source.file}
    )


def _file_quarantine(source: SourceFile, lists: _Lists, error: Refused) -> pl.DataFrame:
    refusal = error.refusal
    row = dict.fromkeys(Quarantine.column_names()) | {
        "day": lists.first_day,
        "category": UNCATEGORISED,
        "stage": "labels",
        "rule_id": refusal.rule_id,
        "measured": refusal.measured,
        "limit": refusal.limit,
        "detail": refusal.detail,
        "feed_file": source.file,
    }
    return Quarantine.conform(pl.DataFrame([row]))


def _row_quarantine(
    source: SourceFile, lists: _Lists, judged: JudgedLabels, products: pl.DataFrame
) -> pl.DataFrame:
    """Return refused labels as quarantine rows, under their product's category and first day."""
    rows = judged.refused.join(
        products.select("product_id", "category", "day"),
        on="product_id",
        how="left",
        maintain_order="left",
    )
    return Quarantine.conform(
        rows.with_columns(
            pl.col("category").fill_null(UNCATEGORISED),
            pl.col("day").fill_null(lists.first_day),
            stage=pl.lit("labels"),
            supplier_id=pl.lit(None, pl.String),
            image_id=pl.lit(None, pl.String),
            feed_file=pl.lit(source.file),
            feed_row="row",
        )
    )
