"""Photographs to learn from: one folder per kind of garment."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from imgassets.vision.decode import Undecodable, decode


class Photos(NamedTuple):
    """Labelled photographs.

    Attributes:
        pixels: RGB, uint8, n × side × side × 3; the whole picture squeezed into the square.
        labels: int64, n: place of the kind in ``kinds``.
        kinds: the folders' names, sorted.
    """

    pixels: np.ndarray
    labels: np.ndarray
    kinds: tuple[str, ...]

    def part(self, rows: np.ndarray) -> Photos:
        """Return some of the photographs."""
        return Photos(self.pixels[rows], self.labels[rows], self.kinds)


def read_photos(folder: Path, side: int) -> Photos:
    """Read every JPEG, PNG or WebP file of a folder's folders.

    Args:
        folder: holds one folder per kind.
        side: pixels of the squares.

    Raises:
        ValueError: there are no two kinds with a photograph each, or a file is no whole picture.
    """
    files = sorted(
        path
        for path in folder.glob("*/*")
        if path.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"}
    )
    kinds = tuple(sorted({path.parent.name for path in files}))
    if len(kinds) < 2:
        raise ValueError(
            f"{folder} must hold at least two folders of photographs, one per kind of garment; "
            f"found {len(kinds)}"
        )
    pixels = np.empty((len(files), side, side, 3), np.uint8)
    for row, path in enumerate(files):
        try:
            picture = decode(path.read_bytes())
        except Undecodable as error:
            raise ValueError(
                f"{path} is no whole picture ({error}): remove or replace it"
            ) from error
        pixels[row] = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    labels = np.array([kinds.index(path.parent.name) for path in files], np.int64)
    return Photos(pixels, labels, kinds)


def hold_out(photos: Photos, share: float, seed: int) -> tuple[Photos, Photos]:
    """Split photographs at random: those to learn from, and a share (0 … 1) to measure on."""
    order = np.random.default_rng(seed).permutation(len(photos.labels))
    held = round(share * len(order))
    return photos.part(np.sort(order[held:])), photos.part(np.sort(order[:held]))
