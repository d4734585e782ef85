"""From a feed file's bytes to one frame of strings, whatever its format and encoding.

CSV and JSON lines are first read in one vectorised pass. Whenever that pass fails or does not
account for every byte that separates fields and rows, the file is read again row by row, which
finds the very rows that are broken and keeps the others.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import polars as pl
from polars.exceptions import PanicException, PolarsError

from imgassets.ingest.raw_rows import FAULT, Layout
from imgassets.ingest.refusal import MAX_MEASURED, Refused

REQUIRED = ("product_id", "category", "image_url")
COLUMNS = (*REQUIRED, "title", "description", "position", "is_curated")

Fault = dict[str, str]
Row = dict[str, Any]


OFFERS = Layout(REQUIRED, COLUMNS)


def read_raw(content: bytes, extension: str, layout: Layout = OFFERS) -> pl.DataFrame:
    """Read a feed file into a frame of the layout's schema, one row per input row, in order.

    Values are stripped of surrounding spaces, empty values are null. Blank lines are no rows.

    Args:
        content: The whole file.
        extension: ``csv``, ``jsonl`` or ``parquet``.
        layout: The columns to read.

    Raises:
        Refused: rule ``empty_file``, ``unknown_encoding``, ``unreadable_file`` or
            ``missing_column``.
    """
    if not content.strip():
        raise Refused("empty_file", f"{len(content)} bytes", "≥ 1 row", "The file is empty.")
    if extension == "parquet":
        frame = _read_parquet(content, layout)
    else:
        text = decode(content).strip()
        data = text.encode()
        if not data:
            raise Refused("empty_file", "only blank lines", "≥ 1 row", "The file has no rows.")
        read = _read_csv if extension == "csv" else _read_jsonl
        frame = read(text, data, layout)
    if frame.is_empty():
        raise Refused("empty_file", "0 rows", "≥ 1 row", "The file has a header and no rows.")
    stripped = pl.col(layout.columns).str.strip_chars()
    return frame.with_columns(pl.when(stripped != "").then(stripped))


def read_csv_rows(content: bytes) -> tuple[list[str], list[list[str] | Row]]:
    """Read a CSV file of any columns, row by row.

    Returns:
        The header, and for each row its fields, one per column, or a dictionary whose ``fault``
        says why it is no row. Nothing is stripped.

    Raises:
        Refused: rule ``empty_file``, ``unknown_encoding`` or ``unreadable_file``.
    """
    text = decode(content).strip()
    if not text:
        raise Refused("empty_file", f"{len(content)} bytes", "a header", "The file is empty.")
    return _csv_rows(text)


def decode(content: bytes) -> str:
    """Decode UTF-8, with or without a byte-order mark, or UTF-16 with one.

    Raises:
        Refused: rule ``unknown_encoding``.
    """
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    limit = "UTF-8, or UTF-16 with a byte-order mark"
    try:
        text = content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = content[error.start : error.start + 1].hex() or "end of file"
        raise Refused(
            "unknown_encoding",
            f"byte 0x{found} at offset {error.start} (line {line})",
            limit,
            f"The file is not {'UTF-16' if utf16 else 'UTF-8'}; save it as UTF-8.",
        ) from error
    # UTF-16 or UTF-32 without a mark is valid UTF-8 in which every other character is NUL.
    if text.count("\0") > len(text) // 4:
        raise Refused(
            "unknown_encoding",
            f"{text.count(chr(0))} NUL characters in {len(text)}",
            limit,
            "The file looks like UTF-16 or UTF-32 without its mark; save it as UTF-8.",
        )
    return text if "\n" in text else text.replace("\r", "\n")


def _known_columns(names: list[str], n_rows: int, layout: Layout) -> dict[str, int]:
    """Map known columns to their place in the header; the first of equal names wins."""
    found: dict[str, int] = {}
    for place, name in enumerate(names):
        known = name.strip().lower()
        if known in layout.columns:
            found.setdefault(known, place)
    missing = [name for name in layout.required if name not in found]
    if missing:
        raise Refused(
            "missing_column",
            f"columns {', '.join(name.strip() for name in names)}",
            f"columns {', '.join(layout.required)}",
            f"Missing: {', '.join(missing)}; the {n_rows} rows of the file were not read.",
        )
    return found


def _from_rows(rows: list[Row], layout: Layout) -> pl.DataFrame:
    # By column: several times faster than handing over the dictionaries.
    return pl.DataFrame(
        [pl.Series(name, [r.get(name) for r in rows], t) for name, t in layout.schema.items()]
    )


def _from_frame(frame: pl.DataFrame, found: dict[str, int], layout: Layout) -> pl.DataFrame:
    names = frame.columns
    exprs = [
        pl.col(names[found[name]]).alias(name)
        if name in found
        else pl.lit(None, pl.String).alias(name)
        for name in layout.columns
    ]
    return frame.select(
        *exprs, pl.lit(None, pl.String).alias("raw"), pl.lit(None, FAULT).alias("fault")
    )


def _malformed(raw: str, measured: str, limit: str, detail: str) -> Row:
    fault = {"rule_id": "malformed_row", "measured": measured[:MAX_MEASURED], "limit": limit,
             "detail": f"{detail} It reads: {raw[:MAX_MEASURED]!r}"}  # fmt: skip
    return {"raw": raw, "fault": fault}


# --- CSV ------------------------------------------------------------------------------------------


def _read_csv(text: str, data: bytes, layout: Layout) -> pl.DataFrame:
    frame = _csv_at_once(data)
    if frame is not None:
        return _from_frame(frame, _known_columns(frame.columns, frame.height, layout), layout)
    header, body = _csv_rows(text)
    found = _known_columns(header, len(body), layout)
    return _from_rows(
        [
            {name: row[place] for name, place in found.items()} if isinstance(row, list) else row
            for row in body
        ],
        layout,
    )


def _csv_rows(text: str) -> tuple[list[str], list[list[str] | Row]]:
    """Return the header and the rows: one field per column, or the fault of a row that is none."""
    records = _csv_records(text)
    header = next(records)
    if isinstance(header, str):
        raise Refused("unreadable_file", header, "a CSV header", "The first line is no CSV header.")
    limit = f"{len(header)} fields"
    rows: list[list[str] | Row] = []
    for record in records:
        if isinstance(record, list) and len(record) == len(header):
            rows.append(record)
        elif isinstance(record, list):
            raw = ",".join(record)
            rows.append(
                _malformed(raw, f"{len(record)} fields", limit, "The row has not one per column.")
            )
        else:
            rows.append(_malformed(record, "broken quoting", limit, "Its quotes do not pair up."))
    return header, rows


def _csv_at_once(data: bytes) -> pl.DataFrame | None:
    """Parse in one pass; None unless every comma is accounted for.

    The parser fills short rows up silently. A comma either separates two fields or is part of a
    value, so the counts agree exactly when no row is short (a blank line is a short row, too).
    """
    try:
        frame = pl.read_csv(data, infer_schema=False)
    except (PolarsError, PanicException):
        return None
    # A quote left open in the header swallows the lines after it without an error.
    if any("\n" in name for name in frame.columns):
        return None
    inside = sum(frame.select(pl.all().str.count_matches(",", literal=True).sum()).row(0))
    inside += sum(name.count(",") for name in frame.columns)
    between = (frame.height + 1) * (frame.width - 1)
    return frame if data.count(b",") == inside + between else None


def _csv_records(text: str) -> Iterator[list[str] | str]:
    """Yield each record's fields, or the line that starts a broken record.

    A quote that is never closed swallows the lines after it. So when a broken record spans several
    lines, only its first line is given up and reading goes on at the second.
    """
    lines = text.split("\n")
    at = 0
    width: int | None = None
    while at < len(lines):
        offset = at
        reader = csv.reader((lines[i] + "\n" for i in range(offset, len(lines))), strict=True)
        while True:
            start = offset + reader.line_num
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error:
                record = None
            at = offset + reader.line_num
            if record is not None and not "".join(record).strip() and len(record) < 2:
                continue
            if record is not None and (at == start + 1 or width in (None, len(record))):
                width = len(record) if width is None else width
                yield record
                continue
            yield lines[start]
            if at > start + 1:
                at = start + 1
                break


# --- JSON lines -----------------------------------------------------------------------------------


def _read_jsonl(text: str, data: bytes, layout: Layout) -> pl.DataFrame:
    lines = [line for line in text.split("\n") if line.strip()]
    frame = _jsonl_at_once(data, len(lines), layout)
    if frame is not None:
        return _from_frame(frame, _known_columns(frame.columns, frame.height, layout), layout)
    records = [_json_object(line) for line in lines]
    names: dict[str, None] = {}
    for record in records:
        if isinstance(record, dict):
            names.update(dict.fromkeys(record))
    if not names:
        raise Refused(
            "unreadable_file", lines[0], "one JSON object per line", "No line is a JSON object."
        )
    known = {name: name.strip().lower() for name in names}
    _known_columns(list(names), len(lines), layout)
    return _from_rows(
        [
            _json_row(record, known, line, layout)
            if isinstance(record, dict)
            else _malformed(line, record, "one JSON object per line", "The line is no object.")
            for record, line in zip(records, lines, strict=True)
        ],
        layout,
    )


def _jsonl_at_once(data: bytes, n_rows: int, layout: Layout) -> pl.DataFrame | None:
    """Parse in one pass; None when a line is no object or a known column is not one of scalars."""
    try:
        frame = pl.read_ndjson(data, infer_schema_length=None)
    except (PolarsError, PanicException):
        return None
    known = [name for name in frame.columns if name.strip().lower() in layout.columns]
    folded = {name.strip().lower() for name in known}
    nested = any(frame.schema[name].is_nested() for name in known)
    # A lower-case and an upper-case spelling of one column in one file: rows have to be merged.
    if frame.height != n_rows or nested or len(folded) != len(known):
        return None
    return frame.with_columns(_as_text(frame.schema[name], name) for name in known)


def _json_object(line: str) -> dict[str, Any] | str:
    """Return the line's object, or what was found instead."""
    try:
        value = json.loads(line)
        if "\\u" in line:
            # A lone surrogate is legal in JSON and cannot be stored as text.
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        return f"{type(error).__name__}: {error}"
    return value if isinstance(value, dict) else f"a JSON {type(value).__name__}"


