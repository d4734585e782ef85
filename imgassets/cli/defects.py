"""Commands that show the synthetic pictures which models of flags are trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from imgassets.cli.common import CommandError, console

_SEVERITIES = (0.2, 0.5, 0.9)


def show(
    image: Annotated[Path, typer.Argument(help="An image file of any accepted format.")],
    out: Annotated[
        Path, typer.Option(help="Where the sheet goes; its ending says the format.")
    ] = Path("defects.png"),
    severity: Annotated[
        list[float] | None,
        typer.Option(help="0 (hardly visible) … 1 (gross); one column each. Default: 0.2 0.5 0.9."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed shows other kinds and places.")] = 0,
    only: Annotated[
        list[str] | None, typer.Option(help="Show this defect alone; may be repeated.")
    ] = None,
) -> None:
    """Write a contact sheet of one image's synthetic defects: a row per defect.

    `imgassets defects show mug.jpg --severity 0.3 --severity 0.9 --only defocus --out mug.png`
    """
    from PIL import Image

    from imgassets.learning.synthetic.sheet import contact_sheet
    from imgassets.vision.decode import Undecodable, decode

    if out.suffix.lower() not in Image.registered_extensions():
        raise CommandError(
            f"{out}: no image format has the ending {out.suffix!r}; use .png or .jpg"
        )
    try:
        picture = decode(image.read_bytes())
    except OSError as error:
        raise CommandError(f"cannot read {image}: {error.strerror}") from error
    except Undecodable as error:
        raise CommandError(f"{image} cannot be shown: {error.detail} ({error.measured})") from error
    sheet = contact_sheet(picture, severity or _SEVERITIES, seed, only or ())
    try:
        sheet.save(out)
    except OSError as error:
        raise CommandError(f"cannot write {out}: {error.strerror or error}") from error
    typer.echo(out.absolute())


def names() -> None:
    """List what is drawn: defects, types of image and harmless variations, with their flags."""
    from imgassets.learning.synthetic import DEFECTS

    table = Table("name", "flag", "description")
    for defect in DEFECTS.values():
        table.add_row(defect.name, defect.flag or "(harmless)", defect.description)
    console.print(table)
