"""Losses of texts and images of a batch, of which several may belong together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def info_nce(logits: Any, fits: NDArray[np.float32]) -> Any:  # noqa: ANN401  torch tensors
    """Return InfoNCE (van den Oord et al., 2018) in both directions, as CLIP has it.

    A text's target is shared out evenly among the images that it fits, and an image's likewise.

    Args:
        logits: likenesses by the temperature, a tensor [texts, images].
        fits: 1 where a text and an image belong together, else 0; some do in each row and column.
    """
    import torch
    from torch.nn.functional import cross_entropy

    pairs = torch.from_numpy(fits).to(logits.device)
    both = ((logits, pairs), (logits.T, pairs.T))
    return sum(cross_entropy(x, y / y.sum(dim=1, keepdim=True)) for x, y in both) / 2


def pairwise_sigmoid(logits: Any, fits: NDArray[np.float32]) -> Any:  # noqa: ANN401
    """Return SigLIP's loss (Zhai et al., 2023): each pair by itself; arguments as above."""
    import torch
    from torch.nn.functional import logsigmoid

    signs = torch.from_numpy(fits * 2 - 1).to(logits.device)
    return -logsigmoid(signs * logits).sum(dim=1).mean()
