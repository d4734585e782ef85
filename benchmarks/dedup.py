"""Paper A's table IV with our rows: how well, and how fast, comparators tell duplicates.

    python benchmarks/dedup.py --make-pairs make_pairs.py --photos DIR [DIR …] [--count 900]
        [--seeds 5 [6 …]] [--backbone embedded [ID_OR_FOLDER …]] [--imagededup PYTHON]
        [--thresholds FILE] [--keep DIR]

Each folder and seed make a set of labelled pairs, half of them to tune on:

    python make_pairs.py FOLDER OUT COUNT SEED     → OUT/images, OUT/pairs.csv (split, kind)

Of every set two tables are printed, of its test pairs: precision, recall and F1 of each method,
with the limit that has the best F1 on the pairs to tune on; and the share of pairs each gets right
by kind (pairs labelled as different that nobody could tell apart are a kind of their own). Ours
passes the gate first and is shown three times: with the shipped limits, with the limit of best F1
as the others have, and with the limit that proves a precision of 0.99 on the pairs to tune on (as
`imgassets pairs tune` does, but with a confidence of 0.8: the 225 duplicates of 900 pairs prove no
more). Milliseconds are of processor time on one core: of describing a picture and of comparing a
pair, without decoding. imagededup runs in the environment of the interpreter PYTHON, and decodes
files itself.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table
from signals import use_one_core

from imgassets.selection.comparators import Embedding, Registered, comparators
from imgassets.selection.ensembles import Ensemble, Gate
from imgassets.selection.labelled_pairs import LabelledPair, read_pairs
from imgassets.selection.thresholds import Limits, read_thresholds
from imgassets.selection.tuning import (
    TooFewPairs,
    best_limit,
    best_limits,
    precision_bound,
    safe_limit,
    score,
)
from imgassets.settings import VisionSettings
from imgassets.vision.backbones import load_backbone
from imgassets.vision.decode import decode
from imgassets.vision.signals import warm_up

MIN_PRECISION, CONFIDENCE = 0.99, 0.8

VISIBLE = 10.0
"""Gray levels, in the window (a twelfth of the picture) where two pictures differ most."""

INVISIBLE = "invisible"
"""Kind of pairs that are labelled as different although nobody sees it; they count like others."""

SHORT = {
    "pixel_cosine": "pixels", "average_hash": "aHash", "perceptual_hash": "pHash",
    "difference_hash": "dHash", "wavelet_hash": "wHash", "paper_ensemble": "paper A",
    "ensemble": "stored", "embedding": "embed.",
}  # fmt: skip
"""Headings of narrow columns."""

_IMAGEDEDUP = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
from imagededup.methods import CNN, PHash
makers = {"PHash": lambda: PHash(verbose=False), "CNN": lambda: CNN(verbose=False)}
for line in sys.stdin:
    name, files = json.loads(line)
    try:
        method = makers[name]()
        method.encode_image(image_file=files[0])
        began = time.process_time()
        found = [method.encode_image(image_file=file) for file in files]
        seconds = time.process_time() - began
        found = [x if isinstance(x, str) else np.ravel(x).tolist() for x in found]
        answer = {"found": found, "seconds": seconds}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print("answer:" + json.dumps(answer), flush=True)
"""
"""A process that answers [method, files] with what imagededup makes of them, and its seconds."""

console = Console(width=190, highlight=False)


class PairSet(NamedTuple):
    """Labelled pairs of decoded pictures."""

    name: str
    pairs: list[LabelledPair]
    kinds: list[str]
    pictures: dict[Path, np.ndarray]
    decode_ms: float

    @property
    def same(self) -> np.ndarray:
        """Labels, one per pair."""
        return np.array([pair.same for pair in self.pairs])

    @property
    def is_test(self) -> np.ndarray:
        """Whether nothing may be tuned on a pair."""
        return np.array([pair.is_test for pair in self.pairs])


class Row(NamedTuple):
    """A method's line: what it says of all pairs, and what it cost."""

    title: str
    short: str
    limit: str
    said: np.ndarray
    describe_ms: float
    compare_ms: float


