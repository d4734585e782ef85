"""Compare the inference engines: equal rows, and how near they come to the model's own speed.

Prints the images per second of the whole pipeline (load, decode, measure, forward) divided by those
of the model alone on ready tensors, timed in turns in the same run, and whether Ray's rows equal
this process's, value by value.

    python benchmarks/engines.py --images FOLDER [FOLDER …] --backbone MODEL [--ray]
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import time
from pathlib import Path

import numpy as np

from imgassets.settings import RaySettings, VisionSettings
from imgassets.vision.backbones import Backbone, load_backbone
from imgassets.vision.engine import compute_signals

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")


def main() -> None:
    options = arguments()
    paths = sorted(
        path
        for folder in options.images
        for path in Path(folder).rglob("*")
        if path.suffix.lower() in SUFFIXES
    )
    files = {hashlib.sha256(p.read_bytes()).hexdigest(): p for p in paths}
    ids = sorted(files)[: options.count or None]
    settings = VisionSettings(backbone=options.backbone, device=options.device)

    def load(image_id: str) -> bytes:
        return files[image_id].read_bytes()

    print(f"{len(ids)} distinct images, backbone {options.backbone}, device {options.device}")
    shares = []
    backbone = load_backbone(settings)
    result = compute_signals(ids[:64], load, settings)
    for _ in range(options.repeats):
        alone = model_speed(backbone, settings.batch_size, min(len(ids), 400))
        started = time.perf_counter()
        result = compute_signals(ids, load, settings)
        speed = len(ids) / (time.perf_counter() - started)
        shares.append(speed / alone)
        print(f"pipeline {speed:.1f} images/s, model alone {alone:.1f}: share {shares[-1]:.2f}")
    print(f"share, median of {len(shares)}: {statistics.median(shares):.2f}")
    print(f"{result.signals.height} signals, {result.refused.height} refused")
    if options.ray:
        compare_with_ray(ids, {i: str(p) for i, p in files.items()}, settings, result)


def model_speed(backbone: Backbone, batch_size: int, count: int) -> float:
    """Return the images per second of forward passes alone, on ready squares."""
    side = backbone.input.side
    rng = np.random.default_rng(0)
    squares = rng.integers(0, 256, (batch_size, side, side, 3), np.uint8)
    backbone.embed(squares)
    batches = -(-count // batch_size)
    started = time.perf_counter()
    for _ in range(batches):
        backbone.embed(squares)
    return batches * batch_size / (time.perf_counter() - started)


class Reader:
    """Reads images by id; travels to Ray's actors."""

    def __init__(self, paths: dict[str, str]) -> None:
        self.paths = paths

    def __call__(self, image_id: str) -> bytes:
        """Return the bytes of one image."""
        return Path(self.paths[image_id]).read_bytes()


def compare_with_ray(ids, paths, settings, here) -> None:
    started = time.perf_counter()
    there = compute_signals(ids, Reader(paths), settings, RaySettings(cpus_per_actor=1))
    seconds = time.perf_counter() - started
    print(f"Ray: {len(ids) / seconds:.1f} images/s, its start included ({seconds:.0f} s)")
    for name in ("signals", "refused"):
        one, other = getattr(here, name), getattr(there, name)
        same = one.equals(other)
        print(f"{name}: {one.height} rows here, {other.height} by Ray, equal: {same}")
        if not same and one.height == other.height:
            differing = [c for c in one.columns if not one[c].equals(other[c])]
            print("  differing columns:", differing)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", nargs="+", required=True, help="folders of image files")
    parser.add_argument("--backbone", default="embedded", help="as the setting of that name")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--count", type=int, default=0, help="images used; 0: all")
    parser.add_argument("--repeats", type=int, default=3, help="timings of each")
    parser.add_argument("--ray", action="store_true", help="also compare with Ray")
    return parser.parse_args()


if __name__ == "__main__":
    main()
