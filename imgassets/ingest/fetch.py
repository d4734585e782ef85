"""Fetching the images that offers, or reviews, refer to into the image store."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import astuple, dataclass, fields
from urllib.parse import unquote

import polars as pl

from imgassets.ingest.http import HttpTransport
from imgassets.ingest.journal import Entry, FetchJournal
from imgassets.ingest.probe import Probe, probe
from imgassets.ingest.refusal import Refusal, Refused
from imgassets.ingest.store import ImageStore
from imgassets.ingest.transports import FileTransport, Transport, Unreachable, Validators
from imgassets.settings import FetchSettings
from imgassets.warehouse.contracts import FetchedImages, Quarantine

KEY = ("day", "category", "product_id", "supplier_id", "image_url")

_FACTS = tuple(field.name for field in fields(Probe))
_WHY = ("rule_id", "measured", "limit", "detail")
_OUTCOME: dict[str, type[pl.DataType] | pl.DataType] = {
    "image_location": pl.String,
    "image_id": pl.String,
    **{name: FetchedImages.create_empty().schema[name] for name in _FACTS},
    **dict.fromkeys(_WHY, pl.String),
    "extension": pl.String,
    "extension_matches": pl.Boolean,
}
_EXTENSIONS = {
    "jpg": "JPEG", "jpeg": "JPEG", "jpe": "JPEG", "jfif": "JPEG", "png": "PNG", "webp": "WEBP",
    "gif": "GIF", "bmp": "BMP", "dib": "BMP", "tif": "TIFF", "tiff": "TIFF", "avif": "AVIF",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What became of the offers' images; every offer is a row of one of the two frames.

    Attributes:
        images: Conforms to ``FetchedImages``, sorted by key.
        quarantine: Conforms to ``Quarantine`` (stage ``fetch``), sorted by key.
    """

    images: pl.DataFrame
    quarantine: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _Outcome:
    """One location's picture or refusal; `image_id` is set where bytes arrived."""

    image_id: str | None
    found: Probe | Refusal

    def row(self, location: str) -> tuple[object, ...]:
        extension = extension_of(location)
        if isinstance(self.found, Probe):
            named = _EXTENSIONS.get(extension or "")
            matches = None if extension is None else named == self.found.format
            facts, why = astuple(self.found), (None,) * len(_WHY)
        else:
            matches = None
            facts = (None,) * len(_FACTS)
            why = tuple(getattr(self.found, part) for part in _WHY)
        return (location, self.image_id, *facts, *why, extension, matches)


def extension_of(location: str) -> str | None:
    """Return the file extension in a location's path, lower-case and without the dot, or None."""
    path = re.split(r"[?#]", location)[0] if _is_http(location) else location
    found = re.search(r"\.([A-Za-z0-9]{1,8})$", unquote(path))
    return found[1].lower() if found else None


def fetch_images(
    offers: pl.DataFrame,
    known: pl.DataFrame,
    store: ImageStore,
    settings: FetchSettings,
    image_base_roots: list[str],
    progress: Callable[[int, int], None] | None = None,
    journal: FetchJournal | None = None,
) -> FetchResult:
    """Fetch every distinct image location of the offers once, and store what is a picture.

    Args:
        offers: ``SupplierOffers`` rows of one or several partitions.
        known: ``FetchedImages`` rows of earlier runs; may be empty.
        store: As for :func:`fetch_locations`, like all that follow.
        settings: Limits and concurrency.
        image_base_roots: Image bases in use.
        progress: Called with (locations done, locations in all) after each one.
        journal: Remembers what arrives.

    Raises:
        OSError: the store cannot be written.
        sqlite3.Error: the journal cannot be written.
        ValueError: ``settings.allowed_networks`` names something that is no network.
        RuntimeError: called from inside a running event loop.
    """
    if offers.is_empty():
        return FetchResult(FetchedImages.create_empty(), Quarantine.create_empty())
    table = fetch_locations(
        offers["image_location"], known.sort(KEY), store, settings, image_base_roots, progress,
        journal,
    )  # fmt: skip
    joined = offers.join(table, on="image_location", how="left").sort(KEY)
    refused = pl.col("rule_id").is_not_null()
    return FetchResult(
        images=FetchedImages.conform(joined.filter(~refused)),
        quarantine=Quarantine.conform(joined.filter(refused).with_columns(stage=pl.lit("fetch"))),
    )


def fetch_locations(
    locations: pl.Series,
    known: pl.DataFrame,
    store: ImageStore,
    settings: FetchSettings,
    image_base_roots: list[str],
    progress: Callable[[int, int], None] | None = None,
    journal: FetchJournal | None = None,
) -> pl.DataFrame:
    """Fetch every distinct location once, and store what is a picture.

    A location that `journal` or `known` has, and whose bytes the store holds, is not fetched again.
    After ``settings.revalidate_after_hours`` its server is asked whether it has another version.
    Refused bytes are not stored.

    Args:
        locations: Where the images are; repeats are allowed.
        known: What earlier runs fetched (``image_location``, ``image_id`` and the facts of
            :class:`~imgassets.ingest.probe.Probe`); of several rows of a location the last counts.
        store: Where the bytes go.
        settings: Limits and concurrency.
        image_base_roots: Image bases in use; the folders among them may be read from, besides
            ``settings.allowed_roots``.
        progress: Called with (locations done, locations in all) after each one.
        journal: Remembers what arrives, at once; by default nothing is remembered.

    Returns:
        One row per location, sorted: ``image_location``, ``image_id`` (where bytes arrived), the
        facts, ``extension``, ``extension_matches``; the four parts of a refusal, null where there
        is none.

    Raises:
        OSError: the store cannot be written.
        sqlite3.Error: the journal cannot be written.
        ValueError: ``settings.allowed_networks`` names something that is no network.
        RuntimeError: called from inside a running event loop.
    """
    wanted = locations.unique().sort().to_list()
    run = _Run(_remember(known, wanted), store, settings, image_base_roots, journal)
    outcomes = asyncio.run(run.all(wanted, progress))
    return pl.DataFrame(
        [outcomes[location].row(location) for location in wanted], _OUTCOME, orient="row"
    )


