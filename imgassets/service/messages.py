"""What the review API takes and gives, as pydantic models."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from imgassets.warehouse.learning_contracts import ANSWER, HASH64, IMAGE_ID

MAX_ANSWERS = 100
"""Answers in one request."""

MAX_NAME = 60
"""Characters of a reviewer's name."""


def _name(value: str) -> str:
    name = unicodedata.normalize("NFC", value).strip()
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise ValueError(f"a reviewer's name has 1 to {MAX_NAME} printable characters")
    return name


Reviewer = Annotated[str, AfterValidator(_name), Field(description="Who answers.")]
TaskId = Annotated[str, Field(pattern=HASH64, description="As in review_tasks.")]
FlagId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$", description="As in flags.toml.")]
ImageId = Annotated[str, Field(pattern=IMAGE_ID)]
Choice = Annotated[
    str, Field(pattern=ANSWER, description="unsure, or one of the task's choices: yes and no.")
]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Product(_Message):
    """The product that a question's image is shown with."""

    product_id: str
    category: str
    title: str | None = Field(description="As the first supplier that names it wrote it.")
    suppliers: list[str] = Field(description="Those that sent an image in question, sorted.")
    other_images: list[ImageId] = Field(description="The product's others, best position first.")


class Neighbour(_Message):
    """An image near the question's in embedding space, and what is known of it."""

    image_id: ImageId
    verdict: str = Field(description="Of a flag yes, no or unknown; else the type, or unknown.")
    by: Literal["people", "model", ""] = Field(description="Who says so; '' if nobody.")
    probability: float | None = Field(description="The model's, where it looked.")


Box = Annotated[
    list[float],
    Field(min_length=4, max_length=4, description="Top, left, height, width as shares, 0 … 1."),
]


class Task(_Message):
    """One question with all that a reviewer wants to see."""

    task_id: TaskId
    image_id: ImageId
    flag: str
    flag_title: str
    question: str
    choices: list[str] | None = Field(description="Besides unsure; null: yes and no.")
    reason: str
    why: str
    probability: float | None = Field(description="The model's, of yes or of its best choice.")
    guess: str | None = Field(description="The choice that the model takes, if it takes any.")
    model_version: str
    round: int
    width: int | None = Field(description="Of the file's picture, in pixels; null if unknown.")
    height: int | None = Field(description="Likewise.")
    other_image_id: ImageId | None = Field(description="Of a question about a pair; else null.")
    other_width: int | None = Field(description="As width, of the other image.")
    other_height: int | None = Field(description="Likewise.")
    image_box: Box | None = Field(description="Where the image differs most from the other.")
    other_box: Box | None = Field(description="The same place in the other image.")
    product: Product
    neighbours: list[Neighbour]


class TaskBatch(_Message):
    """The next questions for a reviewer."""

    tasks: list[Task]
    open: int = Field(description="Open to this reviewer, of the flag asked for.")


class Answer(_Message):
    """One answer; sent twice with the same answer_id it is kept once."""

    answer_id: UUID
    task_id: TaskId
    answer: Choice
    answered_at: AwareDatetime = Field(description="By the reviewer's clock.")


class Answers(_Message):
    """Answers of one reviewer, in the order given."""

    reviewer: Reviewer
    answers: list[Answer] = Field(min_length=1, max_length=MAX_ANSWERS)


class Saved(_Message):
    """The answers that the warehouse holds now: all that were sent."""

    saved: list[str] = Field(description="answer_ids.")


class Undo(_Message):
    """Takes one answer back; sent twice it is undone once."""

    reviewer: Reviewer
    answer_id: str = Field(min_length=1, max_length=200)
    undone_at: AwareDatetime


class Undone(_Message):
    """The row that undoes."""

    undo_id: str


class Given(_Message):
    """An answer that stands, with what it was about."""

    answer_id: str
    task_id: TaskId
    image_id: ImageId
    flag: str
    flag_title: str
    question: str
    answer: Choice
    answered_at: datetime


class OpenFlag(_Message):
    """How many questions of one flag are open to a reviewer."""

    flag: str
    title: str
    open: int


class Summary(_Message):
    """Where a reviewer stands."""

    open: int
    flags: list[OpenFlag] = Field(description="Flags with open questions, most first.")
    answered: int = Field(description="The reviewer's answers that stand.")
    latest: list[Given] = Field(description="The latest of them, latest first.")


class Refused(_Message):
    """An answer or undo that cannot be kept."""

    id: str
    detail: str


class Failure(BaseModel):
    """Why a request failed: ``error`` for programs, ``detail`` for people."""

    error: str
    detail: str
    saved: list[str] = Field(default=[], description="answer_ids that were kept nevertheless.")
    refused: list[Refused] = []
