"""Finding feed files, and keeping an immutable copy of each one that is taken in."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from imgassets.ingest.feeds import Decision, ParsedFeed, read_feed
from imgassets.ingest.refusal import Refusal
from imgassets.ingest.store import write_whole
from imgassets.object_store import open_root

EXTENSIONS = ("csv", "jsonl", "parquet")


@dataclass(frozen=True, slots=True)
class FeedFile:
    """One feed file found under the feeds root.

    Attributes:
        day: Day of its folder.
        supplier_id: Its name without the extension.
        feed_file: Path below the root, ``<day>/<supplier>.<ext>``.
        root: fsspec root it was found under.
        size: Bytes.
    """

    day: dt.date
    supplier_id: str
    feed_file: str
    root: str
    size: int


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file under the feeds root that is not taken in.

    Attributes:
        feed_file: Path below the root.
        day: Day of its folder, where that is a day.
        supplier_id: Its name up to the first dot.
        refusal: The rule it broke.
    """

    feed_file: str
    day: dt.date | None
    supplier_id: str
    refusal: Refusal


class FeedListing(NamedTuple):
    """What lies under a feeds root, both parts sorted by path."""

    feeds: list[FeedFile]
    refused: list[RefusedFile]


@dataclass(frozen=True, slots=True)
class LandedFeed:
    """A feed file's immutable copy.

    Attributes:
        feed: The file it is a copy of.
        sha256: Hash of its bytes, lower-case hex.
        landed_as: Path below the landing root, ``<day>/<supplier>-<sha256[:12]>.<ext>``.
        size: Bytes.
    """

    feed: FeedFile
    sha256: str
    landed_as: str
    size: int


def list_feeds(root: str) -> FeedListing:
    """List the feed files under ``<root>/<YYYY-MM-DD>/<supplier>.{csv,jsonl,parquet}``.

    Hidden files and folders are passed over; every other file is listed as one or the other.

    Args:
        root: Folder or fsspec URL.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    fs, base = open_root(root)
    base = base.rstrip("/")
    # A long-lived process would otherwise be told what it saw the last time.
    fs.invalidate_cache(base)
    if not fs.exists(base):
        raise FileNotFoundError(f"the feeds folder {root} does not exist")
    listing = FeedListing([], [])
    taken: set[tuple[dt.date, str]] = set()
    for path, info in sorted(fs.find(base, detail=True).items()):
        name = path.removeprefix(base).lstrip("/")
        if any(part.startswith(".") for part in name.split("/")):
            continue
        found = _classify(root, name, int(info["size"] or 0))
        if isinstance(found, FeedFile):
            if (found.day, found.supplier_id) not in taken:
                taken.add((found.day, found.supplier_id))
                listing.feeds.append(found)
                continue
            refusal = Refusal(
                "second_feed_file",
                name.rsplit("/", 1)[-1],
                "one file per supplier and day",
                "The supplier already has a file of another format for this day; "
                "merge them or remove one.",
            )
            found = RefusedFile(name, found.day, found.supplier_id, refusal)
        listing.refused.append(found)
    return listing


def _classify(root: str, name: str, size: int) -> FeedFile | RefusedFile:
    *folders, filename = name.split("/")
    supplier = filename.split(".", 1)[0]
    day = _day(folders[0]) if len(folders) == 1 else None
    if day is None:
        refusal = Refusal(
            "bad_day_folder",
            "/".join(folders) or "no folder",
            "<YYYY-MM-DD>",
            "A feed file lies directly in a folder named by its day.",
        )
        return RefusedFile(name, None, supplier, refusal)
    stem, _, extension = filename.rpartition(".")
    if not stem or extension.lower() not in EXTENSIONS:
        refusal = Refusal(
            "unsupported_feed_file",
            filename,
            ", ".join(f".{e}" for e in EXTENSIONS),
            "Feeds are read in these formats only; the file was not opened.",
        )
        return RefusedFile(name, day, supplier, refusal)
    return FeedFile(day, stem, name, root, size)


def _day(folder: str) -> dt.date | None:
    # fromisoformat alone would also take 20260105 and 2026-W02-1.
    if len(folder) != len("YYYY-MM-DD") or folder[4] != "-" or folder[7] != "-":
        return None
    try:
        return dt.date.fromisoformat(folder)
    except ValueError:
        return None


def land(feed: FeedFile, landing_root: str) -> LandedFeed:
    """Copy a feed file into the landing folder; the same content always gets the same name.

    Args:
        feed: File to copy.
        landing_root: Folder or fsspec URL.

    Raises:
        FileNotFoundError: the feed file is gone.
        OSError: the landing folder cannot be written.
    """
    source, base = open_root(feed.root)
    content: bytes = source.cat_file(f"{base.rstrip('/')}/{feed.feed_file}")
    sha256 = hashlib.sha256(content).hexdigest()
    extension = feed.feed_file.rsplit(".", 1)[-1].lower()
    landed_as = f"{feed.day.isoformat()}/{feed.supplier_id}-{sha256[:12]}.{extension}"
    target, landing = open_root(landing_root)
    path = f"{landing.rstrip('/')}/{landed_as}"
    try:
        present = target.info(path, refresh=True)["size"] == len(content)
    except FileNotFoundError:
        present = False
    if not present:
        write_whole(target, path, content)
    return LandedFeed(feed, sha256, landed_as, len(content))


@dataclass(frozen=True, slots=True)
class LandedCopy:
    """What a landed feed is parsed from.

    Attributes:
        root: Landing folder or fsspec URL.
        landed_as: The copy's path below it.
        feed_file: Original path, ``<day>/<supplier>.<ext>``, as rows name it.
        day: Day of the feed.
        supplier_id: Supplier.
        image_base: Base of relative references; see :func:`imgassets.ingest.feeds.read_feed`.
    """

    root: str
    landed_as: str
    feed_file: str
    day: dt.date
    supplier_id: str
    image_base: str


@lru_cache(maxsize=2)
def parse_landed(copy: LandedCopy, decisions: tuple[Decision, ...] = ()) -> ParsedFeed:
    """Read and parse a landed feed once per process.

    A file is registered, and then registered again with what was decided about its rows: few are
    held, for each may have millions of rows. Landed files never change.

    Args:
        copy: The landed feed.
        decisions: What was decided about rows without a category.

    Raises:
        FileNotFoundError: the landed copy is gone.
        ValueError: the image base is neither a folder nor a ``file`` or ``http(s)`` URL.
    """
    fs, base = open_root(copy.root)
    content: bytes = fs.cat_file(f"{base.rstrip('/')}/{copy.landed_as}")
    return read_feed(
        content, copy.feed_file, copy.day, copy.supplier_id, copy.image_base, decisions
    )
