"""A small gallery of three products with drawn pictures, and a reader of its page."""

import datetime as dt
import hashlib
import io
from dataclasses import dataclass, field
from html.parser import HTMLParser

import polars as pl
import pytest
from PIL import Image, ImageDraw

from imgassets.gallery import GalleryData, ScoreRow

DAY = dt.date(2026, 1, 5)
KEY = {"day": DAY, "category": "tablets"}
XSS = "<script>alert('title')</script>"
HOSTILE_URL = 'x" onerror="alert(1)"><img src=https://evil.example/p.png>.jpg'


VOID = {"meta", "img", "input", "link", "br", "hr"}


@dataclass
class Node:
    tag: str
    attrs: dict = field(default_factory=dict)
    children: list = field(default_factory=list)

    def walk(self):
        yield self
        for child in self.children:
            if isinstance(child, Node):
                yield from child.walk()

    def find(self, tag=None, cls=None):
        return [
            n
            for n in self.walk()
            if (tag is None or n.tag == tag)
            and (cls is None or cls in (n.attrs.get("class") or "").split())
        ]

    @property
    def text(self):
        parts = (c.text if isinstance(c, Node) else c for c in self.children)
        return " ".join(" ".join(parts).split())


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.root = Node("root")
        self.open = [self.root]

    def handle_starttag(self, tag, attrs):
        node = Node(tag, dict(attrs))
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag):
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data):
        self.open[-1].children.append(data)


def _read(path):
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    assert reader.open == [reader.root], "every element is closed"
    return reader.root


@pytest.fixture(scope="session")
def read_page():
    """Reads a page into a tree; an element left open or closed out of turn fails."""
    return _read


@pytest.fixture(scope="session")
def hostile():
    """A title and an image URL as an attacker would send them."""
    return XSS, HOSTILE_URL


def picture(colour, shape="rectangle", size=(320, 400), kind="PNG"):
    image = Image.new("RGB", size, "white")
    box = (60, 80, size[0] - 60, size[1] - 80)
    getattr(ImageDraw.Draw(image), shape)(box, fill=colour)
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


@pytest.fixture(scope="session")
def store():
    """Image bytes by id: front, back, twin (of front), side, blurry."""
    drawn = {
        "front": picture("navy"),
        "back": picture("gray"),
        "twin": picture("midnightblue", kind="JPEG"),
        "side": picture("navy", "ellipse"),
        "blurry": picture("silver", "ellipse", kind="JPEG"),
    }
    return {hashlib.sha256(b).hexdigest(): b for b in drawn.values()}


@pytest.fixture(scope="session")
def ids(store):
    return dict(zip(("front", "back", "twin", "side", "blurry"), store, strict=True))


@pytest.fixture
def data(ids):
    products = pl.DataFrame(
        [
            {**KEY, "product_id": "t-1", "title": XSS, "status": "changed"},
            {**KEY, "product_id": "t-2", "title": None, "status": "unchanged"},
            {
                **KEY,
                "category": "laptops",
                "product_id": "l-1",
                "title": "Laptop",
                "status": "bypassed_no_image",
            },
        ]
    )
    sent = [
        ("t-1", "acme", 1, "a/side.png", ids["side"], None),
        ("t-1", "acme", 2, "a/front.png", ids["front"], None),
        ("t-1", "borealis", 1, "b/twin.jpg", ids["twin"], None),
        ("t-1", "borealis", 2, "b/blurry.jpg", ids["blurry"], None),
        ("t-1", "borealis", 3, HOSTILE_URL, None, "The server answered 404."),
        ("t-2", "acme", 1, "a/front2.png", ids["front"], None),
        ("t-2", "acme", 2, "a/back.png", ids["back"], None),
    ]
    columns = ["product_id", "supplier_id", "position", "image_url", "image_id", "refusal"]
    before = pl.DataFrame([{**KEY, **dict(zip(columns, r, strict=True))} for r in sent])
    chosen = [
        ("t-1", 1, ids["front"], "front", "Front comes first."),
        ("t-1", 2, ids["side"], "side", "Side comes third."),
        ("t-2", 1, ids["front"], "front", "Front comes first."),
        ("t-2", 2, ids["back"], "back", "Back comes second."),
    ]
    after = pl.DataFrame(
        [
            {
                **KEY,
                "product_id": p,
                "rank": rank,
                "image_id": i,
                "image_type": t,
                "is_hero": rank == 1,
                "reason": why,
            }
            for p, rank, i, t, why in chosen
        ]
    )
    left_out = pl.DataFrame(
        [
            {
                **KEY,
                "product_id": "t-1",
                "image_id": ids["twin"],
                "reason": "Same picture as number 1.",
                "rule": "duplicate",
                "twin_image_id": ids["front"],
            },
            {
                **KEY,
                "product_id": "t-1",
                "image_id": ids["blurry"],
                "reason": "Sharpness 0.05 is under 0.12.",
                "rule": "blurry",
                "twin_image_id": None,
            },
        ]
    )
    return GalleryData(
        products,
        before,
        after,
        left_out,
        summary={"products": 3, "images_in": 1234},
        scoreboard=[ScoreRow("Blurry images caught", 9, 1, 0, note="A note.")],
    )
