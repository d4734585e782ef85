"""Commands about clicks on images."""

from __future__ import annotations

from typing import Annotated

import typer

from imgassets.cli.common import console, errors, open_warehouse, settings


def import_(
    file: Annotated[
        str,
        typer.Argument(
            help="CSV with day, category, product_id, image_id or image_url, position, "
            "impressions, clicks. A path or fsspec URL."
        ),
    ],
) -> None:
    """Add how often each image was shown at each position, and clicked.

    A file is added whole or, if a line is faulty, not at all. A later import of the same day, image
    and position replaces the earlier. An order is learned from clicks where the category's policy
    says so: `learned = true` in a table `[categories.<slug>.clicks]` of the file that
    IMGASSETS_ORDERING__POLICIES names. Both orders are in `ordered_image_sets`.
    """
    from imgassets.operations.clicks import import_clicks
    from imgassets.selection.policies import read_policies

    of = settings()
    policies = read_policies(of.ordering.policies)
    found = import_clicks(open_warehouse(of), file)
    console.print(
        f"{found.rows} rows of clicks imported, {found.replaced} replaced; next: "
        "`imgassets backfill`",
        soft_wrap=True,
    )
    off = [name for name in found.categories if not policies.of(name).clicks.learned]
    if off:
        console.print(
            f"the order is the policy's still in {', '.join(off)}: clicks are logged beside it",
            soft_wrap=True,
        )
    if found.unknown:
        errors.print(
            f"[yellow]{found.unknown} products[/] of the file are in no feed of their category "
            "(yet): their clicks count once they are",
            soft_wrap=True,
        )
