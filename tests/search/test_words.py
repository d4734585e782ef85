"""Texts to words of any script, and words to what they are found by."""

from __future__ import annotations

import pytest

from imgassets.search.words import terms_of_document, terms_of_query, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Navy Blue T-Shirt, size XL!", ["navy", "blue", "t", "shirt", "size", "xl"]),
        ("ＮＡＶＹ ﬁne", ["navy", "fine"]),
        ("Größe STRASSE İ", ["grösse", "strasse", "i̇"]),
        ("Кроссовки ΣΟΦΟΣ", ["кроссовки", "σοφοσ"]),
        ("हिन्दी कुर्ता", ["हिन्दी", "कुर्ता"]),
        ("حذاء رياضي", ["حذاء", "رياضي"]),
        ("运动鞋 Nike跑鞋", ["运动鞋", "nike", "跑鞋"]),
        ("スニーカー", ["スニーカー"]),
        ("women’s men's", ["women's", "men's"]),
        ("<p>Rain&nbsp;&amp; <b>snow</b></p>", ["rain", "snow"]),
        ("caf\u00e9 cafe\u0301", ["café", "café"]),
        ("", []),
        (" \t\n—!?… \ud800 \x00", []),
    ],
)
def test_words_of_a_text(text, expected):
    assert words(text) == expected


def test_ascii_texts_have_the_words_that_others_have():
    text = "Men's 2-in-1 Y2K SHIRT 'quoted' o'neill's 'til x_y"
    assert words(text) == words(text + " é")[:-1]


def test_forms_of_an_english_word_are_found_by_one_stem():
    assert terms_of_query("shirts") == terms_of_document("shirt")
    assert terms_of_query("dresses") == terms_of_document("dress")
    assert terms_of_query("women's") == terms_of_document("womens")
    assert terms_of_query("кроссовки") == ["кроссовки"]


def test_a_run_without_spaces_is_found_by_its_parts():
    in_title = set(terms_of_document("男子运动鞋"))
    for part in ("运动鞋", "男子", "鞋"):
        assert set(terms_of_query(part)) <= in_title
    assert not set(terms_of_query("运男")) <= in_title
