"""What a decoding process that was taken over can make its parent do: nothing."""

import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from imgassets.vision.answers import read_answer
from imgassets.vision.decode import Undecodable
from imgassets.vision.guard import GuardedPool, WorkerFailure, WorkerLimits
from imgassets.vision.worker import Answer
from tests.vision import hostile_tasks


@pytest.mark.parametrize(
    "value",
    [
        None,
        ("text", 1, 2.5, [True], {"a": b"bytes"}),
        np.arange(6, dtype=np.uint8).reshape(2, 3),
        np.float32(0.5),
        Undecodable("broken_image", "1", "2", "three"),
    ],
    ids=["none", "plain", "array", "number", "record"],
)
def test_records_and_arrays_arrive(value: object) -> None:
    answer = Answer("result", value, False)
    read = read_answer(pickle.dumps(answer, pickle.HIGHEST_PROTOCOL))
    assert isinstance(read, Answer)
    assert str(read) == str(answer)


@dataclass
class Elsewhere:
    """A record of another package."""


@pytest.mark.parametrize(
    "value",
    [hostile_tasks.Command("true"), Elsewhere(), GuardedPool, Path("/"), np.frombuffer],
    ids=["command", "other record", "class with a life", "path", "function"],
)
def test_nothing_else_does(value: object) -> None:
    with pytest.raises(pickle.UnpicklingError, match="names "):
        read_answer(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))


def test_a_dotted_name_is_refused() -> None:
    message = b"cimgassets.vision.guard\nos.system\n(S'true'\ntR."
    with pytest.raises(pickle.UnpicklingError, match=r"os\.system"):
        read_answer(message)


def test_a_taken_over_process_costs_its_answer_alone(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    with GuardedPool(hostile_tasks.answer_by_a_command, 1, WorkerLimits(30.0, 256)) as pool:
        outcome = pool.call(str(touched).encode())
        assert isinstance(outcome, WorkerFailure)
        assert not touched.exists()
        assert pool.call(b"well") == "well"
