"""The rows of a file of labels, judged one by one: what is bad is refused, the rest is taken.

:mod:`imgassets.learning.labels` reads the same files for a person at the keyboard, who wants all of
a file or nothing. A feed wants every good row.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from imgassets.ingest.raw_rows import FAULT, fault, first_fault
from imgassets.ingest.readers import read_csv_rows
from imgassets.ingest.refusal import Refused
from imgassets.learning.labels import FLAG_VALUES, GROUP_COLUMNS, SPLITS, TYPE_COLUMNS
from imgassets.moderation.flags import IMAGE_TYPE
from imgassets.warehouse.contract import NONE, UNSURE, UNTYPED

_TEXTS = ("product_id", "image_url", "flag", "value", "group_id", "split")
_SCHEMA = pl.Schema(
    [("row", pl.Int32()), *((name, pl.String()) for name in _TEXTS), ("fault", FAULT)]
)
NO_GROUPS = pl.DataFrame(schema={"product_id": pl.String, "groups": pl.List(pl.String)})
_NO_TYPES = (UNSURE, UNTYPED)
_KEY = ("product_id", "image_url", "flag")
_REFUSED = ("row", "product_id", "image_url")


class LabelRows(NamedTuple):
    """A file of labels, read.

    Attributes:
        kind: ``types`` or ``flags``.
        rows: one per row of the file: row (from 1), product_id, image_url, flag ('image_type' in a
            file of types), value (the type; of a flag, as written), group_id, split ('' in a file
            of types), and fault, of a row that is none. Lower case, stripped; empty is null.
    """

    kind: str
    rows: pl.DataFrame


@dataclass(frozen=True)
class LabelRules:
    """What labels are held against.

    Attributes:
        flags: flags that there are.
        types: types of a product that no feed names yet; None: any.
        products: product_id, category (one of its categories) and types (List; null: any), of the
            products that a feed names.
        groups: product_id and groups (List) that labels of types name, apart from the product.
    """

    flags: Collection[str]
    types: Collection[str] | None
    products: pl.DataFrame
    groups: pl.DataFrame


class JudgedLabels(NamedTuple):
    """What :func:`judge_labels` returns.

    Attributes:
        labels: product_id, image_url, flag, value (of a flag, yes or no), group_id, split; one row
            per label, sorted.
        refused: row, product_id, image_url, rule_id, measured, limit, detail; in file order.
    """

    labels: pl.DataFrame
    refused: pl.DataFrame


def parse_labels(content: bytes) -> LabelRows:
    """Read a file of labels of types or of flags; see :mod:`imgassets.learning.labels` for columns.

    Raises:
        Refused: rule ``empty_file``, ``unknown_encoding``, ``unreadable_file``, ``missing_column``
            or ``mixed_columns``.
    """
    header, body = read_csv_rows(content)
    names = [name.strip().lower() for name in header]
    places = {name: names.index(name) for name in names}
    type_column = next((name for name in TYPE_COLUMNS if name in places), None)
    if "flag" in places and type_column:
        raise Refused(
            "mixed_columns",
            f"columns flag and {type_column}",
            "labels of flags, or of types",
            "Labels of both kinds in one file: write two files.",
        )
    flags = "flag" in places
    wanted = ("product_id", "image_url", "flag" if flags else type_column or "image_type")
    if missing := [name for name in wanted if name not in places]:
        raise Refused(
            "missing_column",
            f"columns {', '.join(names)}",
            f"columns product_id, image_url and one of flag, {', '.join(TYPE_COLUMNS)}",
            f"Missing: {', '.join(missing)}; the {len(body)} rows of the file were not read.",
        )
    group = next((name for name in GROUP_COLUMNS if name in places), "product_id")
    take = {"product_id": "product_id", "image_url": "image_url", "group_id": group}
    take |= (
        {name: name for name in ("flag", "value", "split") if name in places}
        if flags
        else {"value": str(type_column)}
    )
    rows = pl.DataFrame(
        {
            "row": range(1, len(body) + 1),
            **{
                name: [row[places[column]] if isinstance(row, list) else None for row in body]
                for name, column in take.items()
            },
            "fault": [None if isinstance(row, list) else row["fault"] for row in body],
        },
        schema_overrides={name: _SCHEMA[name] for name in ("row", "fault", *take)},
    )
    text = pl.col(list(take)).str.strip_chars()
    rows = rows.with_columns(pl.when(text != "").then(text).name.keep())
    lower = [name for name in ("flag", "value", "split") if name in rows.columns]
    defaults = {
        "flag": pl.lit(IMAGE_TYPE),
        "value": pl.lit("yes"),
        "split": pl.lit("train" if flags else ""),
    }
    rows = rows.with_columns(
        pl.col(lower).str.to_lowercase(),
        *(value.alias(name) for name, value in defaults.items() if name not in lower),
        group_id=pl.coalesce("group_id", "product_id"),
    ).with_columns(pl.col("split").fill_null(defaults["split"]))
    return LabelRows("flags" if flags else "types", rows.select(_SCHEMA.names()))


def judge_labels(found: LabelRows, rules: LabelRules) -> JudgedLabels:
    """Take the good labels of a file and refuse the others, each by the first rule it breaks.

    Rules: ``malformed_row``, ``missing_value``; of types ``unknown_type``; of flags
    ``unknown_flag``, ``unknown_value``, ``unknown_split``, ``contradicting_group`` (labels of types
    say otherwise); of both ``contradicting_labels``: rows about one image that contradict each
    other are refused together, because nobody knows which of them is right.
    """
    judge = _flag_faults if found.kind == "flags" else _type_faults
    rows = _with_faults(found.rows, [_missing(found.kind), *judge(rules)], rules)
    rows = rows.with_columns(fault=pl.coalesce("fault", _contradiction(rows)))
    good = rows.filter(pl.col("fault").is_null())
    if found.kind == "flags":
        yes_or_no = pl.col("value").replace_strict(FLAG_VALUES, return_dtype=pl.Boolean)
        good = good.with_columns(
            value=pl.when(yes_or_no).then(pl.lit("yes")).otherwise(pl.lit("no"))
        )
    labels = good.select(*_KEY, "value", "group_id", "split").unique(_KEY, keep="first").sort(_KEY)
    refused = rows.filter(pl.col("fault").is_not_null()).select(*_REFUSED, "fault").unnest("fault")
    return JudgedLabels(labels, refused)


def _with_faults(
    rows: pl.DataFrame, checks: Sequence[tuple[pl.Expr, pl.Expr]], rules: LabelRules
) -> pl.DataFrame:
    """Set ``fault`` of each row without one to that of the first check that it fails."""
    known = rules.products.select("product_id", "category", may="types", in_feed=pl.lit(True))
    return (
        rows.join(known, on="product_id", how="left", maintain_order="left")
        .join(rules.groups, on="product_id", how="left", maintain_order="left")
        .with_columns(fault=first_fault(checks))
        .select(rows.columns)
    )


def _missing(kind: str) -> tuple[pl.Expr, pl.Expr]:
    named = {"product_id": "product_id", "image_url": "image_url"}
    named |= {"flag": "flag", "value": "value"} if kind == "flags" else {"value": "image_type"}
    absent = pl.concat_str(
        [pl.when(pl.col(column).is_null()).then(pl.lit(shown)) for column, shown in named.items()],
        separator=", ",
        ignore_nulls=True,
    )
    return absent != "", fault(
        "missing_value",
        pl.lit("no value"),
        ", ".join(named.values()),
        pl.format("Empty: {}.", absent),
    )


def _type_faults(rules: LabelRules) -> list[tuple[pl.Expr, pl.Expr]]:
    """An unknown type: of the product's categories, or of any where no feed names the product."""
    value, in_feed = pl.col("value"), pl.col("in_feed").fill_null(False)
    remedy = "correct the label, or add the type in categories.toml and import that"
    listed = in_feed & pl.col("may").is_not_null()
    own = pl.col("may").list.concat(pl.lit([NONE]))
    checks = [
        (
            value.is_in(_NO_TYPES),
            fault(
                "unknown_type",
                value,
                "a type, or none",
                "That is what a model says where it knows no type: leave the row out.",
            ),
        ),
        (
            listed & ~pl.col("may").list.contains(value) & (value != NONE),
            fault(
                "unknown_type",
                value,
                own.list.join(", "),
                pl.format("The category {} has no such type: " + remedy + ".", "category"),
            ),
        ),
    ]
    if rules.types is not None:
        known = sorted({*rules.types, NONE})
        checks.append(
            (
                ~in_feed & ~value.is_in(known),
                fault(
                    "unknown_type",
                    value,
                    ", ".join(known),
                    f"No category has such a type: {remedy}.",
                ),
            )
        )
    return checks


