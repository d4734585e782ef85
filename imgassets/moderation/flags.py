"""The registry of flags: yes/no questions about an image that people answer and models learn."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

_FILE = Path(__file__).with_name("flags.toml")
_FLAG_ID = re.compile(r"[a-z][a-z0-9_]*")

IMAGE_TYPE = "image_type"
"""What tasks and answers about images' types have for a flag, and their model for a name."""

SAME_PICTURE = "same_picture"
"""What tasks and answers about two images, whether they show the same, have for a flag."""

_ASKS_FOR = {IMAGE_TYPE: "types", SAME_PICTURE: "pairs of images"}

NO_FLAGS = tuple(_ASKS_FOR)
"""What stands in a column of flags and is none: the answers to it are no yes or no."""

Group = Literal["quality", "compliance", "type"]


@dataclass(frozen=True)
class Flag:
    """One thing that can be wrong with an image, or tell its type.

    Attributes:
        id: its name in tables and labels, e.g. ``weapon``; the name of its registered model, too.
        group: ``quality`` (decided in ``quality_scores``), ``compliance``, or ``type``: no fault
            but a type of image that every category shares, such as ``size_chart``.
        question: what a reviewer is asked; 'yes' means that the image deserves the flag.
        title: what a person reads, e.g. ``promotional badge``.
        defects: kinds of synthetic defects (:mod:`imgassets.learning.synthetic`) that deserve it.
        unclear: kinds that may or may not; never used to train it.
    """

    id: str
    group: Group
    question: str
    title: str
    defects: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()

    def deserved_by(self, kind: str) -> bool | None:
        """Tell whether a synthetic example of a kind deserves the flag; None: unclear."""
        return None if kind in self.unclear else kind in self.defects


def read_flags(path: Path) -> dict[str, Flag]:
    """Read flags from a TOML file: one table per flag.

    Raises:
        ValueError: the file is no TOML, or a flag lacks a part or has a bad id.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path}: no readable TOML file of flags: {error}") from error
    flags: dict[str, Flag] = {}
    for flag_id, table in tables.items():
        if not _FLAG_ID.fullmatch(flag_id) or not isinstance(table, dict):
            raise ValueError(f"{path}: '{flag_id}' is no flag: use a table [lower_case_name]")
        if flag_id in NO_FLAGS:
            raise ValueError(
                f"{path}: '{flag_id}' is no flag, but what asks for {_ASKS_FOR[flag_id]}: rename it"
            )
        try:
            defects, unclear = (_kinds(table.pop(name, [])) for name in ("defects", "unclear"))
            flag = Flag(id=flag_id, defects=defects, unclear=unclear, **table)
            if not all(isinstance(text, str) and text for text in (flag.question, flag.title)):
                raise TypeError("question and title are sentences")
        except TypeError as error:
            raise ValueError(
                f"{path}: flag '{flag_id}': needs group, question and title, and may have "
                f"defects and unclear ({error})"
            ) from error
        if flag.group not in get_args(Group):
            raise ValueError(
                f"{path}: flag '{flag_id}': group is 'quality', 'compliance' or 'type'"
            )
        flags[flag_id] = flag
    return flags


def _kinds(names: object) -> tuple[str, ...]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"defects and unclear are lists of names, not {names!r}")
    return tuple(names)


@functools.cache
def builtin_flags() -> Mapping[str, Flag]:
    """Return the flags that come with imgassets."""
    return read_flags(_FILE)


def all_flags(extra: Path | None = None) -> Mapping[str, Flag]:
    """Return the built-in flags and those of a file of one's own, which win, in their order.

    Raises:
        ValueError: see :func:`read_flags`; or the file moves a built-in flag to another group,
            adds one to the group 'quality' (its decisions have columns of their own), or names a
            kind of synthetic defect that there is not.
    """
    builtin = builtin_flags()
    if extra is None:
        return dict(builtin)
    own = read_flags(extra)
    kinds = {kind for flag in builtin.values() for kind in (*flag.defects, *flag.unclear)}
    for flag in own.values():
        groups = [builtin[flag.id].group] if flag.id in builtin else ["compliance", "type"]
        if flag.group not in groups:
            allowed = "' or '".join(groups)
            raise ValueError(f"{extra}: flag '{flag.id}': its group has to be '{allowed}'")
        if unknown := sorted({*flag.defects, *flag.unclear} - kinds):
            raise ValueError(
                f"{extra}: flag '{flag.id}': no kind of defect: {', '.join(unknown)}; "
                f"there are {', '.join(sorted(kinds))}"
            )
    return {**builtin, **own}


def require_known(wanted: Iterable[str], flags: Mapping[str, Flag]) -> None:
    """Raise a ValueError that names the flags of ``wanted`` that are not in the registry."""
    if unknown := sorted(set(wanted) - set(flags)):
        raise ValueError(
            f"unknown flag {', '.join(unknown)}; known are {', '.join(sorted(flags))} "
            "(IMGASSETS_FLAGS names a file with more)"
        )
