"""schemathesis makes requests from the OpenAPI description: none may fail inside the service."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.service.threads import ServiceThread
from tests.service.v1.conftest import CATEGORY, Start

_CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
OPERATIONS = [
    "POST /v1/image-sets",
    "POST /v1/image-sets:upload",
    "GET /v1/jobs/{job_id}",
    "GET /v1/products/{product_id}/image-set",
    "GET /v1/products/{product_id}/review-images",
    "POST /v1/review-images:score",
    "GET /v1/search",
]


@pytest.fixture(scope="module")
def unlimited(start: Start) -> ServiceThread:
    return start(requests_per_minute=1_000_000)


@pytest.fixture(scope="module")
def described(unlimited: ServiceThread) -> dict[str, schemathesis.APIOperation]:
    whole = schemathesis.openapi.from_url(f"{unlimited.url}/openapi.json")
    found = [result.ok() for result in whole.include(path_regex="^/v1/").get_all_operations()]
    return {f"{operation.method.upper()} {operation.path}": operation for operation in found}


def test_every_operation_is_tried(described: dict[str, schemathesis.APIOperation]) -> None:
    assert sorted(described) == sorted(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_request_breaks_the_service(
    described: dict[str, schemathesis.APIOperation], name: str
) -> None:
    tried = []

    @settings(
        max_examples=15,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=described[name].as_strategy())
    def request(case: schemathesis.Case) -> None:
        if isinstance(case.body, dict) and "category" in case.body:
            case.body["category"] = CATEGORY  # or nearly every set would end at an unknown one
        tried.append(case.call_and_validate(checks=_CHECKS, timeout=120).status_code)

    request()
    assert tried
