"""Files that a person or a sensor names by a path, a folder or an fsspec URL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from imgassets.object_store import open_root


@dataclass(frozen=True)
class SourceFile:
    """One file: its identity, its version, and how to read it.

    Attributes:
        file: its path, or its URL where it is not on this machine.
        key: other if the file has changed (by time and size, or as its store says).
    """

    file: str
    key: str
    fs: Any
    path: str

    @property
    def extension(self) -> str:
        """The file's extension, lower-case, without the dot; '' if it has none."""
        name = self.path.rsplit("/", 1)[-1]
        return name.rsplit(".", 1)[-1].lower() if "." in name else ""

    def read(self) -> bytes:
        """Return the whole file."""
        return bytes(self.fs.cat_file(self.path))


def is_folder(location: str) -> bool:
    """Tell whether a path or fsspec URL is a folder."""
    fs, base = open_root(location)
    return bool(fs.isdir(base))


def source_files(location: str, extensions: Sequence[str]) -> Iterator[SourceFile]:
    """Yield a file, or the files below a folder in the order of their paths.

    Args:
        location: a file or a folder: a path or fsspec URL.
        extensions: of the files below a folder, lower-case, without the dot; hidden files and
            those in hidden folders are passed over.

    Raises:
        ValueError: there is no such file or folder.
    """
    fs, base = open_root(location)
    fs.invalidate_cache(base)  # a long-lived process would be told what it saw the last time
    if fs.isdir(base):
        paths = [
            path
            for path in sorted(fs.find(base))
            if path.lower().endswith(tuple(f".{extension}" for extension in extensions))
            and not any(part.startswith(".") for part in path.removeprefix(base).split("/"))
        ]
    elif fs.exists(base):
        paths = [base]
    else:
        raise ValueError(f"{location}: no such file or folder")
    local = "file" in (fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,))
    for path in paths:
        yield SourceFile(path if local else fs.unstrip_protocol(path), fs.ukey(path), fs, path)
