"""Commands about pairs of pictures: where "the same" ends."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from imgassets.cli.common import CommandError, console, errors, settings
from imgassets.cli.running import progress_bar

if TYPE_CHECKING:
    from imgassets.selection.labelled_pairs import Unread
    from imgassets.selection.tuned_limits import TunedLimit
    from imgassets.selection.tuning import Scores

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_LEAST_PHOTOS = 20
_PRECISION, _CONFIDENCE = 0.99, 0.95
"""Of the least probability that training tells: proven on photos held out."""

_MOST_TOLD = 10
"""Unreadable pairs that are named one by one."""


def tune(
    pairs: Annotated[
        Path,
        typer.Argument(help="CSV: left, right, label (1 or 0) and perhaps split, category, kind."),
    ],
    images: Annotated[Path, typer.Option(help="Folder that left and right start from.")],
    category: Annotated[
        str | None,
        typer.Option(help="Tune this category's limits, on its rows. Default: those of all."),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="TOML file that the limits are written to; the rest of it stays.")
    ] = Path("thresholds.toml"),
    min_precision: Annotated[
        float,
        typer.Option(
            help="Least precision of the registered comparator, by which pictures are dropped.",
            min=0.5,
            max=0.9999,
        ),
    ] = 0.99,
    confidence: Annotated[
        float,
        typer.Option(
            help="How sure to be of it: the Clopper-Pearson bound must reach --min-precision.",
            min=0.5,
            max=0.9999,
        ),
    ] = 0.95,
) -> None:
    """Tune the comparators' limits on labelled pairs.

    Rows with split 'test' are never tuned on: they say how good the limits are on other pairs.
    Hashes, the ensembles, pixels and embeddings get the limits with the best F1. The registered
    comparator gets the least probability whose precision is proven: with the defaults it takes 299
    pairs found the same without an error.
    """
    import numpy as np

    from imgassets.selection.comparators import comparators
    from imgassets.selection.ensembles import Gate
    from imgassets.selection.labelled_pairs import measure_pairs, read_pairs
    from imgassets.selection.thresholds import read_thresholds
    from imgassets.selection.tuned_limits import tune as tune_limits
    from imgassets.selection.tuned_limits import write_limits
    from imgassets.selection.tuning import require_both_labels
    from imgassets.vision.backbones import load_backbone

    if not images.is_dir():
        raise CommandError(f"{images} is no folder of images")
    labelled = read_pairs(pairs, images, category)
    # Before minutes of comparing.
    require_both_labels(np.array([pair.same for pair in labelled if not pair.is_test], bool))
    of = settings()
    thresholds = read_thresholds(out if out.is_file() else of.dedup.thresholds)
    limits = thresholds.of(category) if category else thresholds.default
    every = comparators(limits, load_backbone(of.vision), of.dedup.comparator)
    with progress_bar(False) as progress:
        assert progress is not None
        bar = progress.add_task("pairs", total=len(labelled))
        found = measure_pairs(
            labelled, [*every.values(), Gate(limits.gate)], lambda n: progress.advance(bar, n)
        )
    _tell(found.unread)
    tuned = tune_limits(found, min_precision, confidence)
    write_limits(out, category, tuned.table)
    n_tuned = int((~found.is_test).sum())
    console.print(f"{n_tuned} pairs tuned on, {len(found.pairs) - n_tuned} for the test")
    console.print(_as_table(tuned.limits, {c.name: c.title for c in every.values()}))
    for note in tuned.notes:
        errors.print(note, style="yellow", markup=False, soft_wrap=True)
    console.print(
        f"limits of {category or 'all categories'}: {out} (setting dedup.thresholds)",
        soft_wrap=True,
        markup=False,
    )


def _tell(unread: list[Unread]) -> None:
    for pair, image, detail in unread[:_MOST_TOLD]:
        errors.print(
            f"line {pair.line} is left out: {image}: {detail}",
            style="yellow", markup=False, soft_wrap=True,
        )  # fmt: skip
    if len(unread) > _MOST_TOLD:
        errors.print(f"and {len(unread) - _MOST_TOLD} pairs more", style="yellow")


def _as_table(limits: list[TunedLimit], titles: dict[str, str]) -> Table:
    table = Table("comparator")
    for name in ("limit", "precision", "recall", "F1", "test: precision", "recall", "F1"):
        table.add_column(name, justify="right")
    for tuned in limits:
        table.add_row(
            titles[tuned.name], tuned.limit, *_columns(tuned.tuned), *_columns(tuned.test)
        )
    return table


def _columns(scores: Scores | None) -> list[str]:
    if scores is None:
        return ["–"] * 3
    return [f"{value:.3f}" for value in (scores.precision, scores.recall, scores.f1)]


def compare(
    pairs: Annotated[Path, typer.Argument(help="CSV: left, right, and any other columns.")],
    images: Annotated[Path, typer.Option(help="Folder that left and right start from.")],
    out: Annotated[Path, typer.Option(help="CSV that is written: the list with the answers.")],
    category: Annotated[
        str | None, typer.Option(help="Whose limits decide. Default: those of all categories.")
    ] = None,
) -> None:
    """Say of pairs of image files which show the same picture, and where the others differ.

    Adds to each row: same (true or false), probability, decided_by (bytes, signals or pixels),
    left_box and right_box (top, left, height, width as shares of the picture: where they differ
    most), problem (why a pair could not be compared; it counts as different).

    `imgassets compare-pairs pairs.csv --images photos --out answers.csv`
    """
    from imgassets.operations.compared_files import compare_listed, read_list

    if not images.is_dir():
        raise CommandError(f"{images} is no folder of images")
    if not out.absolute().parent.is_dir():
        raise CommandError(f"{out}: there is no folder {out.absolute().parent}")
    listed = read_list(pairs)
    with progress_bar(False) as progress:
        assert progress is not None
        bar = progress.add_task("pairs", total=listed.height)
        found = compare_listed(
            listed, images, category, settings(), lambda n: progress.advance(bar, n)
        )
    found.write_csv(out)
    n_same, n_problems = int(found["same"].sum()), int((found["problem"] != "").sum())
    console.print(f"{n_same} of {found.height} pairs are the same: {out}", soft_wrap=True)
    if n_problems:
        errors.print(f"{n_problems} could not be compared: see the column problem", style="yellow")


def train(
    photos: Annotated[Path, typer.Argument(help="Folder of photos, searched at any depth.")],
    out: Annotated[Path, typer.Option(help="The model: name it as dedup.comparator.")] = Path(
        "comparator.txt"
    ),
    count: Annotated[int, typer.Option(help="Pairs to make of the photos.", min=100)] = 9000,
) -> None:
    """Train the comparator on pairs made of one's own photos, and say how good it is.

    Half of the pairs are copies (re-encoded, resized, padded, cropped, turned, toned …), half
    differ: another colour, a detail swapped or gone, something added, a mirrored view, a close-up.
    What is told of it is measured on photos held out of training.

    `imgassets pairs train photos --out comparator.txt`
    """
    from imgassets.learning import pair_training as training
    from imgassets.selection.tuning import TooFewPairs, safe_limit

    files = sorted(p for p in photos.rglob("*") if p.suffix.lower() in _SUFFIXES)
    if len(files) < _LEAST_PHOTOS:
        raise CommandError(f"{photos}: {len(files)} photos, but {_LEAST_PHOTOS} are needed")
    of = settings()
    with progress_bar(False) as progress:
        assert progress is not None
        bar = progress.add_task("pairs", total=count)
        made = training.measure_made_pairs(
            files, count, of.seed, of.vision.workers, lambda n: progress.update(bar, completed=n)
        )
    held_out = training.held_out_probabilities(made, of.seed)
    out.write_text(training.fit_comparator(made, of.seed), encoding="utf-8")
    try:
        limit = 1 - safe_limit(1 - held_out.astype(float), made.same, _PRECISION, _CONFIDENCE)
    except TooFewPairs as error:
        errors.print(f"no least probability: {error}", style="yellow", markup=False)
        limit = 0.5
    told = training.report(made, held_out, limit)
    table = Table("made by", "right, held out")
    for kind, right in told.right.items():
        table.add_row(kind, f"{right:.3f}")
    console.print(table)
    console.print(
        f"precision {told.precision:.3f}, recall {told.recall:.3f} from probability {limit:.3f} on "
        f"(same_probability in a file of thresholds): {out}",
        soft_wrap=True,
    )
