"""Every setting of imgassets, typed, in one place.

Values come, strongest first, from constructor arguments, the environment (``IMGASSETS_*``; nested
settings with a double underscore, e.g. ``IMGASSETS_QUALITY__MIN_LONGEST_SIDE=500``), and the TOML
file named by ``IMGASSETS_CONFIG`` (default ``<home>/imgassets.toml``). Domain packages never read
the environment: faces build a :class:`Settings` and hand the parts down.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from imgassets.impact.settings import ImpactSettings
from imgassets.reviews.settings import RankingSettings
from imgassets.search.settings import SearchSettings


class _Part(BaseModel):
    """A group of settings; a misspelt name is an error, not a silence."""

    model_config = ConfigDict(extra="forbid")


class FetchSettings(_Part):
    """How images are fetched from suppliers."""

    concurrency: int = Field(32, ge=1, description="Files fetched at the same time.")
    per_host_concurrency: int = Field(16, ge=1, description="The same, from one host.")
    per_host_rate: float = Field(
        0.0, ge=0, description="Requests a second to one host, at most; 0: no limit."
    )
    allowed_networks: list[str] = Field(
        default_factory=list,
        description="Networks (CIDR) that may be fetched from although they are not public.",
    )
    revalidate_after_hours: float = Field(
        168.0, ge=0, description="Age after which a feed's known URL is asked for a new version."
    )
    timeout_seconds: float = Field(30.0, gt=0, description="Total deadline of one file.")
    max_bytes: int = Field(32 * 2**20, ge=1, description="Largest accepted file, in bytes.")
    max_pixels: int = Field(64_000_000, ge=1, description="Largest accepted picture, in pixels.")
    max_side: int = Field(20_000, ge=1, description="Longest accepted side, in pixels.")
    max_frames: int = Field(1000, ge=1, description="Most frames or pages; only the first is used.")
    max_metadata_bytes: int = Field(
        8 * 2**20, ge=0, description="Largest accepted EXIF, ICC, XMP and texts together, inflated."
    )
    max_decoded_bytes: int = Field(
        512_000_000, ge=1, description="Largest accepted picture once decompressed, in bytes."
    )
    max_redirects: int = Field(5, ge=0, description="Redirects followed for one file.")
    attempts: int = Field(3, ge=1, description="Tries for one file on transient failures.")
    max_retry_after_seconds: float = Field(
        120.0, ge=0, description="A server that asks to be left alone for longer is not waited for."
    )
    allowed_roots: list[str] = Field(
        default_factory=list,
        description="Folders that file references may point into; the image base is added to them.",
    )


class VisionSettings(_Part):
    """How pixels become signals."""

    backbone: str = Field(
        "embedded", description="'embedded', or a Hugging Face model id or local folder."
    )
    backbone_revision: str | None = Field(None, description="Pinned revision of a hub model.")
    batch_size: int = Field(32, ge=1, description="Images in one forward pass.")
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, description="Decoding processes."
    )
    worker_memory_mib: int = Field(
        512, ge=256, description="Resident memory that one decoding process may take."
    )
    image_seconds: float = Field(10.0, gt=0, description="Time that one image may take to decode.")
    device: str = Field("auto", description="'auto', 'cpu', 'cuda', 'cuda:0' …")


class RaySettings(_Part):
    """How signals are computed by Ray (``engine = "ray"``)."""

    address: str = Field("", description="Cluster to join; empty: one of this machine.")
    actors: int = Field(1, ge=1, description="Actors, each with its own backbone.")
    cpus_per_actor: float = Field(1.0, gt=0, description="Cores reserved for one actor.")
    gpus_per_actor: float = Field(0.0, ge=0, description="GPUs, or a share of one, likewise.")


class QualitySettings(_Part):
    """Limits of the rules that an image must keep (paper A, section II-A)."""

    min_longest_side: int = Field(250, ge=1, description="Pixels of the longer side.")
    min_sharpness: float = Field(
        0.32, ge=0, description="Share of an edge's contrast within one pixel; lower means blurry."
    )
    min_foreground_fraction: float = Field(
        0.22, ge=0, le=1, description="Share of the frame covered by the object's bounding box."
    )
    max_products_sharing: int = Field(
        2, ge=1, description="More products of a category with the same bytes mean a placeholder."
    )
    min_detail: float = Field(
        0.34, ge=0, description="Less variety of tones in the object means a placeholder."
    )


class DedupSettings(_Part):
    """How duplicates are found."""

    pixels: bool = Field(
        True,
        description="Lay over each other what signals do not tell apart; false: the ensemble of "
        "signals (paper A, section II-D) decides alone.",
    )
    thresholds: Path | None = Field(
        None, description="TOML file of limits, as `imgassets pairs tune` writes it."
    )
    catalog_pairs: int = Field(
        20_000, ge=0,
        description="Look-alikes of different products that one run lays over each other, at most.",
    )  # fmt: skip
    comparator: Path | None = Field(
        None, description="Model of pairs, as `imgassets pairs train` writes it."
    )


class OrderingSettings(_Part):
    """How image sets are ordered."""

    policies: Path | None = Field(
        None, description="TOML file of policies by category, over the shipped ones."
    )


class TypeSettings(_Part):
    """The classifiers of image types."""

    min_probability: float = Field(
        0.5, ge=0, le=1,
        description="Below it the type is 'unsure', not the best guess, and people are asked.",
    )  # fmt: skip
    min_none_probability: float = Field(
        0.5, ge=0, le=1, description="'none' (shows no view of the product) needs this much."
    )
    min_labels: int = Field(
        30, ge=6,
        description="Labels from which a category or a vertical is given a model of its own.",
    )  # fmt: skip


class CategorySettings(_Part):
    """The model that predicts a product's category where its feed names none."""

    min_precision: float = Field(
        0.98, ge=0.5, le=1,
        description="Precision, on training products out of fold, of the answers that are taken.",
    )  # fmt: skip


