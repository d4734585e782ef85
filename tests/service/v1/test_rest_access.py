"""Keys, rates, ids of requests, health and metrics."""

from __future__ import annotations

import json
import time

import httpx2
import pytest
from pydantic import ValidationError

from imgassets.cli.common import CommandError, settings
from imgassets.service.problems import ProblemError
from imgassets.service.v1.access import Access
from imgassets.settings import ServiceSettings
from tests.service.threads import ServiceThread
from tests.service.v1.conftest import Start, Supplier
from tests.service.v1.test_rest_image_sets import problem, product

ANN, BOB = "ann's key of sixteen", "bob's key of sixteen"


@pytest.fixture(scope="module")
def guarded(start: Start) -> ServiceThread:
    return start(api_keys=[f"ann:{ANN}", f"bob:{BOB}"], requests_per_minute=30)


class TestKeys:
    @pytest.mark.parametrize("key", [None, "", "wrong", f"ann:{ANN}", "schlüssel"])
    def test_without_a_right_key_nothing_is_answered(
        self, guarded: ServiceThread, key: str | None
    ) -> None:
        headers = {} if key is None else {"X-API-Key": key.encode()}
        with httpx2.Client(base_url=guarded.url, timeout=60) as client:
            problem(client.get("/v1/jobs/x", headers=headers), 401, "bad_key")

    def test_a_job_is_its_owners_alone(self, guarded: ServiceThread, supplier: Supplier) -> None:
        with httpx2.Client(base_url=guarded.url, timeout=60) as client:
            headers = {"X-API-Key": ANN, "Prefer": "respond-async"}
            body = product(f"{supplier.url}/1.jpg")
            place = client.post("/v1/image-sets", json=body, headers=headers).headers["Location"]
            assert client.get(place, headers={"X-API-Key": ANN}).status_code == 200
            problem(client.get(place, headers={"X-API-Key": BOB}), 404, "no_such_job")

    def test_too_many_requests_say_when_to_come_back(self, start: Start) -> None:
        service = start(api_keys=[f"ann:{ANN}"], requests_per_minute=3)
        with httpx2.Client(base_url=service.url, timeout=60) as client:
            answers = [client.get("/v1/jobs/x", headers={"X-API-Key": ANN}) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [404, 404, 404, 429]
        problem(answers[3], 429, "too_many_requests")
        assert 1 <= int(answers[3].headers["Retry-After"]) <= 60

    def test_without_keys_only_this_machine_is_answered(self) -> None:
        access = Access(ServiceSettings())
        assert access.caller(None, "127.0.0.1") == "127.0.0.1"
        assert access.caller(None, "::1") == "::1"
        for address in ("192.0.2.7", "", "unix:"):
            with pytest.raises(ProblemError, match="API_KEYS"):
                access.caller(None, address)

    @pytest.mark.parametrize("keys", [["no-name-in-it-at-all"], ["ann:short"], [f"a:{ANN}"] * 2])
    def test_settings_of_keys_that_are_none(
        self, keys: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(ValidationError) as caught:
            ServiceSettings(api_keys=keys)
        assert keys[0] not in str(caught.value), "an error must not print a key"
        monkeypatch.setenv("IMGASSETS_SERVICE__API_KEYS", json.dumps(keys))
        with pytest.raises(CommandError, match=r"service\.api_keys") as said:
            settings()
        assert keys[0] not in str(said.value)


class TestTelemetry:
    @pytest.mark.parametrize(
        ("sent", "kept"), [("order-77", True), ("a b", False), ("x" * 65, False)]
    )
    def test_a_request_has_an_id(self, rest: httpx2.Client, sent: str, kept: bool) -> None:
        answer = rest.get("/healthz", headers={"X-Request-Id": sent})
        assert (answer.headers["X-Request-Id"] == sent) == kept
        assert len(answer.headers["X-Request-Id"]) in (len("order-77"), 32)

    def test_requests_and_steps_are_counted(self, rest: httpx2.Client, supplier: Supplier) -> None:
        rest.post("/v1/image-sets", json=product(f"{supplier.url}/2.jpg"))
        rest.get("/no/such/page")
        text = rest.get("/metrics").text
        assert 'imgassets_requests_total{method="POST",route="/v1/image-sets",status="200"}' in text
        assert 'route="unmatched",status="404"' in text
        assert 'imgassets_image_set_step_seconds_count{step="signals"}' in text
        assert 'imgassets_image_set_images_total{outcome="chosen"}' in text
        assert "imgassets_image_sets_unfinished 0.0" in text

    def test_a_log_line_has_the_request_but_not_its_key(
        self, guarded: ServiceThread, capfd: pytest.CaptureFixture[str]
    ) -> None:
        with httpx2.Client(base_url=guarded.url, timeout=60) as client:
            headers = {"X-API-Key": BOB, "X-Request-Id": "look-for-me"}
            client.get("/v1/jobs/x?secret=1", headers=headers)
        printed = ""
        for _ in range(100):  # the line is written when the answer has been sent
            printed += capfd.readouterr().err
            if "look-for-me" in printed:
                break
            time.sleep(0.05)
        (line,) = [line for line in printed.splitlines() if "look-for-me" in line]
        assert '"caller": "bob"' in line
        assert '"status": 404' in line
        assert "secret" not in line
        assert BOB not in line

    def test_it_is_ready_once_models_are_loaded(self, rest: httpx2.Client) -> None:
        answer = rest.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (503, "loading models")
