"""Bringing labels into the warehouse: what each file gave, and what stands of it.

``file_labels`` holds every label as its file gave it. ``image_labels`` and ``flag_labels`` hold,
for each image (and flag), the label that was given last.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from imgassets.moderation.flags import IMAGE_TYPE
from imgassets.warehouse.contracts import FileLabels, FlagLabels, ImageLabels
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import quote

_KEY = FileLabels.primary_key()[1:]
_SAID = [*_KEY, "value", "group_id", "split"]


class Given(NamedTuple):
    """What giving labels did.

    Attributes:
        given: labels that are new or other than before.
        withdrawn: labels that the file gave before and gives no more.
    """

    given: int
    withdrawn: int


def has_image_labels(warehouse: Warehouse) -> bool:
    """Tell whether any image's type was labelled."""
    warehouse.initialise()
    return not warehouse.read(ImageLabels, columns=["product_id"]).is_empty()


def import_image_labels(
    warehouse: Warehouse, labels: pl.DataFrame, file: str | None = None, *also: Replacement
) -> tuple[int, int]:
    """Add labels, replacing those of the same images; return (imported, total).

    Args:
        warehouse: the warehouse.
        labels: frame in contract ``ImageLabels``.
        file: where they are from; None: their ``source``.
        also: what to write in the same transaction.
    """
    rows = labels.with_columns(flag=pl.lit(IMAGE_TYPE), value="image_type", split=pl.lit(""))
    _add(warehouse, rows, file, also)
    return labels.height, warehouse.read(ImageLabels, columns=["product_id"]).height


def import_flag_labels(
    warehouse: Warehouse, labels: pl.DataFrame, file: str | None = None, *also: Replacement
) -> tuple[int, int]:
    """Add labels of flags, replacing those of the same images and flags; return (imported, total).

    Arguments as in :func:`import_image_labels`; labels are in contract ``FlagLabels``.

    Raises:
        ValueError: a product's group is another one than its labels of types name: its images
            would be on both sides of a split. Nothing is written.
    """
    warehouse.initialise()
    _refuse_other_groups(named_groups(warehouse), labels)
    value = pl.when("value").then(pl.lit("yes")).otherwise(pl.lit("no"))
    _add(warehouse, labels.with_columns(value=value), file, also)
    return labels.height, warehouse.read(FlagLabels, columns=["product_id"]).height


def named_groups(warehouse: Warehouse) -> pl.DataFrame:
    """Return the groups that labels of types name, apart from the product itself.

    Returns:
        Frame (product_id: String, groups: List(String)), sorted.
    """
    return (
        warehouse.read(ImageLabels)
        .filter(pl.col("group_id") != pl.col("product_id"))
        .group_by("product_id")
        .agg(groups=pl.col("group_id").unique().sort())
        .sort("product_id")
    )


def _refuse_other_groups(named: pl.DataFrame, labels: pl.DataFrame) -> None:
    """Raise if labels name a product's group (it is not the product itself) that is none of its."""
    differing = (
        labels.filter(pl.col("group_id") != pl.col("product_id"))
        .select("product_id", "group_id")
        .unique()
        .join(named, on="product_id")
        .filter(~pl.col("group_id").is_in(pl.col("groups")))
        .sort("product_id", "group_id")
    )
    if not differing.is_empty():
        first = differing.row(0, named=True)
        raise ValueError(
            f"{differing.height} products have another group than in the labels of types, e.g. "
            f"{first['product_id']}: {first['group_id']} instead of {', '.join(first['groups'])}; "
            "use the same group, or leave it out"
        )


def _add(
    warehouse: Warehouse, labels: pl.DataFrame, file: str | None, also: tuple[Replacement, ...]
) -> None:
    """Give labels beside those that their files gave before."""
    warehouse.initialise()
    named = labels.with_columns(file=pl.lit(file) if file else pl.col("source"))
    for (name,), rows in named.group_by("file", maintain_order=True):
        before = _Before.load(warehouse, str(name), rows)
        added = rows.select(_SAID).with_columns(sequence=pl.lit(before.next, pl.Int32))
        now = pl.concat([before.own.join(added, on=_KEY, how="anti"), added])
        _write(warehouse, str(name), now, added.select(_KEY), before.others, also)


