"""Secrets come from the environment or files, and are told to nobody."""

from pathlib import Path

import psycopg2.extensions
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgassets.settings import Settings
from imgassets.warehouse.catalog_string import without_password
from imgassets.warehouse.lake import Warehouse, WarehouseError
from tests.command import run_command

_CANARY = "canary-7f3a"
_NOBODY = f"ducklake:postgres:host=127.0.0.1 port=1 dbname=lake user=me password={_CANARY}"
"""A catalog that nobody serves."""

# What libpq can be told: PostgreSQL has no zero bytes.
_PASSWORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(_PASSWORDS)
def test_the_password_is_found_as_libpq_finds_it(password: str) -> None:
    dsn = psycopg2.extensions.make_dsn(dbname="lake", password=password, host="/tmp/a b")
    shown, found = without_password(f"ducklake:postgres:{dsn}")
    assert found is not None
    assert found.get_secret_value() == password
    rest = psycopg2.extensions.parse_dsn(shown.removeprefix("ducklake:postgres:"))
    assert rest == {"dbname": "lake", "host": "/tmp/a b"}


@pytest.mark.parametrize(
    ("catalog", "shown", "password"),
    [
        ("ducklake:sqlite:/a/password=b", "ducklake:sqlite:/a/password=b", None),
        ("ducklake:postgres:dbname=x host=h", "ducklake:postgres:dbname=x host=h", None),
        ("ducklake:postgres:password = 'a b' host=h", "ducklake:postgres:host=h", "a b"),
        ("ducklake:postgres:sslpassword=k host=h", "ducklake:postgres:sslpassword=k host=h", None),
        ("ducklake:postgres:postgresql://me:a%40b@h:1/x?sslmode=require",
         "ducklake:postgres:postgresql://me@h:1/x?sslmode=require", "a@b"),
        ("ducklake:postgres:postgresql://h/x", "ducklake:postgres:postgresql://h/x", None),
    ],
)  # fmt: skip
def test_catalogs_are_split(catalog: str, shown: str, password: str | None) -> None:
    rest, found = without_password(catalog)
    assert rest == shown
    assert (found.get_secret_value() if found else None) == password


def test_a_catalog_of_another_kind_is_refused_without_repeating_it() -> None:
    with pytest.raises(WarehouseError, match="neither") as raised:
        Warehouse(f"postgresql://me:{_CANARY}@db/lake", "/tmp/data")
    assert _CANARY not in str(raised.value)


def test_settings_do_not_show_their_secrets() -> None:
    settings = Settings(
        warehouse=_NOBODY,
        mlflow_tracking_uri=f"postgresql://me:{_CANARY}@db/mlflow",
        service={"api_keys": [f"me:{_CANARY}-long-enough"]},
        alerts={"webhook": f"https://hooks.example.com/{_CANARY}", "smtp_password": _CANARY},
    )
    assert _CANARY not in repr(settings)
    assert _CANARY not in str(settings)


@pytest.mark.parametrize(
    "arguments",
    [
        ["sql", "SELECT 1"],
        ["backfill"],
        ["categories", "list"],
        ["models", "list"],
        ["doctor"],
        ["maintain"],
        ["env"],
    ],
    ids=" ".join,
)
def test_commands_that_fail_tell_no_password(
    arguments: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    environment = {
        "IMGASSETS_HOME": str(tmp_path),
        "IMGASSETS_WAREHOUSE": _NOBODY,
        "IMGASSETS_MLFLOW_TRACKING_URI": f"http://me:{_CANARY}@127.0.0.1:1",
    }
    done = run_command(*arguments, environment=environment)
    assert "Traceback" not in done.stderr
    assert _CANARY not in done.stdout + done.stderr + caplog.text
    if arguments != ["env"]:
        assert done.returncode == 1, done.stdout
        assert "127.0.0.1" in done.stdout + done.stderr


def test_a_setting_that_is_wrong_is_shown_unless_it_is_secret(tmp_path: Path) -> None:
    home = {"IMGASSETS_HOME": str(tmp_path)}
    wrong = run_command("sql", "SELECT 1", environment={**home, "IMGASSETS_SEED": "soon"})
    assert "got 'soon'" in wrong.stderr
    key = {"IMGASSETS_SERVICE__API_KEYS": f'["{_CANARY}"]'}
    secret = run_command("sql", "SELECT 1", environment={**home, **key})
    assert "a key is" in secret.stderr
    assert _CANARY not in secret.stderr


# --- files ----------------------------------------------------------------------------------------


def test_files_named_like_variables_are_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "IMGASSETS_WAREHOUSE").write_text(f"{_NOBODY}\n", encoding="utf-8")
    (tmp_path / "imgassets_alerts__smtp_password").write_text(_CANARY, encoding="utf-8")
    (tmp_path / "tls.key").write_text("another program's", encoding="utf-8")
    monkeypatch.setenv("IMGASSETS_SECRETS", str(tmp_path))
    settings = Settings()
    assert settings.warehouse == _NOBODY
    assert settings.alerts.smtp_password is not None
    assert settings.alerts.smtp_password.get_secret_value() == _CANARY
    monkeypatch.setenv("IMGASSETS_WAREHOUSE", "ducklake:sqlite:/elsewhere")
    assert Settings().warehouse == "ducklake:sqlite:/elsewhere"


def test_a_misspelt_file_or_a_missing_folder_is_said(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    environment = {"IMGASSETS_HOME": str(tmp_path), "IMGASSETS_SECRETS": str(secrets)}
    missing = run_command("sql", "SELECT 1", environment=environment)
    assert f'directory "{secrets}" does not exist' in missing.stderr
    secrets.mkdir()
    (secrets / "IMGASSETS_WAREHOSE").touch()
    misspelt = run_command("sql", "SELECT 1", environment=environment)
    assert "unknown setting IMGASSETS_WAREHOSE" in misspelt.stderr