class LearningSettings(_Part):
    """How the classifiers of flags are trained and promoted."""

    max_sources: int = Field(
        240, ge=2, description="Good images that synthetic defects are made from, at most."
    )
    max_augmentations: int = Field(
        4, ge=1, description="Rounds of more synthetic examples before training gives up."
    )
    target_precision: float = Field(0.97, ge=0, le=1, description="Augmentation stops at both …")
    target_recall: float = Field(0.95, ge=0, le=1, description="… of these, on the tuning part.")
    max_false_discards: float = Field(
        0.005, ge=0, le=1, description="Share of good tuning images a quality limit may discard."
    )
    retrain_block: bool = Field(
        True, description="Also retrain the backbone's last block (where it has one)."
    )
    pixel_margin: float = Field(
        0.01, ge=0, le=1,
        description="F1 by which a model that needs pixels again must be better to win.",
    )  # fmt: skip


class ReviewSettings(_Part):
    """How the loop asks people."""

    tasks_per_round: int = Field(60, ge=1, description="New questions of one round, at most.")
    neighbours: int = Field(4, ge=0, description="Nearest neighbours of each image found.")
    reject_precision: float = Field(
        0.95, ge=0, le=1, description="Precision on the training folds that rejecting needs."
    )
    min_rejections: int = Field(
        5, ge=1, description="True positives over the reject limit without which none is set."
    )


class MarketplaceSettings(_Part):
    """How images are judged by what marketplaces demand."""

    apparel_categories: list[str] = Field(
        default_factory=lambda: [
            "*mens-*", "*shirt", "*shirts", "*tees", "*blouse*", "*longsleeve*", "*sweater*",
            "*sweatshirt*", "*hoodie*", "*jacket*", "*coat", "*coats", "*outwear*", "*outerwear*",
            "*dress", "*dresses", "*skirt*", "*pants", "*jeans", "*shorts", "*leggings", "*suit",
            "*suits", "*underwear*", "*bras", "*swimwear*", "*hat", "*hats", "*socks", "*shoes",
            "*boots", "*sneakers*",
        ],
        description="Categories (slugs or patterns with *) that rules for apparel are asked of.",
    )  # fmt: skip


