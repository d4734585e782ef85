"""``/v1/image-sets``: a product's images in, the ordered set with reasons out."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import anyio
from fastapi import APIRouter, File, Form, Header, Request, Response, UploadFile

from imgassets.operations.live_selection import Selected
from imgassets.service.problems import ProblemError, documented
from imgassets.service.v1.access import RESPONSES, Caller
from imgassets.service.v1.answers import image_set_of
from imgassets.service.v1.engine import Engine
from imgassets.service.v1.jobs import Job, QueueFull
from imgassets.service.v1.messages import (
    Category,
    ImageReference,
    ImageSet,
    ImageSetRequest,
    JobAnswer,
    ProductId,
    RefusedImage,
    Text,
)
from imgassets.service.v1.offers import offers_of, require_category, uploaded_offers

router = APIRouter(prefix="/v1", tags=["image sets"], responses=RESPONSES)

_POLL_SECONDS = 1
_SELECTING: dict[int | str, dict[str, Any]] = {
    202: {
        "model": JobAnswer,
        "description": "It takes longer: poll the job at Location, after Retry-After seconds.",
        "headers": {
            "Location": {"schema": {"type": "string"}},
            "Retry-After": {"schema": {"type": "integer"}},
        },
    },
    **documented(
        s408="The body stopped.",
        s503="Too much waits already, or models or warehouse are out of reach.",
    ),
}
_Prefer = Annotated[
    str | None,
    Header(
        max_length=200,
        description="RFC 7240: 'wait=3' waits so many seconds, 'respond-async' not at all.",
    ),
]


@router.post("/image-sets", response_model=ImageSet, responses=_SELECTING)
async def select(
    request: Request, caller: Caller, body: ImageSetRequest, prefer: _Prefer = None
) -> Response:
    """Fetch a product's images, keep what is good, and order it; nothing is added to the warehouse.

    What is judged, how, and by which models is what the pipeline would do with the same offers.
    """
    engine: Engine = request.app.state.engine
    _require_few(engine, len(body.images))
    category = await _category(engine, body.category)
    offered = offers_of(body, _today(), category)

    def work() -> ImageSet:
        selected = engine.select(offered.offers)
        return _answered(request, body.product_id, category, selected, offered.refused)

    return await _answer(request, caller, work, prefer)


@router.post("/image-sets:upload", response_model=ImageSet, responses=_SELECTING)
async def select_uploads(
    request: Request,
    caller: Caller,
    product_id: Annotated[ProductId, Form()],
    category: Annotated[Category, Form()],
    images: Annotated[list[UploadFile], File(description="In order.")],
    title: Annotated[Text | None, Form()] = None,
    description: Annotated[Text | None, Form()] = None,
    prefer: _Prefer = None,
) -> Response:
    """Do the same with images that are sent along, as multipart/form-data."""
    engine: Engine = request.app.state.engine
    _require_few(engine, len(images))
    slug = await _category(engine, category)
    folder = Path(tempfile.mkdtemp(prefix="imgassets-upload-"))
    try:
        names = await anyio.to_thread.run_sync(_keep, images, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    body = ImageSetRequest.model_construct(
        product_id=product_id, category=category, title=title, description=description,
        images=[ImageReference.model_construct(url=name) for name in names],
    )  # fmt: skip
    offers = uploaded_offers(body, _today(), slug, [folder / name for name in names])

    def work() -> ImageSet:
        return _answered(request, product_id, slug, engine.select(offers, [folder]), [])

    def tidy() -> None:
        shutil.rmtree(folder, ignore_errors=True)

    return await _answer(request, caller, work, prefer, tidy)


@router.get(
    "/jobs/{job_id}",
    response_model=JobAnswer,
    responses=documented(
        s404="No such job: it never was, is another key's, or ended too long ago.",
        s503="Models or warehouse were out of reach.",
    ),
)
async def job(request: Request, caller: Caller, job_id: str) -> Response:
    """Return how far a job is; once it is done, its image set; if it failed, why, as a problem."""
    engine: Engine = request.app.state.engine
    found = engine.jobs.find(job_id, caller)
    if found is None:
        raise ProblemError(404, "no_such_job", f"There is no job '{job_id[:100]}' of this key.")
    if not found.future.done():
        return _unfinished(found, 200)
    return _json(JobAnswer(job_id=found.id, status="done", image_set=found.future.result()))


_M = TypeVar("_M", ImageSet, JobAnswer)


def _json(message: _M, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(message.model_dump_json(), status, headers, media_type="application/json")


async def _answer(
    request: Request,
    caller: str,
    work: Callable[[], ImageSet],
    prefer: str | None,
    tidy: Callable[[], None] = lambda: None,
) -> Response:
    """Run work as a job; answer with its outcome, or at the deadline with the job."""
    engine: Engine = request.app.state.engine
    try:
        made = engine.jobs.submit(caller, work)
    except QueueFull:
        tidy()
        raise ProblemError(
            503, "busy", "Too many image sets wait already.", {"Retry-After": "5"}
        ) from None
    made.future.add_done_callback(lambda _: tidy())
    if not await made.wait(_patience(prefer, engine.settings.service.deadline_seconds)):
        return _unfinished(made, 202)
    engine.jobs.forget(made)
    return _json(made.future.result())


def _unfinished(made: Job[ImageSet], status: int) -> Response:
    state = "running" if made.status == "running" else "waiting"
    headers = {"Location": f"/v1/jobs/{made.id}", "Retry-After": str(_POLL_SECONDS)}
    return _json(JobAnswer(job_id=made.id, status=state, image_set=None), status, headers)


def _patience(prefer: str | None, deadline: float) -> float:
    """Return how many seconds to wait: the client may prefer less than the deadline, not more."""
    wanted = (prefer or "").lower()
    if re.search(r"\brespond-async\b", wanted):
        return 0.0
    named = re.search(r"\bwait=(\d{1,6})\b", wanted)
    return min(deadline, float(named[1])) if named else deadline


def _answered(
    request: Request,
    product_id: str,
    category: str,
    selected: Selected,
    refused: list[RefusedImage],
) -> ImageSet:
    answer = image_set_of(product_id, category, selected, refused)
    outcomes = {
        "chosen": len(answer.images),
        "left_out": len(answer.left_out),
        "refused": len(answer.refused),
    }
    request.app.state.metrics.count_image_set(answer.seconds, outcomes)
    return answer


def _require_few(engine: Engine, images: int) -> None:
    most = engine.settings.service.max_images
    if not 1 <= images <= most:
        what = f"{images} images; 1 to {most} are taken"
        raise ProblemError(
            422, "invalid_request", f"images: {what}",
            errors=[{"where": "body.images", "what": what}],
        )  # fmt: skip


async def _category(engine: Engine, name: str) -> str:
    standing = await anyio.to_thread.run_sync(engine.standing)
    return require_category(name, standing.known_categories)


def _keep(images: list[UploadFile], folder: Path) -> list[str]:
    """Copy uploads into a folder under names of our own; return them."""
    names = []
    for number, image in enumerate(images, start=1):
        # The client's own name of a file is never used as a path.
        suffix = re.search(r"\.[A-Za-z0-9]{1,5}$", image.filename or "")
        names.append(f"image-{number}{suffix[0].lower() if suffix else ''}")
        with (folder / names[-1]).open("wb") as out:
            shutil.copyfileobj(image.file, out)
    return names


def _today() -> date:
    return datetime.now(UTC).date()
