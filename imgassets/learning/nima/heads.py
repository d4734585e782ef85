"""Which heads of NIMA rate photos: those of the settings' files, else the registry's champions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.champions import load_champions
from imgassets.learning.nima.head import NimaHead, mean_rating
from imgassets.learning.registry import ModelRegistry
from imgassets.settings import Settings
from imgassets.vision.photo_version import nima_version, weight_files

KINDS = ("aesthetic", "technical")
"""What heads rate, in the order of their towers."""


@dataclass(frozen=True)
class Heads:
    """The heads that answer.

    Attributes:
        by_kind: kind to head; None where there is none.
        versions: kind to what answers, such as ``nima_technical-3``; of those there are.
        notes: what a person should know: a registry that is down, a head that does not fit.
    """

    by_kind: Mapping[str, NimaHead | None] = field(default_factory=lambda: dict.fromkeys(KINDS))
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __getitem__(self, kind: str) -> NimaHead | None:
        return self.by_kind[kind]

    @property
    def version(self) -> str:
        """Name all heads that answer; '' where there are none."""
        return "+".join(self.versions.values())

    def rate(self, nima: NDArray[np.floating]) -> pl.DataFrame:
        """Rate photos.

        Args:
            nima: stored features, float [n, d].

        Returns:
            Columns ``aesthetic`` and ``technical`` (mean rating, 1 … 10) and
            ``aesthetic_distribution`` and ``technical_distribution`` (shares of the ratings 1 …
            10), a row per photo; null where there is no head.

        Raises:
            ValueError: the features have another length than a head reads.
        """
        found = {kind: self._distribution(kind, nima) for kind in KINDS}
        means: dict[str, pl.Series] = {}
        for kind, shares in found.items():
            known = [None] * len(nima) if shares is None else mean_rating(shares)
            means[kind] = pl.Series(kind, known, pl.Float64)
        rows = {
            f"{kind}_distribution": pl.Series(
                [None] * len(nima) if shares is None else shares.tolist(), dtype=pl.List(pl.Float32)
            )
            for kind, shares in found.items()
        }
        return pl.DataFrame(means | rows)

    def _distribution(self, kind: str, nima: NDArray[np.floating]) -> NDArray[np.float32] | None:
        head = self.by_kind[kind]
        return None if head is None else head.distribution(nima)


def heads_of(settings: Settings, registry: ModelRegistry) -> Heads:
    """Return the heads that rate photos whose features the settings' towers made.

    Args:
        settings: name the towers, and maybe files of weights, whose own dense layers answer then.
        registry: where else heads are; champions that read other features are left out.

    Raises:
        RuntimeError: the settings name files of weights that cannot be used.
        CorruptedModel: a champion's files are not those that were registered.
    """
    version = nima_version(settings)
    if (files := weight_files(settings.ranking)) is not None:
        from imgassets.vision.keras_weights import FEATURES, read_nima_weights

        shipped: dict[str, NimaHead | None] = {}
        for place, (kind, path) in enumerate(zip(KINDS, files, strict=True)):
            weights = read_nima_weights(path)
            shipped[kind] = NimaHead(
                kind, weights.weight, weights.bias, version,
                length=len(files) * FEATURES, start=place * FEATURES,
            )  # fmt: skip
        return Heads(shipped, {kind: path.stem for kind, path in zip(KINDS, files, strict=True)})
    champions, notes = load_champions(registry, [model_of(kind) for kind in KINDS])
    by_kind: dict[str, NimaHead | None] = dict.fromkeys(KINDS)
    versions: dict[str, str] = {}
    for kind in KINDS:
        if (served := champions.get(model_of(kind))) is None:
            continue
        head = NimaHead.load(served.folder)
        name = f"{model_of(kind)}-{served.version.version}"
        if head.features_version == version:
            by_kind[kind], versions[kind] = head, name
        else:
            notes.append(
                f"{name} reads features '{head.features_version}', not '{version}': train it again "
                f"(`imgassets train nima --kind {kind}`)"
            )
    return Heads(by_kind, versions, tuple(notes))


def model_of(kind: str) -> str:
    """Return the name of a kind's registered model."""
    return f"nima_{kind}"
