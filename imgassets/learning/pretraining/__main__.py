"""The command that trains the embedded backbone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from imgassets.learning.pretraining.card import Made, with_notes, write_card
from imgassets.learning.pretraining.export import read_network, write_weights
from imgassets.learning.pretraining.photos import Photos, hold_out, read_photos
from imgassets.learning.pretraining.rendering import Rendered, render_many
from imgassets.learning.pretraining.training import Progress, Recipe, train_trunk
from imgassets.learning.pretraining.trunk import Learner

_PHOTO_SIDE = 128
"""Pixels of the photographs in memory: a third more than is trained at, for crops."""

_RENDERED_SIDE = 96

console = Console()
app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def pretrain(
    photos: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PHOTOS_DIR]",
            help="Folder with one folder of photographs per kind of garment. Without it, only "
            "rendered pictures are learned from.",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="File of the weights; the card is written beside it.")
    ] = Path("embedded.safetensors"),
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn at random.")] = 1,
    steps: Annotated[int, typer.Option(min=1, help="Batches that each trunk learns from.")] = 5400,
    batch: Annotated[int, typer.Option(min=2, help="Pictures in a batch.")] = 32,
    trunks: Annotated[int, typer.Option(min=1, max=2, help="Trunks in the backbone.")] = 2,
    only: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Train this trunk alone (from 0), and stop: one process per trunk, started "
            "beside each other, trains them at once. Then run the command without it.",
        ),
    ] = None,
    rendered: Annotated[int, typer.Option(min=2, help="Pictures to render.")] = 5600,
    held_out: Annotated[
        float,
        typer.Option(
            min=0, max=0.5, help="Share of the photographs to measure on, not to learn from."
        ),
    ] = 0.0,
    device: Annotated[str, typer.Option(help="'auto', 'cpu', 'cuda' …")] = "auto",
    threads: Annotated[int, typer.Option(min=1, help="Processor cores to use.")] = 2,
) -> None:
    """Train the embedded backbone from nothing.

    Pictures of goods are rendered, joined with the photographs and learned by one trunk after the
    other. Checkpoints and the rendered pictures lie in a folder beside the weights' file, named
    after it: a run that is broken off goes on from there when the same command is given again.

    To ship the result, copy the file to `imgassets/vision/weights/`, and the digest that is printed
    to `WEIGHTS_SHA256` of `imgassets/vision/embedded.py`.

    **Example**, two trunks at once on two cores:

        python -m imgassets.learning.pretraining PHOTOS --only 0 --threads 1 &
        python -m imgassets.learning.pretraining PHOTOS --only 1 --threads 1; wait
        python -m imgassets.learning.pretraining PHOTOS
    """
    import torch

    from imgassets.vision.pretrained import device_of

    torch.set_num_threads(threads)
    work = out.with_suffix("")
    work.mkdir(parents=True, exist_ok=True)
    learned, held = _photos(photos, held_out, seed)
    recipe = Recipe(steps=steps, batch=batch)
    where = str(device_of(device, torch))
    with Bars(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"), console=console,
    ) as bars:  # fmt: skip
        pictures = _rendered(work, rendered, seed, threads, bars)
        numbers = range(trunks) if only is None else [only]
        learners = [
            _trunk(number, recipe, learned, pictures, seed, work, where, bars) for number in numbers
        ]
    if only is not None:
        console.print(f"trunk {only} is trained: {work / f'trunk-{only}.pt'}")
        return
    even = learned.pixels if learned is not None else pictures.pixels
    digest = write_weights(learners, even, out)
    made = Made(
        digest, out.stat().st_size, trunks, recipe, seed, len(pictures.kinds),
        len(learned.labels) if learned is not None else 0,
    )  # fmt: skip
    card = (
        out.with_name("README.md") if out.name == "embedded.safetensors" else out.with_suffix(".md")
    )
    text = write_card(made, read_network(out), learned, held)
    card.write_text(with_notes(text, card), encoding="utf-8")
    console.print(f"weights: {out} (SHA-256 {digest})\ncard: {card}", soft_wrap=True)


def _photos(folder: Path | None, held_out: float, seed: int) -> tuple[Photos | None, Photos | None]:
    """Read the photographs: those to learn from, and those held out."""
    if folder is None:
        return None, None
    try:
        found = read_photos(folder, _PHOTO_SIDE)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="PHOTOS_DIR") from error
    if not held_out:
        return found, None
    return hold_out(found, held_out, seed)


def _rendered(work: Path, count: int, seed: int, processes: int, bars: Bars) -> Rendered:
    """Render the pictures, or load them where they have been rendered."""
    import numpy as np

    seed += 1
    kept = work / f"rendered-{seed}-{count}.npz"
    if kept.is_file():
        with np.load(kept) as arrays:
            return Rendered(**arrays)
    bar = bars.add_task("rendering", total=count, note="")
    pictures = render_many(
        count, _RENDERED_SIDE, seed, processes, lambda done: bars.update(bar, completed=done)
    )
    part = kept.with_suffix(".part.npz")
    np.savez(part, **pictures._asdict())
    part.replace(kept)
    return pictures


def _trunk(
    number: int, recipe: Recipe, photos: Photos | None, rendered: Rendered, seed: int, work: Path,
    device: str, bars: Bars,
) -> Learner:  # fmt: skip
    """Train one trunk with a bar of its own."""
    bar = bars.add_task(f"trunk {number}", total=recipe.steps, note="")

    def tell(progress: Progress) -> None:
        bars.update(bar, completed=progress.step, note=f"loss {progress.loss:.3f}")

    checkpoint = work / f"trunk-{number}.pt"
    try:
        learner = train_trunk(
            recipe, photos, rendered, seed=seed + number, checkpoint=checkpoint,
            device=device, tell=tell,
        )  # fmt: skip
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    learner.parts.to("cpu")
    return learner


if __name__ == "__main__":
    app()
