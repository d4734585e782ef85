"""The image store: bytes kept under the hash of their content."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from imgassets.object_store import open_root
from imgassets.storage import Stored, modified_at, stored_files
from imgassets.warehouse.contracts import IMAGE_ID

_FRESH_SECONDS = 300.0
"""An upload that is younger need not be done again to be young."""

_GONE = re.compile(rf"\.({IMAGE_ID.strip('^$')})\.gone")
_UNFINISHED = re.compile(rf"\.{IMAGE_ID.strip('^$')}\.[0-9a-f]{{32}}\.tmp")


class ImageMissing(LookupError):
    """An image that should be in the store is not there."""

    def __init__(self, image_id: str, root: str) -> None:
        super().__init__(f"image {image_id} is not in the image store {root}")
        self.image_id = image_id
        self.root = root


def write_whole(fs: fsspec.AbstractFileSystem, path: str, data: bytes) -> None:
    """Write a file so that readers see all of it or none.

    Local files are written beside their place and renamed over it. Object stores publish an upload
    only when it is complete, and there a rename would be a second copy of the bytes.

    Raises:
        OSError: the place cannot be written.
    """
    if not isinstance(fs, LocalFileSystem):
        fs.pipe_file(path, data)
        return
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    try:
        beside.write_bytes(data)
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)


class ImageStore:
    """Content-addressed image bytes at ``ab/cd/<sha256>`` under an fsspec root."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._fs, self._path = open_root(root)

    def _place(self, image_id: str) -> str:
        if not re.fullmatch(IMAGE_ID, image_id):
            raise ValueError(f"not an image id (64 lower-case hex digits): {image_id!r}")
        return f"{self._path.rstrip('/')}/{image_id[:2]}/{image_id[2:4]}/{image_id}"

    def size(self, image_id: str) -> int | None:
        """Return the stored size in bytes, or None when the image is absent.

        Raises:
            ValueError: `image_id` is not a SHA-256 in lower-case hex.
        """
        place = self._place(image_id)
        try:
            return int(self._fs.info(place, refresh=True)["size"])
        except FileNotFoundError:
            return None

    def exists(self, image_id: str) -> bool:
        """Tell whether the image is stored."""
        return self.size(image_id) is not None

    def keep(self, image_id: str, size: int | None = None) -> bool:
        """Tell whether an image is stored, and make it as young as if it were written now.

        Maintenance deletes old bytes that no row refers to. Who finds bytes there that no row may
        refer to yet, and will write such a row, keeps them by this; False means: write them.

        Args:
            image_id: the image.
            size: its size in bytes, if it is known: a file of another size counts as absent.

        Raises:
            ValueError: `image_id` is not a SHA-256 in lower-case hex.
        """
        place = self._place(image_id)
        try:
            info = self._fs.info(place, refresh=True)
            if size is not None and info["size"] != size:
                return False
            if isinstance(self._fs, LocalFileSystem):
                os.utime(place)
                return True
        except FileNotFoundError:
            return False
        return time.time() - modified_at(info) < _FRESH_SECONDS

    def files(self) -> Iterator[Stored]:
        """Yield the stored images, and what writers that were killed left of some.

        Other files below the root are not the store's and are left out.

        Raises:
            OSError: the store cannot be read.
        """
        for folder in self._fs.ls(self._path, detail=False) if self._fs.exists(self._path) else ():
            yield from self._files_below(folder)

    def _files_below(self, folder: str) -> Iterator[Stored]:
        """Yield those of one of the store's first folders: a part that fits into memory."""
        for file in stored_files(
            self._fs.unstrip_protocol(folder) if "://" in self.root else folder
        ):
            if re.fullmatch(IMAGE_ID, file.name) or _UNFINISHED.fullmatch(file.name):
                yield file
            elif found := _GONE.fullmatch(file.name):  # a cleaner was killed at it
                place = self._place(found[1])
                os.replace(file.path, place)
                yield Stored(place, file.bytes, file.modified)

    def discard(self, file: Stored) -> bool:
        """Delete a file, unless somebody has made it young since it was listed.

        A local file is looked at after it was moved aside, so nobody can keep it in between. In an
        object store the time between two requests is left.

        Raises:
            OSError: the store cannot be written.
        """
        try:
            if not isinstance(self._fs, LocalFileSystem):
                if modified_at(self._fs.info(file.path, refresh=True)) > file.modified:
                    return False
                self._fs.rm_file(file.path)
                return True
            aside = Path(file.path).with_name(f".{file.name}.gone")
            os.replace(file.path, aside)
            if aside.stat().st_mtime > file.modified:
                os.replace(aside, file.path)
                return False
            aside.unlink()
        except FileNotFoundError:
            return False
        return True

    def put(self, data: bytes) -> str:
        """Store bytes and return their image id; bytes already there are kept.

        A file of another size than its content's (a disk that filled up, a machine that lost
        power) is written again.

        Raises:
            OSError: the store cannot be written.
        """
        image_id = hashlib.sha256(data).hexdigest()
        if not self.keep(image_id, len(data)):
            write_whole(self._fs, self._place(image_id), data)
        return image_id

    def delete(self, image_id: str) -> bool:
        """Delete an image's bytes; return whether they were there.

        Raises:
            OSError: the store cannot be written.
            ValueError: `image_id` is not a SHA-256 in lower-case hex.
        """
        if not self.exists(image_id):  # an object store deletes what is not there, too
            return False
        with contextlib.suppress(FileNotFoundError):  # another process was faster
            self._fs.rm_file(self._place(image_id))
        return True

    def get(self, image_id: str) -> bytes:
        """Return an image's bytes.

        Raises:
            ImageMissing: the store does not hold it.
            ValueError: `image_id` is not a SHA-256 in lower-case hex.
        """
        try:
            data: bytes = self._fs.cat_file(self._place(image_id))
        except FileNotFoundError as error:
            raise ImageMissing(image_id, self.root) from error
        return data

    def local_path(self, image_id: str) -> Path | None:
        """Return the image's path, or None when the store is not a local folder.

        Raises:
            ImageMissing: the store is local and does not hold it.
            ValueError: `image_id` is not a SHA-256 in lower-case hex.
        """
        if not isinstance(self._fs, LocalFileSystem):
            return None
        path = Path(self._place(image_id))
        if not path.is_file():
            raise ImageMissing(image_id, self.root)
        return path
