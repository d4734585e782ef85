from __future__ import annotations

import pytest
from PIL import Image
from typer.testing import CliRunner

from imgassets.cli import app
from imgassets.cli.common import CommandError, console
from imgassets.learning.synthetic import DEFECTS
from imgassets.learning.synthetic.sheet import contact_sheet


@pytest.fixture
def picture_file(tmp_path, product_file):
    path = tmp_path / "image.jpg"
    path.write_bytes(product_file)
    return path


def run(*arguments: object):
    return CliRunner().invoke(app, ["defects", *map(str, arguments)])


def test_show_writes_a_sheet_and_says_where(picture_file, tmp_path) -> None:
    out = tmp_path / "sheet.jpg"
    result = run("show", picture_file, "--out", out, "--severity", 0.3, "--only", "defocus",
                 "--only", "promo_seal", "--seed", 4)  # fmt: skip
    assert result.exit_code == 0, result.output
    assert result.output.strip() == str(out)
    with Image.open(out) as sheet:
        assert sheet.format == "JPEG"
        assert sheet.width > 450
        assert sheet.height > 300


def test_the_sheet_has_a_row_per_defect_and_a_column_per_severity(product) -> None:
    one = contact_sheet(product, [0.5], 0, ["toned"])
    wider = contact_sheet(product, [0.5, 1.0], 0, ["toned"])
    taller = contact_sheet(product, [0.5], 0, ["toned", "flipped", "cropped"])
    column, row = wider.width - one.width, (taller.height - one.height) // 2
    assert (wider.height, taller.width) == (one.height, one.width)
    assert column == row > 100


def test_many_defects_stand_in_panels_side_by_side(product) -> None:
    whole = contact_sheet(product, [0.5], 0)
    single = contact_sheet(product, [0.5], 0, ["toned"])
    panels = whole.width // single.width
    assert panels >= 2
    row = contact_sheet(product, [0.5], 0, ["toned", "toned"]).height - single.height
    rows = 1 + (whole.height - single.height) // row
    assert panels * (rows - 1) < len(DEFECTS) <= panels * rows


def test_list_names_every_defect_with_its_flag() -> None:
    with console.capture() as shown:
        assert run("list").exit_code == 0
    for defect in DEFECTS.values():
        line = next(line for line in shown.get().splitlines() if f" {defect.name} " in line)
        assert (defect.flag or "harmless") in line


def test_a_missing_file_is_named(tmp_path) -> None:
    error = run("show", tmp_path / "absent.jpg").exception
    assert isinstance(error, CommandError)
    assert "absent.jpg" in str(error)


def test_an_undecodable_file_says_what_is_wrong(tmp_path) -> None:
    page = tmp_path / "page.jpg"
    page.write_bytes(b"<html></html>")
    error = run("show", page).exception
    assert isinstance(error, CommandError)
    assert "no image of an accepted format" in str(error)


def test_unknown_names_severities_and_endings_are_refused(picture_file, tmp_path) -> None:
    out = tmp_path / "sheet.png"
    wrong_name = run("show", picture_file, "--out", out, "--only", "fog").exception
    assert "unknown defect 'fog'" in str(wrong_name)
    assert "gaussian_blur" in str(wrong_name)
    assert "outside 0" in str(run("show", picture_file, "--out", out, "--severity", 2).exception)
    assert "'.txt'" in str(run("show", picture_file, "--out", tmp_path / "a.txt").exception)
    absent = tmp_path / "absent" / "sheet.png"
    refused = run("show", picture_file, "--out", absent, "--only", "toned").exception
    assert isinstance(refused, CommandError)
    assert not out.exists()