def _flag_faults(rules: LabelRules) -> list[tuple[pl.Expr, pl.Expr]]:
    named = pl.col("group_id") != pl.col("product_id")
    other = (
        named & pl.col("groups").is_not_null() & ~pl.col("groups").list.contains(pl.col("group_id"))
    )
    return [
        (
            ~pl.col("flag").is_in(sorted(rules.flags)),
            fault(
                "unknown_flag", pl.col("flag"), ", ".join(sorted(rules.flags)),
                "There is no such flag: correct it, or add it to the file that IMGASSETS_FLAGS "
                "names.",
            ),
        ),
        (
            ~pl.col("value").is_in(list(FLAG_VALUES)),
            fault("unknown_value", pl.col("value"), ", ".join(FLAG_VALUES),
                   "The value is neither yes nor no."),
        ),
        (
            ~pl.col("split").is_in(list(SPLITS)),
            fault("unknown_split", pl.col("split"), ", ".join(SPLITS),
                   "The split is neither train nor holdout."),
        ),
        (
            other,
            fault("contradicting_group", pl.col("group_id"), pl.col("groups").list.join(", "),
                   "Labels of types name another group of the product: use the same, or none."),
        ),
    ]  # fmt: skip


def _contradiction(rows: pl.DataFrame) -> pl.Series:
    """Return the fault of each usable row that another one about the same image contradicts."""
    same = pl.col("value").replace({text: str(yes) for text, yes in FLAG_VALUES.items()})
    said = pl.when(pl.col("flag") == IMAGE_TYPE).then("value").otherwise(same)
    usable = rows.filter(pl.col("fault").is_null()).with_columns(said=said)
    differ = pl.any_horizontal(
        pl.col(name).n_unique().over(_KEY) > 1 for name in ("said", "group_id", "split")
    )
    text = pl.format(
        "row {}: {}", "row", pl.concat_str("value", "group_id", "split", separator=" ")
    )
    faults = usable.filter(differ).select(
        "row",
        contradiction=fault(
            "contradicting_labels",
            text.str.join("; ").over(_KEY),
            "one label per product and image",
            "Rows contradict each other about one image, so none of them is taken: remove the "
            "wrong ones.",
        ),
    )
    return rows.join(faults, on="row", how="left", maintain_order="left")["contradiction"]
