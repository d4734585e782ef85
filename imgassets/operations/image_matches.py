"""Pairs of images in the whole catalog that look the same by their stored signals.

Comparing all with all is out of the question for millions of images. Two hashes of a picture are
therefore each cut into blocks of bits, and only pictures that agree in a block of both are compared
(multi-index hashing; Norouzi, Punjani and Fleet, 2012). Everything runs inside DuckDB, one pair of
blocks after the other, in memory that does not grow with the number of candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import polars as pl

from imgassets import __version__
from imgassets.operations import image_matches_sql as queries
from imgassets.warehouse.contracts import ImageMatches
from imgassets.warehouse.lake import CommitMessage, Warehouse
from imgassets.warehouse.partitions import quote
from imgassets.warehouse.workspace import Workspace, open_workspace

MEMORY = "2GB"
"""What DuckDB may use, e.g. for ten million images; more is spilled to temporary files."""

CROWDED = 64
"""Members of a band that are all compared with each other."""

NEIGHBOURS = 16
"""In a band with more members, each is compared with so many next ones in the order of hashes."""

ROWS_AT_ONCE = 2_000_000
"""Pictures times bands that are compared in one statement."""

LARGE = 2_000_000
"""Images from which a band has more bits, so that it still has few members."""


class MatchLimits(NamedTuple):
    """Largest distances of two pictures that look the same; all three must be kept.

    They are tighter than those within a product: across a catalog there are far more pictures that
    look alike, first of all other colours of a style.

    Attributes:
        phash: differing bits of 64, pHash of the object's box.
        edge_dhash: differing bits of 64.
        hsv: chi-square of the HSV histograms, 0 … 2.
    """

    phash: int = 12
    edge_dhash: int = 12
    hsv: float = 0.03


@dataclass(frozen=True)
class MatchReport:
    """What was compared and found.

    Attributes:
        images: images with signals.
        featureless: of them, pictures that show hardly anything, such as a blank one: no hash can
            tell them apart, so they match nothing.
        pairs: matches found.
        matched_images: images with a match.
        crowded_bands: bands with too many members to compare all with all.
        snapshot_id: the commit's.
    """

    images: int
    featureless: int
    pairs: int
    matched_images: int
    crowded_bands: int
    snapshot_id: int


@dataclass(frozen=True)
class SharedImages:
    """Images that several products show on their newest day.

    Attributes:
        exact: images whose very bytes several products show.
        near: further images that another product shows in another file.
        largest: the ten in most products (image_id, products, exact: those with the same bytes,
            categories: List).
    """

    exact: int
    near: int
    largest: pl.DataFrame


class Band(NamedTuple):
    """Two hashes, and the bits of each that two pictures must share to be compared."""

    first: str
    first_mask: int
    second: str
    second_mask: int

    def key(self, number: int) -> str:
        """Return the SQL expression that is equal for two pictures which share the band.

        Args:
            number: the band's, which sets it apart from others.
        """
        first, second = f"{self.first} & {self.first_mask}", f"{self.second} & {self.second_mask}"
        return f"hash({first}, {second}, {number})"


def bands(images: int) -> list[Band]:
    """Return the bands of a catalog with so many images.

    The object's hashes find copies with other margins, the whole picture's those whose object was
    framed differently. A block takes every n-th bit: neighbouring bits are alike in many pictures.
    A pair whose distances by both hashes of a kind are less than the number of blocks shares a
    band for certain, one that is further apart probably.
    """
    blocks = 5 if images >= LARGE else 6
    return [
        *_bands("object_phash", "edge_dhash", blocks),
        *_bands("phash", "dhash", 5),
    ]


def _bands(first: str, second: str, blocks: int) -> list[Band]:
    masks = [sum(1 << bit for bit in range(start, 64, blocks)) for start in range(blocks)]
    return [Band(first, one, second, other) for one, other in product(masks, masks)]


def match_images(
    warehouse: Warehouse,
    version: str,
    limits: MatchLimits | None = None,
    *,
    run_id: str = "",
    memory_limit: str = MEMORY,
) -> MatchReport:
    """Compute table ``image_matches`` anew.

    Args:
        warehouse: holds ``image_signals``.
        version: signals version that is compared; other rows are passed over.
        limits: largest distances; those of :class:`MatchLimits` by default.
        run_id: for the commit's message.
        memory_limit: of DuckDB; the process itself needs some hundred megabytes more.
    """
    limits = limits or MatchLimits()
    with open_workspace(warehouse, memory_limit) as work:
        work.execute(queries.PICTURES.format(version=quote(version)))
        images, pictures = work.sql(
            "SELECT count(*), count(*) FILTER (structured) FROM pictures"
        ).row(0)
        work.execute("DELETE FROM pictures WHERE NOT structured")
        work.execute("CREATE TEMP TABLE pairs (left_id UUID, right_id UUID)")
        keys = [band.key(number) for number, band in enumerate(bands(pictures))]
        at_once = max(1, ROWS_AT_ONCE // max(1, pictures))
        crowded = sum(
            _compare_banded(work, keys[start : start + at_once], limits)
            for start in range(0, len(keys), at_once)
        )
        work.execute(queries.LOOKS.format(version=quote(version)))
        snapshot_id = work.replace(
            ImageMatches,
            queries.MATCHES.format(version=quote(version), hsv=limits.hsv),
            CommitMessage("image_matches", run_id, __version__),
        )
        pairs, matched = work.sql(queries.COUNTS).row(0)
    return MatchReport(images, images - pictures, pairs, matched, crowded, snapshot_id)


def _compare_banded(work: Workspace, keys: Sequence[str], limits: MatchLimits) -> int:
    """Add the pairs that share a band and whose hashes are near; return the crowded bands."""
    key = f"unnest([{', '.join(keys)}])" if len(keys) > 1 else keys[0]
    work.execute(
        "CREATE OR REPLACE TEMP VIEW banded AS "
        f"SELECT id, object_phash, edge_dhash, colourless, {key} AS band FROM pictures"
    )
    work.execute(queries.CROWDED.format(crowded=CROWDED))
    near = _near(limits)
    work.execute(queries.COMPARE_ALL.format(near=near))
    crowded = int(work.sql("SELECT count(*) FROM crowded").item())
    if crowded:
        work.execute(queries.COMPARE_NEIGHBOURS.format(near=near, neighbours=NEIGHBOURS))
    return crowded


def matches_of(
    warehouse: Warehouse, image_id: str, version: str, limits: MatchLimits | None = None
) -> pl.DataFrame:
    """Return the images of the catalog that look like one image, such as a new one.

    One scan of the hashes finds them all: a table without an index would be read for its bands,
    too.

    Returns:
        Frame (image_id, phash_distance, edge_dhash_distance, hsv_distance), nearest first.
    """
    limits = limits or MatchLimits()
    warehouse.initialise()
    return warehouse.sql(
        queries.MATCHES_OF.format(
            image=quote(image_id),
            version=quote(version),
            near=_near(limits),
            hsv=limits.hsv,
        )
    )


def shared_images(warehouse: Warehouse) -> SharedImages:
    """Count the images that several products show; look-alikes as table ``image_matches`` has."""
    warehouse.initialise()
    exact, near = warehouse.sql(
        queries.SHARED
        + "SELECT count(*) FILTER (exact > 1), count(*) FILTER (exact = 1) FROM shared"
    ).row(0)
    largest = warehouse.sql(
        queries.SHARED + "SELECT image_id, products, exact, categories FROM shared "
        "ORDER BY products DESC, exact DESC, image_id LIMIT 10"
    )
    return SharedImages(exact, near, largest)


def _near(limits: MatchLimits) -> str:
    """Return the SQL condition that the hashes of pictures ``l`` and ``r`` keep their limits.

    As in :mod:`imgassets.selection.comparator`: where exactly one picture has no colour at all,
    colour has no say, and the hashes must keep half of their limits.
    """
    share = "CASE WHEN l.colourless = r.colourless THEN 1 ELSE 0.5 END"
    return (
        f"bit_count(xor(l.object_phash, r.object_phash)) <= {limits.phash} * {share} "
        f"AND bit_count(xor(l.edge_dhash, r.edge_dhash)) <= {limits.edge_dhash} * {share}"
    )