def give_labels(warehouse: Warehouse, file: str, labels: pl.DataFrame, *also: Replacement) -> Given:
    """Make a file's labels what it says now: what it gave before and gives no more is withdrawn.

    A label that a file withdraws falls back to what another file said last of the same image.
    Labels that the file gave before stay behind what was said since.

    Args:
        warehouse: the warehouse.
        file: path or URL, the file's identity.
        labels: product_id, image_url, flag ('image_type' for types), value, group_id, split.
        also: what to write in the same transaction.
    """
    warehouse.initialise()
    before = _Before.load(warehouse, file, labels)
    now = (
        labels.select(_SAID)
        .join(before.own, on=_SAID, how="left", maintain_order="left")
        .with_columns(pl.col("sequence").fill_null(before.next).cast(pl.Int32))
    )
    changed = now.filter(pl.col("sequence") == before.next).select(_KEY)
    gone = before.own.join(now, on=_KEY, how="anti").select(_KEY)
    _write(warehouse, file, now, pl.concat([changed, gone]), before.others, also)
    return Given(changed.height, gone.height)


class _Before(NamedTuple):
    """What is known before a file gives labels.

    Attributes:
        own: the file's labels so far, with their sequence.
        others: rows of ``file_labels`` about the same images and flags, of other files.
        next: sequence of the labels that are given next.
    """

    own: pl.DataFrame
    others: pl.DataFrame
    next: int

    @classmethod
    def load(cls, warehouse: Warehouse, file: str, labels: pl.DataFrame) -> _Before:
        """Read it, for labels that hold the columns of the key."""
        found = warehouse.sql(
            f"""
            WITH concerned AS (
                SELECT product_id, image_url, flag FROM file_labels WHERE file = {quote(file)}
                UNION SELECT product_id, image_url, flag FROM given
            )
            SELECT l.last, f.*
            FROM (SELECT coalesce(max(sequence), 0) AS last FROM file_labels) AS l
            LEFT JOIN (
                SELECT * FROM file_labels SEMI JOIN concerned USING (product_id, image_url, flag)
            ) AS f ON true
            ORDER BY ALL
            """,
            given=labels.select(_KEY),
        )
        rows = found.drop("last").drop_nulls("file").cast(FileLabels.create_empty().schema)
        own = pl.col("file") == file
        return cls(rows.filter(own).drop("file"), rows.filter(~own), int(found["last"][0]) + 1)


def _write(
    warehouse: Warehouse,
    file: str,
    labels: pl.DataFrame,
    changed: pl.DataFrame,
    others: pl.DataFrame,
    also: tuple[Replacement, ...],
) -> None:
    """Write a file's labels, and what then stands of the changed ones, in one transaction."""
    own = FileLabels.conform(labels.with_columns(file=pl.lit(file)))
    standing = (
        pl.concat([others, own])
        .join(changed, on=_KEY, how="semi")
        .sort("sequence", descending=True)
        .unique(_KEY, keep="first", maintain_order=True)
        .with_columns(source=pl.col("file").str.split("/").list.last())
    )
    is_type = pl.col("flag") == IMAGE_TYPE
    types = standing.filter(is_type).with_columns(image_type="value")
    flags = standing.filter(~is_type).with_columns(value=pl.col("value") == "yes")
    replacements = [Replacement(FileLabels, own, equals={"file": file}), *also]
    for contract, stands, affected in (
        (ImageLabels, types, changed.filter(is_type)),
        (FlagLabels, flags, changed.filter(~is_type)),
    ):
        if affected.is_empty():
            continue
        key = contract.primary_key()
        kept = warehouse.read(contract).join(affected, on=key, how="anti")
        merged = pl.concat([kept, stands.select(kept.columns)]).sort(key)
        replacements.append(Replacement(contract, merged))
    warehouse.replace(replacements, CommitMessage(asset=f"labels {file}"))
