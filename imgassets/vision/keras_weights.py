"""Weights of a Keras MobileNet under a dense head of ten ratings, as arrays for torch.

idealo publishes such files (github.com/idealo/image-quality-assessment, Apache-2.0), written by
Keras' ``save_weights`` in HDF5: the root's attribute ``layer_names`` lists the layers, each layer's
``weight_names`` its arrays; a whole saved model has the same under ``model_weights``. Every layer
is held against the one that is expected. Nothing in the file is executed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import h5py  # type: ignore[import-untyped]

Floats = NDArray[np.float32]
Layers = dict[str, dict[str, Floats]]

RATINGS = 10
"""Answers of the head: ratings 1 … 10."""

FEATURES = 1024
"""Channels of the last convolution, which the head reads averaged over the picture."""

_WIDTHS = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, FEATURES)
"""Channels after the first convolution and after each of the 13 blocks (Howard et al., 2017)."""

_DENSE = re.compile(r"dense(_\d+)?")

_REMEDY = (
    "name the weights of a Keras MobileNet (alpha 1) with a dense layer of 10 ratings, e.g. "
    "idealo's weights_mobilenet_aesthetic_0.07.hdf5 and weights_mobilenet_technical_0.11.hdf5"
)


class NimaWeights(NamedTuple):
    """What a file holds.

    Attributes:
        tower: state of ``transformers``' MobileNetV1Model, by the names of its parameters.
        weight: the head's, float32 [1024, 10].
        bias: the head's, float32 [10].
    """

    tower: dict[str, Floats]
    weight: Floats
    bias: Floats


class _Part(NamedTuple):
    """One array of a layer.

    Attributes:
        names: what Keras calls it; versions differ.
        shape: the expected one.
        target: torch's name within the layer.
        axes: Keras' axes in torch's order.
    """

    names: tuple[str, ...]
    shape: tuple[int, ...]
    target: str
    axes: tuple[int, ...]


def read_nima_weights(path: Path) -> NimaWeights:
    """Read a file of weights and verify every layer of it.

    Args:
        path: HDF5 file, written by ``save_weights`` or ``save`` of Keras 2 or 3.

    Raises:
        RuntimeError: the file is no such file, or a layer is missing, too many, ill-shaped or not
            finite; the message names layer, what was found and what is expected.
    """
    layers = _read_layers(path)
    dense = [name for name in layers if _DENSE.fullmatch(name)]
    if len(dense) != 1:
        found = ", ".join(dense) or "none"
        raise _wrong(path, f"layer 'dense': found {found}, expected one of 1024 × 10")
    expected = {name: (prefix, parts) for name, prefix, parts in _mobilenet()}
    for name in layers:
        if name not in expected and name not in dense:
            shapes = ", ".join(str(array.shape) for array in layers[name].values())
            raise _wrong(path, f"layer '{name}': found {shapes}, expected no such layer")
    tower: dict[str, Floats] = {}
    for name, (prefix, parts) in expected.items():
        arrays = _verified(path, name, layers.get(name, {}), parts)
        for part, array in zip(parts, arrays, strict=True):
            tower[f"{prefix}.{part.target}"] = np.ascontiguousarray(array.transpose(part.axes))
    weight, bias = _verified(path, dense[0], layers[dense[0]], _HEAD)
    return NimaWeights(tower, weight, bias)


_HEAD = (
    _Part(("kernel",), (FEATURES, RATINGS), "weight", (0, 1)),
    _Part(("bias",), (RATINGS,), "bias", (0,)),
)


def _mobilenet() -> Iterator[tuple[str, str, tuple[_Part, ...]]]:
    """Yield each layer with weights: Keras' name, torch's name, its arrays."""
    yield from _convolution("conv1", "conv_stem", (3, 3, 3, _WIDTHS[0]))
    for block in range(1, len(_WIDTHS)):
        before, after = _WIDTHS[block - 1 : block + 1]
        depthwise, pointwise = f"layer.{2 * block - 2}", f"layer.{2 * block - 1}"
        yield from _convolution(f"conv_dw_{block}", depthwise, (3, 3, before, 1))
        yield from _convolution(f"conv_pw_{block}", pointwise, (1, 1, before, after))


def _convolution(
    name: str, prefix: str, shape: tuple[int, int, int, int]
) -> Iterator[tuple[str, str, tuple[_Part, ...]]]:
    """Yield a convolution and its normalisation.

    Keras keeps a convolution as height × width × in × out and a depthwise one as height × width ×
    channels × 1; torch wants out × in × height × width, and channels × 1 × height × width.
    """
    is_depthwise = name.startswith("conv_dw")
    names = ("depthwise_kernel", "kernel") if is_depthwise else ("kernel",)
    axes = (2, 3, 0, 1) if is_depthwise else (3, 2, 0, 1)
    yield name, f"{prefix}.convolution", (_Part(names, shape, "weight", axes),)
    channels = (shape[2] if is_depthwise else shape[3],)
    normalisation = {
        "gamma": "weight", "beta": "bias", "moving_mean": "running_mean",
        "moving_variance": "running_var",
    }  # fmt: skip
    yield (
        f"{name}_bn",
        f"{prefix}.normalization",
        tuple(_Part((keras,), channels, torch, (0,)) for keras, torch in normalisation.items()),
    )


def _verified(
    path: Path, layer: str, arrays: Mapping[str, Floats], parts: tuple[_Part, ...]
) -> list[Floats]:
    """Return a layer's arrays in the order of ``parts``."""
    wanted = ", ".join(f"{part.names[0]} {part.shape}" for part in parts)
    shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items()) or "nothing"
    found: list[Floats] = []
    for part in parts:
        named = [arrays[name] for name in part.names if name in arrays]
        if len(named) != 1 or named[0].shape != part.shape or len(arrays) != len(parts):
            raise _wrong(path, f"layer '{layer}': found {shapes}, expected {wanted}")
        array = named[0]
        if not np.isfinite(array).all() or (part.target == "running_var" and (array < 0).any()):
            raise _wrong(
                path,
                f"layer '{layer}': found values of {part.names[0]} that are not finite, or a "
                f"negative variance, expected {wanted}",
            )
        found.append(array)
    return found


def _read_layers(path: Path) -> Layers:
    """Return every layer that has weights: its arrays by name, without the layer's."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            root = file.get("model_weights", file)
            names = _names(root, "layer_names")
            layers = {name: _arrays(root[name]) for name in names}
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise _wrong(path, f"it cannot be read as Keras weights in HDF5 ({reason})") from error
    return {name: arrays for name, arrays in layers.items() if arrays}


def _arrays(group: h5py.Group) -> dict[str, Floats]:
    """Return a layer's arrays by the last part of their names, without Keras' output number."""
    return {
        name.rpartition("/")[2].partition(":")[0]: np.asarray(group[name], dtype=np.float32)
        for name in _names(group, "weight_names")
    }


def _names(group: h5py.Group, attribute: str) -> list[str]:
    """Return a list of names; where it is long, Keras spreads it over numbered attributes."""
    if attribute in group.attrs:
        found = list(group.attrs[attribute])
    else:
        parts = [name for name in group.attrs if re.fullmatch(rf"{attribute}\d+", name)]
        if not parts:
            raise KeyError(f"{group.name} has no attribute {attribute}")
        parts.sort(key=lambda name: int(name.removeprefix(attribute)))
        found = [name for part in parts for name in group.attrs[part]]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in found]


def _wrong(path: Path, what: str) -> RuntimeError:
    return RuntimeError(f"{path}: {what}; {_REMEDY}")
