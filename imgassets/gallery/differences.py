"""Boxes on chosen images: where each differs from the chosen one that is most like it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Mark:
    """A box on a tile, in percent of the tile, and the rank of the image that it is about."""

    rank: int
    top: float
    left: float
    height: float
    width: float


class Marks(NamedTuple):
    """Boxes by image_id.

    Attributes:
        own: where the image differs from the one most like it; ``rank`` is that one's.
        echoes: where others differ from this image; ``rank`` is theirs.
    """

    own: dict[str, Mark]
    echoes: dict[str, list[Mark]]


def mark_differences(
    rows: Sequence[Mapping[str, Any]],
    ranks: Mapping[str, int],
    size_of: Callable[[str], tuple[int, int] | None],
) -> Marks:
    """Choose the boxes of one product's chosen images.

    Args:
        rows: the product's rows of ``differences`` (see :class:`imgassets.gallery.GalleryData`).
        ranks: of its chosen images; pairs with others do not count.
        size_of: width and height of an image's thumbnail; None: it is not shown, and has no box.
    """
    chosen = [row for row in rows if row["image_id"] in ranks and row["other_image_id"] in ranks]
    pairs = {(row["image_id"], row["other_image_id"]): row for row in chosen}
    nearest: dict[str, str] = {}
    for row in sorted(chosen, key=lambda r: (-r["probability"], ranks[r["other_image_id"]])):
        nearest.setdefault(row["image_id"], row["other_image_id"])
    own: dict[str, Mark] = {}
    echoes: defaultdict[str, list[Mark]] = defaultdict(list)
    for image, other in sorted(nearest.items(), key=lambda pair: ranks[pair[0]]):
        if (size := size_of(image)) is not None:
            own[image] = _mark(ranks[other], pairs[image, other], size)
        mirrored = pairs.get((other, image))
        if mirrored and (size := size_of(other)) is not None:
            echoes[other].append(_mark(ranks[image], mirrored, size))
    return Marks(own, dict(echoes))


def _mark(rank: int, box: Mapping[str, Any], size: tuple[int, int]) -> Mark:
    """Move a box from the picture's frame to that of a square tile which holds it whole, centred.

    Args:
        rank: of the image that it is about.
        box: top, left, height and width as shares of the picture.
        size: the picture's width and height, in any unit.
    """
    across, down = (100 * side / max(size) for side in size)
    return Mark(
        rank,
        top=round((100 - down) / 2 + box["top"] * down, 3),
        left=round((100 - across) / 2 + box["left"] * across, 3),
        height=round(box["height"] * down, 3),
        width=round(box["width"] * across, 3),
    )
