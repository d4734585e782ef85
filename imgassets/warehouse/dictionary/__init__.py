"""The data dictionary: every table and view, what a row and each column is, where it comes from."""

from imgassets.warehouse.dictionary.entries import DictionaryColumn, Entry, entries
from imgassets.warehouse.dictionary.pages import asset, html, markdown

__all__ = ["DictionaryColumn", "Entry", "asset", "entries", "html", "markdown"]
