"""CPU seconds that one image and one pair of pictures cost: what `docs/capacity.md` multiplies.

    OMP_NUM_THREADS=1 python benchmarks/units.py --images DIR [--count 300] [--seed 0]

Signals: the product's own operator on files in memory: decoding in its guarded process, all
signals, the backbone's embedding. Pairs: two pictures decoded, reduced, laid over each other and
judged, as `dedup_clusters` does where signals do not tell them apart. Seconds are those of all
cores (user and system, with those of child processes), without what a process needs to start.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import resource
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from imgassets.selection.comparators import Registered
from imgassets.settings import Settings, VisionSettings
from imgassets.vision.decode import Undecodable, decode
from imgassets.vision.operator import ImageSignals

console = Console(width=110, highlight=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    files = sorted(f for f in options.images.rglob("*") if f.suffix in (".jpg", ".png", ".webp"))
    drawn = random.Random(options.seed).sample(files, min(options.count, len(files)))
    contents = {hashlib.sha256(data).hexdigest(): data for data in map(Path.read_bytes, drawn)}
    signals(dict(list(contents.items())[:4]))  # Loads and compiles what all need.
    # What starting a process costs is in both.
    few, all_of_them = (signals(dict(list(contents.items())[:n])) for n in (20, len(contents)))
    each = (all_of_them - few) / (len(contents) - 20)
    console.print(f"signals: {1e3 * each:.1f} ms CPU an image, of {len(contents)} images")
    pictures = []
    for data in contents.values():
        with suppress(Undecodable):
            pictures.append(decode(data))
    comparator = Registered()
    looked = list(map(comparator.describe, pictures[:101]))
    comparator.distances(looked[:2], looked[1:3])
    before = seconds()
    looked = list(map(comparator.describe, pictures[:101]))
    reduced = (seconds() - before) / len(looked)
    before = seconds()
    comparator.distances(looked[:-1], looked[1:])
    pair = (seconds() - before) / (len(looked) - 1)
    console.print(f"pairs: {1e3 * pair:.1f} ms CPU a pair; to reduce a picture {1e3 * reduced:.1f}")


def signals(contents: dict[str, bytes]) -> float:
    """Return the CPU seconds of making signals of files, with those of starting."""
    vision: VisionSettings = Settings().vision
    before = seconds()
    with ImageSignals(vision, contents.__getitem__) as operator:
        ids = list(contents)
        for start in range(0, len(ids), vision.batch_size):
            looks = [operator.look(name) for name in ids[start : start + vision.batch_size]]
            operator.finish(looks)
    return seconds() - before


def seconds() -> float:
    """Return the CPU seconds of this process and its ended children."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


if __name__ == "__main__":
    main()
