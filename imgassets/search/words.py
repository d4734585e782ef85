"""Words of any script, and the terms they are found by."""

from __future__ import annotations

import functools
import html
import re
import unicodedata
from itertools import pairwise

import regex
import Stemmer

_TAG = re.compile(r"<[^<>]*>")

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}ー\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""Scripts that put no spaces between words."""

_RUN = regex.compile(rf"[{_UNSPACED}]+")

# Marks belong to words: without them Hindi falls apart at its vowels.
_WORD = regex.compile(
    rf"[{_UNSPACED}]+|[[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED}]]+(?:'\p{{L}}+)*", regex.V1
)

_ASCII_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)*")
"""The same for a text in ASCII, several times faster."""


def plain_text(text: str) -> str:
    """Return a text without HTML."""
    return html.unescape(_TAG.sub(" ", text))


def words(text: str) -> list[str]:
    """Return a text's words in order: without HTML, in Unicode's compatibility form, casefolded.

    A run of a script without spaces is one word.
    """
    unescaped = plain_text(text)
    if unescaped.isascii():
        return _ASCII_WORD.findall(unescaped.casefold())
    plain = unicodedata.normalize("NFKC", unescaped).casefold().replace("’", "'")
    # Casefolding may take a text out of its normal form.
    return _WORD.findall(unicodedata.normalize("NFKC", plain))


def terms_of_query(word: str) -> list[str]:
    """Return what a word must be found by, all of it.

    The stem (Snowball's for English, which leaves other scripts alone), so that "shirts" finds
    "shirt"; for a run of a script without spaces its pairs of characters, as search engines do.
    """
    if not _RUN.fullmatch(word):
        return [_stem(word)]
    return [*map("".join, pairwise(word))] or [word]


def terms_of_document(word: str) -> list[str]:
    """Return what a document's word is found by: also single characters of a run."""
    if not _RUN.fullmatch(word):
        return [_stem(word)]
    return [*word, *map("".join, pairwise(word))]


@functools.lru_cache(100_000)
def _stem(word: str) -> str:
    # A stemmer must not be shared by threads, and making one takes microseconds.
    stemmed: str = Stemmer.Stemmer("english").stemWord(word)
    return stemmed
