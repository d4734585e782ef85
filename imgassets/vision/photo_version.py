"""Names of what makes a review photo's signals, and of what NIMA's heads and the ranker read.

NIMA (Talebi and Milanfar, 2018, "NIMA: Neural Image Assessment") is a network under a head that
answers with a distribution of ratings from 1 to 10. Its penultimate features come from one of

* two towers, one trained for aesthetics and one for technical quality: idealo's published Keras
  weights (github.com/idealo/image-quality-assessment, Apache-2.0), files that the user has;
* one tower, any vision model that ``transformers`` can load, e.g. a MobileNetV1;
* no tower: the general backbone's embedding, for which no second forward pass is needed.

Light: the code location reads it, and no weights are loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imgassets.vision.backbones import backbone_name, files_hash, signals_version

if TYPE_CHECKING:
    from imgassets.settings import RankingSettings, Settings, VisionSettings

PHOTO_VERSION = "photo-1"
"""Name of what is measured on review photos beside the signals of product images."""


def photo_signals_version(settings: Settings) -> str:
    """Name the algorithms, the general backbone and the towers that make a photo's row.

    Raises:
        RuntimeError: the settings name files of weights that are not there, or only one.
    """
    return photo_version(settings.vision, settings.ranking)


def photo_version(vision: VisionSettings, ranking: RankingSettings) -> str:
    """Return :func:`photo_signals_version` of these groups of settings."""
    return f"{PHOTO_VERSION}+{signals_version(vision)}+nima:{towers_name(vision, ranking)}"


def nima_version(settings: Settings) -> str:
    """Name what the column ``nima`` comes from, the very weights included.

    Raises:
        RuntimeError: as for :func:`photo_signals_version`.
    """
    return f"nima:{towers_name(settings.vision, settings.ranking)}"


def towers_name(vision: VisionSettings, ranking: RankingSettings) -> str:
    """Name the towers: files by name and content, models as backbones are named."""
    if files := weight_files(ranking):
        return ",".join(f"{path.stem}@{files_hash([path])}" for path in files)
    return backbone_name(tower_settings(vision, ranking))


def weight_files(ranking: RankingSettings) -> tuple[Path, Path] | None:
    """Return the files of the aesthetic and the technical tower, or None where none is named.

    Raises:
        RuntimeError: only one is named, or one is not there.
    """
    named = {
        "ranking.aesthetic_weights": ranking.aesthetic_weights,
        "ranking.technical_weights": ranking.technical_weights,
    }
    paths = [path.expanduser() for path in named.values() if path is not None]
    if not paths:
        return None
    if len(paths) < len(named):
        missing = next(name for name, path in named.items() if path is None)
        raise RuntimeError(
            f"of NIMA's two files of weights only {paths[0]} is named: name the other one "
            f"({missing}) as well, or neither"
        )
    for path in paths:
        if not path.is_file():
            raise RuntimeError(
                f"there is no file of NIMA weights at {path}: download it from "
                "github.com/idealo/image-quality-assessment, or name neither file "
                "(ranking.aesthetic_weights, ranking.technical_weights)"
            )
    return paths[0], paths[1]


def tower_settings(vision: VisionSettings, ranking: RankingSettings) -> VisionSettings:
    """Return the vision settings with the ranker's own model, if it has one, as the backbone."""
    if not ranking.nima_backbone:
        return vision
    return vision.model_copy(
        update={
            "backbone": ranking.nima_backbone,
            "backbone_revision": ranking.nima_revision,
        }
    )
