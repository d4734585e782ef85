"""A classifier of one flag by a backbone whose last block was retrained: it needs pixels again.

A registered version carries a copy of this file and the whole backbone. Unlike the heads, loading
it takes imgassets itself, torch and transformers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imgassets.settings import VisionSettings
from imgassets.vision.last_block import LastBlock, load_last_block

if TYPE_CHECKING:
    import pandas as pd

APPROACH = "retrained_block"
"""Its name among the approaches; a version of this approach reads pixels, not stored signals."""

EPOCHS = 6
BATCH = 32
_LEAST_STEPS = 100
"""Few examples are seen in more epochs: after a dozen steps a block has hardly moved."""
_TAIL_RATE, _HEAD_RATE = 3e-4, 3e-3
_MOST = 1 - 1e-6
_PASS = 64
"""Pictures whose hidden states are held at a time while answering."""

Squares = NDArray[np.uint8]


class BlockModel:
    """Probability that a picture deserves a flag, from its pixels.

    Args:
        flag: the flag.
        block: the cut backbone; its last block is this model's own.
        head: a torch linear layer [d → 1].
        limits: as in :class:`imgassets.learning.flag_model.FlagModel`.
        signals_version: the backbone it was made from.
        info: how it was made, JSON-able.
    """

    approach = APPROACH

    def __init__(
        self,
        flag: str,
        block: LastBlock,
        head: Any,  # noqa: ANN401  a torch module
        limits: dict[str, float],
        signals_version: str,
        info: dict[str, Any],
    ) -> None:
        self.flag = flag
        self.block = block
        self.head = head
        self.limits = limits
        self.signals_version = signals_version
        self.info = info

    def predict_proba(self, squares: Squares) -> NDArray[np.float32]:
        """Return probabilities, float32 [n] below 1, of squares (uint8 [n, side, side, 3])."""
        if not len(squares):
            return np.zeros(0, dtype=np.float32)
        parts = [
            answer(self.block, self.head, self.block.trunk(squares[at : at + _PASS]))
            for at in range(0, len(squares), _PASS)
        ]
        return np.concatenate(parts)

    def predict_frame(self, images: pd.DataFrame) -> pd.DataFrame:
        """Answer rows of `square`: base64 of side × side × 3 bytes, RGB.

        Returns:
            `probability`, and `flagged`: whether it reaches the limit.
        """
        import base64

        import pandas as pd

        side = self.block.input.side
        squares = [
            np.frombuffer(base64.b64decode(text), np.uint8).reshape(side, side, 3)
            for text in images["square"]
        ]
        p = self.predict_proba(np.array(squares, dtype=np.uint8))
        answer_ = {"probability": p, "flagged": p >= self.limits["flag"]}
        return pd.DataFrame(answer_, index=images.index)

    def save(self, folder: Path) -> None:
        """Write the backbone, the head and `flag.json` into `folder`."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        self.block.save(folder / "backbone")
        save_file(self.head.state_dict(), folder / "linear.safetensors")
        described = {
            "flag": self.flag,
            "approach": self.approach,
            "limits": self.limits,
            "signals_version": self.signals_version,
            "info": self.info,
        }
        (folder / "flag.json").write_text(json.dumps(described, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, device: str = "auto") -> BlockModel:
        """Read a model that :meth:`save` wrote.

        Raises:
            ValueError: the folder does not hold what :meth:`save` writes.
        """
        import torch
        from safetensors.torch import load_file

        settings = VisionSettings(backbone=str(Path(folder) / "backbone"), device=device)
        try:
            described = json.loads((Path(folder) / "flag.json").read_text(encoding="utf-8"))
            weights = load_file(Path(folder) / "linear.safetensors")
            head = torch.nn.Linear(weights["weight"].shape[1], 1)
            head.load_state_dict(weights)
            block = load_last_block(settings)
            return cls(
                flag=described["flag"],
                block=block,
                head=head.to(block.device).eval(),
                limits=described["limits"],
                signals_version=described["signals_version"],
                info=described["info"],
            )
        except Exception as error:  # damaged weights fail in as many ways as there are formats
            raise ValueError(
                f"{folder} holds no readable retrained block ({type(error).__name__}: {error}); "
                "register it again or train again"
            ) from error


load_model = BlockModel.load
"""What a registered version is loaded with."""


def fit(block: LastBlock, hidden: Any, y: NDArray[np.bool_], seed: int) -> Any:  # noqa: ANN401
    """Train the last block and a linear layer, both sides weighing alike.

    Args:
        block: the cut backbone; its last block is changed.
        hidden: tensor [n, …] of :meth:`LastBlock.trunk`.
        y: [n] whether the picture deserves the flag.
        seed: of the batches and the layer's start.

    Returns:
        The linear layer, a torch module [d → 1].
    """
    import torch

    torch.manual_seed(seed)
    truth = torch.from_numpy(y.astype(np.float32)).to(block.device)
    with torch.no_grad():
        dimension = block.tail(hidden[:1]).shape[1]
    head = torch.nn.Linear(dimension, 1).to(block.device)
    weight = torch.tensor(float((~y).sum()) / max(float(y.sum()), 1.0), device=block.device)
    loss = torch.nn.BCEWithLogitsLoss(pos_weight=weight)
    retrain(block, hidden, head, lambda logits, rows: loss(logits.squeeze(1), truth[rows]), seed)
    return head


def retrain(
    block: LastBlock,
    hidden: Any,  # noqa: ANN401
    head: Any,  # noqa: ANN401
    loss_of: Callable[[Any, Any], Any],
    seed: int,
) -> None:
    """Train the last block and a layer behind it, in place.

    Args:
        block: the cut backbone; its last block is changed.
        hidden: tensor [n, …] of :meth:`LastBlock.trunk`.
        head: the torch layer on the block's pooled output; it ends ready to answer.
        loss_of: (the head's outputs, places of their rows) → loss.
        seed: of the batches.
    """
    import torch

    tail = [parameter.requires_grad_(True) for _, parameter in block.tail_parameters()]
    optimiser = torch.optim.AdamW(
        [{"params": tail, "lr": _TAIL_RATE}, {"params": head.parameters(), "lr": _HEAD_RATE}]
    )
    generator = torch.Generator().manual_seed(seed)
    batches = -(-len(hidden) // BATCH)
    for _ in range(max(EPOCHS, -(-_LEAST_STEPS // batches))):
        order = torch.randperm(len(hidden), generator=generator)
        for batch in order.split(BATCH):
            optimiser.zero_grad()
            loss_of(head(block.tail(hidden[batch])), batch).backward()
            optimiser.step()
    for parameter in tail:
        parameter.requires_grad_(False)
    head.eval()


def answer(block: LastBlock, head: Any, hidden: Any) -> NDArray[np.float32]:  # noqa: ANN401
    """Return probabilities, float32 [n] below 1, of the trunk's output [n, …]."""
    import torch

    with torch.inference_mode():
        p = torch.cat([head(block.tail(part)).squeeze(1).sigmoid() for part in hidden.split(BATCH)])
    found: NDArray[np.float32] = p.cpu().numpy()
    return np.minimum(found, _MOST)
