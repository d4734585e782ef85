"""`imgassets categories …` and `imgassets labels …` as a user types them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from imgassets.cli import app, category, label

TOML = """\
[verticals.kitchen]
types = ["front", "back"]
expected = ["front"]

[categories.bowls]
vertical = "kitchen"

[categories.mugs]
vertical = "kitchen"
types = ["front", "handle"]
priority = ["handle", "front"]
expected = []
"""


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Return what the commands print, in a folder of their own."""
    monkeypatch.setenv("IMGASSETS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    stream = io.StringIO()
    for module in (category, label):
        for name in ("console", "errors"):
            monkeypatch.setattr(module, name, Console(file=stream, width=200))
    return stream


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_categories_and_labels_from_files(said: io.StringIO) -> None:
    Path("categories.toml").write_text(TOML)
    Path("order.csv").write_text("category,rank,view\nbowls,1,back\nbowls,2,front\n")
    Path("labels").mkdir()
    Path("labels/a.csv").write_text("product_id,image_url,view\np,a,front\np,b,back\n")
    Path("b.csv").write_text("product_id,image_url,view\nq,a,front\nq,b,lid\n")
    run("labels", "import", "labels/a.csv")
    run("categories", "import", "categories.toml")
    run("labels", "import", "labels")
    failed = CliRunner().invoke(app, ["labels", "import", "b.csv"])
    assert "unknown types, nothing was imported (--quarantine imports" in str(failed.exception)
    run("labels", "import", "b.csv", "--quarantine")
    Path("known.csv").write_text("product_id,attribute,value\np,colour,Navy Blue\n")
    run("labels", "attributes", "known.csv")
    run("categories", "import", "order.csv")
    run("categories", "list")
    lines = [line for line in said.getvalue().splitlines() if line[0] not in "┏┡└"]
    assert [line.rstrip() for line in lines] == [
        "2 labels imported, 2 in all; next: `imgassets train`",
        "types of 2 categories in 1 verticals imported",
        "0 files of labels taken in (1 seen before): 0 labels new or changed, 0 withdrawn, "
        "0 rows refused",
        "1 files of labels taken in (0 seen before): 1 labels new or changed, 0 withdrawn, "
        "1 rows refused",
        "refused: `imgassets sql \"from quarantine where stage = 'labels'\"`",
        "next: `imgassets train`",
        "1 labels of colour imported, 1 in all; next: `imgassets train search`",
        "orders of views of 1 categories imported",
        "┃ category ┃ vertical ┃ types in order ┃ expected ┃ labels ┃",
        "│ bowls    │ kitchen  │ back, front    │ front    │ none   │",
        "│ mugs     │ kitchen  │ handle, front  │ –        │ none   │",
        "besides: 3 labels of products that no offer names yet",
    ]
    assert 'priority = ["handle", "front"]' in run("categories", "list", "--format", "toml")
