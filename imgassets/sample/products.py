"""The sample's products: which there are, what they are called and what can be photographed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from imgassets.sample import backpack, laptop, tablet, tshirt
from imgassets.sample.canvas import Colour, Shot

VIEWS: dict[str, tuple[str, ...]] = {
    "tablet": ("front", "back", "side", "closeup", "lifestyle"),
    "laptop": ("front", "side", "closeup", "back", "lifestyle"),
    "t-shirt": ("front", "lifestyle", "back", "closeup"),
    "backpack": ("front", "side", "back", "closeup", "lifestyle"),
}
"""Each category's views in business order, the hero's view first."""

STYLES_PER_CATEGORY = 5
"""How many styles each category has; every style comes in two colours."""

STUDIO_VIEWS = ("front", "back", "side")
"""Views with the whole product on white."""

_PHOTOGRAPHERS: dict[str, Callable[[str, Colour, str, int, int], Shot]] = {
    "tablet": tablet.photograph,
    "laptop": laptop.photograph,
    "t-shirt": tshirt.photograph,
    "backpack": backpack.photograph,
}

_COLOURS: dict[str, Colour] = {
    "graphite": (72, 75, 82), "silver": (198, 202, 208), "copper": (196, 128, 104),
    "ocean": (62, 104, 164), "mint": (132, 196, 170), "rose": (218, 158, 160),
    "sand": (212, 192, 158), "forest": (58, 98, 72), "cherry": (184, 52, 58),
    "sky": (132, 178, 220), "plum": (112, 72, 122), "mustard": (214, 164, 58),
    "navy": (44, 56, 92), "coral": (232, 118, 98), "charcoal": (62, 62, 66),
    "lime": (150, 192, 84), "olive": (112, 112, 66), "teal": (40, 122, 128),
    "stone": (176, 172, 162), "brick": (156, 78, 60),
}  # fmt: skip

# style, name in titles, its two colours
_RANGE: dict[str, tuple[tuple[str, str, tuple[str, str]], ...]] = {
    "tablet": (
        ("lumo-slate", "Lumo Slate 10 Tablet", ("graphite", "rose")),
        ("nordi-pad", "Nordi Pad Air Tablet with Pen", ("silver", "ocean")),
        ("papyr-reader", "Papyr 7 Reading Tablet", ("charcoal", "sand")),
        ("kestrel-tab", "Kestrel Tab S Tablet with Pen", ("mint", "plum")),
        ("orbit-kids", "Orbit Kids Tablet", ("lime", "coral")),
    ),
    "laptop": (
        ("aero-13", "Aero 13 Ultralight Laptop", ("silver", "rose")),
        ("forge-15", "Forge 15 Gaming Laptop", ("charcoal", "stone")),
        ("nimbus-14", "Nimbus 14 Laptop", ("sky", "copper")),
        ("studio-16", "Studio 16 Creator Laptop", ("graphite", "navy")),
        ("chroma-11", "Chroma 11 School Laptop", ("teal", "plum")),
    ),
    "t-shirt": (
        ("summit-tee", "Summit Print T-Shirt", ("forest", "charcoal")),
        ("harbour-stripe", "Harbour Striped T-Shirt", ("navy", "cherry")),
        ("plain-pocket-v", "V-Neck Pocket T-Shirt", ("stone", "teal")),
        ("varsity-raglan", "Varsity Raglan T-Shirt", ("sky", "mustard")),
        ("sunset-boxy", "Sunset Boxy T-Shirt", ("plum", "coral")),
    ),
    "backpack": (
        ("metro-day", "Metro Daypack", ("charcoal", "ocean")),
        ("ferry-roll", "Ferry Roll-Top Backpack", ("olive", "stone")),
        ("campus-two", "Campus School Backpack", ("cherry", "teal")),
        ("ridge-trail", "Ridge 28 Hiking Backpack", ("navy", "forest")),
        ("mini-flap", "Mini Flap Backpack", ("brick", "sand")),
    ),
}

_DESCRIPTIONS: dict[str, str] = {
    "tablet": "A bright screen in a slim body, with a camera, two loudspeakers and a battery "
    "that lasts the day.",
    "laptop": "A quiet keyboard, a wide touch pad and a clear screen for work, study and play.",
    "t-shirt": "Soft combed cotton with a ribbed collar and double stitching at sleeves and hem.",
    "backpack": "Hard-wearing cloth, a padded back, adjustable straps and pockets where you "
    "need them.",
}


@dataclass(frozen=True)
class Product:
    """One product: a style in a colour.

    Attributes:
        product_id: '<style>-<colour>'.
        category: Slug of the category.
        style: Style id; pictures of one style look alike and stay on one side of the split.
        title: As the first supplier writes it.
        description: Likewise.
        colour: Of the body.
        split: 'train' (labels are handed out) or 'test'.
        number: Place in the range, from 0; decides what a screen shows, folds and scenes.
        has_stylus: It is also photographed with its pen.
    """

    product_id: str
    category: str
    style: str
    title: str
    description: str
    colour: Colour
    split: str
    number: int
    has_stylus: bool

    def photograph(self, shot: str, seed: int, longest: int) -> Shot:
        """Render one picture.

        Args:
            shot: A view, or 'front-stylus'.
            seed: The catalog's seed.
            longest: Longest side in pixels.
        """
        photographer = _PHOTOGRAPHERS[self.category]
        return photographer(self.style, self.colour, shot, seed * 1009 + self.number, longest)


def view_of(shot: str) -> str:
    """Return the view that a shot shows: 'front' for 'front-stylus'."""
    return shot.partition("-")[0]


def products(styles: int = STYLES_PER_CATEGORY) -> list[Product]:
    """Return the range, with the first ``styles`` styles of each category."""
    chosen: list[Product] = []
    for category, offered in _RANGE.items():
        for i, (style, name, colours) in enumerate(offered[:styles]):
            has_stylus = category == "tablet" and tablet.STYLES[style].stylus
            for colour in colours:
                chosen.append(
                    Product(
                        product_id=f"{style}-{colour}",
                        category=category,
                        style=style,
                        title=f"{name}, {colour.capitalize()}",
                        description=f"{name} in {colour}. {_DESCRIPTIONS[category]}",
                        colour=_COLOURS[colour],
                        split="test" if i % 2 else "train",
                        number=len(chosen),
                        has_stylus=has_stylus and colour == colours[0],
                    )
                )
    return chosen
