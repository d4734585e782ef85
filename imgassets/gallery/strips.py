"""Image sets before and after as a little Markdown with the pictures inside."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from imgassets.gallery.addresses import product_address

MAX_BYTES = 80_000
"""Characters of one strip, its pictures included: whole products are left out beyond."""

SIDE = 96
"""Pixels of a picture's longer side."""

PRODUCTS = 8
"""Products that one run shows, at most."""

_IMAGES = 5
"""Images of one set that are shown, at most."""

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_REFERENCE = re.compile(r"\]\[([0-9a-f]{64})\]")
_CELL = ["day", "category"]


def changed_products(changes: pl.DataFrame, count: int = PRODUCTS) -> pl.DataFrame:
    """Return the changed products that are worth a look, as evenly over partitions as they come.

    Args:
        changes: rows of ``image_set_changes``.
        count: how many at most.

    Returns:
        Rows of ``changes``: of each partition first the products that got another hero, then those
        that changed most; newest partitions first.
    """
    size = pl.col("added").list.len() + pl.col("removed").list.len()
    place = pl.int_range(pl.len()).over(_CELL)
    return (
        changes.filter(pl.col("status") == "changed")
        .with_columns(size=size)
        .sort(
            *_CELL, "hero_changed", "size", "product_id",
            descending=[True, False, True, True, False],
        )
        .with_columns(place=place)
        .sort("place", maintain_order=True)
        .head(count)
        .drop("place", "size")
    )  # fmt: skip


def changes_by_category(changes: pl.DataFrame) -> pl.DataFrame:
    """Return one row per category: products, and how many of them changed in which way.

    Args:
        changes: rows of ``image_set_changes``.
    """
    status = pl.col("status")
    return (
        changes.group_by("category")
        .agg(
            products=pl.len(),
            changed=(status == "changed").sum(),
            unchanged=(status == "unchanged").sum(),
            bypassed=status.str.starts_with("bypassed").sum(),
            hero_changed=pl.col("hero_changed").sum(),
            images_added=pl.col("added").list.len().sum(),
            images_removed=pl.col("removed").list.len().sum(),
            images_moved=pl.col("moved").list.len().sum(),
        )
        .sort("category")
    )


def shown_images(changes: pl.DataFrame) -> list[str]:
    """Return the images that :func:`before_and_after` shows of some rows."""
    sets = (row[side][:_IMAGES] for row in changes.iter_rows(named=True) for side in _SIDES)
    return sorted({image for images in sets for image in images})


_SIDES = ("before", "after")


def before_and_after(
    changes: pl.DataFrame, pictures: Mapping[str, str], service: str = "", room: int = MAX_BYTES
) -> str:
    """Return a table of products, each with its images before and after, as Markdown.

    Args:
        changes: rows of ``image_set_changes``.
        pictures: data URI by image id; an image without one is named by its id.
        service: address of the service, whose product pages are linked; '' for none.
        room: characters that the text may have; products beyond are counted instead.
    """
    strip = _Strip(pictures, ("product", "first supplier's images", "chosen set", "what changed"))
    for shown, row in enumerate(changes.iter_rows(named=True)):
        cells = [
            _product(row, service),
            *(strip.images(row[side]) for side in _SIDES),
            _what_changed(row),
        ]
        if not strip.add(cells, room):
            return f"{strip.text()}\n\n{changes.height - shown} more are not shown."
    return strip.text()


def heroes(
    ordered: pl.DataFrame, pictures: Mapping[str, str], service: str = "", room: int = MAX_BYTES
) -> str:
    """Return a table of first images with their type and reason, as Markdown.

    Args:
        ordered: rows of ``ordered_image_sets`` with rank 1.
        pictures: data URI by image id.
        service: as in :func:`before_and_after`.
        room: likewise.
    """
    strip = _Strip(pictures, ("hero", "product", "type", "why it comes first"))
    for row in ordered.iter_rows(named=True):
        cells = [
            strip.images([row["image_id"]]),
            _product(row, service),
            plain(row["image_type"]),
            plain(row["reason"]),
        ]
        if not strip.add(cells, room):
            break
    return strip.text()


def plain(text: str) -> str:
    """Return text as Markdown that shows it as it is: suppliers' ids may look like anything."""
    return _PUNCTUATION.sub(r"\\\1", " ".join(text.split()))


class _Strip:
    """A Markdown table whose pictures stand below it, each once."""

    def __init__(self, pictures: Mapping[str, str], header: Sequence[str]) -> None:
        self._pictures = pictures
        self._rows = [_row(header), _row(["---"] * len(header))]
        self._named: dict[str, str] = {}
        self._length = sum(map(len, self._rows))

    def images(self, image_ids: Sequence[str]) -> str:
        """Return the content of a cell of images."""
        cells = [self._image(image_id) for image_id in image_ids[:_IMAGES]]
        if more := len(image_ids) - _IMAGES:
            cells += [f"+{more}"] if more > 0 else []
        return " ".join(cells) or "none"

    def add(self, cells: Iterable[str], room: int) -> bool:
        """Add a row with its pictures, unless the text would outgrow its room."""
        row = _row(cells)
        new = set(_REFERENCE.findall(row)) - self._named.keys()
        length = len(row) + sum(len(self._pictures[i]) + len(i) + 5 for i in new)
        if self._length + length > room:
            return False
        self._rows.append(row)
        self._named |= {image_id: self._pictures[image_id] for image_id in new}
        self._length += length
        return True

    def text(self) -> str:
        """Return the whole."""
        below = [f"[{image_id}]: {self._named[image_id]}" for image_id in sorted(self._named)]
        return "\n".join([*self._rows, "", *below])

    def _image(self, image_id: str) -> str:
        if image_id in self._pictures:
            return f"![{image_id[:8]}][{image_id}]"
        return f"`{image_id[:8]}`"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _product(row: Mapping[str, Any], service: str) -> str:
    name = f"{plain(row['product_id'])} ({plain(row['category'])})"
    if not service:
        return name
    address = product_address(row["category"], row["product_id"])
    return f"[{name}]({service.rstrip('/')}{address})"


def _what_changed(row: Mapping[str, Any]) -> str:
    told = [f"{len(row[kind])} {kind}" for kind in ("added", "removed", "moved") if row[kind]]
    if row["hero_changed"]:
        told.insert(0, "**another hero**")
    return ", ".join(told)
