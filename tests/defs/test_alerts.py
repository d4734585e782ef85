"""Alerts reach a real HTTP receiver and a real mail server, and say no secret."""

from __future__ import annotations

import email
import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from imgassets.defs.alerts import alert_sensors
from imgassets.settings import Settings
from tests.servers import free_port

PASSWORD = "mail-password-1"
SECRET = "sk-live-0123456789"


@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["tees|2026-01-05"]))
def sets() -> None:
    try:
        raise ValueError(
            f"<b>no</b> answer from https://me:{PASSWORD}@shop?token=abc with {SECRET}"
        )
    except ValueError as error:
        raise RuntimeError("wrapped") from error


@dg.asset(
    check_specs=[dg.AssetCheckSpec("whole", asset="rows"), dg.AssetCheckSpec("new", asset="rows")]
)
def rows() -> dg.MaterializeResult:
    return dg.MaterializeResult(
        check_results=[
            dg.AssetCheckResult(passed=False, check_name="whole"),
            dg.AssetCheckResult(passed=True, check_name="new"),
        ]
    )


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


class Receiver(ThreadingHTTPServer):
    """Keeps what is posted; answers with the statuses it is given, then 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses: list[int] = []
        self.bodies: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hooks/{SECRET}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(json.loads(body))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def settings_with(**alerts: object) -> Settings:
    return Settings(alerts=alerts, webserver="https://dagster.example")


def sensors(settings: Settings) -> dict[str, dg.SensorDefinition]:
    return {sensor.name: sensor for sensor in alert_sensors(settings)}


def run_of(
    instance: dg.DagsterInstance, asset: dg.AssetsDefinition, **options: Any
) -> Callable[[str], dg.RunStatusSensorContext]:
    """Run an asset; return what makes a sensor's context of how it ended."""
    result = dg.materialize([asset], instance=instance, raise_on_error=False, **options)
    ended = ("RUN_SUCCESS", "RUN_FAILURE")
    (event,) = (
        e for e in result.all_events if e.event_type_value.replace("PIPELINE", "RUN") in ended
    )
    return lambda name: dg.build_run_status_sensor_context(
        sensor_name=name,
        dagster_event=event,
        dagster_instance=instance,
        dagster_run=result.dagster_run,
    )


def test_a_failed_run_is_posted_with_its_cause_and_without_secrets(
    instance: dg.DagsterInstance, receiver: Receiver
) -> None:
    settings = settings_with(webhook=receiver.url)
    failed = run_of(instance, sets, partition_key="tees|2026-01-05")("post_failed_runs")
    receiver.statuses = [503]  # it is asked again
    sensors(settings)["post_failed_runs"](failed.for_run_failure())
    assert len(receiver.bodies) == 2
    told = receiver.bodies[-1]
    run_id = failed.dagster_run.run_id
    assert told["event"] == "run_failed"
    assert told["partition"] == "tees|2026-01-05"
    assert told["url"] == f"https://dagster.example/runs/{run_id}"
    assert told["text"] == f"run {run_id} of {told['job']}, tees|2026-01-05 failed"
    (step,) = told["steps"]
    assert step["step"] == "sets"
    assert "<b>no</b> answer from https://…@shop?token=…" in step["error"]
    assert "secret" not in json.dumps(told)


def test_a_webhook_that_refuses_is_an_error_that_does_not_tell_its_url(
    instance: dg.DagsterInstance, receiver: Receiver
) -> None:
    failed = run_of(instance, sets, partition_key="tees|2026-01-05")("post_failed_runs")
    receiver.statuses = [403]
    sensor = sensors(settings_with(webhook=receiver.url))["post_failed_runs"]
    with pytest.raises(RuntimeError, match="status 403") as raised:
        sensor(failed.for_run_failure())
    assert SECRET not in repr(raised.value)
    assert raised.value.__cause__ is None
    assert len(receiver.bodies) == 1


def test_failed_checks_of_a_run_that_succeeded_are_posted(
    instance: dg.DagsterInstance, receiver: Receiver
) -> None:
    ended = run_of(instance, rows)("post_failed_checks")
    sensors(settings_with(webhook=receiver.url))["post_failed_checks"](ended)
    (told,) = receiver.bodies
    assert (told["event"], told["checks"]) == ("checks_failed", ["rows: whole"])


class _Mails:
    def __init__(self) -> None:
        self.received: list[Any] = []

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
        self.received.append(envelope)
        return "250 OK"


def _authenticate(
    server: object, session: object, envelope: object, mechanism: str, data: Any
) -> AuthResult:
    said = isinstance(data, LoginPassword) and (data.login, data.password)
    return AuthResult(success=said == (b"robot", PASSWORD.encode()))


def test_a_failed_run_is_mailed_over_tls(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    mails = _Mails()
    server = Controller(
        mails, hostname="localhost", port=free_port(), tls_context=context,
        authenticator=_authenticate, auth_required=True,
    )  # fmt: skip
    server.start()
    try:
        settings = settings_with(
            email_to=["ops@example.com"], email_from="imgassets@example.com",
            smtp_host="localhost", smtp_port=server.port, smtp_user="robot",
            smtp_password=PASSWORD,
        )  # fmt: skip
        failed = run_of(instance, sets, partition_key="tees|2026-01-05")("mail_failed_runs")
        sensors(settings)["mail_failed_runs"](failed.for_run_failure())
    finally:
        server.stop()
    (envelope,) = mails.received
    assert envelope.rcpt_tos == ["ops@example.com"]
    mail = email.message_from_bytes(envelope.content)
    assert re.fullmatch(r"imgassets: .+ failed", mail["Subject"])
    body = str(mail.get_payload())
    assert "&lt;b&gt;no&lt;/b&gt; answer from https://&#8230;@shop" in body
    assert f"/runs/{failed.dagster_run.run_id}" in body
    assert PASSWORD not in body


def test_nobody_is_told_where_nothing_is_set_and_half_a_mail_server_is_refused() -> None:
    assert alert_sensors(Settings()) == []
    with pytest.raises(ValueError, match="smtp_host"):
        alert_sensors(settings_with(email_to=["ops@example.com"]))
