"""The lexicon of attributes: what texts name, and files of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgassets.search.attributes import load_lexicon, read_lexicon
from imgassets.vision.dominant_colours import COLOUR_NAMES


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("navy blue checked shirt", {"colour": ("navy",), "pattern": ("checked",)}),
        ("Men's Striped T-Shirts", {"gender": ("men",), "pattern": ("striped",)}),
        ("ladies v-neck tee", {"gender": ("women",), "neckline": ("v-neck",)}),
        ("blue and white plaid", {"colour": ("blue", "white"), "pattern": ("checked",)}),
        ("lace-up boots", {"closure": ("laces",)}),
        ("half sleeves &amp; a round <b>neck</b>", {"sleeve_length": ("short",),
                                                    "neckline": ("round",)}),
        ("", {}),
        ("कुर्ता", {}),
    ],
)  # fmt: skip
def test_texts_name_values(text, named) -> None:
    assert load_lexicon().named(text) == named


def test_a_products_texts_label_it_where_they_are_clear() -> None:
    lexicon = load_lexicon()

    def labels(*texts):
        return {one["attribute"]: one["value"] for one in lexicon.labels(*texts)}

    # The title is believed; the description is asked about what the title leaves open.
    assert labels("Bess Short, Yellow", "Navy cotton with light blue waist.", "womens-shorts") == {
        "colour": "yellow", "material": "cotton",
    }  # fmt: skip
    assert labels("Blue and white tee", "Black.", "tees") == {}
    # What a category does not have is not said of it; of an unknown category all is.
    assert labels("Long sleeve mug", "", "mugs") == {}
    assert labels("Long sleeve mug", "", "") == {"sleeve_length": "long"}


def test_labels_of_files_are_spelt_as_the_lexicon_has_them() -> None:
    lexicon = load_lexicon()
    assert lexicon.value_of("colour", "Navy Blue") == "navy"
    assert lexicon.value_of("colour", "Pistachio  Dream") == "pistachio dream"
    assert lexicon.value_of("heel_height", "5 cm") == "5 cm"


def test_pictures_and_texts_have_the_same_names_of_colours() -> None:
    assert {*load_lexicon().attributes["colour"].values} == {*COLOUR_NAMES, "multicoloured"}


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[wood]\ncategories = ["table"]\n[wood.values]\noak = ["oaken"]\npine = []\n')
    lexicon = read_lexicon(file)
    assert lexicon.named("An oaken table") == {"wood": ("oak",)}
    assert lexicon.attributes["wood"].applies("coffee-tables")
    assert not lexicon.attributes["wood"].applies("chairs")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[wood", "no readable TOML file"),
        ("[Wood]\ncategories = []\n[Wood.values]\noak = []\n", "'Wood' is no attribute"),
        ("[wood.values]\noak = []\n", "'wood': needs categories"),
        ("[wood]\ncategories = []\nvalues = {oak = 1}\n", "'oak' needs a list of words"),
        ('[wood]\ncategories = []\n[wood.values]\noak = []\nelm = ["oaks"]\n', "it names oak"),
        ('[wood]\ncategories = []\n[wood.values]\noak = ["!"]\n', "it holds no word"),
    ],
)
def test_a_faulty_file_is_told_with_what_is_wrong(tmp_path: Path, text, told) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(ValueError, match=told):
        read_lexicon(tmp_path / "mine.toml")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no readable TOML"):
        load_lexicon(tmp_path / "none.toml")
