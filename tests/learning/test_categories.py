from __future__ import annotations

import re
from pathlib import Path

import pytest

from imgassets.learning.categories import read_categories, write_categories

FULL = """
[types]
front = "from the front"
back = "from behind"
closeup = "a detail"
sole = "from below"

[verticals.apparel]
types = ["front", "back", "closeup"]
priority = ["front", "closeup", "back"]
expected = ["front", "back"]

[verticals.shoes]

[categories.mens-tees]
vertical = "apparel"

[categories.hats]
vertical = "apparel"
types = ["front", "closeup"]

[categories.boots]
vertical = "shoes"
types = ["front", "sole"]
priority = ["sole"]
expected = []

[categories.mugs]
types = ["back", "front"]
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "categories.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_category_has_what_its_vertical_has_unless_it_says_otherwise(tmp_path: Path) -> None:
    lists = read_categories(write(tmp_path, FULL))
    assert lists.categories.rows() == [
        ("boots", "shoes", ["front", "sole"], []),
        ("hats", "apparel", ["front", "closeup"], ["front"]),
        ("mens-tees", "apparel", ["front", "back", "closeup"], ["front", "back"]),
        ("mugs", None, ["back", "front"], []),
    ]
    assert lists.priorities.rows() == [
        ("boots", "sole", 1),
        ("hats", "front", 1),
        ("hats", "closeup", 2),
        ("mens-tees", "front", 1),
        ("mens-tees", "closeup", 2),
        ("mens-tees", "back", 3),
        ("mugs", "back", 1),
        ("mugs", "front", 2),
    ]


def test_what_is_written_reads_as_the_same_lists(tmp_path: Path) -> None:
    lists = read_categories(write(tmp_path, FULL))
    text = write_categories(lists)
    assert text.index("[verticals.apparel]") < text.index("[categories.boots]")
    again = read_categories(write(tmp_path, text))
    assert again.categories.equals(lists.categories)
    assert again.priorities.equals(lists.priorities)


def test_categories_that_differ_from_most_of_their_vertical_say_how(tmp_path: Path) -> None:
    """Each of b, c, d differs in one list from a, a2; nothing is repeated, nothing lost."""
    same = 'vertical = "v"\ntypes = ["x", "y"]\n'
    text = (
        f'[verticals.v]\n[categories.a]\n{same}expected = ["x"]\n[categories.a2]\n{same}'
        f'expected = ["x"]\n[categories.b]\n{same}priority = ["y", "x"]\nexpected = ["x"]\n'
        f'[categories.c]\n{same}[categories.d]\nvertical = "v"\ntypes = ["y", "\\"q\\" \\\\"]\n'
    )
    lists = read_categories(write(tmp_path, text))
    written = write_categories(lists)
    assert written.count('types = ["x", "y"]') == 1
    again = read_categories(write(tmp_path, written))
    assert again.categories.equals(lists.categories)
    assert again.priorities.equals(lists.priorities)


CATEGORY = '[categories.mugs]\ntypes = ["front", "back"]\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no category: add a table [categories.<name>]"),
        ("[categories.mugs", "no readable TOML file of categories"),
        ("[category.mugs]\n", "unknown table [category]"),
        ("categories = 3\n", "[categories] is no table: found 3"),
        ("[types]\nfront = 1\n" + CATEGORY, "[types]: front = 1 is no title"),
        (
            '[types]\nfront = "f"\nback = "b"\n[categories.mugs]\ntypes = ["frnt"]\n',
            "category 'mugs': types: unknown type 'frnt' (did you mean 'front'?): correct it, or "
            "add it to [types]",
        ),
        (
            '[categories.mugs]\ntypes = ["front", "front"]\n',
            "category 'mugs': types names 'front' twice: remove one",
        ),
        (
            CATEGORY + 'priority = ["front", "bakc"]\n',
            "category 'mugs': priority: 'bakc' is none of its types (front, back) "
            "(did you mean 'back'?)",
        ),
        (CATEGORY + 'expected = ["side"]\n', "category 'mugs': expected: 'side' is none of its"),
        ("[categories.mugs]\ntypes = []\n", "category 'mugs': types is empty: name a type"),
        (CATEGORY + "priority = []\n", "category 'mugs': priority is empty"),
        ('[categories.mugs]\ntypes = "front"\n', "types = 'front' is no list of types"),
        (CATEGORY + 'prioity = ["front"]\n', "unknown key 'prioity' (did you mean 'priority'?)"),
        ("[categories.mugs]\n", "category 'mugs': has no types: add `types`, or a vertical"),
        (
            CATEGORY + 'vertical = "aparel"\n[verticals.apparel]\ntypes = ["front"]\n',
            "category 'mugs': unknown vertical 'aparel' (did you mean 'apparel'?): add a table "
            "[verticals.aparel], or name one of: apparel",
        ),
        (CATEGORY + "vertical = 3\n", "category 'mugs': unknown vertical 3"),
        ('[verticals.v]\nexpected = ["a"]\n' + CATEGORY, "vertical 'v': an order or expected"),
        (
            '["categories"."Men\'s Tees"]\n',
            "'Men's Tees' is no slug (letters a-z, digits and '-'): write it 'men-s-tees'",
        ),
        ('[categories."é"]\ntypes = ["a"]\n', "write it 'e'"),
        ('[categories."?"]\n', "'?' is no slug (letters a-z, digits and '-'): use another name"),
        ("[categories.uncategorised]\n", "'uncategorised' is no slug"),
        ('[categories.mugs]\ntypes = ["Front"]\n', "'Front' is no type"),
        ('[categories.mugs]\ntypes = ["front "]\n', "'front ' is no type"),
        ('[categories.mugs]\ntypes = [""]\n', "'' is no type"),
        ('[categories.mugs]\ntypes = ["none"]\n', "'none' is reserved: leave it out (every image"),
        ('[categories.mugs]\ntypes = ["unsure"]\n', "'unsure' is reserved: leave it out"),
    ],
)  # fmt: skip
def test_faults_are_named_with_the_remedy(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"categories\.toml: .*" + re.escape(message)):
        read_categories(write(tmp_path, text))


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.toml: no such file"):
        read_categories(tmp_path / "nowhere.toml")


def test_a_category_with_one_type(tmp_path: Path) -> None:
    lists = read_categories(write(tmp_path, '[categories.gift-cards]\ntypes = ["front"]\n'))
    assert lists.priorities.rows() == [("gift-cards", "front", 1)]
