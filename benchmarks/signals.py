"""How fast an image becomes signals, against decoding alone and against imagededup's one hash.

    python benchmarks/signals.py --images DIR [DIR …] [--count 2000] [--seed 0] [--repeats 5]
                                 [--imagededup PYTHON]

Draws --count JPEG files, reads them into memory, and times one after the other, on one core:

- decode + all CPU signals (imgassets, without a backbone),
- cv2.imdecode of the same bytes at full size,
- with --imagededup, the interpreter of an environment that imagededup is installed in (it needs
  torch and torchvision; hashing uses neither), PHash().encode_image of the same files.

Every round times all of them; a ratio is taken within a round, and its median and range are shown.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from imgassets.vision.decode import Undecodable, decode
from imgassets.vision.signals import measure, warm_up

_IMAGEDEDUP = """
import sys, time, warnings
warnings.simplefilter("ignore")
from imagededup.methods import PHash
hasher = PHash(verbose=False)
paths = sys.stdin.readline().rstrip("\\n").split("\\t")
hasher.encode_image(image_file=paths[0])
print("ready", flush=True)
for _ in sys.stdin:
    began = time.perf_counter()
    for path in paths:
        hasher.encode_image(image_file=path)
    print(time.perf_counter() - began, flush=True)
"""
"""A process that answers every line of input with the seconds that all files took."""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path, nargs="+", required=True)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--imagededup", type=Path, help="interpreter of its environment")
    arguments = parser.parse_args()
    use_one_core()
    files = draw(arguments.images, arguments.count, arguments.seed)
    cpu_signals(files, arguments.repeats, arguments.imagededup)


def use_one_core() -> None:
    """Bind this process and those it starts to one core, and OpenCV to one thread."""
    cv2.setNumThreads(1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def draw(folders: list[Path], count: int, seed: int) -> dict[Path, bytes]:
    """Draw JPEG files that decode, in a random order; return their bytes."""
    found = sorted(
        path for folder in folders for path in folder.rglob("*") if path.suffix in (".jpg", ".jpeg")
    )
    random.Random(seed).shuffle(found)
    files: dict[Path, bytes] = {}
    for path in found:
        if len(files) == count:
            break
        data = path.read_bytes()
        try:
            decode(data)
        except Undecodable:
            continue
        files[path] = data
    return files


def cpu_signals(files: dict[Path, bytes], repeats: int, imagededup: Path | None) -> None:
    """Time decode + CPU signals, cv2.imdecode and imagededup's PHash in turns."""
    warm_up()
    arrays = [np.frombuffer(data, np.uint8) for data in files.values()]
    rounds: dict[str, Callable[[], float]] = {
        "decode + all CPU signals": lambda: timed(
            lambda data: measure(decode(data)), files.values()
        ),
        "of which decode": lambda: timed(decode, files.values()),
        "cv2.imdecode, full size": lambda: timed(
            lambda array: cv2.imdecode(array, cv2.IMREAD_COLOR), arrays
        ),
    }
    other = None
    if imagededup is not None:
        other = start_imagededup(imagededup, list(files))
        rounds["imagededup PHash"] = lambda: ask(other)
    seconds: dict[str, list[float]] = {name: [] for name in rounds}
    for _ in range(repeats):
        for name, run in rounds.items():
            seconds[name].append(run())
    if other is not None:
        other.communicate()
    show(seconds, len(files))


def timed(work: Callable[..., object], inputs: Iterable[object]) -> float:
    """Return the seconds that a piece of work takes over all inputs."""
    began = time.perf_counter()
    for one in inputs:
        work(one)
    return time.perf_counter() - began


def start_imagededup(python: Path, files: list[Path]) -> subprocess.Popen[str]:
    """Start the other process and wait until it has loaded."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [python, "-c", _IMAGEDEDUP],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdin is not None
    process.stdin.write("\t".join(str(path.absolute()) for path in files) + "\n")
    process.stdin.flush()
    assert process.stdout is not None
    if process.stdout.readline().strip() != "ready":
        sys.exit(f"{python} has no working imagededup")
    return process


def ask(process: subprocess.Popen[str]) -> float:
    """Let the other process hash all files once; return its seconds."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("again\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def show(seconds: dict[str, list[float]], count: int) -> None:
    """Print milliseconds per image, and the ratio of each to decode + all CPU signals."""
    ours = np.array(next(iter(seconds.values())))
    table = Table(title=f"{count} images, one core, {len(ours)} rounds: median (least … most)")
    for heading in ("", "ms per image", "its time ÷ ours"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, values in seconds.items():
        per_image, ratio = np.array(values) / count * 1e3, np.array(values) / ours
        table.add_row(name, spread(per_image), spread(ratio))
    Console(width=100).print(table)


def spread(values: np.ndarray) -> str:
    """Format the median and the range."""
    return f"{np.median(values):.3f} ({values.min():.3f} … {values.max():.3f})"


if __name__ == "__main__":
    main()
