import numpy as np
import pytest

from imgassets.learning.search.towers import (
    image_vectors,
    initial_weights,
    padded,
    text_vectors,
)


@pytest.fixture
def weights() -> dict[str, np.ndarray]:
    return initial_weights(n_tokens=9, n_inputs=5, width=6, dimension=4, seed=1)


def test_vectors_have_length_one(weights: dict[str, np.ndarray]) -> None:
    texts = text_vectors(weights, *padded([[0, 3], [], [8]]))
    images = image_vectors(weights, np.ones((2, 5), np.float32))
    assert texts.shape == (3, 4)
    assert images.shape == (2, 4)
    for vectors in (texts[[0, 2]], images):
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_padding_and_the_order_of_tokens_mean_nothing(weights: dict[str, np.ndarray]) -> None:
    alone = text_vectors(weights, *padded([[0, 3]]))
    beside = text_vectors(weights, *padded([[3, 0], [1, 2, 4, 5]]))
    assert np.allclose(alone[0], beside[0], atol=1e-6)


def test_a_token_without_weight_is_not_read(weights: dict[str, np.ndarray]) -> None:
    weights["weight"][3] = 0
    with_it, without = (text_vectors(weights, *padded([known])) for known in ([0, 3], [0]))
    assert np.allclose(with_it, without, atol=1e-6)


def test_tensors_give_what_arrays_give(weights: dict[str, np.ndarray]) -> None:
    import torch

    tensors = {name: torch.from_numpy(value) for name, value in weights.items()}
    inputs = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32) * 4
    numbers, known = padded([[0, 3], [5]])
    fitted = image_vectors(tensors, torch.from_numpy(inputs)).numpy()
    assert np.allclose(fitted, image_vectors(weights, inputs), atol=1e-6)
    read = text_vectors(tensors, torch.from_numpy(numbers), torch.from_numpy(known)).numpy()
    assert np.allclose(read, text_vectors(weights, numbers, known), atol=1e-6)
