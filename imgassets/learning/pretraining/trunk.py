"""A trunk while it learns: its layers with batch normalisation, and the heads it learns through."""

from __future__ import annotations

from typing import Any, NamedTuple

from imgassets.vision.embedded_net import LAST, MIDDLE, Layer, layers, trunk_features

Tensor = Any
"""A ``torch.Tensor``; torch is imported inside functions."""


class Answers(NamedTuple):
    """Logits of a batch: photographs' kinds, rendered pictures' kinds, and rendered views."""

    photo: Tensor
    kind: Tensor
    view: Tensor


class Learner:
    """A trunk and its three linear heads.

    Args:
        photo_kinds: kinds of the photographs; 0 where there are none.
        kinds: of the rendered pictures.
        views: likewise.

    Attributes:
        parts: the ``torch.nn.ModuleDict`` of everything that learns.
    """

    def __init__(self, photo_kinds: int, kinds: int, views: int) -> None:
        from torch import nn

        self.parts = nn.ModuleDict()
        for layer in layers():
            convolution = nn.Conv2d(
                layer.inputs, layer.outputs, layer.kernel, layer.stride,
                padding=layer.kernel // 2, bias=False,
            )  # fmt: skip
            norm = nn.BatchNorm2d(layer.outputs)
            nn.init.kaiming_normal_(convolution.weight, mode="fan_out")
            if layer.name.endswith("_second"):
                # Blocks begin as mere shortcuts, which eases the first steps (Goyal et al., 2017).
                nn.init.zeros_(norm.weight)
            self.parts[layer.name] = nn.Sequential(convolution, norm)
        self.parts["photo"] = nn.Linear(LAST, max(1, photo_kinds))
        self.parts["kind"] = nn.Linear(LAST, kinds)
        self.parts["view"] = nn.Linear(MIDDLE + LAST, views)

    def features(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the pooled middle and last layers of pictures (batch × 3 × side × side)."""
        return trunk_features(pixels, self._apply)

    def __call__(self, pixels: Tensor) -> Answers:
        """Answer pictures: batch × 3 × side × side, 0 … 255."""
        import torch

        middle, last = self.features(pixels)
        return Answers(
            self.parts["photo"](last),
            self.parts["kind"](last),
            self.parts["view"](torch.cat([middle, last], dim=1)),
        )

    def _apply(self, layer: Layer, inputs: Tensor) -> Tensor:
        return self.parts[layer.name](inputs)


def folded(learner: Learner) -> dict[str, Tensor]:
    """Return the layers' kernels and biases with the normalisation folded in, by name."""
    import torch

    weights: dict[str, Tensor] = {}
    parts: Any = learner.parts
    with torch.no_grad():
        for layer in layers():
            convolution, norm = parts[layer.name]
            factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            weights[f"{layer.name}.weight"] = convolution.weight * factor.view(-1, 1, 1, 1)
            weights[f"{layer.name}.bias"] = norm.bias - norm.running_mean * factor
    return weights
