"""Every setting of imgassets, typed, in one place.

Values come, strongest first, from constructor arguments, the environment (``IMGASSETS_*``; nested
settings with a double underscore, e.g. ``IMGASSETS_QUALITY__MIN_LONGEST_SIDE=500``), files named
like these variables in the folder ``IMGASSETS_SECRETS`` (as Docker and Kubernetes mount secrets),
and the TOML file named by ``IMGASSETS_CONFIG`` (default ``<home>/imgassets.toml``). Domain packages
never read the environment: faces build a :class:`Settings` and hand the parts down.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, model_validator
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from imgassets.impact.settings import ImpactSettings
from imgassets.reviews.settings import RankingSettings
from imgassets.search.settings import SearchSettings
from imgassets.settings.groups import (
    CategorySettings,
    DedupSettings,
    FetchSettings,
    LearningSettings,
    MarketplaceSettings,
    OrderingSettings,
    QualitySettings,
    RaySettings,
    ReviewSettings,
    ServiceSettings,
    TypeSettings,
    VisionSettings,
)
from imgassets.settings.upkeep import AlertSettings, MaintenanceSettings

__all__ = [
    "AlertSettings",
    "CategorySettings",
    "DedupSettings",
    "FetchSettings",
    "ImpactSettings",
    "LearningSettings",
    "MaintenanceSettings",
    "MarketplaceSettings",
    "OrderingSettings",
    "QualitySettings",
    "RankingSettings",
    "RaySettings",
    "ReviewSettings",
    "SearchSettings",
    "ServiceSettings",
    "Settings",
    "TypeSettings",
    "VisionSettings",
    "config_file",
    "secrets_folder",
    "unknown_names",
    "unknown_variables",
]


def secrets_folder() -> Path | None:
    """Return the folder of files that each hold one setting, or None where none is named."""
    named = os.environ.get("IMGASSETS_SECRETS")
    return Path(named) if named else None


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
        "",
        repr=False,
        description="DuckLake catalog, 'ducklake:sqlite:…' or 'ducklake:postgres:…'.",
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
    mlflow_tracking_uri: str = Field(
        "", repr=False, description="MLflow server; default: SQLite under home."
    )
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
    executor: Literal["in_process", "ray", "kubernetes"] = Field(
        "in_process",
        description="Where the steps of a run work: in its process, or each on its own, as a job "
        "of a Ray cluster or of Kubernetes.",
    )
    gpus_per_step: int = Field(
        1, ge=0,
        description="GPUs that a step of the pool `gpu` asks Ray or Kubernetes for; 0: none.",
    )  # fmt: skip
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
    maintenance: MaintenanceSettings = Field(default_factory=MaintenanceSettings)
    alerts: AlertSettings = Field(default_factory=AlertSettings)

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
        """Put secrets' files and the TOML file behind the environment."""
        toml = TomlConfigSettingsSource(settings_cls, config_file())
        folder = secrets_folder()
        if folder is None:
            return init_settings, env_settings, toml
        secrets = NestedSecretsSettingsSource(
            file_secret_settings,
            secrets_dir=folder,
            secrets_dir_missing="error",
            secrets_prefix="IMGASSETS_",
            secrets_nested_delimiter="__",
        )
        return init_settings, env_settings, secrets, toml

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


_OTHER_VARIABLES = {
    "IMGASSETS_CONFIG",
    "IMGASSETS_DAGSTER_STORAGE",
    "IMGASSETS_SECRETS",
    "IMGASSETS_TRACEBACK",
}


def unknown_names() -> list[str]:
    """Return the names of variables and of files of secrets that no setting reads, sorted."""
    folder = secrets_folder()
    files = [path.name.upper() for path in folder.iterdir()] if folder and folder.is_dir() else []
    return unknown_variables([*os.environ, *files])


def unknown_variables(environment: Iterable[str]) -> list[str]:
    """Return the IMGASSETS_* variables that no setting reads, sorted: they are misspelt."""
    known = {f"IMGASSETS_{name.upper()}" for name in Settings.model_fields} | _OTHER_VARIABLES
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            known |= {
                f"IMGASSETS_{name.upper()}__{part.upper()}"
                for part in field.annotation.model_fields
            }
    return sorted(v for v in environment if v.startswith("IMGASSETS_") and v not in known)
