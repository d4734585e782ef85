"""Alerts: failed runs and failed asset checks, told to a webhook and by mail."""

from __future__ import annotations

import html
import time
from typing import Any

import dagster as dg
import httpx2

from imgassets.settings import Settings
from imgassets.settings.secrecy import without_secrets

_SECONDS = 10.0
_ATTEMPTS = 3
_ERROR_LENGTH = 500
_SSL_PORT = 465


def alert_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """Return the sensors that tell of failures to whom the settings name; they run by themselves.

    Raises:
        ValueError: mail is asked for, but how to send it is not said.
    """
    alerts = settings.alerts
    sensors: list[dg.SensorDefinition] = []
    if alerts.webhook is not None:
        sensors += [_failure_webhook(settings), _check_webhook(settings)]
    if alerts.email_to:
        if not (alerts.smtp_host and alerts.email_from and alerts.smtp_password):
            raise ValueError(
                "alerts.email_to needs alerts.email_from, alerts.smtp_host and alerts.smtp_password"
            )
        sensors.append(
            dg.make_email_on_run_failure_sensor(
                name="mail_failed_runs",
                email_from=alerts.email_from,
                email_password=alerts.smtp_password.get_secret_value(),
                email_to=alerts.email_to,
                email_body_fn=lambda context: _mail(settings, context),
                email_subject_fn=lambda context: (
                    f"imgassets: {context.dagster_run.job_name} failed"
                ),
                smtp_host=alerts.smtp_host,
                smtp_port=alerts.smtp_port,
                smtp_type="SSL" if alerts.smtp_port == _SSL_PORT else "STARTTLS",
                smtp_user=alerts.smtp_user or alerts.email_from,
                default_status=dg.DefaultSensorStatus.RUNNING,
            )
        )
    return sensors


def _failure_webhook(settings: Settings) -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="post_failed_runs",
        description="Posts each failed run to the webhook, as JSON.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def post_failed_runs(context: dg.RunFailureSensorContext) -> None:
        _post(settings, told_of_run(settings, context))

    return post_failed_runs


def _check_webhook(settings: Settings) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        name="post_failed_checks",
        description="Posts the asset checks that failed in a run that succeeded, as JSON.",
        run_status=dg.DagsterRunStatus.SUCCESS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def post_failed_checks(context: dg.RunStatusSensorContext) -> dg.SkipReason | None:
        records = context.instance.get_records_for_run(
            context.dagster_run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ).records
        checks = [
            event.asset_check_evaluation_data
            for record in records
            if (event := record.event_log_entry.dagster_event) is not None
        ]
        failed = sorted(
            f"{check.asset_key.to_user_string()}: {check.check_name}"
            for check in checks
            if not check.passed
        )
        if not failed:
            return dg.SkipReason("every check passed")
        text = f"{len(failed)} asset checks failed in {_named(context.dagster_run)}"
        _post(settings, _alert(settings, "checks_failed", context.dagster_run, text, checks=failed))
        return None

    return post_failed_checks


def told_of_run(settings: Settings, context: dg.RunFailureSensorContext) -> dict[str, Any]:
    """Return what is told of a failed run: no secret that this process knows is in it."""
    steps = {
        event.step_key or "": _last_error(event.step_failure_data.error)
        for event in context.get_step_failure_events()
    }
    text = f"{_named(context.dagster_run)} failed"
    failed = [
        {"step": step, "error": without_secrets(settings, error)} for step, error in steps.items()
    ]
    if not failed:
        error = context.failure_event.message or ""
        failed = [{"step": "", "error": without_secrets(settings, error[:_ERROR_LENGTH])}]
    return _alert(settings, "run_failed", context.dagster_run, text, steps=failed)


def _alert(
    settings: Settings,
    event: str,
    run: dg.DagsterRun,
    text: str,
    **more: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """Return an alert; ``text`` is what chats such as Slack show of a webhook."""
    return {
        "event": event,
        "text": text,
        "job": run.job_name,
        "run_id": run.run_id,
        "partition": _partition(run),
        "url": f"{settings.webserver.rstrip('/')}/runs/{run.run_id}",
        **more,
    }


def _named(run: dg.DagsterRun) -> str:
    of = _partition(run)
    return f"run {run.run_id} of {run.job_name}" + (f", {of}" if of else "")


def _partition(run: dg.DagsterRun) -> str:
    tags = run.tags
    if single := tags.get("dagster/partition"):
        return single
    first, last = (tags.get(f"dagster/asset_partition_range_{end}") for end in ("start", "end"))
    return f"{first} … {last}" if first else ""


def _last_error(error: Any) -> str:  # noqa: ANN401  Dagster's serialised error, or None
    """Return the first cause of a step's failure, in one line."""
    while error is not None and error.cause is not None:
        error = error.cause
    return " ".join(error.message.split())[:_ERROR_LENGTH] if error else "unknown error"


def _mail(settings: Settings, context: dg.RunFailureSensorContext) -> str:
    """Return the HTML of a mail about a failed run."""
    told = told_of_run(settings, context)
    lines = [told["text"], *(f"{step['step']}: {step['error']}" for step in told["steps"])]
    shown = "<br>".join(html.escape(line) for line in lines)
    url = html.escape(told["url"])
    # Dagster sends ASCII alone.
    return f'{shown}<br><a href="{url}">{url}</a>'.encode("ascii", "xmlcharrefreplace").decode()


def _post(settings: Settings, alert: dict[str, Any]) -> None:
    """Post an alert to the webhook; what goes wrong is told without its URL.

    Raises:
        RuntimeError: it did not take the alert.
    """
    assert settings.alerts.webhook is not None
    url = settings.alerts.webhook.get_secret_value()
    problem = ""
    for attempt in range(_ATTEMPTS):
        try:
            response = httpx2.post(url, json=alert, timeout=_SECONDS)
        except httpx2.HTTPError as error:
            problem = type(error).__name__
        else:
            if response.is_success:
                return
            problem = f"status {response.status_code}"
            if response.is_client_error:
                break
        time.sleep(2**attempt)
    # `from None`: the cause's text would hold the URL, which may be a secret.
    raise RuntimeError(f"the alerts' webhook did not take an alert: {problem}") from None
