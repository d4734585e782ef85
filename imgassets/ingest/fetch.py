"""Fetching the images that offers refer to into the image store."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import polars as pl

from imgassets.ingest.probe import Probe, probe
from imgassets.ingest.refusal import Refusal, Refused
from imgassets.ingest.store import ImageStore
from imgassets.ingest.transports import FileTransport, HttpTransport, Transport
from imgassets.settings import FetchSettings
from imgassets.warehouse.contracts import FetchedImages, Quarantine

KEY = ("day", "category", "product_id", "supplier_id", "image_url")

_OUTCOME = pl.Schema({
    "image_location": pl.String, "image_id": pl.String, "format": pl.String, "width": pl.Int32,
    "height": pl.Int32, "byte_size": pl.Int64, "rule_id": pl.String, "measured": pl.String,
    "limit": pl.String, "detail": pl.String,
})  # fmt: skip


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
        if isinstance(self.found, Probe):
            p = self.found
            picture = (p.format, p.width, p.height, p.byte_size)
            return (location, self.image_id, *picture, None, None, None, None)
        r = self.found
        why = (r.rule_id, r.measured, r.limit, r.detail)
        return (location, self.image_id, None, None, None, None, *why)


def fetch_images(
    offers: pl.DataFrame,
    known: pl.DataFrame,
    store: ImageStore,
    settings: FetchSettings,
    image_base_roots: list[str],
    progress: Callable[[int, int], None] | None = None,
) -> FetchResult:
    """Fetch every distinct image location of the offers once, and store what is a picture.

    A location that `known` has, and whose bytes the store holds, is not fetched again. Refused
    bytes are not stored.

    Args:
        offers: ``SupplierOffers`` rows of one or several partitions.
        known: ``FetchedImages`` rows of earlier runs; may be empty.
        store: Where the bytes go.
        settings: Limits and concurrency.
        image_base_roots: Image bases in use; the folders among them may be read from, besides
            ``settings.allowed_roots``.
        progress: Called with (locations done, locations in all) after each one.

    Raises:
        OSError: the store cannot be written.
        RuntimeError: called from inside a running event loop.
    """
    if offers.is_empty():
        return FetchResult(FetchedImages.create_empty(), Quarantine.create_empty())
    locations = offers["image_location"].unique().sort().to_list()
    run = _Run(_remember(known, locations), store, settings, image_base_roots)
    outcomes = asyncio.run(run.all(locations, progress))
    table = pl.DataFrame(
        [outcomes[location].row(location) for location in locations], _OUTCOME, orient="row"
    )
    joined = offers.join(table, on="image_location", how="left").sort(KEY)
    refused = pl.col("rule_id").is_not_null()
    return FetchResult(
        images=FetchedImages.conform(joined.filter(~refused)),
        quarantine=Quarantine.conform(joined.filter(refused).with_columns(stage=pl.lit("fetch"))),
    )


def _remember(known: pl.DataFrame, locations: list[str]) -> dict[str, _Outcome]:
    """Return the latest known picture of each location."""
    latest = (
        known.filter(pl.col("image_location").is_in(locations))
        .sort(*KEY)
        .unique("image_location", keep="last", maintain_order=True)
        .select("image_location", "image_id", "format", "width", "height", "byte_size")
    )
    return {
        location: _Outcome(image_id, Probe(*picture))
        for location, image_id, *picture in latest.iter_rows()
    }


class _Run:
    """One call's state: what is known, and how bytes are got and kept."""

    def __init__(
        self,
        known: dict[str, _Outcome],
        store: ImageStore,
        settings: FetchSettings,
        roots: list[str],
    ) -> None:
        self._known = known
        self._store = store
        self._settings = settings
        self._files = FileTransport([*settings.allowed_roots, *roots], settings.max_bytes)

    async def all(
        self, locations: list[str], progress: Callable[[int, int], None] | None
    ) -> dict[str, _Outcome]:
        """Work through the locations, at most `settings.concurrency` at the same time."""
        outcomes: dict[str, _Outcome] = {}
        waiting: Iterator[str] = iter(locations)

        async with AsyncExitStack() as stack:
            http: Transport | None = None
            if any(_is_http(location) for location in locations):
                http = await stack.enter_async_context(HttpTransport(self._settings))

            async def work() -> None:
                for location in waiting:
                    transport = http if http and _is_http(location) else self._files
                    outcomes[location] = await self._one(location, transport)
                    if progress is not None:
                        progress(len(outcomes), len(locations))

            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(min(self._settings.concurrency, len(locations))):
                        group.create_task(work())
            except ExceptionGroup as errors:
                # Only the store and the caller's progress function can fail here: say which.
                raise errors.exceptions[0] from None
        return outcomes

    async def _one(self, location: str, transport: Transport) -> _Outcome:
        known = self._known.get(location)
        if known is not None and known.image_id is not None:
            stored = await asyncio.to_thread(self._store.exists, known.image_id)
            if stored:
                return known
        try:
            data = await transport.fetch(location)
        except Refused as error:
            return _Outcome(None, error.refusal)
        return await asyncio.to_thread(self._keep, data)

    def _keep(self, data: bytes) -> _Outcome:
        found = probe(data, self._settings.max_pixels)
        if isinstance(found, Probe):
            return _Outcome(self._store.put(data), found)
        return _Outcome(hashlib.sha256(data).hexdigest() if data else None, found)


def _is_http(location: str) -> bool:
    return location[:8].lower().startswith(("http://", "https://"))
