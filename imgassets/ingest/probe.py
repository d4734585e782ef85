"""What an image file says it is, without decoding a pixel of it."""

from __future__ import annotations

from dataclasses import dataclass

from imgassets.ingest.refusal import Refusal
from imgassets.ingest.structure import FORMATS, CutShort, Header, read_header, sniff
from imgassets.settings import FetchSettings

MIN_SIDE = 2
"""Pixels; smaller pictures are tracking pixels and spacers."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A file that looks like a whole picture.

    Attributes:
        format: One of `FORMATS`, by content; an MPO file is a JPEG, its first picture.
        width: Pixels, orientation applied.
        height: Pixels, orientation applied.
        byte_size: Bytes of the file.
        mode: One of ``imgassets.warehouse.contracts.MODES``.
        bit_depth: Bits per sample.
        frames: Frames or pages; only the first is looked at.
    """

    format: str
    width: int
    height: int
    byte_size: int
    mode: str
    bit_depth: int
    frames: int


def probe(data: bytes, limits: FetchSettings) -> Probe | Refusal:
    """Look at a file's signature, header and structure; never raises, and takes some 50 ms at most.

    A file that passes can still fail to decode: its compressed pixels are not looked at.

    Args:
        data: The whole file.
        limits: Of pixels, sides, frames, metadata and decompressed size.
    """
    if not data:
        return Refusal("empty_body", "0 bytes", "≥ 1 byte", "The file is empty.")
    kind = sniff(data)
    if kind not in FORMATS:
        return Refusal(
            "not_an_image",
            f"starts with {data[:16]!r}",
            ", ".join(FORMATS),
            "The content is of none of the accepted picture formats, whatever its name says.",
        )
    try:
        header = read_header(kind, data, limits.max_metadata_bytes)
    except CutShort:
        return _truncated(kind, data)
    except ValueError as error:
        return Refusal(
            "undecodable_header",
            str(error),
            f"a valid {kind} header",
            f"The file starts like {kind}, but its header makes no sense.",
        )
    refusal = _over_a_limit(kind, header, limits)
    if refusal is not None:
        return refusal
    if not header.whole:
        return _truncated(kind, data)
    width, height = header.width, header.height
    if header.orientation >= 5:
        width, height = height, width
    return Probe(kind, width, height, len(data), header.mode, header.bit_depth, header.frames)


def _truncated(kind: str, data: bytes) -> Refusal:
    return Refusal(
        "truncated",
        f"{len(data)} bytes without the end of the {kind} data",
        "a complete file",
        "The file was cut off; fetch it again from the supplier.",
    )


def _over_a_limit(kind: str, header: Header, limits: FetchSettings) -> Refusal | None:
    """Return the refusal by the first limit that the header breaks."""
    width, height = header.width, header.height
    pixels = width * height
    decoded = pixels * header.samples * -(-header.bit_depth // 8)
    if pixels > limits.max_pixels:
        return Refusal(
            "too_many_pixels",
            f"{width} × {height} = {pixels} pixels",
            f"≤ {limits.max_pixels} pixels",
            f"The {kind} header announces a picture larger than is accepted.",
        )
    if max(width, height) > limits.max_side:
        return Refusal(
            "side_too_long",
            f"{width} × {height} pixels",
            f"each side ≤ {limits.max_side} pixels",
            f"The {kind} header announces a picture longer than is accepted.",
        )
    if min(width, height) < MIN_SIDE:
        return Refusal(
            "too_small",
            f"{width} × {height} pixels",
            f"each side ≥ {MIN_SIDE} pixels",
            "The picture is a spacer or a tracking pixel.",
        )
    if decoded > limits.max_decoded_bytes:
        return Refusal(
            "decoded_too_large",
            f"{header.samples} samples of {header.bit_depth} bits × {pixels} = {decoded} bytes",
            f"≤ {limits.max_decoded_bytes} bytes",
            f"The {kind} header announces more data than is accepted once decompressed.",
        )
    if header.frames > limits.max_frames:
        return Refusal(
            "too_many_frames",
            f"{header.frames} frames",
            f"≤ {limits.max_frames} frames",
            f"The {kind} file is a film or a document rather than a picture.",
        )
    if header.metadata_bytes > limits.max_metadata_bytes:
        return Refusal(
            "metadata_too_large",
            f"{header.metadata_bytes} bytes or more",
            f"≤ {limits.max_metadata_bytes} bytes",
            f"The {kind} file's texts, profiles and other metadata are larger than is accepted.",
        )
    return None
