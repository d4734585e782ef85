"""The embedded backbone's network: its layers, its forward pass, and its weights' file.

A few residual trunks (He et al., 2016), which tell what a thing is, look at the same picture, and
so does a fixed layer of oriented gradients with a learned projection, which tells how it lies in
the frame. The trunks' forward pass is written once, over a function that applies a named layer:
training passes convolutions with batch normalisation, the shipped backbone plain convolutions into
which the normalisation has been folded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from imgassets.vision.gradients import layout_of

SIDE = 96
"""Pixels of the square that the network looks at, and was trained at in the end."""

_STEM = 32
_STAGES = ((48, 1), (96, 2), (224, 1))
"""Width and number of residual blocks; each stage halves the picture's sides."""

MIDDLE, LAST = _STAGES[-2][0], _STAGES[-1][0]
"""Widths of the two layers that a trunk is trained by; the last one is in the vector."""

LAYOUT = 192
"""Numbers that the projection of the gradients leaves."""

LAYOUT_WEIGHT = 1.4
"""Length of the layout's part of the vector beside a trunk's 1: as long as that of two trunks."""

Tensor = Any
"""A ``torch.Tensor``; torch is not imported here."""


class Layer(NamedTuple):
    """A convolution without gaps at the border.

    Attributes:
        name: unique in its trunk.
        inputs: channels.
        outputs: channels.
        kernel: pixels of its side.
        stride: pixels.
    """

    name: str
    inputs: int
    outputs: int
    kernel: int
    stride: int


class _Block(NamedTuple):
    first: Layer
    second: Layer
    shortcut: Layer | None


STEM = Layer("stem", 3, _STEM, 3, 2)


def _blocks() -> Iterator[list[_Block]]:
    """Yield each stage's residual blocks."""
    inputs = _STEM
    for stage, (width, count) in enumerate(_STAGES):
        blocks: list[_Block] = []
        for number in range(count):
            name, stride = f"stage{stage}_block{number}", 2 if number == 0 else 1
            blocks.append(
                _Block(
                    Layer(f"{name}_first", inputs, width, 3, stride),
                    Layer(f"{name}_second", width, width, 3, 1),
                    Layer(f"{name}_shortcut", inputs, width, 1, 1) if number == 0 else None,
                )
            )
            inputs = width
        yield blocks


*_EARLY, _LATE = _blocks()


def layers() -> list[Layer]:
    """Return a trunk's convolutions in order."""
    blocks = [block for stage in (*_EARLY, _LATE) for block in stage]
    return [STEM, *(layer for block in blocks for layer in block if layer is not None)]


