"""A connection to MLflow that is quiet, gives up within seconds, and says in one sentence why."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from imgassets.learning.registered import RegistryUnavailable, root_cause

if TYPE_CHECKING:
    from mlflow import MlflowClient

SQLITE = "sqlite:///"

LOCK_SECONDS = 10.0
"""How long another process may hold a SQLite store."""

_READING = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
_WRITING = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "4", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}
"""How long a server is waited for, unless the user said so by these documented variables.

MLflow's own defaults, 7 retries and 120 s, wait minutes for a dead server. One that is asked has a
stand-in, the cache; one that takes a trained model in is worth half a minute of waiting.
"""

_ANSWERS = ("RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS", "INVALID_PARAMETER_VALUE")
"""MLflow's codes for a registry that works and says no."""


def database(tracking_uri: str) -> Path | None:
    """Return the SQLite file of a URI, or None if it names another kind of store."""
    if not tracking_uri.startswith(SQLITE):
        return None
    return Path(tracking_uri.removeprefix(SQLITE))


def without_password(tracking_uri: str) -> str:
    """Return a URI as it may be shown: without user and password."""
    parts = urlsplit(tracking_uri)
    if "@" not in parts.netloc:
        return tracking_uri
    return parts._replace(netloc=f"…@{parts.netloc.rpartition('@')[2]}").geturl()


@contextmanager
def connected(tracking_uri: str, *, writing: bool = False) -> Iterator[MlflowClient]:
    """Point MLflow at a store, quietly, and leave the process as it was found.

    MLflow's fluent functions know one store per process and export it as
    `MLFLOW_TRACKING_URI`: both are put back. What a working registry answers is raised as MLflow's
    own exception. A server that refuses connections costs a second, or half a minute if `writing`.

    Raises:
        RegistryUnavailable: the store cannot be reached or read.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    import mlflow
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    logging.getLogger("alembic").setLevel(logging.WARNING)
    before = os.environ.get("MLFLOW_TRACKING_URI")
    patience = {
        name: value
        for name, value in (_WRITING if writing else _READING).items()
        if name not in os.environ
    }
    os.environ.update(patience)
    try:
        _check_database(tracking_uri)
        mlflow.set_tracking_uri(tracking_uri)
        yield mlflow.MlflowClient(tracking_uri, tracking_uri)
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
        if _is_answer(error, tracking_uri):
            raise
        # The message holds the cause; MLflow's stack would bury it.
        raise RegistryUnavailable(without_password(tracking_uri), root_cause(error)) from None
    finally:
        mlflow.set_tracking_uri(None)
        for name in ("MLFLOW_TRACKING_URI", *patience):
            os.environ.pop(name, None)
        if before is not None:
            os.environ["MLFLOW_TRACKING_URI"] = before


def _check_database(tracking_uri: str) -> None:
    """Read a SQLite store's schema: MLflow retries for a minute where it is locked or no database.

    Raises:
        sqlite3.Error: it is.
        OSError: its folder cannot be made.
    """
    if (path := database(tracking_uri)) is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, timeout=LOCK_SECONDS)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _is_answer(error: Exception, tracking_uri: str) -> bool:
    """Tell whether a working registry said no.

    A web server that is no MLflow answers 404 to everything, which MLflow's client gives the code
    of a missing model; only an error that it could parse comes from an MLflow server.
    """
    from mlflow.exceptions import MlflowException, RestException

    kind = RestException if urlsplit(tracking_uri).scheme in ("http", "https") else MlflowException
    return isinstance(error, kind) and error.error_code in _ANSWERS
