"""From frames to the cards that the template prints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from imgassets.gallery.data import KEY, GalleryData
from imgassets.gallery.differences import Mark, Marks, mark_differences
from imgassets.gallery.frames import PRODUCT, latest
from imgassets.gallery.thumbnails import ThumbnailSheet

Row = dict[str, Any]
Key = tuple[Any, ...]

STATUS_LABELS = {
    "changed": "Changed",
    "unchanged": "Unchanged",
    "bypassed_no_image": "Skipped: no image",
    "bypassed_single_image": "Skipped: single image",
    "bypassed_curated": "Skipped: curated by hand",
}
_SPECIAL_WORDS = {"closeup": "Close-up", "none": "No view"}


def words(identifier: str) -> str:
    """Return an identifier as a person writes it: ``low_resolution`` becomes 'Low resolution'."""
    text = identifier.replace("_", " ").replace("-", " ").strip()
    return _SPECIAL_WORDS.get(identifier, text[:1].upper() + text[1:])


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: the CSS class that paints it (None: cannot be shown) and its text."""

    css: str | None
    alt: str


@dataclass(frozen=True, slots=True)
class BeforeTile:
    """One reference as a supplier sent it, and what became of it."""

    picture: Picture | None
    reference: str
    fate: str
    label: str
    detail: str
    rank: int | None


@dataclass(frozen=True, slots=True)
class AfterTile:
    """One chosen image, and where it differs from others: see :class:`Marks`."""

    picture: Picture
    rank: int
    type_label: str
    is_hero: bool
    reason: str
    differs: Mark | None
    echoes: list[Mark]


@dataclass(frozen=True, slots=True)
class LeftOutTile:
    """One image that was not chosen, and the image it repeats, if that is why."""

    picture: Picture
    rule: str
    label: str
    reason: str
    twin: Picture | None


@dataclass(frozen=True, slots=True)
class Card:
    """One product."""

    title: str
    product_id: str
    category: str
    day: str
    status: str
    status_label: str
    search: str
    before: list[tuple[str, list[BeforeTile]]]
    after: list[AfterTile]
    left_out: list[LeftOutTile]

    @property
    def n_sent(self) -> int:
        """Image references sent by all suppliers."""
        return sum(len(tiles) for _, tiles in self.before)


def shown_products(products: pl.DataFrame, max_products: int) -> pl.DataFrame:
    """Choose the products of the page, sorted by category and product.

    Where there are too many, every category gets its share and changed products go first.
    """
    newest = latest(products).unique(subset=PRODUCT, keep="first", maintain_order=True)
    by_interest = newest.sort(pl.col("status") != "changed", "product_id")
    turn = pl.int_range(pl.len()).over("category")
    return by_interest.sort(turn, "category").head(max_products).sort(PRODUCT)


def pictured(products: pl.DataFrame, data: GalleryData) -> int:
    """Return how many distinct images the given products refer to."""
    ids = [
        _of(frame, products).get_column("image_id").cast(pl.String)
        for frame in (data.before, data.after, data.left_out)
    ]
    return pl.concat(ids).drop_nulls().n_unique()


def build_cards(products: pl.DataFrame, data: GalleryData, sheet: ThumbnailSheet) -> Iterator[Card]:
    """Yield one card per row of ``products``."""
    before = _grouped(_of(data.before, products).sort("supplier_id", "position", "image_url"))
    after = _grouped(_of(data.after, products).sort("rank"))
    left_out = _grouped(_of(data.left_out, products).sort("rule", "image_id", nulls_last=True))
    differences = _grouped(_of(data.differences, products))
    for row in products.iter_rows(named=True):
        key = tuple(row[c] for c in KEY)
        builder = _Builder(row, sheet)
        yield builder.card(before[key], after[key], left_out[key], differences[key])


def _of(frame: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
    return frame.join(products, on=KEY, how="semi")


def _grouped(frame: pl.DataFrame) -> defaultdict[Key, list[Row]]:
    groups: defaultdict[Key, list[Row]] = defaultdict(list)
    for row in frame.iter_rows(named=True):
        groups[tuple(row[c] for c in KEY)].append(row)
    return groups


class _Builder:
    """Builds the card of one product."""

    def __init__(self, product: Row, sheet: ThumbnailSheet) -> None:
        self._product = product
        self._sheet = sheet
        self._title = (product["title"] or "").strip() or product["product_id"]

    def card(
        self, before: list[Row], after: list[Row], left_out: list[Row], differences: list[Row]
    ) -> Card:
        ranks = {r["image_id"]: r["rank"] for r in after}
        marks = mark_differences(differences, ranks, self._sheet.size)
        dropped = {r["image_id"]: r for r in left_out if r["image_id"]}
        suppliers: dict[str, list[BeforeTile]] = {}
        for row in before:
            tiles = suppliers.setdefault(row["supplier_id"], [])
            tiles.append(self._before(row, len(tiles) + 1, ranks, dropped))
        product = self._product
        searched = [self._title, product["product_id"], *suppliers]
        return Card(
            title=self._title,
            product_id=product["product_id"],
            category=product["category"],
            day=str(product["day"]),
            status=product["status"],
            status_label=STATUS_LABELS.get(product["status"], words(product["status"])),
            search=" ".join(searched).casefold(),
            before=list(suppliers.items()),
            after=[self._after(r, marks) for r in after],
            left_out=[self._left_out(r, ranks) for r in left_out],
        )

    def _picture(self, image_id: str | None, alt: str) -> Picture:
        css = self._sheet.css_class(image_id) if image_id else None
        return Picture(css, f"{alt}: {self._title}")

    def _before(
        self, row: Row, place: int, ranks: dict[str, int], dropped: dict[str, Row]
    ) -> BeforeTile:
        image_id, refusal = row["image_id"], row["refusal"]
        rank = ranks.get(image_id) if image_id else None
        picture = None
        if image_id and not refusal:
            picture = self._picture(image_id, f"Image {place} from {row['supplier_id']}")
        if refusal:
            fate, label, detail = "refused", "Refused", refusal
        elif rank is not None:
            fate, label, detail = "chosen", f"Chosen as {rank}", ""
        elif image_id in dropped:
            left = dropped[image_id]
            fate, label, detail = "left", words(left["rule"]), left["reason"]
        else:
            fate, label, detail = "idle", "Not used", ""
        return BeforeTile(picture, row["image_url"], fate, label, detail, rank)

    def _after(self, row: Row, marks: Marks) -> AfterTile:
        image_id = row["image_id"]
        label = words(row["image_type"])
        alt = f"Chosen image {row['rank']}, {label.lower()}"
        return AfterTile(
            picture=self._picture(image_id, alt),
            rank=row["rank"],
            type_label=label,
            is_hero=row["is_hero"],
            reason=row["reason"],
            differs=marks.own.get(image_id),
            echoes=marks.echoes.get(image_id, []),
        )

    def _left_out(self, row: Row, ranks: dict[str, int]) -> LeftOutTile:
        twin_id = row.get("twin_image_id")
        twin = None
        if twin_id:
            place = f", chosen as {ranks[twin_id]}" if twin_id in ranks else ""
            twin = self._picture(twin_id, f"The image it repeats{place}")
        label = words(row["rule"])
        return LeftOutTile(
            picture=self._picture(row["image_id"], f"Left out, {label.lower()}"),
            rule=row["rule"],
            label=label,
            reason=row["reason"],
            twin=twin,
        )
