"""The model registry: everything imgassets asks of MLflow, and the only place that imports it.

A version is a folder of weights, the Python file that reads it, and what is known of its making
(parameters, metrics, plots, tags). It is stored as a pyfunc model, so that
`mlflow.pyfunc.load_model("models:/<name>@champion")` works for anyone, without imgassets.

The default store is a SQLite file and a folder; a server works by its URI. MLflow's usage
telemetry is off (its documented switch `MLFLOW_DISABLE_TELEMETRY`), its logs start at warnings.
"""

from __future__ import annotations

import importlib.metadata
import logging
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION = "champion"
"""Alias of the version that answers."""

_SQLITE = "sqlite:///"
_SCRIPT = Path(__file__).with_name("registry_script.py")
_COLUMN_TYPES = ("string", "floats")
_REQUIREMENTS = ("mlflow", "numpy", "safetensors")
_UNNAMED = re.compile(r"[^\w\-. :/]")
"""What MLflow does not allow in a metric's name."""


@dataclass(frozen=True)
class RegisteredVersion:
    """One version of a registered model.

    Attributes:
        version: its number, from 1.
        run_id: the MLflow run that made it.
        tags: what it was registered with.
    """

    version: int
    run_id: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelRegistry:
    """Registered models and their versions.

    Args:
        tracking_uri: `sqlite:///<file>` or a server's URL; it keeps runs and the registry.
        artifact_root: folder for files, where the store is SQLite; a server decides for itself.
    """

    tracking_uri: str
    artifact_root: Path

    def log_and_register(
        self,
        model_name: str,
        folder: Path,
        code: Path,
        inputs: Mapping[str, str],
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
        plots: Mapping[str, bytes],
        tags: Mapping[str, str],
    ) -> RegisteredVersion:
        """Log a run and register its model as a new version, without an alias.

        Args:
            model_name: the registered model; made if it is new, as is an experiment of that name.
            folder: the weights; copied.
            code: Python file with `load_model(folder)`, which returns an object whose
                `predict_frame` takes and returns a pandas frame. It is copied, and must import
                nothing beyond mlflow, numpy and safetensors (and what these need).
            inputs: the columns `predict_frame` takes, each 'string' or 'floats' (a list per row).
            params: parameters of the run.
            metrics: metrics of the run.
            plots: PNG files by name, without the ending.
            tags: kept with the run and the version.
        """
        with self._connected() as client:
            import mlflow
            from mlflow.exceptions import MlflowException
            from mlflow.models import ModelSignature
            from mlflow.types import ColSpec, DataType, Schema
            from mlflow.types.schema import Array

            types = dict(zip(_COLUMN_TYPES, ("string", Array(DataType.double)), strict=True))
            signature = ModelSignature(Schema([ColSpec(types[t], n) for n, t in inputs.items()]))
            experiment = self._experiment(client, model_name)
            with (
                warnings.catch_warnings(),
                tempfile.TemporaryDirectory() as scratch,
                mlflow.start_run(experiment_id=experiment, tags=dict(tags)) as run,
            ):
                model, drawn = Path(scratch, "model"), Path(scratch, "plots")
                shutil.copytree(folder, model)
                drawn.mkdir()
                for name, png in plots.items():
                    (drawn / f"{name}.png").write_bytes(png)
                mlflow.log_params(dict(params))
                mlflow.log_metrics(
                    {_UNNAMED.sub("_", name): value for name, value in metrics.items()}
                )
                mlflow.log_artifacts(str(drawn), "plots")
                # The signature is given: MLflow's advice on how it could infer one is noise.
                warnings.filterwarnings("ignore", category=UserWarning, module="mlflow")
                logged = mlflow.pyfunc.log_model(
                    name="model",
                    python_model=str(_SCRIPT),
                    artifacts={"model": str(model), "code": str(code)},
                    signature=signature,
                    pip_requirements=[
                        f"{name}=={importlib.metadata.version(name)}" for name in _REQUIREMENTS
                    ],
                )
            try:
                client.create_registered_model(model_name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            made = client.create_model_version(
                model_name,
                source=logged.model_uri,
                run_id=run.info.run_id,
                tags=dict(tags),
                model_id=logged.model_id,
            )
        return RegisteredVersion(int(made.version), run.info.run_id, dict(tags))

    def promote(self, model_name: str, version: int) -> None:
        """Move the alias 'champion' to a version."""
        with self._connected() as client:
            client.set_registered_model_alias(model_name, CHAMPION, str(version))

    def champion(self, model_name: str) -> RegisteredVersion | None:
        """Return the version that answers, or None if there is none."""
        if not self._exists():
            return None
        from mlflow.exceptions import MlflowException

        with self._connected() as client:
            try:
                found = client.get_model_version_by_alias(model_name, CHAMPION)
            except MlflowException as error:
                # The first where the model is unknown, the second where only the alias is.
                if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    return None
                raise
        return _registered(found)

    def versions(self, model_name: str) -> list[RegisteredVersion]:
        """Return all versions of a model, oldest first; none if it is unknown."""
        if not self._exists():
            return []
        with self._connected() as client:
            found = []
            page = client.search_model_versions(f"name = '{model_name}'")
            while True:
                found += [_registered(item) for item in page]
                if not page.token:
                    return sorted(found, key=lambda item: item.version)
                page = client.search_model_versions(f"name = '{model_name}'", page_token=page.token)

    def download(self, model_name: str, version: int) -> Path:
        """Return a local folder with a version's weights; read it only."""
        with self._connected():
            import mlflow

            path = mlflow.artifacts.download_artifacts(f"models:/{model_name}/{version}")
        return Path(path) / "artifacts" / "model"

    def _exists(self) -> bool:
        """Tell whether there is a store at all; a new home is no reason to load MLflow."""
        return not self.tracking_uri.startswith(_SQLITE) or self._database().exists()

    def _database(self) -> Path:
        return Path(self.tracking_uri.removeprefix(_SQLITE))

    def _experiment(self, client: MlflowClient, name: str) -> str:
        """Return the id of the experiment of that name, made with an explicit artifact location."""
        from mlflow.exceptions import MlflowException

        location = None
        if self.tracking_uri.startswith(_SQLITE):
            location = (self.artifact_root.absolute() / name).as_uri()
        if (found := client.get_experiment_by_name(name)) is None:
            try:
                return str(client.create_experiment(name, artifact_location=location))
            except MlflowException as error:  # another process was faster
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
                found = client.get_experiment_by_name(name)
        return str(found.experiment_id)

    @contextmanager
    def _connected(self) -> Iterator[MlflowClient]:
        """Point MLflow at this store, quietly, and leave the process as it was found.

        MLflow's fluent functions know one store per process and export it as
        `MLFLOW_TRACKING_URI`: both are put back.
        """
        os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
        os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
        import mlflow

        logging.getLogger("alembic").setLevel(logging.WARNING)
        if self.tracking_uri.startswith(_SQLITE):
            self._database().parent.mkdir(parents=True, exist_ok=True)
        before = os.environ.get("MLFLOW_TRACKING_URI")
        mlflow.set_tracking_uri(self.tracking_uri)
        try:
            yield mlflow.MlflowClient(self.tracking_uri, self.tracking_uri)
        finally:
            mlflow.set_tracking_uri(None)
            os.environ.pop("MLFLOW_TRACKING_URI", None)
            if before is not None:
                os.environ["MLFLOW_TRACKING_URI"] = before


def _registered(found: Any) -> RegisteredVersion:  # noqa: ANN401 - MLflow's own record
    return RegisteredVersion(int(found.version), str(found.run_id), dict(found.tags))
