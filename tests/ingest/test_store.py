"""The content-addressed store."""

from __future__ import annotations

import hashlib
import os
import time

import pytest

from imgassets.ingest.store import ImageMissing, ImageStore


def test_bytes_come_back_under_their_hash(tmp_path):
    store = ImageStore(str(tmp_path / "images"))
    image_id = store.put(b"picture")
    assert image_id == hashlib.sha256(b"picture").hexdigest()
    path = store.local_path(image_id)
    assert path == tmp_path / "images" / image_id[:2] / image_id[2:4] / image_id
    assert store.get(image_id) == b"picture"
    assert store.size(image_id) == 7
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [path]


def test_present_bytes_are_kept_and_damaged_ones_replaced(tmp_path):
    store = ImageStore(str(tmp_path))
    path = store.local_path(store.put(b"picture"))
    os.utime(path, (1, 1))
    inode = path.stat().st_ino
    store.put(b"picture")
    assert path.stat().st_ino == inode
    assert path.stat().st_mtime > time.time() - 600  # so maintenance leaves them
    path.write_bytes(b"pic")
    store.put(b"picture")
    assert path.read_bytes() == b"picture"


def test_an_absent_image_is_named(tmp_path):
    store = ImageStore(str(tmp_path))
    absent = "0" * 64
    assert not store.exists(absent)
    for call in (store.get, store.local_path):
        with pytest.raises(ImageMissing, match=f"{absent}.*{tmp_path}"):
            call(absent)


@pytest.mark.parametrize("bad", ["", "../../etc/passwd", "A" * 64, "0" * 63])
def test_only_hashes_are_looked_up(tmp_path, bad):
    with pytest.raises(ValueError, match="not an image id"):
        ImageStore(str(tmp_path)).get(bad)


def test_another_file_system():
    store = ImageStore("memory://imgassets-test-store")
    image_id = store.put(b"picture")
    assert store.get(image_id) == b"picture"
    assert store.local_path(image_id) is None
    with pytest.raises(ImageMissing):
        store.get("0" * 64)


def test_a_deleted_image_is_gone_and_deleting_it_again_changes_nothing(tmp_path):
    store = ImageStore(str(tmp_path))
    kept, gone = store.put(b"kept"), store.put(b"gone")
    assert store.delete(gone)
    assert not store.delete(gone)
    assert [store.exists(image_id) for image_id in (kept, gone)] == [True, False]
