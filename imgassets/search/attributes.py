"""The lexicon: which attributes products have, and the words that name their values."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imgassets.search.words import terms_of_query, words
from imgassets.warehouse.contract import ATTRIBUTE

_FILE = Path(__file__).with_name("attributes.toml")

Phrase = tuple[str, ...]
"""Stems, one after the other."""


@dataclass(frozen=True)
class Attribute:
    """One attribute of products.

    Attributes:
        name: e.g. ``sleeve_length``.
        values: in the file's order.
        phrases: what names a value, as stems, and the value.
        categories: stems of the words of categories that have it; empty: all have.
    """

    name: str
    values: tuple[str, ...]
    phrases: Mapping[Phrase, str]
    categories: frozenset[str]

    def applies(self, category: str) -> bool:
        """Tell whether products of a category (a slug; '' if unknown) have the attribute."""
        return not self.categories or not category or bool(self.categories & {*_stems(category)})


class Lexicon:
    """Reads attributes out of texts.

    Args:
        attributes: by name.
    """

    def __init__(self, attributes: Mapping[str, Attribute]) -> None:
        self.attributes = attributes
        self._named_by: dict[Phrase, dict[str, str]] = {}
        for name, attribute in attributes.items():
            for phrase, value in attribute.phrases.items():
                self._named_by.setdefault(phrase, {})[name] = value
        self._longest = max(map(len, self._named_by), default=0)

    def named(self, text: str) -> dict[str, tuple[str, ...]]:
        """Return the values that a text names: by attribute, in the text's order, without repeats.

        Of phrases that overlap the longest counts: "navy blue" is not "blue", nor "lace up" lace.
        """
        found: dict[str, dict[str, None]] = {}
        for phrase in self._phrases_in(_stems(text)):
            for name, value in self._named_by[phrase].items():
                found.setdefault(name, {})[value] = None
        return {name: tuple(values) for name, values in found.items()}

    def labels(self, title: str, description: str, category: str) -> list[dict[str, str]]:
        """Return what a product's texts say of it, where they say it clearly.

        A title that names one value of an attribute is believed; one that names several ("blue and
        white") tells nothing; the description is asked where the title names none.

        Args:
            title: may be empty.
            description: likewise.
            category: a slug; '' if unknown.

        Returns:
            ``attribute`` and ``value``, at most one per attribute, sorted by attribute.
        """
        said = {**self.named(description), **self.named(title)}
        return [
            {"attribute": name, "value": values[0]}
            for name, values in sorted(said.items())
            if len(values) == 1 and self.attributes[name].applies(category)
        ]

    def value_of(self, attribute: str, text: str) -> str:
        """Return a label in the lexicon's words: "Navy Blue" is ``navy``.

        Args:
            attribute: any; need not be in the lexicon.
            text: what a file says.

        Returns:
            The value that the whole text names; else the text in lower case.
        """
        known = self.attributes.get(attribute)
        stems = _stems(text)
        value = None if known is None else known.phrases.get(tuple(stems))
        return value or " ".join(text.casefold().split())

    def _phrases_in(self, stems: Sequence[str]) -> Iterator[Phrase]:
        """Yield the phrases that stems hold, the longest at each place."""
        at = 0
        while at < len(stems):
            for length in range(min(self._longest, len(stems) - at), 0, -1):
                phrase = tuple(stems[at : at + length])
                if phrase in self._named_by:
                    yield phrase
                    at += length
                    break
            else:
                at += 1


def read_lexicon(path: Path) -> Lexicon:
    """Read a lexicon from a TOML file; the shipped one says how it is written.

    Raises:
        ValueError: the file is no TOML, or an attribute lacks a part, has a bad name, or has one
            phrase name two values.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path}: no readable TOML file of attributes: {error}") from error
    return Lexicon({name: _attribute(path, name, table) for name, table in tables.items()})


@functools.cache
def load_lexicon(path: Path | None = None) -> Lexicon:
    """Return the lexicon of a file of one's own (``settings.search.attributes``) or the shipped.

    Raises:
        ValueError: see :func:`read_lexicon`.
    """
    return read_lexicon(path or _FILE)


def _attribute(path: Path, name: str, table: object) -> Attribute:
    if not re.fullmatch(ATTRIBUTE, name):
        raise ValueError(f"{path}: '{name}' is no attribute: use a table [lower_case_name]")
    match table:
        case {"categories": list(categories), "values": dict(values), **more} if not more:
            pass
        case _:
            raise ValueError(
                f"{path}: attribute '{name}': needs categories (a list, [] for all) and a table "
                f"[{name}.values], and nothing else"
            )
    phrases: dict[Phrase, str] = {}
    for value, named_by in values.items():
        if not isinstance(named_by, list):
            raise ValueError(f"{path}: attribute '{name}': value '{value}' needs a list of words")
        for text in (value, *named_by):
            phrase = tuple(_stems(text))
            if not phrase or phrases.setdefault(phrase, value) != value:
                other = phrases.get(phrase, "no value: it holds no word")
                raise ValueError(
                    f"{path}: attribute '{name}': '{text}' cannot name '{value}', it names {other}"
                )
    stems = frozenset(stem for category in categories for stem in _stems(category))
    return Attribute(name, tuple(values), phrases, stems)


def _stems(text: str) -> list[str]:
    """Return the stems of a text's words, in order."""
    return [stem for word in words(text) for stem in terms_of_query(word)]
