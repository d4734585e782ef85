"""The image store: bytes kept under the hash of their content."""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from imgassets.warehouse.contracts import IMAGE_ID


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
        self._fs, self._path = fsspec.core.url_to_fs(root)

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

    def put(self, data: bytes) -> str:
        """Store bytes and return their image id; bytes already there are left alone.

        A file of another size than its content's (a disk that filled up, a machine that lost
        power) is written again.

        Raises:
            OSError: the store cannot be written.
        """
        image_id = hashlib.sha256(data).hexdigest()
        if self.size(image_id) != len(data):
            write_whole(self._fs, self._place(image_id), data)
        return image_id

    def delete(self, image_id: str) -> bool:
        """Delete an image's bytes; return whether they were there.

        Raises:
            OSError: the store cannot be written.
            ValueError: `image_id` is not a SHA-256 in lower-case hex.
        """
        try:
            self._fs.rm_file(self._place(image_id))
        except FileNotFoundError:
            return False
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
