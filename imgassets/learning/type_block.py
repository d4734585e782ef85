"""A classifier of image types by a backbone whose last block was retrained: it needs pixels again.

A registered version carries a copy of this file and the whole backbone. Unlike the networks on
embeddings, loading it takes imgassets itself, torch and transformers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imgassets.learning.block_model import APPROACH, BATCH, Squares, retrain
from imgassets.learning.type_fit import teachable
from imgassets.learning.type_net import Floats, answer_frame, softmax
from imgassets.settings import VisionSettings
from imgassets.vision.last_block import LastBlock, load_last_block

if TYPE_CHECKING:
    import pandas as pd

_PASS = 64
"""Pictures whose hidden states are held at a time while answering."""


class TypeBlock:
    """Probabilities of classes from pixels.

    Args:
        classes: k class names, sorted.
        block: the cut backbone; its last block is this model's own.
        head: a torch linear layer [d → k].
        signals_version: the backbone it was made from.
        info: how it was made, JSON-able; `temperature` divides the logits.
    """

    approach = APPROACH

    def __init__(
        self,
        classes: Sequence[str],
        block: LastBlock,
        head: Any,  # noqa: ANN401  a torch module
        signals_version: str,
        info: dict[str, Any],
    ) -> None:
        self.classes = tuple(classes)
        self.block = block
        self.head = head
        self.signals_version = signals_version
        self.info = info

    def predict_proba(self, squares: Squares) -> Floats:
        """Return float32 [n, k] of squares, uint8 [n, side, side, 3]; rows sum to 1."""
        if not len(squares):
            return np.zeros((0, len(self.classes)), dtype=np.float32)
        parts = [
            logits_of(self.block, self.head, self.block.trunk(squares[at : at + _PASS]))
            for at in range(0, len(squares), _PASS)
        ]
        return softmax(np.concatenate(parts) / np.float32(self.info.get("temperature", 1.0)))

    def with_temperature(self, temperature: float) -> TypeBlock:
        """Return the same model with its logits divided by `temperature`."""
        info = {**self.info, "temperature": temperature}
        return TypeBlock(self.classes, self.block, self.head, self.signals_version, info)

    def predict_frame(self, images: pd.DataFrame) -> pd.DataFrame:
        """Answer rows of `square`: base64 of side × side × 3 bytes, RGB.

        Returns:
            As :meth:`imgassets.learning.type_net.TypeNet.predict_frame`.
        """
        import base64

        side = self.block.input.side
        squares = [
            np.frombuffer(base64.b64decode(text), np.uint8).reshape(side, side, 3)
            for text in images["square"]
        ]
        p = self.predict_proba(np.array(squares, dtype=np.uint8))
        return answer_frame(images, self.classes, p)

    def save(self, folder: Path) -> None:
        """Write the backbone, the head and `block.json` into `folder`."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        self.block.save(folder / "backbone")
        save_file(self.head.state_dict(), folder / "linear.safetensors")
        described = {
            "classes": self.classes,
            "signals_version": self.signals_version,
            "info": self.info,
        }
        (folder / "block.json").write_text(json.dumps(described, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, device: str = "auto") -> TypeBlock:
        """Read a model that :meth:`save` wrote."""
        import torch
        from safetensors.torch import load_file

        described = json.loads((Path(folder) / "block.json").read_text(encoding="utf-8"))
        weights = load_file(Path(folder) / "linear.safetensors")
        outputs, inputs = weights["weight"].shape
        head = torch.nn.Linear(inputs, outputs)
        head.load_state_dict(weights)
        block = load_last_block(
            VisionSettings(backbone=str(Path(folder) / "backbone"), device=device)
        )
        return cls(block=block, head=head.to(block.device).eval(), **described)


load_model = TypeBlock.load
"""What a registered version is loaded with."""


def fit_block(
    vision: VisionSettings,
    hidden: Any,  # noqa: ANN401  a torch tensor
    labels: Sequence[str],
    seed: int,
    signals_version: str,
) -> TypeBlock:
    """Train the last block and a linear layer on the categorical cross-entropy.

    Args:
        vision: the backbone and the device.
        hidden: tensor [n, …] of :meth:`LastBlock.trunk`.
        labels: n class names.
        seed: of the batches and the layer's start.
        signals_version: the backbone's.

    Raises:
        ValueError: fewer than two classes have enough examples.
        RuntimeError: the backbone has no last block.
    """
    import torch

    keep, notes = teachable(labels)
    classes, y = np.unique(np.asarray(labels, dtype=str)[keep], return_inverse=True)
    block = load_last_block(vision)
    torch.manual_seed(seed)
    with torch.no_grad():
        dimension = block.tail(hidden[:1]).shape[1]
    head = torch.nn.Linear(dimension, len(classes)).to(block.device)
    truth = torch.from_numpy(y.astype(np.int64)).to(block.device)

    def loss_of(logits: Any, batch: Any) -> Any:  # noqa: ANN401
        return torch.nn.functional.cross_entropy(logits, truth[batch])

    retrain(block, hidden[np.flatnonzero(keep)], head, loss_of, seed)
    info = {"n_train": int(keep.sum()), "notes": notes}
    return TypeBlock([str(name) for name in classes], block, head, signals_version, info)


def logits_of(block: LastBlock, head: Any, hidden: Any) -> NDArray[np.float32]:  # noqa: ANN401
    """Return the head's outputs, float32 [n, k], on the trunk's output [n, …]."""
    import torch

    with torch.inference_mode():
        found = torch.cat([head(block.tail(part)) for part in hidden.split(BATCH)])
    values: NDArray[np.float32] = found.cpu().numpy()
    return values