_SHORTEST_KEY = 16


class ServiceSettings(_Part):
    """The web service and its REST interface."""

    # A message about a faulty key must not print it.
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: str = Field("", description="What people reach the service by; for links to its pages.")
    api_keys: list[SecretStr] = Field(
        [],
        description="Keys of /v1, each '<name>:<key>'; none: only this machine may use it.",
    )
    requests_per_minute: int = Field(
        600, ge=1, description="Requests to /v1 that one key, or one address, may make."
    )
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1,
        description="Image sets that are selected at the same time.",
    )  # fmt: skip
    max_waiting: int = Field(
        64, ge=0, description="Image sets that may wait their turn; more are turned away."
    )
    deadline_seconds: float = Field(
        10.0, ge=0, description="Time after which a request is answered with a job to poll."
    )
    result_minutes: float = Field(15.0, gt=0, description="How long a job's result is kept.")
    max_images: int = Field(50, ge=1, description="Images of one product in a request.")
    max_upload_bytes: int = Field(
        64 * 2**20, ge=1, description="Bytes of one request with files in it."
    )

    @field_validator("api_keys")
    @classmethod
    def _named_keys(cls, keys: list[SecretStr]) -> list[SecretStr]:
        pairs = [key.get_secret_value().partition(":") for key in keys]
        if any(not name or len(secret) < _SHORTEST_KEY for name, _, secret in pairs):
            raise ValueError(f"a key is '<name>:<key>', at least {_SHORTEST_KEY} characters of key")
        if len({name for name, _, _ in pairs}) < len(pairs):
            raise ValueError("two keys have the same name")
        return keys


def config_file() -> Path:
    """Return the TOML file that settings are read from; it may be absent."""
    home = Path(os.environ.get("IMGASSETS_HOME", ".imgassets"))
    return Path(os.environ.get("IMGASSETS_CONFIG", home / "imgassets.toml"))


