"""What the REST interface takes and gives, as pydantic models."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from imgassets.warehouse.learning_contracts import IMAGE_ID

_PRINTABLE = r"^[^\x00-\x1f\x7f]+$"
_Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_PRINTABLE)]

ProductId = Annotated[_Name, Field(description="Your product's id, as in the feeds.")]
Category = Annotated[_Name, Field(description="A category's name: 'T-Shirts' means t-shirts.")]
Supplier = Annotated[_Name, Field(description="Who sends the image.")]
Text = Annotated[str, StringConstraints(max_length=20_000)]
Url = Annotated[
    str,
    StringConstraints(min_length=8, max_length=4000, pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://"),
    Field(description="http or https, at a public address."),
]
ImageId = Annotated[str, Field(pattern=IMAGE_ID, description="SHA-256 of the bytes.")]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ImageReference(_Message):
    """One image that a supplier has for the product."""

    url: Url
    supplier: Supplier = "request"
    position: int | None = Field(
        None, ge=1, le=10_000, description="Place in the supplier's order; default: as listed."
    )
    is_curated: bool = Field(False, description="A person chose this image.")


class ImageSetRequest(_Message):
    """A product and all images there are of it."""

    product_id: ProductId
    category: Category
    title: Text | None = None
    description: Text | None = None
    images: list[ImageReference] = Field(
        description="In the suppliers' order; the setting service.max_images limits them."
    )


class ChosenImage(BaseModel):
    """One image of the set."""

    rank: int = Field(ge=1, description="1 is the hero.")
    image_id: ImageId
    image_type: str
    is_hero: bool
    reason: str = Field(description="Why it stands here.")
    urls: list[str]
    suppliers: list[str]
    width: int
    height: int


class LeftOutImage(BaseModel):
    """One image that arrived and was not chosen."""

    image_id: ImageId
    rule: str = Field(description="For programs: blurry, duplicate, a flag …")
    reason: str
    duplicate_of: ImageId | None
    urls: list[str]
    suppliers: list[str]


class RefusedImage(BaseModel):
    """One reference that gave no picture."""

    url: str
    rule: str
    measured: str
    limit: str
    detail: str


class ImageSet(BaseModel):
    """The ordered set, and what became of everything else."""

    product_id: str
    category: str
    status: str = Field(description="changed, unchanged, or bypassed_…: see image_set_changes.")
    images: list[ChosenImage]
    left_out: list[LeftOutImage]
    refused: list[RefusedImage]
    notes: list[str] = Field(description="What to know of the models that answered.")
    snapshot_id: int = Field(description="Snapshot whose categories and answers decided.")
    seconds: Mapping[str, float] = Field(description="Time taken by step.")


class JobAnswer(BaseModel):
    """A job, and what it made if it has ended."""

    job_id: str
    status: Literal["waiting", "running", "done"]
    image_set: ImageSet | None = Field(description="Once it is done.")


class ShownSet(BaseModel):
    """What a product shows, or showed."""

    product_id: str
    category: str
    title: str | None
    day: date = Field(description="Of the feeds that the set was made from.")
    status: str
    snapshot_id: int
    snapshot_time: datetime
    images: list[ChosenImage]
    left_out: list[LeftOutImage]


class PhotoProblem(BaseModel):
    """One thing that is wrong with a photo."""

    id: str = Field(description="For programs: blurry, dark, too_far …")
    measured: str
    limit: str
    advice: str = Field(description="What to tell the customer.")


class PhotoScoreAnswer(BaseModel):
    """How good a review photo is."""

    score: float = Field(
        ge=0, le=1, description="1 is best: the ranker's, or the rules' where there is no ranker."
    )
    problems: list[PhotoProblem] = Field(description="The worst first; none: nothing is wrong.")
    model_version: str = Field(description="What gave the score.")
    rank: int | None = Field(
        ge=1, description="Place that it would have among the product's ranked photos, if any."
    )
    ranked: int | None = Field(ge=1, description="How many these are.")


class RankedPhoto(BaseModel):
    """One review photo in its place."""

    rank: int = Field(ge=1, description="1 is best; equal scores share a rank.")
    review_id: str
    image_id: ImageId
    score: float = Field(ge=0, le=1)
    weakness: str = Field(description="For programs: blurry, dark …; '' for none.")
    advice: str = Field(description="The same as one sentence to the customer; '' for none.")
    helpful_votes: int | None
    impressions: int | None
    submitted_at: datetime | None
    copies: list[str] = Field(description="review_ids of near-copies, which have no rank.")


class RankedPhotos(BaseModel):
    """A product's review photos, the best first."""

    product_id: str
    category: str
    day: date = Field(description="As known on this day.")
    model_version: str
    photos: list[RankedPhoto]


class SearchHit(BaseModel):
    """One product that a search found."""

    product_id: str
    category: str
    title: str | None
    image_id: ImageId | None = Field(
        description="Its image that matches best, where images were searched; else its hero."
    )
    score: float = Field(description="Comparable within one answer only.")
    matched: list[str] = Field(description="Words of the query that its texts have.")
    word_rank: int | None = Field(ge=1, description="Its place by words, if it is found by them.")
    image_rank: int | None = Field(ge=1, description="The same by its images.")


class SearchAnswer(BaseModel):
    """What a search found."""

    query: str
    method: Literal["words", "images", "reranked", "fused"] = Field(
        description="How it was searched: 'words' where images could not be, see the note."
    )
    hits: list[SearchHit]
    is_low: bool = Field(description="Even the best hit hardly matches.")
    note: str