def trunk_features(
    pixels: Tensor, apply: Callable[[Layer, Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """Run one trunk.

    Args:
        pixels: batch × 3 × side × side, 0 … 255.
        apply: convolves (and normalises) with a layer's weights.

    Returns:
        The pooled middle and last layers: batch × MIDDLE, batch × LAST.
    """
    middle = _until_last_stage(pixels, apply)
    return middle.mean((2, 3)), _run_stage(_LATE, middle, apply).mean((2, 3))


def _until_last_stage(pixels: Tensor, apply: Callable[[Layer, Tensor], Tensor]) -> Tensor:
    """Return the middle layer, batch × MIDDLE × h × w."""
    import torch

    at = torch.relu(apply(STEM, (pixels - 127.5) / 64.0))
    for stage in _EARLY:
        at = _run_stage(stage, at, apply)
    return at


def _run_stage(
    stage: Sequence[_Block], at: Tensor, apply: Callable[[Layer, Tensor], Tensor]
) -> Tensor:
    import torch
    from torch.nn.functional import avg_pool2d

    for block in stage:
        shortcut = at
        if block.shortcut is not None:
            # Averaged before it is thinned out, so that no pixel is ignored (He et al., 2019).
            shortcut = apply(block.shortcut, avg_pool2d(at, 2, ceil_mode=True))
        inner = torch.relu(apply(block.first, at))
        at = torch.relu(apply(block.second, inner) + shortcut)
    return at


class Network:
    """The trunks with folded weights, on a device.

    Args:
        weights: ``{trunk}.{layer}.weight`` and ``.bias``, ``{trunk}.last.mean`` and ``.scale``,
            which centre and even out the features, and ``layout.mean`` and ``.projection``.
        device: a ``torch.device`` or its name.
    """

    def __init__(self, weights: Mapping[str, Tensor], device: Any = "cpu") -> None:  # noqa: ANN401
        import torch

        self._weights = {
            name: value.to(device, torch.float32).contiguous(
                memory_format=torch.channels_last if value.ndim == 4 else torch.contiguous_format
            )
            for name, value in weights.items()
        }
        self._device = device
        self.trunks = sum(name.endswith(".last.mean") for name in weights)
        self.dimension = self.trunks * LAST + LAYOUT

    def forward(self, squares: np.ndarray) -> np.ndarray:
        """Embed one batch.

        Args:
            squares: RGB, uint8, batch × side × side × 3.

        Returns:
            float32, batch × dimension, each row of length 1.
        """
        import torch

        with torch.inference_mode():
            vectors: np.ndarray = self.late(self.early(squares)).cpu().numpy()
        return vectors

    def early(self, squares: np.ndarray) -> Tensor:
        """Return all that the last block needs of a batch of squares: float32, batch × …, flat."""
        import torch

        pixels = torch.from_numpy(squares).to(self._device).permute(0, 3, 1, 2).float()
        middles = [
            _until_last_stage(pixels, self._layer_of(trunk)).flatten(1)
            for trunk in range(self.trunks)
        ]
        return torch.cat([self._layout(squares), *middles], dim=1)

    def late(self, hidden: Tensor, convolutions: Any = None) -> Tensor:  # noqa: ANN401
        """Return vectors, batch × dimension, each of length 1, of what :meth:`early` returned.

        Args:
            hidden: what :meth:`early` returned.
            convolutions: stands for the last stages' layers, as :meth:`late_convolutions` made it.
        """
        import torch
        from torch.nn.functional import normalize

        layout, *middles = hidden.split(
            [LAYOUT, *[(hidden.shape[1] - LAYOUT) // self.trunks] * self.trunks], dim=1
        )
        parts = [normalize(layout, dim=1) * LAYOUT_WEIGHT]
        for trunk, flat in enumerate(middles):
            side = math.isqrt(flat.shape[1] // MIDDLE)
            middle = flat.reshape(-1, MIDDLE, side, side).contiguous(
                memory_format=torch.channels_last
            )
            apply = (
                self._layer_of(trunk)
                if convolutions is None
                else _layer_in(convolutions[str(trunk)])
            )
            last = _run_stage(_LATE, middle, apply).mean((2, 3))
            centred = last - self._weights[f"{trunk}.last.mean"]
            parts.append(normalize(centred * self._weights[f"{trunk}.last.scale"], dim=1))
        return normalize(torch.cat(parts, dim=1), dim=1)

    def weights(self) -> Iterator[tuple[str, Tensor]]:
        """Yield all weights by name, as the constructor takes them."""
        yield from self._weights.items()

    def last_block(self) -> Iterator[tuple[str, Tensor]]:
        """Yield the weights of each trunk's last stage, by name."""
        names = {layer.name for block in _LATE for layer in block if layer is not None}
        for name, value in self._weights.items():
            if name.split(".")[1] in names:
                yield name, value

    def late_convolutions(self) -> Any:  # noqa: ANN401  a torch module
        """Return each trunk's last stage as a module: trunk, then layer, to its convolution."""
        import torch

        late = [layer for block in _LATE for layer in block if layer is not None]
        return torch.nn.ModuleDict(
            {
                str(trunk): torch.nn.ModuleDict(
                    {layer.name: self._convolution(trunk, layer) for layer in late}
                )
                for trunk in range(self.trunks)
            }
        )

    def _convolution(self, trunk: int, layer: Layer) -> Any:  # noqa: ANN401
        import torch

        module = torch.nn.Conv2d(
            layer.inputs, layer.outputs, layer.kernel, layer.stride, layer.kernel // 2
        )
        module.weight = torch.nn.Parameter(self._weights[f"{trunk}.{layer.name}.weight"])
        module.bias = torch.nn.Parameter(self._weights[f"{trunk}.{layer.name}.bias"])
        return module.requires_grad_(False)

    def _layer_of(self, trunk: int) -> Callable[[Layer, Tensor], Tensor]:
        from torch.nn.functional import conv2d

        def apply(layer: Layer, inputs: Tensor) -> Tensor:
            kernel = self._weights[f"{trunk}.{layer.name}.weight"]
            bias = self._weights[f"{trunk}.{layer.name}.bias"]
            return conv2d(inputs, kernel, bias, layer.stride, layer.kernel // 2)

        return apply

    def _layout(self, squares: np.ndarray) -> Tensor:
        import torch

        gradients = np.stack([layout_of(square) for square in squares])
        seen = torch.from_numpy(gradients).to(self._device) - self._weights["layout.mean"]
        # With AVX-512 the sum's order depends on the number of threads: float64 hides the rounding.
        layout: Tensor = seen.double() @ self._weights["layout.projection"].double()
        return layout.float()


def _layer_in(convolutions: Any) -> Callable[[Layer, Tensor], Tensor]:  # noqa: ANN401
    def apply(layer: Layer, inputs: Tensor) -> Tensor:
        return convolutions[layer.name](inputs)

    return apply