def main() -> None:
    """Print the tables of every set, and of all of them together."""
    arguments = read_arguments()
    use_one_core()
    limits = read_thresholds(arguments.thresholds).default
    other = start_imagededup(arguments.imagededup) if arguments.imagededup else None
    found: list[tuple[PairSet, list[Row]]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for pair_set in make_sets(arguments, arguments.keep or Path(scratch)):
            rows = list(rows_of(pair_set, limits, arguments.backbone))
            if other is not None:
                rows += rows_of_imagededup(pair_set, other)
            show(pair_set, rows)
            found.append((pair_set._replace(pictures={}), rows))
    if len(found) > 1:
        show_together(found)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--make-pairs", type=Path, required=True)
    parser.add_argument("--photos", type=Path, nargs="+", required=True)
    parser.add_argument("--count", type=int, default=900)
    parser.add_argument("--seeds", type=int, nargs="+", default=[5])
    parser.add_argument("--backbone", nargs="+", default=["embedded"])
    parser.add_argument("--imagededup", type=Path, help="interpreter of its environment")
    parser.add_argument("--thresholds", type=Path, help="default: the shipped limits")
    parser.add_argument("--keep", type=Path, help="where the pairs stay; default: nowhere")
    return parser.parse_args()


def make_sets(arguments: argparse.Namespace, folder: Path) -> Iterator[PairSet]:
    """Make and decode the pairs of each folder of photos and seed."""
    for photos in arguments.photos:
        for seed in arguments.seeds:
            name = f"{photos.resolve().name}-{arguments.count}-{seed}"
            out = folder / name
            if not (out / "pairs.csv").is_file():
                command = [sys.executable, arguments.make_pairs, photos, out]
                numbers = [str(arguments.count), str(seed)]
                subprocess.run([*command, *numbers], check=True, stdout=subprocess.DEVNULL)
            yield read_set(name, out)


def read_set(name: str, folder: Path) -> PairSet:
    pairs = read_pairs(folder / "pairs.csv", folder / "images")
    kinds = pl.read_csv(folder / "pairs.csv")["kind"].to_list()
    contents = {file: file.read_bytes() for pair in pairs for file in (pair.left, pair.right)}
    decode(next(iter(contents.values())))
    began = time.process_time()
    pictures = {file: decode(content) for file, content in contents.items()}
    taken = _ms(began, len(pictures))
    for k, pair in enumerate(pairs):
        if not pair.same and is_invisible(pictures[pair.left], pictures[pair.right]):
            kinds[k] = INVISIBLE
    return PairSet(name, pairs, kinds, pictures, taken)


def is_invisible(left: np.ndarray, right: np.ndarray) -> bool:
    """Whether two pictures differ nowhere by what a person sees: a black shirt in another hue."""
    if left.shape != right.shape:
        return False
    window = (max(left.shape) // 12,) * 2
    apart = np.abs(left.astype(np.float32) - right).mean(axis=2)
    return bool(cv2.blur(apart, window).max() < VISIBLE)


def rows_of(pair_set: PairSet, limits: Limits, backbones: Sequence[str]) -> Iterator[Row]:
    """Measure every comparator of this project."""
    warm_up()
    every = comparators(limits)
    registered = every.pop(Registered.name)
    for comparator in every.values():
        yield row_of(comparator, comparator.title, pair_set)
    for backbone in backbones:
        loaded = load_backbone(VisionSettings(backbone=backbone, workers=1, device="cpu"))
        title = f"{Embedding.title}: {Path(backbone).name}"
        yield row_of(Embedding(loaded), title, pair_set)
    assert isinstance(registered, Registered)
    yield from our_rows(registered, Gate(limits.gate), limits, pair_set)


def row_of(comparator: Any, title: str, pair_set: PairSet) -> Row:
    """Measure a comparator with the limits of best F1."""
    left, right, describe_ms = describe(comparator, pair_set)
    began = time.process_time()
    if isinstance(comparator, Ensemble):
        parts = [comparator.parts(*pair) for pair in zip(left, right, strict=True)]
        distances = np.array(parts, np.float64)
    else:
        distances = comparator.distances(left, right)
    costs = describe_ms, _ms(began, len(left))
    return tuned_row(title, SHORT[comparator.name], distances, pair_set, *costs)


def tuned_row(
    title: str, short: str, distances: np.ndarray, pair_set: PairSet, *costs: float
) -> Row:
    """Make a row with the limits of best F1; distances: one, or an ensemble's three, per pair."""
    tuned = ~pair_set.is_test
    if distances.ndim == 2:
        limits = best_limits(distances[tuned], pair_set.same[tuned])
        said = (distances <= np.array(limits)).all(axis=1)
        return Row(title, short, " ".join(f"{v:g}" for v in limits), said, *costs)
    limit = best_limit(distances[tuned], pair_set.same[tuned])
    return Row(title, short, f"{limit:g}", distances <= limit, *costs)


def describe(comparator: Any, pair_set: PairSet) -> tuple[list[Any], list[Any], float]:
    """Describe all pictures; return those of both sides, and milliseconds per picture."""
    files, pictures = list(pair_set.pictures), list(pair_set.pictures.values())
    comparator.describe_all(pictures[:2])
    began = time.process_time()
    some = [comparator.describe_all(pictures[k : k + 32]) for k in range(0, len(pictures), 32)]
    taken = _ms(began, len(pictures))
    seen = dict(zip(files, (one for part in some for one in part), strict=True))
    pairs = pair_set.pairs
    return [seen[pair.left] for pair in pairs], [seen[pair.right] for pair in pairs], taken


def our_rows(
    registered: Registered, gate: Gate, limits: Limits, pair_set: PairSet
) -> Iterator[Row]:
    """Measure the gate and, of pairs that pass it, the registered comparator."""
    left, right, describe_ms = describe(gate, pair_set)
    near = np.flatnonzero(gate.distances(left, right) <= 1)
    left, right, reduce_ms = describe(registered, pair_set)
    registered.distance(left[0], right[0])
    began = time.process_time()
    some = registered.distances([left[k] for k in near], [right[k] for k in near])
    costs = describe_ms + reduce_ms, _ms(began, len(left))
    distances = np.ones(len(left))
    distances[near] = some
    tuned, same = ~pair_set.is_test, pair_set.same
    test = pair_set.is_test
    apart = f"{(~np.isin(np.flatnonzero(test), near)).mean():.0%} of the test pairs"
    lost = int((same & test & ~np.isin(np.arange(len(same)), near)).sum())
    console.print(f"{pair_set.name}: the gate turns away {apart}, {lost} of them the same")
    shipped = distances <= registered.limit(limits)
    yield Row("Ours, as shipped", "ours", f"p ≥ {limits.same_probability:g}", shipped, *costs)
    best = best_limit(distances[tuned], same[tuned])
    yield Row("Ours, best F1", "ours F1", f"p ≥ {1 - best:.4g}", distances <= best, *costs)
    try:
        safe = safe_limit(distances[tuned], same[tuned], MIN_PRECISION, CONFIDENCE)
    except TooFewPairs as error:
        console.print(f"{pair_set.name}: ours cannot be tuned for precision: {error}")
    else:
        title = f"Ours, precision ≥ {MIN_PRECISION}"
        yield Row(title, f"ours {MIN_PRECISION}", f"p ≥ {1 - safe:.4g}", distances <= safe, *costs)


def start_imagededup(python: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [python, "-c", _IMAGEDEDUP],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def rows_of_imagededup(pair_set: PairSet, process: subprocess.Popen[str]) -> Iterator[Row]:
    """Measure imagededup's PHash and CNN; it decodes files itself, which its times include."""
    assert process.stdin is not None
    assert process.stdout is not None
    compare: dict[str, Callable[[Any, Any], float]] = {
        "PHash": lambda a, b: float((int(a, 16) ^ int(b, 16)).bit_count()),
        "CNN": lambda a, b: 1 - float(np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b))),
    }
    for name, distance in compare.items():
        files = [str(file.absolute()) for file in pair_set.pictures]
        process.stdin.write(json.dumps([name, files]) + "\n")
        process.stdin.flush()
        lines = iter(process.stdout.readline, "")
        answer = next((x for x in lines if x.startswith("answer:")), None)
        if answer is None:
            sys.exit("the interpreter given by --imagededup has no working imagededup")
        found = json.loads(answer.removeprefix("answer:"))
        if "error" in found:
            console.print(f"{pair_set.name}: imagededup's {name} is left out: {found['error']}")
            continue
        seen = dict(zip(pair_set.pictures, found["found"], strict=True))
        began = time.process_time()
        distances = [distance(seen[pair.left], seen[pair.right]) for pair in pair_set.pairs]
        yield tuned_row(
            f"imagededup {name}",
            f"i. {name}",
            np.array(distances),
            pair_set,
            found["seconds"] / len(files) * 1e3,
            _ms(began, len(distances)),
        )


def show(pair_set: PairSet, rows: Sequence[Row]) -> None:
    test, same = pair_set.is_test, pair_set.same
    table = score_table(
        f"{pair_set.name}: {test.sum()} test pairs, {(same & test).sum()} the same; "
        f"decoding takes {pair_set.decode_ms:.2f} ms a picture"
    )
    for row in rows:
        add_scores(table, row, same, test)
    console.print(table)
    console.print(kind_table(pair_set.name, pair_set.kinds, same, rows, test))


def show_together(found: Sequence[tuple[PairSet, list[Row]]]) -> None:
    """Print the tables of all sets' test pairs, each method with the limits of each set."""
    sets = [pair_set for pair_set, _ in found]
    test, same = (np.concatenate([getattr(s, name) for s in sets]) for name in ("is_test", "same"))
    titles = [row.title for row in found[0][1]]
    together = []
    for title in titles:
        rows = [row for _, of_set in found for row in of_set if row.title == title]
        if len(rows) < len(sets):
            continue
        costs = np.mean([(row.describe_ms, row.compare_ms) for row in rows], axis=0)
        said = np.concatenate([row.said for row in rows])
        limits = " | ".join(dict.fromkeys(row.limit for row in rows))
        together.append(
            Row(title, rows[0].short, limits if len(limits) < 20 else "by set", said, *costs)
        )
    names = ", ".join(s.name for s in sets)
    table = score_table(f"all together ({names}): {test.sum()} test pairs")
    for row in together:
        add_scores(table, row, same, test)
    console.print(table)
    kinds = [kind for s in sets for kind in s.kinds]
    console.print(kind_table("all together", kinds, same, together, test))


def score_table(title: str) -> Table:
    table = Table("method", title=title, title_justify="left")
    for name in ("limit", "precision", "at least (95 %)", "recall", "F1", "wrongly same", "missed"):
        table.add_column(name, justify="right")
    for name in ("describe, ms/picture", "compare, ms/pair"):
        table.add_column(name, justify="right")
    return table


def add_scores(table: Table, row: Row, same: np.ndarray, test: np.ndarray) -> None:
    scores = score(row.said[test], same[test])
    at_least = float(precision_bound(scores.n_right, scores.n_called, 0.95))
    table.add_row(
        row.title,
        row.limit,
        *(f"{value:.3f}" for value in (scores.precision, at_least, scores.recall, scores.f1)),
        str(int((row.said & ~same & test).sum())),
        str(int((same & ~row.said & test).sum())),
        f"{row.describe_ms:.2f}",
        f"{row.compare_ms:.3f}",
    )


def kind_table(
    name: str, kinds: Sequence[str], same: np.ndarray, rows: Sequence[Row], test: np.ndarray
) -> Table:
    """Share of test pairs that each method gets right, by kind."""
    table = Table(title=f"{name}: share right by kind", title_justify="left")
    table.add_column("kind", no_wrap=True)
    for heading in ("pairs", *(row.short for row in rows)):
        table.add_column(heading, justify="right")
    groups = np.array([group_of(*pair) for pair in zip(kinds, same, strict=True)])
    for group in sorted(set(groups[test]), key=lambda g: (not g.startswith("same"), g)):
        among = test & (groups == group)
        right = [f"{(row.said == same)[among].mean():.2f}" for row in rows]
        table.add_row(group, str(int(among.sum())), *right)
    return table


def group_of(kind: str, same: bool) -> str:
    """Return what was done; that a different picture was recompressed besides is no kind."""
    if same:
        return "same: two changes" if "+" in kind else f"same: {kind}"
    return f"different: {kind.split('+')[0]}"


def _ms(began: float, count: int) -> float:
    return (time.process_time() - began) / max(1, count) * 1e3


if __name__ == "__main__":
    main()
