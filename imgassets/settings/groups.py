"""The groups of settings that belong to no one domain package."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class Part(BaseModel):
    """A group of settings; a misspelt name is an error, not a silence."""

    model_config = ConfigDict(extra="forbid")


class FetchSettings(Part):
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


class VisionSettings(Part):
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


class RaySettings(Part):
    """How signals are computed by Ray (``engine = "ray"``)."""

    address: str = Field("", description="Cluster to join; empty: one of this machine.")
    actors: int = Field(1, ge=1, description="Actors, each with its own backbone.")
    cpus_per_actor: float = Field(1.0, gt=0, description="Cores reserved for one actor.")
    gpus_per_actor: float = Field(0.0, ge=0, description="GPUs, or a share of one, likewise.")
    memory_mib_per_actor: int = Field(0, ge=0, description="Memory in MiB, likewise; 0: any.")
    # Until a dead node is known to be dead, tries at its actor fail one a second and are counted.
    retries: int = Field(
        30, ge=0, description="Times that images are computed again whose actor or node was lost."
    )
    wait_seconds: float = Field(
        60.0, ge=0, description="How long a node with room for an actor is waited for."
    )


class QualitySettings(Part):
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


class DedupSettings(Part):
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


class OrderingSettings(Part):
    """How image sets are ordered."""

    policies: Path | None = Field(
        None, description="TOML file of policies by category, over the shipped ones."
    )


class TypeSettings(Part):
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


class CategorySettings(Part):
    """The model that predicts a product's category where its feed names none."""

    min_precision: float = Field(
        0.98, ge=0.5, le=1,
        description="Precision, on training products out of fold, of the answers that are taken.",
    )  # fmt: skip


class LearningSettings(Part):
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


class ReviewSettings(Part):
    """How the loop asks people."""

    tasks_per_round: int = Field(60, ge=1, description="New questions of one round, at most.")
    neighbours: int = Field(4, ge=0, description="Nearest neighbours of each image found.")
    reject_precision: float = Field(
        0.95, ge=0, le=1, description="Precision on the training folds that rejecting needs."
    )
    min_rejections: int = Field(
        5, ge=1, description="True positives over the reject limit without which none is set."
    )


class MarketplaceSettings(Part):
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


class ServiceSettings(Part):
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
