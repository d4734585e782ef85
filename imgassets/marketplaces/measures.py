"""The quantities that marketplace rules compare: polars expressions with a text for a person."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

NO_PIXELS = "the picture could not be decoded"
NO_URL = "no URL yet: every reference to it is a file"
NO_EXTENSION = "no reference to it has a file extension"
TOUCHING = "the object reaches the frame's border, which does not tell it from the background"

_REACHES_BORDER = 0.96
"""Object's extent from which it stands in the border, 2 % of the frame on each side."""

_MOSTLY_WHITE = 0.5
"""Pure white share of the border from which the background may be white behind such an object."""

_WHITE_ENOUGH = 0.99
"""Pure white share from which no rule doubts the background; the limit of those in rules.toml."""


@dataclass(frozen=True)
class Measure:
    """One measured quantity.

    Attributes:
        name: what rules call it.
        of_reference: measured on each reference (``fetched_images``) instead of on the image
            (``aggregated_images`` joined with ``image_signals``).
        value: the quantity; null where it cannot be measured.
        text: the value as a person reads it.
        unit: what follows a numeric limit, or names the limit of a yes/no quantity.
        missing: why the quantity is null, where it is: text.
        scale: factor on a limit in texts, 100 for shares shown as per cent.
    """

    name: str
    value: pl.Expr
    text: pl.Expr
    unit: str = ""
    of_reference: bool = False
    missing: pl.Expr = pl.lit("")  # noqa: RUF009  an expression is immutable
    scale: int = 1


_WIDTH, _HEIGHT = pl.col("width").cast(pl.Int64), pl.col("height").cast(pl.Int64)
_SIZE = pl.format("{} × {} px", "width", "height")


def _percent(share: str) -> pl.Expr:
    return pl.format("{} %", (pl.col(share).cast(pl.Float64) * 100).round(3))


_LOCATION = pl.col("image_location")
_WHITE, _EXTENT = pl.col("background_pure_white"), pl.col("object_extent")
_IS_HIDDEN = (_EXTENT >= _REACHES_BORDER) & _WHITE.is_between(
    _MOSTLY_WHITE, _WHITE_ENOUGH, closed="left"
)

_SCHEME = _LOCATION.str.extract(r"^([A-Za-z][A-Za-z0-9+.-]*):").str.to_lowercase()
_URL = pl.when(_SCHEME != "file").then(_LOCATION)
"""The location where it is a URL; null for a path and a file URL."""

_PCHAR = r"[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2}"
_HOST = r"\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+"
_RFC3986 = (
    rf"^(?i:https?)://(?:(?:{_PCHAR})*@)?(?:{_HOST})(?::[0-9]*)?"
    rf"(?:/(?:{_PCHAR})*)*(?:\?(?:{_PCHAR}|[/?])*)?(?:#(?:{_PCHAR}|[/?])*)?$"
)
"""RFC 3986, appendix A, of the schemes http and https with a host; it is ASCII by definition."""

_QUERY = _URL.str.extract(r"^[^#?]*(\?[^#]*)")
_AUTHORITY = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?:\[[^\]]*\]|[^:/?#]*)"
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_PORT = (
    # As digits: a port is compared, never computed with, and a URL may hold any number.
    _URL.str.extract(_AUTHORITY + r":0*([1-9][0-9]*)(?:[/?#]|$)").fill_null(
        _SCHEME.replace_strict(_DEFAULT_PORTS, default=None, return_dtype=pl.String)
    )
)

_ALL = (
    Measure("shorter_side", pl.min_horizontal(_WIDTH, _HEIGHT), _SIZE, "px on the shorter side"),
    Measure("longer_side", pl.max_horizontal(_WIDTH, _HEIGHT), _SIZE, "px on the longer side"),
    Measure("pixels", _WIDTH * _HEIGHT, pl.format("{} pixels", _WIDTH * _HEIGHT), "pixels"),
    Measure("is_square", _WIDTH == _HEIGHT, _SIZE, "1:1"),
    Measure("byte_size", pl.col("byte_size"), pl.format("{} bytes", "byte_size"), "bytes"),
    Measure("format", pl.col("format"), pl.col("format")),
    Measure("mode", pl.col("mode"), pl.col("mode")),
    Measure(
        "bit_depth",
        pl.col("bit_depth"),
        pl.format("{} bits per sample", "bit_depth"),
        "bits per sample",
    ),
    Measure(
        # Frames of other formats are pages (TIFF) or not asked about (animated WebP).
        "gif_frames",
        pl.when(pl.col("format") == "GIF").then("frames").otherwise(1),
        pl.format("{}, frames: {}", "format", "frames"),
        "frame",
    ),
    Measure(
        "pure_white_border",
        pl.when(~_IS_HIDDEN).then(_WHITE),
        _percent("background_pure_white"),
        "% of the border exactly 255, 255, 255",
        missing=pl.when(_WHITE.is_null()).then(pl.lit(NO_PIXELS)).otherwise(pl.lit(TOUCHING)),
        scale=100,
    ),
    Measure(
        "object_extent",
        pl.col("object_extent"),
        _percent("object_extent"),
        "% of the frame's width or height",
        missing=pl.lit(NO_PIXELS),
        scale=100,
    ),
    Measure(
        "extension_matches",
        pl.col("extension_matches"),
        pl.format(".{} is {}", "extension", "format"),
        "the extension of the real format",
        of_reference=True,
        missing=pl.lit(NO_EXTENSION),
    ),
    Measure(
        "url_is_rfc3986",
        _URL.str.contains(_RFC3986),
        _URL,
        "a URL after RFC 3986",
        of_reference=True,
        missing=pl.lit(NO_URL),
    ),
    Measure(
        "url_length",
        _URL.str.len_chars(),
        pl.format("{} characters", _URL.str.len_chars()),
        "characters",
        of_reference=True,
        missing=pl.lit(NO_URL),
    ),
    Measure(
        "url_has_query",
        pl.when(_URL.is_not_null()).then(_QUERY.is_not_null()),
        _QUERY.fill_null("no query string"),
        "no query string",
        of_reference=True,
        missing=pl.lit(NO_URL),
    ),
    Measure(
        "url_port",
        _PORT,
        pl.format("port {}", _PORT),
        of_reference=True,
        missing=pl.lit(NO_URL),
    ),
)

MEASURES: dict[str, Measure] = {measure.name: measure for measure in _ALL}
"""Every measure by name."""
