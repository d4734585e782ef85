"""Made-up products of four categories, whose texts say what they are."""

from __future__ import annotations

import numpy as np
import polars as pl

TEXT = pl.Schema(dict.fromkeys(("product_id", "category", "title", "description"), pl.String))
_NOUNS = {
    "tees": (("tee", "t-shirt"), "Soft cotton with a crew neck and short sleeves."),
    "pants": (("pant", "trousers"), "Long legs, an elastic waistband and two pockets."),
    "watches": (("watch", "chronograph"), "A steel case, a leather strap and a clear dial."),
    "bags": (("bag", "backpack"), "Padded straps, a zipped compartment and a carry handle."),
}
_SYLLABLES = ("ka", "lo", "mi", "ren", "tu", "sol", "ven", "dar", "pi", "qua")


def product_texts(n: int = 12, seed: int = 0, mislabelled: float = 0.0) -> pl.DataFrame:
    """Return texts of n products per category; every third product is told by two suppliers."""
    rng = np.random.default_rng(seed)
    names = list(_NOUNS)
    rows = []
    for i in range(n * len(names)):
        category = names[i % len(names)]
        nouns, text = _NOUNS[category]
        made_up = "".join(rng.choice(_SYLLABLES, 3)).title()
        title = f"{made_up} {rng.choice(nouns).title()}, {rng.choice(['Blue', 'Red', 'Grey'])}"
        about = f"The {made_up} ({i}) by {''.join(rng.choice(_SYLLABLES, 4))}. {text}"
        label = str(rng.choice(names)) if rng.random() < mislabelled else category
        rows.append((f"p{i:03}", label, title, about))
        if i % 3 == 0:
            rows.append((f"p{i:03}", label, f"Luma {title.upper()}", f"<p>{about}</p>"))
    return pl.DataFrame(rows, TEXT, orient="row")
