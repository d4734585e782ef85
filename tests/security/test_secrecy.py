"""What is taken for a secret, wherever texts and variables leave this process."""

from __future__ import annotations

import pytest

from imgassets.settings import Settings
from imgassets.settings.secrecy import may_be_secret, without_secrets


def test_secrets_of_the_environment_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    told = without_secrets(Settings(), "key wJalrXUtnFEMI, postgresql://u:p@db/x password=hush now")
    assert told == "key …, postgresql://…@db/x password=… now"
    assert without_secrets(Settings(), "host=db password = hush now") == "host=db password=… now"


def test_secrets_of_the_settings_are_left_out_at_any_depth() -> None:
    settings = Settings(
        alerts={"webhook": "https://chat.example/T0/hush"},  # type: ignore[arg-type]
        service={"api_keys": ["shop:0123456789abcdef"]},  # type: ignore[arg-type]
    )
    told = without_secrets(settings, "POST https://chat.example/T0/hush, key shop:0123456789abcdef")
    assert told == "POST …, key …"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IMGASSETS_ALERTS__SMTP_PASSWORD", "x"),
        ("IMGASSETS_ALERTS__WEBHOOK", "x"),
        ("IMGASSETS_SERVICE__API_KEYS", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("HF_TOKEN", "x"),
        ("IMGASSETS_WAREHOUSE", "ducklake:postgres:host=db password = x"),
        ("IMGASSETS_ALERTS", '{"smtp_password": "x"}'),
        ("IMGASSETS_SERVICE", '{"api_keys": ["shop:x"]}'),
        ("MLFLOW_TRACKING_URI", "https://me:x@mlflow"),
    ],
)
def test_names_and_values_that_tell_a_secret(name: str, value: str) -> None:
    assert may_be_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IMGASSETS_HOME", "/srv/imgassets"),
        ("IMGASSETS_IMAGE_STORE", "s3://bucket/images"),
        ("IMGASSETS_WAREHOUSE", "ducklake:postgres:host=db user=imgassets"),
        ("MLFLOW_TRACKING_URI", "https://mlflow:5000"),
    ],
)
def test_what_tells_none(name: str, value: str) -> None:
    assert not may_be_secret(name, value)
