"""idealo's format of NIMA weights: files made by Keras itself, and held against its answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pytest

from imgassets.settings import RankingSettings, VisionSettings
from imgassets.vision.keras_weights import read_nima_weights
from imgassets.vision.nima import load_mobilenet, load_towers
from imgassets.vision.photo_version import towers_name, weight_files


class Made(NamedTuple):
    model: Any
    path: Path


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Keras on torch; it keeps its configuration where the test says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        return pytest.importorskip("keras", reason="keras (a development tool) is not installed")


@pytest.fixture(scope="module")
def made(keras, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """NIMA as idealo builds it, every weight and statistic random, written by Keras."""
    base = keras.applications.MobileNet(
        input_shape=(224, 224, 3), include_top=False, pooling="avg", weights=None
    )
    dropped = keras.layers.Dropout(0.75)(base.output)
    model = keras.Model(base.inputs, keras.layers.Dense(10, activation="softmax")(dropped))
    rng = np.random.default_rng(0)
    for layer in model.layers:
        layer.set_weights([_drawn(weight, rng) for weight in layer.weights])
    path = tmp_path_factory.mktemp("weights") / "weights_mobilenet_aesthetic_0.07.hdf5"
    _save(model, path)
    return Made(model, path)


def _drawn(weight: Any, rng: np.random.Generator) -> np.ndarray:
    """Return random values that keep activations of one size through the layers."""
    name, shape = weight.path.rpartition("/")[2], tuple(weight.shape)
    if name in ("gamma", "moving_variance"):
        return rng.uniform(0.6, 1.4, shape)
    if name in ("beta", "moving_mean", "bias"):
        return rng.normal(0.1, 0.2, shape)
    fan_in = np.prod(shape[:3]) if "dw" not in weight.path else np.prod(shape[:2])
    return rng.normal(0, np.sqrt(2 / fan_in), shape)


def _save(model: Any, path: Path) -> None:
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    with h5py.File(path, "w") as file:
        save_weights_to_hdf5_group(file, model)


def _changed(made: Made, path: Path, change: Any) -> Path:
    path.write_bytes(made.path.read_bytes())
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def test_every_layer_answers_as_kerass_does(made: Made, keras) -> None:
    import torch

    picture = np.random.default_rng(1).integers(0, 256, (1, 224, 224, 3)).astype(np.float32)
    pixels = picture / 127.5 - 1
    ends = [
        layer.output
        for layer in made.model.layers
        if layer.name == "conv1_relu" or layer.name.startswith(("conv_dw", "conv_pw"))
        if layer.name.endswith("_relu")
    ]
    whole = keras.Model(made.model.inputs, [*ends, made.model.layers[-3].output, made.model.output])
    *outputs, features, ratings = (np.asarray(o.detach()) for o in whole([pixels], training=False))
    assert len(outputs) == 27

    ours = load_mobilenet(made.path)
    with torch.inference_mode():
        tensor = torch.from_numpy(pixels).permute(0, 3, 1, 2)
        stem = ours.conv_stem(tensor)
        found = ours(tensor, output_hidden_states=True)
    for theirs, mine in zip(outputs, [stem, *found.hidden_states], strict=True):
        assert np.abs(theirs).max() > 0.1  # a layer that answers nothing would prove nothing
        _assert_near(mine.permute(0, 2, 3, 1).numpy(), theirs)
    _assert_near(found.pooler_output.numpy(), features)

    weights = read_nima_weights(made.path)
    logits = found.pooler_output.numpy() @ weights.weight + weights.bias
    powers = np.exp(logits - logits.max())
    _assert_near(powers / powers.sum(), ratings)


def _assert_near(mine: np.ndarray, theirs: np.ndarray) -> None:
    assert mine.shape == theirs.shape
    assert np.abs(mine - theirs).max() <= 1e-4 * np.abs(theirs).max()


def test_two_files_are_two_towers_side_by_side(made: Made, tmp_path: Path) -> None:
    import torch

    technical = _changed(made, tmp_path / "technical.hdf5", _scale_the_last_layer)
    ranking = RankingSettings(aesthetic_weights=made.path, technical_weights=technical)
    vision = VisionSettings(device="cpu", workers=1)
    towers = load_towers(vision, ranking)
    assert towers is not None
    assert (towers.dimension, tuple(towers.input)) == (2048, (224, "squeeze"))
    assert towers.name == towers_name(vision, ranking)
    assert towers.name.startswith("weights_mobilenet_aesthetic_0.07@")
    squares = np.random.default_rng(2).integers(0, 256, (2, 224, 224, 3), np.uint8)
    features = towers.features(squares)
    assert features.shape == (2, 2048)
    assert features.dtype == np.float32
    with torch.inference_mode():
        pixels = torch.from_numpy(squares).permute(0, 3, 1, 2).float() / 127.5 - 1
        for place, path in enumerate((made.path, technical)):
            alone = load_mobilenet(path)(pixels).pooler_output.numpy()
            np.testing.assert_allclose(
                features[:, 1024 * place : 1024 * (place + 1)], alone, rtol=1e-4, atol=1e-4
            )
    assert not np.allclose(features[:, :1024], features[:, 1024:], atol=0.1)
    assert towers.features(squares[:0]).shape == (0, 2048)


def _scale_the_last_layer(file: h5py.File) -> None:
    file["conv_pw_13_bn/conv_pw_13_bn/gamma"][:] *= -1


def test_a_whole_saved_model_is_read_as_well(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "whole.h5"
    made.model.save(path)
    with h5py.File(path) as file:
        assert "model_weights" in file
    first, second = read_nima_weights(made.path), read_nima_weights(path)
    assert first.tower.keys() == second.tower.keys()
    for name, array in first.tower.items():
        np.testing.assert_array_equal(array, second.tower[name])


def test_names_as_keras_2_writes_them(made: Made, tmp_path: Path) -> None:
    def as_keras_2(file: h5py.File) -> None:
        for layer in file.values():
            names = [_text(name) for name in layer.attrs["weight_names"]]
            new = []
            for name in names:
                kernel = "depthwise_kernel" if name.startswith("conv_dw") else "kernel"
                renamed = f"{name.replace('/kernel', f'/{kernel}')}:0"
                layer.move(name, renamed)
                new.append(renamed.encode())
            layer.attrs["weight_names"] = new

    path = _changed(made, tmp_path / "keras2.hdf5", as_keras_2)
    np.testing.assert_array_equal(
        read_nima_weights(path).tower["layer.0.convolution.weight"],
        read_nima_weights(made.path).tower["layer.0.convolution.weight"],
    )


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name


def _replace(layer: str, name: str, array: np.ndarray) -> Any:
    def change(file: h5py.File) -> None:
        del file[layer][name]
        file[layer][name] = array

    return change


def _drop(layer: str) -> Any:
    def change(file: h5py.File) -> None:
        names = [name for name in file.attrs["layer_names"] if _text(name) != layer]
        file.attrs["layer_names"] = names

    return change


def _add(file: h5py.File) -> None:
    _append(file, "layer_names", "conv_preds")
    file["conv_preds/kernel"] = np.zeros((1, 1, 1024, 1000), np.float32)
    file["conv_preds"].attrs["weight_names"] = [b"kernel"]


def _add_a_bias(file: h5py.File) -> None:
    file["conv1/conv1/bias"] = np.zeros(32, np.float32)
    _append(file["conv1"], "weight_names", "conv1/bias")


def _append(group: h5py.Group, attribute: str, name: str) -> None:
    names = [*map(_text, group.attrs[attribute]), name]
    group.attrs[attribute] = [text.encode() for text in names]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            _replace("conv_dw_3", "conv_dw_3/kernel", np.zeros((3, 3, 64, 1), np.float32)),
            r"layer 'conv_dw_3': found kernel \(3, 3, 64, 1\), expected depthwise_kernel "
            r"\(3, 3, 128, 1\)",
        ),
        (_drop("conv_pw_7_bn"), r"layer 'conv_pw_7_bn': found nothing, expected gamma \(512,\)"),
        (_drop("dense"), "layer 'dense.*': found none, expected one"),
        (_add, r"layer 'conv_preds': found \(1, 1, 1024, 1000\), expected no such layer"),
        (_add_a_bias, r"layer 'conv1': found kernel \(3, 3, 3, 32\), bias \(32,\), expected"),
        (
            _replace("conv1_bn", "conv1_bn/moving_variance", np.full(32, -1, np.float32)),
            "layer 'conv1_bn': found values of moving_variance that are not finite, or a negative",
        ),
        (
            _replace("conv_pw_2", "conv_pw_2/kernel", np.full((1, 1, 64, 128), np.nan)),
            "layer 'conv_pw_2': found values of kernel that are not finite",
        ),
    ],
    ids=["shape", "missing", "no head", "extra", "extra array", "variance", "nan"],
)
def test_a_file_that_differs_is_one_clear_error(made: Made, tmp_path, change, said) -> None:
    dense = made.model.layers[-1].name
    if said.startswith("layer 'dense"):
        change = _drop(dense)
    path = _changed(made, tmp_path / "wrong.hdf5", change)
    with pytest.raises(RuntimeError, match=said) as raised:
        read_nima_weights(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_is_no_hdf5_file_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "page.hdf5"
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(RuntimeError, match=r"cannot be read as Keras weights in HDF5.*idealo's"):
        read_nima_weights(path)
    with h5py.File(path, "w") as file:
        file["conv1"] = np.zeros(3)
    with pytest.raises(RuntimeError, match="has no attribute layer_names"):
        read_nima_weights(path)


def test_one_file_alone_and_a_missing_file_are_errors_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"name the other one \(ranking.technical_weights\)"):
        weight_files(RankingSettings(aesthetic_weights=tmp_path / "a.hdf5"))
    with pytest.raises(RuntimeError, match=r"no file of NIMA weights at .*download it"):
        weight_files(
            RankingSettings(
                aesthetic_weights=tmp_path / "a.hdf5", technical_weights=tmp_path / "b.hdf5"
            )
        )
    assert weight_files(RankingSettings()) is None
