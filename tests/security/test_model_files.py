"""Weights are read from safetensors alone: a pickle is code that would run."""

import ast
from pathlib import Path

import pytest

import imgassets
from imgassets.learning.search.clip import ClipEncoder
from imgassets.settings import VisionSettings
from imgassets.vision.backbones import load_backbone
from tests.tiny_backbone import write_backbone
from tests.tiny_clip import save_tiny_model

_PACKAGE = Path(imgassets.__file__).parent

_READERS = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
"""Modules whose files run code when they are read."""

_BETWEEN_OUR_PROCESSES = {"vision/guard.py", "vision/worker.py", "vision/answers.py"}
"""Where messages, not files, are pickled."""


class _Marks:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self._path,)


def test_no_module_reads_pickles() -> None:
    found = set()
    for path in _PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            if _READERS & {name.partition(".")[0] for name in names}:
                found.add(path.relative_to(_PACKAGE).as_posix())
    assert found == _BETWEEN_OUR_PROCESSES


@pytest.mark.parametrize("kind", ["backbone", "encoder"])
def test_a_model_whose_weights_are_a_pickle_is_refused(kind: str, tmp_path: Path) -> None:
    import torch

    place = tmp_path / "model"
    folder = Path(write_backbone(place)) if kind == "backbone" else save_tiny_model(place)
    (folder / "model.safetensors").unlink()
    touched = tmp_path / "touched"
    torch.save({"weight": _Marks(touched)}, folder / "pytorch_model.bin")
    vision = VisionSettings(backbone=str(folder), workers=1)
    loaders = {
        "backbone": lambda: load_backbone(vision),
        "encoder": lambda: ClipEncoder(str(folder), None, vision),
    }
    with pytest.raises(RuntimeError, match="safetensors"):
        loaders[kind]()
    assert not touched.exists()
