from __future__ import annotations

from pathlib import Path

import pytest

from imgassets.selection.policies import read_policies


@pytest.fixture
def read(tmp_path: Path):
    def of(text: str):
        file = tmp_path / "policies.toml"
        file.write_text(text)
        return read_policies(file)

    return of


def test_a_category_overrides_its_files_default_and_that_the_shipped_one(read) -> None:
    found = read("""
        [default]
        max_images = 6
        [categories.bags]
        min_images = 3
        hero = [{ rule = "sharpness", within = 0.1 }]
        [categories.bags.clicks]
        learned = true
    """)
    shipped = read_policies().default
    bags, other = found.of("bags"), found.of("hats")
    assert (bags.min_images, bags.max_images, bags.push_down) == (3, 6, shipped.push_down)
    assert [rule.rule for rule in bags.hero] == ["sharpness"]
    assert (bags.clicks.learned, bags.clicks.shrinkage) == (True, shipped.clicks.shrinkage)
    assert other == shipped.model_copy(update={"max_images": 6})
    assert found.shared(["hats", "bags", "cups"]) == [(bags, ["bags"]), (other, ["cups", "hats"])]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[default]\nmax_imgs = 3", r"default.max_imgs: Extra inputs are not permitted"),
        ("[categories.bags]\nmin_relevance = 2", r"categories.bags.min_relevance: .*less than or"),
        ("[default]\nmin_images = 5\nmax_images = 3",
         r"default: max_images = 3 is less than min_images = 5"),
        ("[default]\nmin_images = 5\n[categories.bags]\nmax_images = 3",
         r"categories.bags: max_images = 3 is less than min_images = 5"),
        ("[default]\nbypass = ['everything']", r"default.bypass.0: Input should be 'no_image'"),
        ("[default]\nhero = [{ rule = 'pretty' }]", r"default.hero.0.rule: Input should be"),
        ("[default]\nhero = [{ rule = 'quality' }]", "quality needs either at_least or within"),
        ("[default]\nhero = [{ rule = 'one_item', at_least = 1 }]", "one_item has no limit"),
        ("[default]\nhero = [{ rule = 'quality', at_least = 98 }]", "quality is 0 … 1, not 98"),
        ("[default]\nclicks = true", r"default.clicks: Input should be a valid dictionary"),
        ("categories = 3", "categories are tables, not 3"),
        ("[categories]\nbags = 3", "values are in tables, not 3"),
        ("[policy]\nmax_images = 3", "no table is called policy"),
        ("[default", "is no TOML"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told_with_its_key(read, text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as told:
        read(text)
    assert "policies.toml" in str(told.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot read policies .*: No such file"):
        read_policies(tmp_path / "nothing.toml")
