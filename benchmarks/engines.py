"""Compare the inference engines: equal rows, and how near they come to the model's own speed.

Prints the images per second of the whole pipeline (load, decode, measure, forward) divided by those
of the model alone on ready tensors, timed in turns in the same run. With --nodes, then seconds and
images per second of this process and of Ray clusters of so many nodes, each a raylet with a core
and an actor on this machine, and whether rows equal this process's, value by value. With --kill,
the last node is killed after a third of the images.

    python -m benchmarks.engines --images FOLDER [FOLDER …] --backbone MODEL [--nodes 1 2] [--kill]
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from imgassets.settings import RaySettings, VisionSettings
from imgassets.vision.backbones import Backbone, load_backbone
from imgassets.vision.engine import compute_signals, outcomes_of
from imgassets.vision.schema import split
from tests.ray_nodes import ray_nodes

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
    settings = VisionSettings(
        backbone=options.backbone, device=options.device, workers=options.workers
    )

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
    reader = Reader({image_id: str(path) for image_id, path in files.items()})
    for nodes in [0, *options.nodes] if options.nodes else []:
        compare_with_ray(ids, reader, settings, result, nodes, options.kill and nodes > 1)


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


def compare_with_ray(ids, reader, settings, here, nodes, kill) -> None:
    """Time one engine and compare its rows; 0 nodes: this process, timed in the same way."""
    label = f"Ray, {nodes} nodes" if nodes else "this process"
    if nodes == 0:
        seconds, speed, frames = timed(outcomes_of(ids, reader, settings), len(ids), 1)
    else:
        with ray_nodes([{"num_cpus": 1}] * nodes) as cluster:
            ray = RaySettings(address=cluster.address, actors=nodes)
            outcomes = outcomes_of(ids, reader, settings, ray)
            if kill:
                label += ", the last one killed"
                outcomes = killing(outcomes, cluster, len(ids) / 3)
            seconds, speed, frames = timed(outcomes, len(ids), nodes)
    there = split(pl.concat(frames))
    equal = all(one.equals(other) for one, other in zip(here, there, strict=True))
    print(
        f"{label}: {seconds:.1f} s with its start, then {speed:.1f} images/s; "
        f"{there.signals.height} signals, {there.refused.height} refused, equal rows: {equal}"
    )


def timed(outcomes, count, actors) -> tuple[float, float, list[pl.DataFrame]]:
    """Return the seconds of all, the images per second once each actor has answered, the frames."""
    started = time.perf_counter()
    frames, ready, warm = [], 0, started
    for frame in outcomes:
        frames.append(frame)
        if len(frames) == actors:
            ready, warm = sum(f.height for f in frames), time.perf_counter()
    ended = time.perf_counter()
    return ended - started, (count - ready) / (ended - warm), frames


def killing(outcomes, cluster, after) -> Iterator[pl.DataFrame]:
    """Pass frames on; kill the last node once there are so many images."""
    done = 0
    for frame in outcomes:
        done += frame.height
        if done >= after and cluster.worker_nodes:
            *_, last = cluster.worker_nodes
            cluster.remove_node(last, allow_graceful=False)
        yield frame


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", nargs="+", required=True, help="folders of image files")
    parser.add_argument("--backbone", default="embedded", help="as the setting of that name")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--count", type=int, default=0, help="images used; 0: all")
    parser.add_argument("--repeats", type=int, default=3, help="timings of each")
    parser.add_argument("--nodes", nargs="+", type=int, default=[], help="of Ray clusters")
    parser.add_argument("--workers", type=int, default=1, help="decoding processes, of each actor")
    parser.add_argument("--kill", action="store_true", help="kill a cluster's last node")
    return parser.parse_args()


if __name__ == "__main__":
    main()
