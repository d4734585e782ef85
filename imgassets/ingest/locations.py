"""From a reference as a supplier wrote it to the place its bytes are fetched from."""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import polars as pl

_SCHEME = r"^([A-Za-z][A-Za-z0-9+.-]*):"
_DOT_SEGMENT = r"(^|/)\.\.?(/|$)"
CONTROL = r"[\x00-\x1f\x7f-\x{9f}]"
"""Control characters, as a polars regular expression."""


@dataclass(frozen=True, slots=True)
class ImageBase:
    """What relative references start from.

    Attributes:
        prefix: Folder or URL without a trailing slash; empty when there is no base.
        is_folder: References resolve to files, and may not leave the folder.
        origin: Scheme and host of an ``http(s)`` base, else empty.
    """

    prefix: str
    is_folder: bool
    origin: str

    @classmethod
    def parse(cls, text: str) -> ImageBase:
        """Read a folder path, ``file://`` URL or ``http(s)://`` URL.

        Raises:
            ValueError: it is none of them.
        """
        text = text.strip()
        if not text:
            return cls("", False, "")
        scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", text)
        if scheme is None:
            folder = os.path.normpath(os.path.abspath(os.path.expanduser(text)))
            return cls(folder.rstrip("/"), True, "")
        if scheme[1].lower() == "file":
            return cls(text.rstrip("/"), True, "")
        if scheme[1].lower() in ("http", "https") and urlsplit(text).netloc:
            parts = urlsplit(text)
            prefix = f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")
            return cls(prefix, False, f"{parts.scheme}://{parts.netloc}")
        raise ValueError(
            f"the image base {text!r} must be a folder, a file:// URL or an http(s):// URL"
        )


def resolve(references: pl.Series, base: ImageBase) -> pl.DataFrame:
    """Resolve references against a base; percent-encoding is left as it is.

    Args:
        references: Non-empty strings without surrounding spaces, repeats allowed; nulls stay null.
        base: What relative references start from.

    Returns:
        One row per reference in order: ``image_location`` (null where refused), and ``limit`` and
        ``detail`` of rule ``bad_image_url`` (null where resolved).
    """
    col, scheme = pl.col("reference"), pl.col("scheme")
    frame = (
        references.alias("reference")
        .to_frame()
        .with_columns(scheme=col.str.extract(_SCHEME).str.to_lowercase())
    )
    is_http = scheme.is_in(["http", "https"])
    relative = scheme.is_null()
    network = relative & col.str.starts_with("//")
    rooted = relative & col.str.starts_with("/") & ~network

    # Dot segments are rare: they are worked out one by one, once per distinct reference.
    dotted = (
        frame.filter(relative & col.str.contains(_DOT_SEGMENT))["reference"].unique().to_list()
        if base.is_folder
        else []
    )
    plain = {text: posixpath.normpath(text) for text in dotted}
    escaping = [t for t, n in plain.items() if n == ".." or n.startswith("../")]

    problems: list[tuple[pl.Expr, str, str]] = [
        (
            col.str.contains(CONTROL),
            "no control characters",
            "The reference holds a control character such as a line break or a tab.",
        ),
        (
            ~relative & ~is_http & (scheme != "file"),
            "http, https, file or no scheme",
            "References of this scheme are not fetched.",
        ),
        (
            is_http & ~col.str.contains(r"^[A-Za-z]+://[^/?#\s]"),
            "http(s)://host/…",
            "The URL names no host.",
        ),
        (
            relative & pl.lit(not base.prefix),
            "an absolute URL, or an image base",
            "The reference is relative and no image base is set.",
        ),
        (
            (rooted | network) & pl.lit(base.is_folder),
            "a path below the image base",
            "The reference is an absolute local path.",
        ),
        (
            relative & col.is_in(escaping),
            "a path below the image base",
            "The reference climbs out of the image base with '..'.",
        ),
    ]
    problem = pl.lit(None, pl.Int8)
    for number, (condition, _, _) in reversed(list(enumerate(problems))):
        problem = pl.when(condition).then(pl.lit(number, pl.Int8)).otherwise(problem)
    below = col.replace(plain) if plain else col
    location = (
        pl.when(~relative)
        .then(col)
        .when(network)
        .then(pl.lit(base.origin.split("//")[0]) + col)
        .when(rooted)
        .then(pl.lit(base.origin) + col)
        .otherwise(pl.lit(base.prefix + "/") + below)
    )
    limits, details = ({i: p[k] for i, p in enumerate(problems)} for k in (1, 2))
    return frame.with_columns(problem=problem).select(
        image_location=pl.when(pl.col("problem").is_null()).then(location),
        limit=pl.col("problem").replace_strict(limits, default=None, return_dtype=pl.String),
        detail=pl.col("problem").replace_strict(details, default=None, return_dtype=pl.String),
    )


def local_file(location: str) -> Path | None:
    """Return the path of a ``file`` URL or of a plain path, or None for any other location."""
    if location[:5].lower() == "file:":
        rest = location[5:]
        if not rest.startswith("//"):
            return Path(unquote(rest))
        host, slash, path = rest[2:].partition("/")
        return Path(unquote(slash + path)) if host in ("", "localhost") and slash else None
    return None if re.match(_SCHEME, location) else Path(location)
