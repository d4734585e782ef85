"""The main job's steps on offers that no partition holds: the service and mock runs.

Every step is the function that the asset of the same table calls, on the same models and answers;
only what the warehouse keeps between runs is missing: signals and comparisons are computed anew,
which takes less time than looking for them in a large catalog.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from imgassets.ingest.aggregate import aggregate
from imgassets.ingest.fetch import FetchResult, fetch_images
from imgassets.ingest.journal import FetchJournal
from imgassets.ingest.store import ImageStore
from imgassets.learning.held_champions import HeldChampions
from imgassets.learning.registry import ModelRegistry
from imgassets.moderation.compliance import quarantine_rows
from imgassets.operations.clicks import click_model, read_clicks
from imgassets.operations.duplicates import clustered_images
from imgassets.operations.flags import SIGNAL_COLUMNS, flags_of, score_flags
from imgassets.operations.image_types import type_images
from imgassets.operations.models import type_champions
from imgassets.operations.pixel_pairs import PairPool, PixelPairs
from imgassets.operations.quality import flag_images, judge_quality
from imgassets.operations.selection import passed_images, sequences
from imgassets.operations.signals import Measured, measured_rows
from imgassets.operations.standing import Standing, StandingReader
from imgassets.selection import PARTITION, PRODUCT
from imgassets.selection.clicks import ClickModel, Clicks
from imgassets.selection.clusters import Clustered, cluster_duplicates
from imgassets.selection.decisions import explain, with_rules
from imgassets.selection.ordering import order_image_sets
from imgassets.selection.policies import read_policies
from imgassets.selection.thresholds import read_thresholds
from imgassets.settings import Settings
from imgassets.vision.schema import OUTCOME_SCHEMA, split
from imgassets.warehouse.contracts import FetchedImages, ImageSignals
from imgassets.warehouse.lake import Warehouse

if TYPE_CHECKING:
    from imgassets.vision import operator


@dataclass(frozen=True)
class Selected:
    """What the steps made of some offers: rows of the tables of these names.

    Attributes:
        fetched: ``fetched_images``.
        quarantine: what was refused, in all stages.
        aggregated: ``aggregated_images``.
        quality: ``quality_scores``.
        flags: ``compliance_flags``.
        types: ``image_types``.
        clusters: ``dedup_clusters``.
        ordered: ``ordered_image_sets``.
        changes: ``image_set_changes``; before is what the first supplier sent.
        decisions: one row per aggregated image:
            :func:`imgassets.selection.decisions.with_rules`.
        notes: what a person should know of the models that answered.
        snapshot_id: the warehouse's snapshot whose answers and categories decided.
        seconds: wall-clock time by step.
    """

    fetched: pl.DataFrame
    quarantine: pl.DataFrame
    aggregated: pl.DataFrame
    quality: pl.DataFrame
    flags: pl.DataFrame
    types: pl.DataFrame
    clusters: pl.DataFrame
    ordered: pl.DataFrame
    changes: pl.DataFrame
    decisions: pl.DataFrame
    notes: Sequence[str]
    snapshot_id: int
    seconds: Mapping[str, float]


class LiveSelection:
    """Selects image sets while it is asked; thread-safe, and holds its models and processes.

    Args:
        warehouse: holds what people said, categories, and which files are shared.
        store: where the images are kept.
        registry: where the champions are.
        settings: as for the assets.
        standing: reads what people said; by default from the warehouse.
        journal: whether a URL that was fetched before need not be fetched again.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        store: ImageStore,
        registry: ModelRegistry,
        settings: Settings,
        standing: StandingReader | None = None,
        *,
        journal: bool = True,
    ) -> None:
        # Loaded where it is used: it brings compiled kernels that a code location has no use for.
        from imgassets.vision import operator

        self._standing = standing or StandingReader(
            warehouse, settings.quality.max_products_sharing
        )
        self._warehouse = warehouse
        self._click_models: dict[tuple[object, ...], ClickModel] = {}
        self._store = store
        self._registry = HeldChampions(
            registry.tracking_uri, registry.artifact_root, registry.cache
        )
        self._settings = settings
        self._journal = Path(settings.fetch_journal) if journal else None
        self._thresholds = read_thresholds(settings.dedup.thresholds)
        self._policies = read_policies(settings.ordering.policies)
        with ExitStack() as opened:
            self._operator: operator.ImageSignals = opened.enter_context(
                operator.ImageSignals(settings.vision, store.get)
            )
            self._pairs = opened.enter_context(PairPool(store, settings.vision))
            self._threads = opened.enter_context(
                ThreadPoolExecutor(settings.vision.workers, "live-signals")
            )
            self._opened = opened.pop_all()

    def __enter__(self) -> LiveSelection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the decoding processes."""
        self._opened.close()

    def start(self) -> None:
        """Do what only the first request would wait for: start processes and load models.

        Raises:
            CorruptedModel: a champion's files are not those that were registered.
            RegistryUnavailable: the registry does not answer, and no champion is cached.
        """
        self._operator.start()
        self._pairs.start()
        standing = self._standing()
        nothing = ImageSignals.create_empty().select(SIGNAL_COLUMNS)
        score_flags(nothing, flags_of(self._settings), self._registry, self._store, self._settings)
        type_champions(
            self._registry, standing.categories, standing.known_categories, self._settings
        )

    def select(
        self,
        offers: pl.DataFrame,
        folders: Sequence[Path] = (),
        products: pl.DataFrame | None = None,
    ) -> Selected:
        """Fetch, judge, type, de-duplicate and order the images of some offers.

        Args:
            offers: rows of ``supplier_offers``; they may be of several products and days.
            folders: where references that are files may point to, besides the settings' roots.
            products: day, category, product_id of the sets to make, each of all offers up to its
                day; by default one for each day and product of the offers.

        Raises:
            CorruptedModel: a champion's files are not those that were registered.
            RegistryUnavailable: the registry does not answer, and no champion is cached.
            RuntimeError: an image decoded once and does not again.
            OSError: the image store cannot be written.
        """
        settings, standing = self._settings, self._standing()
        clock = _StepClock()
        with clock.step("fetch"):
            fetched = self._fetch(offers, folders)
        if products is None:
            products = offers.select(PRODUCT).unique()
        aggregated = aggregate(products, offers, fetched.images)
        with clock.step("signals"):
            measured = self._measure(aggregated)
        signals = measured.signals
        with clock.step("judge"):
            judged = judge_quality(
                aggregated, signals, standing.values, self._registry, self._store, settings,
                standing.sharing,
            )  # fmt: skip
            cells = products.select(PARTITION).unique().sort(PARTITION).rows()
            flagged = flag_images(
                aggregated, signals, cells, standing.values, self._registry, self._store, settings
            )
            flags = flagged.found.flags
            passed = passed_images(
                judged.rows.select(*PRODUCT, "image_id", "passed"), flags, signals
            )
            categories = passed["category"].unique()
            models = type_champions(self._registry, standing.categories, categories, settings)
            typed = type_images(
                passed, models, standing.types, standing.values, self._registry, self._store,
                settings,
            )  # fmt: skip
        with clock.step("duplicates"):
            images = clustered_images(aggregated, signals, judged.rows, typed.rows, flags)
            clusters = self._cluster(images, standing).clusters
        with clock.step("order"):
            sets = order_image_sets(
                products=products,
                aggregated=aggregated,
                signals=signals,
                quality=judged.rows,
                types=typed.rows,
                clusters=clusters,
                compliance=flags,
                priorities=standing.priorities,
                before=sequences(products, offers, fetched.images).drop_nulls("image_id"),
                policies=self._policies,
                clicks=self._clicks(products, standing),
            )
            decisions = with_rules(
                explain(aggregated, judged.rows, typed.rows, clusters, sets.ordered, flags),
                judged.rows,
                typed.rows,
                clusters,
                flags,
            )
        return Selected(
            fetched=fetched.images,
            quarantine=pl.concat(
                [
                    fetched.quarantine,
                    measured.quarantine,
                    quarantine_rows(flagged.found, aggregated),
                ]
            ),
            aggregated=aggregated,
            quality=judged.rows,
            flags=flags,
            types=typed.rows,
            clusters=clusters,
            ordered=sets.ordered,
            changes=sets.changes,
            decisions=decisions,
            notes=[*judged.notes, *flagged.scores.notes, *typed.notes],
            snapshot_id=standing.snapshot_id,
            seconds=clock.seconds,
        )

    def _fetch(self, offers: pl.DataFrame, folders: Sequence[Path]) -> FetchResult:
        roots = [str(folder) for folder in folders]
        # Files that were handed over are gone afterwards: the journal need not know them.
        path = None if roots else self._journal
        with FetchJournal(path) if path is not None else nullcontext() as journal:
            return fetch_images(
                offers,
                FetchedImages.create_empty(),
                self._store,
                self._settings.fetch,
                roots,
                journal=journal,
            )

    def _measure(self, aggregated: pl.DataFrame) -> Measured:
        ids = aggregated["image_id"].unique().sort().to_list()
        looks = list(self._threads.map(self._operator.look, ids))
        at_once = self._settings.vision.batch_size
        outcomes = [
            self._operator.finish(looks[at : at + at_once]) for at in range(0, len(looks), at_once)
        ]
        found = split(pl.concat([pl.DataFrame(schema=OUTCOME_SCHEMA), *outcomes]))
        return measured_rows(aggregated, found.signals, found.refused)

    def _clicks(self, products: pl.DataFrame, standing: Standing) -> Clicks | None:
        categories = sorted(standing.clicked.intersection(products["category"]))
        if not categories:
            return None
        # Fitting reads every click of a category: once a snapshot is enough.
        key = standing.snapshot_id, *categories
        model = self._click_models.get(key)
        if model is None:
            model = click_model(self._warehouse, categories)
            self._click_models = {key: model}
        return read_clicks(self._warehouse, products, model)

    def _cluster(self, images: pl.DataFrame, standing: Standing) -> Clustered:
        dedup = self._settings.dedup
        compare = PixelPairs(self._pairs, dedup.comparator) if dedup.pixels else None
        return cluster_duplicates(images, self._thresholds, compare, standing.pairs)


class _StepClock:
    """Wall-clock seconds by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a ``with`` block."""
        begun = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - begun