def _remember(known: pl.DataFrame, locations: list[str]) -> dict[str, Entry]:
    """Return the last known picture of each location; nobody knows when it was last checked."""
    latest = (
        known.filter(pl.col("image_location").is_in(locations))
        .unique("image_location", keep="last", maintain_order=True)
        .select("image_location", "image_id", *_FACTS)
    )
    return {
        location: Entry(image_id, Validators(), time.time(), Probe(*facts))
        for location, image_id, *facts in latest.iter_rows()
    }


class _Run:
    """One call's state: what is known, and how bytes are got and kept."""

    def __init__(
        self,
        known: dict[str, Entry],
        store: ImageStore,
        settings: FetchSettings,
        roots: list[str],
        journal: FetchJournal | None,
    ) -> None:
        self._known = known
        self._in_rows = {entry.image_id for entry in known.values()}
        self._store = store
        self._settings = settings
        self._journal = journal
        self._files = FileTransport([*settings.allowed_roots, *roots], settings.max_bytes)

    async def all(
        self, locations: list[str], progress: Callable[[int, int], None] | None
    ) -> dict[str, _Outcome]:
        """Work through the locations, those of each host in their order."""
        if self._journal is not None:
            self._known |= await asyncio.to_thread(self._journal.find, locations)
        outcomes: dict[str, _Outcome] = {}
        queues = _by_host(locations)
        async with AsyncExitStack() as stack:
            http: Transport | None = None
            if queues.keys() - {""}:
                http = await stack.enter_async_context(HttpTransport(self._settings))

            async def work(queue: Iterator[str]) -> None:
                for location in queue:
                    transport = http if http and _is_http(location) else self._files
                    outcomes[location] = await self._one(location, transport)
                    if progress is not None:
                        progress(len(outcomes), len(locations))

            try:
                async with asyncio.TaskGroup() as group:
                    for host, queue in queues.items():
                        at_once = self._settings.per_host_concurrency
                        limit = at_once if host else self._settings.concurrency
                        waiting = iter(queue)
                        for _ in range(min(limit, len(queue))):
                            group.create_task(work(waiting))
            except ExceptionGroup as errors:
                # Only the store, the journal and the caller's progress function can fail here.
                raise errors.exceptions[0] from None
        return outcomes

    async def _one(self, location: str, transport: Transport) -> _Outcome:
        entry = self._known.get(location)
        if entry is not None and not await asyncio.to_thread(self._is_stored, entry.image_id):
            entry = None
        if entry is not None and not (_is_http(location) and self._is_old(entry)):
            return _Outcome(entry.image_id, entry.probe)
        try:
            fetched = await transport.fetch(location, entry.validators if entry else None)
        except Unreachable as error:
            if entry is not None:  # a server that is down takes no picture away
                return _Outcome(entry.image_id, entry.probe)
            return _Outcome(None, error.refusal)
        except Refused as error:
            return _Outcome(None, error.refusal)
        if fetched is None:
            assert entry is not None
            await asyncio.to_thread(
                self._note, location, entry.image_id, entry.validators, entry.probe
            )
            return _Outcome(entry.image_id, entry.probe)
        return await asyncio.to_thread(self._keep, location, fetched.data, fetched.validators)

    def _is_stored(self, image_id: str) -> bool:
        """Tell whether the bytes are there, and stay until the caller has written a row of them."""
        if image_id in self._in_rows:
            return self._store.exists(image_id)
        return self._store.keep(image_id)

    def _is_old(self, entry: Entry) -> bool:
        return time.time() - entry.checked_at > 3600 * self._settings.revalidate_after_hours

    def _keep(self, location: str, data: bytes, validators: Validators) -> _Outcome:
        found = probe(data, self._settings)
        if isinstance(found, Refusal):
            return _Outcome(hashlib.sha256(data).hexdigest() if data else None, found)
        image_id = self._store.put(data)
        self._note(location, image_id, validators, found)
        return _Outcome(image_id, found)

    def _note(self, location: str, image_id: str, validators: Validators, found: Probe) -> None:
        if self._journal is not None:
            self._journal.remember(location, Entry(image_id, validators, time.time(), found))


def _by_host(locations: list[str]) -> dict[str, list[str]]:
    """Group locations by scheme, host and port; those of files come under the empty string."""
    queues: dict[str, list[str]] = defaultdict(list)
    for location in locations:
        host = location.split("/", 3)[:3] if _is_http(location) else ()
        queues["/".join(host).lower()].append(location)
    return queues


def _is_http(location: str) -> bool:
    return location[:8].lower().startswith(("http://", "https://"))
