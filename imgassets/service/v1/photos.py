"""``/v1/review-images:score``: what a customer is told about a photo before sending it.

And the photos that a product has, in the order of their ranks.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Request, UploadFile

from imgassets.ingest.probe import probe
from imgassets.ingest.refusal import Refusal
from imgassets.operations.photo_judge import JudgedPhoto, place_among
from imgassets.operations.review_photo_list import NoReviewPhotos, product_photos
from imgassets.operations.set_history import SeveralCategories
from imgassets.service.problems import ProblemError, documented
from imgassets.service.v1.access import RESPONSES, Caller
from imgassets.service.v1.engine import Engine
from imgassets.service.v1.messages import (
    PhotoProblem,
    PhotoScoreAnswer,
    RankedPhoto,
    RankedPhotos,
)

router = APIRouter(prefix="/v1", tags=["review photos"], responses=RESPONSES)


@router.post(
    "/review-images:score",
    responses=documented(
        s408="The body stopped.",
        s422="The file is no picture that can be read, or the request is wrong.",
        s503="No process can be started.",
    ),
)
def score(
    request: Request,
    caller: Caller,
    image: Annotated[UploadFile, File()],
    product_id: Annotated[
        str | None, Form(max_length=200, description="Also say its place among this product's.")
    ] = None,
) -> PhotoScoreAnswer:
    """Score a photo and say what is wrong with it: blurry, dark, too far; nothing is kept.

    The photo is sent as the field `image` of multipart/form-data. Where a ranker is champion, the
    score is the ranker's; a photo with a good score may still have a problem, and the reverse.
    """
    engine: Engine = request.app.state.engine
    data = image.file.read()
    looked_at = probe(data, engine.settings.fetch)
    found = looked_at if isinstance(looked_at, Refusal) else engine.photo_judge.judge(data)
    if not isinstance(found, JudgedPhoto):
        raise ProblemError(
            422, "no_picture", found.detail,
            errors=[{"where": "body.image", "what": f"{found.rule_id}: {found.measured}"}],
        )  # fmt: skip
    place = place_among(engine.warehouse, product_id, found) if product_id else None
    return PhotoScoreAnswer(
        score=found.score,
        problems=[PhotoProblem(**problem._asdict()) for problem in found.problems],
        model_version=found.model_version,
        rank=place and place[0],
        ranked=place and place[1],
    )


@router.get(
    "/products/{product_id:path}/review-images",
    responses=documented(
        s404="No review photo of the product is ranked.",
        s409="It is in several categories: name one.",
        s503="The warehouse is out of reach.",
    ),
)
def review_images_of_product(
    request: Request,
    caller: Caller,
    product_id: str,
    category: Annotated[str | None, Query(max_length=200)] = None,
) -> RankedPhotos:
    """Return a product's review photos, the best first, each with its main weakness in words."""
    engine: Engine = request.app.state.engine
    try:
        found = product_photos(engine.warehouse, product_id, category)
    except NoReviewPhotos as error:
        raise ProblemError(404, "no_review_photos", str(error)) from error
    except SeveralCategories as error:
        raise ProblemError(409, "several_categories", str(error)) from error
    return RankedPhotos(
        product_id=found.product_id,
        category=found.category,
        day=found.day,
        model_version=found.model_version,
        photos=[
            RankedPhoto(
                **{name: row[name] for name in RankedPhoto.model_fields if name in row},
                advice=row["weakness_text"],
                copies=[copy["review_id"] for copy in found.copies.get(row["review_id"], [])],
            )
            for row in found.photos
        ],
    )