def _json_row(record: dict[str, Any], known: dict[str, str], line: str, layout: Layout) -> Row:
    row: Row = {}
    for name, value in record.items():
        column = known[name]
        if column not in layout.columns or column in row:
            continue
        if isinstance(value, dict | list):
            fault: Fault = {
                "rule_id": "wrong_type",
                "measured": json.dumps(value, ensure_ascii=False)[:MAX_MEASURED],
                "limit": "a single value",
                "detail": f"{column} is a JSON {type(value).__name__}.",
            }
            return {**row, "raw": line, "fault": fault}
        if isinstance(value, bool):
            row[column] = "true" if value else "false"
        elif isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
            row[column] = str(int(value))
        elif value is not None:
            row[column] = str(value)
    return row


# --- Parquet --------------------------------------------------------------------------------------


def _read_parquet(content: bytes, layout: Layout) -> pl.DataFrame:
    try:
        schema = pl.read_parquet_schema(io.BytesIO(content))
        # The row count of a file whose columns are not ours is of no use to anybody.
        found = _known_columns(list(schema), 0, layout)
        wanted = [list(schema)[place] for place in found.values()]
        frame = pl.read_parquet(io.BytesIO(content), columns=wanted)
    except (PolarsError, PanicException, OSError) as error:
        raise Refused(
            "unreadable_file",
            f"{type(error).__name__}: {error}",
            "a Parquet file",
            "The file is no Parquet file, or is damaged or incomplete.",
        ) from error
    texts = frame.with_columns(
        _utf8(frame[name]) for name in frame.columns if frame.schema[name] == pl.Binary
    )
    texts = texts.select(_as_text(dtype, name) for name, dtype in texts.schema.items())
    lost = pl.lit(None, FAULT)
    for column in reversed(frame.columns):
        fault = pl.struct(
            rule_id=pl.lit("wrong_type"),
            measured=pl.lit(f"a {frame.schema[column]}"),
            limit=pl.lit("a single value"),
            detail=pl.lit(f"{column.strip()} cannot be read as text."),
        )
        unreadable = frame[column].is_not_null() & texts[column].is_null()
        if not frame.schema[column].is_float():
            lost = pl.when(unreadable).then(fault).otherwise(lost)
    places = {name: place for place, name in enumerate(found)}
    return _from_frame(texts, places, layout).with_columns(fault=lost)


def _utf8(column: pl.Series) -> pl.Series:
    """Read bytes as text, which some writers do not mark as such; null where they are none."""
    try:
        return column.cast(pl.String)
    except PolarsError:
        values: list[bytes | None] = column.to_list()
        texts = (None if value is None else value.decode(errors="ignore") for value in values)
        same = [t if t is not None and t.encode() == v else None
                for t, v in zip(texts, values, strict=True)]  # fmt: skip
        return pl.Series(column.name, same, pl.String)


def _as_text(dtype: pl.DataType, name: str) -> pl.Expr:
    """Return a column as text; a value that has no text form becomes null."""
    column = pl.col(name)
    if dtype.is_nested() or dtype == pl.Object:
        return pl.when(column.is_null()).then(pl.lit(None, pl.String)).alias(name)
    if dtype.is_float():
        # Tables with gaps often hold whole numbers as floats: 3.0 is the number 3.
        whole = (column == column.floor()) & (column.abs() < 2**53)
        number = pl.when(whole).then(column).cast(pl.Int64, strict=False).cast(pl.String)
        text = pl.when(whole).then(number).otherwise(column.cast(pl.String))
        return pl.when(column.is_not_nan()).then(text).alias(name)
    return column.cast(pl.String, strict=False)
