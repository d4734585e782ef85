"""``/v1/review-images:score``: what a customer is told about a photo before sending it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Request, UploadFile

from imgassets.ingest.probe import probe
from imgassets.ingest.refusal import Refusal
from imgassets.reviews.prompt import PhotoScore
from imgassets.service.problems import ProblemError, documented
from imgassets.service.v1.access import RESPONSES, Caller
from imgassets.service.v1.engine import Engine
from imgassets.service.v1.messages import PhotoProblem, PhotoScoreAnswer

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
    request: Request, caller: Caller, image: Annotated[UploadFile, File()]
) -> PhotoScoreAnswer:
    """Score a photo and say what is wrong with it: blurry, dark, too far; nothing is kept.

    The photo is sent as the field `image` of multipart/form-data.
    """
    engine: Engine = request.app.state.engine
    data = image.file.read()
    looked_at = probe(data, engine.settings.fetch)
    found = looked_at if isinstance(looked_at, Refusal) else engine.scorer.score(data)
    if not isinstance(found, PhotoScore):
        raise ProblemError(
            422, "no_picture", found.detail,
            errors=[{"where": "body.image", "what": f"{found.rule_id}: {found.measured}"}],
        )  # fmt: skip
    return PhotoScoreAnswer(
        score=found.score,
        problems=[PhotoProblem(**problem._asdict()) for problem in found.problems],
    )