class Settings(BaseSettings):
    """All settings; see the module's docstring for where values come from."""

    model_config = SettingsConfigDict(
        env_prefix="IMGASSETS_", env_nested_delimiter="__", extra="forbid"
    )

    home: Path = Field(Path(".imgassets"), description="Folder that holds all state.")
    warehouse: str = Field(
        "", description="DuckLake catalog, 'ducklake:sqlite:…' or 'ducklake:postgres:…'."
    )
    warehouse_data: str = Field(
        "", description="Folder or object-store prefix of the Parquet files."
    )
    image_store: str = Field("", description="fsspec root of the content-addressed image store.")
    fetch_journal: str = Field(
        "", description="SQLite file that remembers downloads; a cache of this machine."
    )
    signal_shards: str = Field(
        "", description="fsspec root of signals that are computed but not yet committed."
    )
    landing: str = Field("", description="fsspec root where accepted feed files are kept.")
    feeds: str = Field("", description="fsspec root the feed sensor watches; empty: no watching.")
    labels: str = Field(
        "", description="fsspec root of CSV files of labels, watched likewise; empty: no watching."
    )
    engagement: str = Field(
        "", description="fsspec root of files of daily engagement, watched likewise."
    )
    interventions: str = Field("", description="fsspec root of files of interventions, likewise.")
    review_photos: str = Field("", description="fsspec root of files of review photos, likewise.")
    image_base: str = Field("", description="Folder or URL that relative image_urls start from.")
    mlflow_tracking_uri: str = Field("", description="MLflow server; default: SQLite under home.")
    webserver: str = Field(
        "http://127.0.0.1:3000", description="Dagster webserver that `backfill --launch` talks to."
    )
    first_day: date = Field(
        date(2024, 1, 1), description="First day partition; feeds of earlier days are refused."
    )
    flags: Path | None = Field(None, description="TOML file of more flags; see flags.toml.")
    photo_limits: Path | None = Field(
        None, description="TOML file of limits of customers' photos, for the shipped one."
    )
    engine: Literal["local", "ray"] = Field(
        "local", description="What computes signals: this machine's processes, or a Ray cluster."
    )
    seed: int = Field(0, description="Seed of every random choice.")
    backbone: str = Field("", description="Shorthand for vision.backbone.")

    fetch: FetchSettings = Field(default_factory=FetchSettings)
    vision: VisionSettings = Field(default_factory=VisionSettings)
    ray: RaySettings = Field(default_factory=RaySettings)
    quality: QualitySettings = Field(default_factory=QualitySettings)
    dedup: DedupSettings = Field(default_factory=DedupSettings)
    ordering: OrderingSettings = Field(default_factory=OrderingSettings)
    types: TypeSettings = Field(default_factory=TypeSettings)
    category: CategorySettings = Field(default_factory=CategorySettings)
    learning: LearningSettings = Field(default_factory=LearningSettings)
    review: ReviewSettings = Field(default_factory=ReviewSettings)
    marketplaces: MarketplaceSettings = Field(default_factory=MarketplaceSettings)
    impact: ImpactSettings = Field(default_factory=ImpactSettings)
    ranking: RankingSettings = Field(default_factory=RankingSettings)
    search: SearchSettings = Field(default_factory=SearchSettings)
    service: ServiceSettings = Field(default_factory=ServiceSettings)

    @model_validator(mode="after")
    def _derive(self) -> Settings:
        self.home = self.home.expanduser().absolute()
        self.warehouse = self.warehouse or f"ducklake:sqlite:{self.home}/warehouse/catalog.sqlite"
        self.warehouse_data = self.warehouse_data or f"{self.home}/warehouse/data/"
        self.image_store = self.image_store or f"{self.home}/images"
        self.fetch_journal = self.fetch_journal or f"{self.home}/fetch/journal.sqlite"
        self.signal_shards = self.signal_shards or f"{self.home}/signals"
        self.landing = self.landing or f"{self.home}/feeds"
        self.mlflow_tracking_uri = (
            self.mlflow_tracking_uri
            or os.environ.get("MLFLOW_TRACKING_URI", "")
            or f"sqlite:///{self.home}/mlflow/mlflow.db"
        )
        if self.backbone:
            self.vision = self.vision.model_copy(update={"backbone": self.backbone})
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the TOML file behind the environment."""
        toml = TomlConfigSettingsSource(settings_cls, config_file())
        return init_settings, env_settings, toml

    def decision_hash(self) -> str:
        """Hash of the settings that can change a row of a derived table (not where it is kept)."""
        parts: dict[str, Any] = {
            "quality": self.quality.model_dump(),
            # What its files hold is named by the plan, which reads them.
            "dedup": self.dedup.pixels,
            "types": self.types.model_dump(),
            "marketplaces": self.marketplaces.model_dump(),
            "fetch": [
                self.fetch.max_bytes,
                self.fetch.max_pixels,
                self.fetch.max_side,
                self.fetch.max_frames,
                self.fetch.max_metadata_bytes,
                self.fetch.max_decoded_bytes,
            ],
        }
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


_OTHER_VARIABLES = {"IMGASSETS_CONFIG", "IMGASSETS_DAGSTER_STORAGE", "IMGASSETS_TRACEBACK"}


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return the IMGASSETS_* variables that no setting reads, sorted: they are misspelt."""
    known = {f"IMGASSETS_{name.upper()}" for name in Settings.model_fields} | _OTHER_VARIABLES
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            known |= {
                f"IMGASSETS_{name.upper()}__{part.upper()}"
                for part in field.annotation.model_fields
            }
    return sorted(v for v in environment if v.startswith("IMGASSETS_") and v not in known)
