"""The plan of the catalog: which supplier sends which picture of which product, and when.

Planning draws no pixel. It decides everything that the truth files later tell, from the seed alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from imgassets.sample.defects import BROKEN, COPIES
from imgassets.sample.products import STUDIO_VIEWS, VIEWS, Product, products, view_of

DAYS = ("2026-01-05", "2026-01-06", "2026-01-07")
"""Days with feeds."""

SUPPLIERS = {"acme": "csv", "borealis": "jsonl", "cobalt": "parquet"}
"""Suppliers and the format of their feeds."""

_DEFECT_COUNTS = {
    "blurry": 12,
    "small_object": 10,
    "low_resolution": 10,
    "promo_badge": 10,
    "corrupt": 6,
    "not_an_image": 4,
    "dead_url": 4,
}

# Per category: so many products share the panel that its bytes alone give it away.
_PANELS_PER_CATEGORY, _ART_PER_CATEGORY = 4, 1


@dataclass
class Reference:
    """One picture as one supplier refers to it.

    Attributes:
        product: What it is sent for.
        supplier: Who sends it.
        day: Index into :data:`DAYS` of its first feed.
        shot: What was photographed; '' for placeholders.
        change: 'original', one of :data:`~imgassets.sample.defects.COPIES`, or a defect.
        art: Which placeholder, 'panel' or 'art'; '' for photographs.
        image_url: Relative reference, unique.
        position: Place in the supplier's own order of the product, from 1.
        is_curated: The supplier says a person chose it.
    """

    product: Product
    supplier: str
    day: int
    shot: str
    change: str
    art: str = ""
    image_url: str = ""
    position: int = 0
    is_curated: bool = False

    @property
    def is_usable(self) -> bool:
        """Whether it has no defect."""
        return self.change == "original" or self.change in COPIES

    @property
    def is_broken(self) -> bool:
        """Whether nothing can be seen."""
        return self.change in BROKEN

    @property
    def defect(self) -> str:
        """The defect, or ''."""
        return "" if self.is_usable else self.change

    @property
    def view(self) -> str:
        """The view it shows; 'none' for placeholders, '' where nothing can be seen."""
        if self.is_broken:
            return ""
        return view_of(self.shot) if self.shot else "none"

    @property
    def source_id(self) -> str:
        """The photograph it comes from; '' where nothing can be seen."""
        if self.is_broken:
            return ""
        return f"{self.product.product_id}/{self.shot or f'placeholder-{self.art}'}"


@dataclass(frozen=True)
class Plan:
    """All references, in the order in which they arrive, and the rows of every feed.

    Attributes:
        products: The range.
        references: By day, supplier and row.
        feeds: Rows per (day index, supplier); a reference may come again on a later day.
    """

    products: list[Product]
    references: list[Reference]
    feeds: dict[tuple[int, str], list[Reference]]


def make_plan(seed: int, styles: int) -> Plan:
    """Plan a catalog with the first ``styles`` styles of each category."""
    random = np.random.default_rng([seed, 17])
    offered = products(styles)
    curated = {offered[0].product_id, offered[-1].product_id}
    references: list[Reference] = []
    for product in offered:
        references += _photographs(product, random)
    _spread_defects(offered, curated, references, random)
    for reference in references:
        # Elsewhere single pictures only, never a front: no other product is curated as a whole.
        is_stray = reference.is_usable and reference.shot != "front" and random.random() < 0.06
        reference.is_curated = is_stray or reference.product.product_id in curated
    _number(references, random, seed)
    feeds = _feeds(references, random)
    order = [reference for rows in feeds.values() for reference in rows]
    arrived = list({reference.image_url: reference for reference in order}.values())
    return Plan(offered, arrived, feeds)


def _day_from(first: int, random: np.random.Generator) -> int:
    """Return ``first``, or now and then a later day."""
    late = len(DAYS) - 1
    return first if random.random() < 0.72 else int(random.integers(first, late + 1))


def _photographs(product: Product, random: np.random.Generator) -> list[Reference]:
    """Return a product's usable references: photographs and other suppliers' copies of them."""
    first_day = int(random.choice(len(DAYS), p=[0.6, 0.25, 0.15]))
    names = list(SUPPLIERS)
    views = VIEWS[product.category]
    shots = [view for view in views if view == "front" or random.random() < 0.84]
    # A product with one picture only is passed by, which a demo should show once or twice.
    if product.number % 17 == 9:
        return [Reference(product, names[product.number % 3], first_day, "front", "original")]
    if len(shots) < 2:
        shots = list(views[:3])
    if product.has_stylus:
        shots.append("front-stylus")
    found: list[Reference] = []
    main = names[int(random.integers(3))]
    for shot in shots:
        supplier = main if random.random() < 0.65 else names[int(random.integers(3))]
        day = _day_from(first_day, random)
        found.append(Reference(product, supplier, day, shot, "original"))
        copies = int(random.choice(3, p=[0.5, 0.38, 0.12]))
        for change in random.choice(COPIES, size=copies, replace=False):
            others = [name for name in names if name != supplier]
            sender = others[int(random.integers(2))] if random.random() < 0.9 else supplier
            later = _day_from(first_day, random)
            found.append(Reference(product, sender, later, shot, str(change)))
    return found


def _spread_defects(
    offered: list[Product],
    curated: set[str],
    references: list[Reference],
    random: np.random.Generator,
) -> None:
    """Add defective references, to train and test products in turn."""
    first_days: dict[str, int] = {}
    shots: dict[str, list[str]] = {}
    for reference in references:
        key = reference.product.product_id
        first_days[key] = min(first_days.get(key, reference.day), reference.day)
        shots.setdefault(key, [])
        if reference.shot not in shots[key]:
            shots[key].append(reference.shot)
    # The products with one picture must keep it at that.
    open_to_defects = [
        p for p in offered if p.product_id not in curated and len(shots[p.product_id]) > 1
    ]
    share = len(offered) / len(products())

    def send(product: Product, shot: str, change: str, art: str = "") -> None:
        supplier = list(SUPPLIERS)[int(random.integers(3))]
        day = _day_from(first_days[product.product_id], random)
        references.append(Reference(product, supplier, day, shot, change, art))

    queues = {
        split: [p for p in open_to_defects if p.split == split] for split in ("train", "test")
    }
    for change, count in _DEFECT_COUNTS.items():
        for queue in queues.values():
            random.shuffle(queue)
        for i in range(max(2, round(count * share))):
            queue = queues["test" if i % 2 else "train"]
            product = queue[i // 2 % len(queue)]
            known = shots[product.product_id]
            if change == "small_object":
                known = [shot for shot in known if view_of(shot) in STUDIO_VIEWS]
            send(product, known[int(random.integers(len(known)))], change)
    for category in VIEWS:
        members = [p for p in open_to_defects if p.category == category]
        picked = random.permutation(len(members))[: _PANELS_PER_CATEGORY + _ART_PER_CATEGORY]
        for i, index in enumerate(picked):
            art = "art" if i < _ART_PER_CATEGORY else "panel"
            send(members[int(index)], "", "placeholder", art)


def _number(references: list[Reference], random: np.random.Generator, seed: int) -> None:
    """Give every reference its place in the supplier's order and a file name that tells nothing."""
    groups: dict[tuple[str, str], list[Reference]] = {}
    for index in random.permutation(len(references)):
        reference = references[int(index)]
        key = (reference.supplier, reference.product.product_id)
        groups.setdefault(key, []).append(reference)
    for (supplier, product_id), members in groups.items():
        # What comes on a later day is appended: a feed never renumbers what it sent before.
        members.sort(key=lambda reference: reference.day)
        for position, reference in enumerate(members, start=1):
            reference.position = position
            name = hashlib.sha256(f"{seed}|{supplier}|{product_id}|{position}".encode()).hexdigest()
            reference.image_url = f"images/{supplier}/{name[:12]}.jpg"


def _feeds(
    references: list[Reference], random: np.random.Generator
) -> dict[tuple[int, str], list[Reference]]:
    """Return every feed's rows; now and then a product's old rows are sent again unchanged."""
    feeds: dict[tuple[int, str], list[Reference]] = {}
    for day in range(len(DAYS)):
        for supplier in SUPPLIERS:
            mine = [r for r in references if r.supplier == supplier and r.day <= day]
            by_product: dict[str, list[Reference]] = {}
            for reference in mine:
                by_product.setdefault(reference.product.product_id, []).append(reference)
            rows: list[Reference] = []
            for key in random.permutation(sorted(by_product)):
                members = sorted(by_product[str(key)], key=lambda r: r.position)
                is_repeated = random.random() < 0.12
                rows += [r for r in members if r.day == day or is_repeated]
            feeds[day, supplier] = rows
    return feeds
