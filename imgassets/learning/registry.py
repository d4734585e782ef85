"""The model registry: everything imgassets asks of MLflow.

A version is a folder of weights, the Python file that reads it, and what is known of its making
(parameters, metrics, plots, tags). It is stored as a pyfunc model, so that
`mlflow.pyfunc.load_model("models:/<name>@champion")` works for anyone, without imgassets.

The default store is a SQLite file and a folder; a server works by its URI. Where the registry is
down, registering and promoting fail, and the champion that it named last goes on answering
(:mod:`imgassets.learning.registry_cache`). MLflow's usage telemetry is off (its documented switch
`MLFLOW_DISABLE_TELEMETRY`), its logs start at warnings.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import shutil
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgassets.learning.cards import ModelCard
from imgassets.learning.registered import (
    FILES_TAG,
    PROMOTED_TAG,
    CorruptedModel,
    RegisteredModel,
    RegisteredVersion,
    RegistryUnavailable,
    ServedVersion,
    fault_in,
    hash_files,
)
from imgassets.learning.registry_cache import ChampionCache
from imgassets.learning.registry_connection import connected, database, without_password

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION = "champion"
"""Alias of the version that answers."""

CARD = "card.md"
"""The model card's file, in the run's artifacts and beside the weights."""

_SCRIPT = Path(__file__).with_name("registry_script.py")
_COLUMN_TYPES = ("string", "float", "floats")
_REQUIREMENTS = ("mlflow", "numpy", "safetensors")
_UNNAMED = re.compile(r"[^\w\-. :/]")
"""What MLflow does not allow in a metric's name."""

_DESCRIPTION_LENGTH = 5000
"""Characters that MLflow's tables hold of a version's description."""


@dataclass(frozen=True)
class ModelRegistry:
    """Registered models and their versions.

    Every method raises `RegistryUnavailable` where the registry does not answer;
    `load_champion` does so only where it never answered before.

    Args:
        tracking_uri: `sqlite:///<file>` or a server's URL; it keeps runs and the registry.
        artifact_root: folder for files, where the store is SQLite; a server decides for itself.
        cache: folder that keeps champions for the time when the registry is down; None keeps none.
    """

    tracking_uri: str
    artifact_root: Path
    cache: Path | None = None

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
        card: ModelCard | None = None,
        requirements: Sequence[str] = (),
    ) -> RegisteredVersion:
        """Log a run and register its model as a new version, without an alias.

        Args:
            model_name: the registered model; made if it is new, as is an experiment of that name.
            folder: the weights; copied.
            code: Python file with `load_model(folder)`, which returns an object whose
                `predict_frame` takes and returns a pandas frame. It is copied, and must import
                nothing beyond mlflow, numpy and safetensors (and what these need).
            inputs: the columns `predict_frame` takes, each 'string', 'float' or 'floats' (a list
                per row).
            params: parameters of the run.
            metrics: metrics of the run.
            plots: PNG files by name, without the ending.
            tags: kept with the run and the version; the version also gets its files' hashes.
            card: kept with the run, as the version's description, and beside the weights.
            requirements: further installed distributions that `code` imports.
        """
        with tempfile.TemporaryDirectory() as scratch:
            model, drawn = Path(scratch, "model"), Path(scratch, "plots")
            shutil.copytree(folder, model)
            drawn.mkdir()
            for name, png in plots.items():
                (drawn / f"{name}.png").write_bytes(png)
            text = card.to_markdown() if card else ""
            if text:
                (model / CARD).write_text(text, encoding="utf-8")
            with connected(self.tracking_uri, writing=True) as client, warnings.catch_warnings():
                import mlflow

                experiment = self._experiment(client, model_name)
                with mlflow.start_run(experiment_id=experiment, tags=dict(tags)) as run:
                    mlflow.log_params(dict(params))
                    mlflow.log_metrics({_UNNAMED.sub("_", n): v for n, v in metrics.items()})
                    mlflow.log_artifacts(str(drawn), "plots")
                    if text:
                        mlflow.log_artifact(str(model / CARD))
                    # The signature is given: MLflow's advice on how to infer one is noise.
                    warnings.filterwarnings("ignore", category=UserWarning, module="mlflow")
                    logged = mlflow.pyfunc.log_model(
                        name="model",
                        python_model=str(_SCRIPT),
                        artifacts={"model": str(model), "code": str(code)},
                        signature=_signature(inputs),
                        pip_requirements=[
                            f"{name}=={importlib.metadata.version(name)}"
                            for name in (*_REQUIREMENTS, *requirements)
                        ],
                    )
                _make_model(client, model_name)
                made = client.create_model_version(
                    model_name,
                    source=logged.model_uri,
                    run_id=run.info.run_id,
                    tags={**tags, FILES_TAG: json.dumps(hash_files(model))},
                    description=_shortened(text) or None,
                    model_id=logged.model_id,
                )
        return _registered(made)

    def log_comparison(
        self,
        experiment: str,
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
        files: Mapping[str, str],
    ) -> str:
        """Log a run that registers nothing, e.g. a comparison of backbones; return its id.

        Args:
            experiment: made if it is new.
            params: parameters of the run.
            metrics: metrics of the run.
            files: texts by file name.
        """
        with connected(self.tracking_uri, writing=True) as client:
            import mlflow

            with mlflow.start_run(experiment_id=self._experiment(client, experiment)) as run:
                mlflow.log_params(dict(params))
                mlflow.log_metrics({_UNNAMED.sub("_", n): v for n, v in metrics.items()})
                for name, text in files.items():
                    mlflow.log_text(text, name)
                return str(run.info.run_id)

    def promote(self, model_name: str, version: int) -> None:
        """Move the alias 'champion' to a version, and note that it had it.

        Raises:
            ValueError: there is no such version.
        """
        if not any(made.version == version for made in self.versions(model_name)):
            raise self._unknown(model_name, version)
        with connected(self.tracking_uri, writing=True) as client:
            client.set_registered_model_alias(model_name, CHAMPION, str(version))
            client.set_model_version_tag(model_name, str(version), PROMOTED_TAG, "yes")

    def champion(self, model_name: str) -> RegisteredVersion | None:
        """Return the version that answers, or None if there is none."""
        if not self._exists():
            return None
        with connected(self.tracking_uri) as client:
            from mlflow.exceptions import MlflowException

            try:
                return _registered(client.get_model_version_by_alias(model_name, CHAMPION))
            except MlflowException as error:
                # The first where the model is unknown, the second where only the alias is.
                if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    return None
                raise

    def versions(self, model_name: str) -> list[RegisteredVersion]:
        """Return all versions of a model, oldest first; none if it is unknown."""
        if not self._exists():
            return []
        with connected(self.tracking_uri) as client:
            found = _all_pages(client.search_model_versions, f"name = '{model_name}'")
        return sorted(map(_registered, found), key=lambda made: made.version)

    def models(self) -> list[str]:
        """Return the names of all registered models, sorted."""
        return [model.name for model in self.overview()]

    def overview(self) -> list[RegisteredModel]:
        """Return all registered models with their versions and champions, by name."""
        if not self._exists():
            return []
        with connected(self.tracking_uri) as client:
            models = _all_pages(client.search_registered_models)
            versions = _all_pages(client.search_model_versions)
        by_model: dict[str, list[RegisteredVersion]] = {model.name: [] for model in models}
        for found in versions:
            by_model.setdefault(found.name, []).append(_registered(found))
        champions = {m.name: int(m.aliases[CHAMPION]) for m in models if CHAMPION in m.aliases}
        return [
            RegisteredModel(
                name, champions.get(name), tuple(sorted(made, key=lambda item: item.version))
            )
            for name, made in sorted(by_model.items())
        ]

    def load_champion(self, model_name: str) -> ServedVersion | None:
        """Return the version that answers with its verified files, or None if there is none.

        Where the registry does not answer, the cached champion does, and `stale` says so.

        Raises:
            RegistryUnavailable: the registry does not answer, and no intact champion is cached.
            CorruptedModel: the champion's files in the registry are not those registered.
        """
        if self.cache is None:
            if (champion := self.champion(model_name)) is None:
                return None
            return ServedVersion(champion, self._download(model_name, champion))
        try:
            return self._refreshed(model_name, self._champions(self.cache))
        except RegistryUnavailable as error:
            if (served := self.cached_champion(model_name, error)) is not None:
                return served
            note = f"no champion of {model_name} is cached"
            raise RegistryUnavailable(error.registry, error.reason, note) from None

    def cached_champion(
        self, model_name: str, failure: RegistryUnavailable
    ) -> ServedVersion | None:
        """Return the champion that the registry named last, without asking it again.

        Args:
            model_name: the model.
            failure: why the registry is not asked; `stale` says so.

        Returns:
            It, or None where none is cached.

        Raises:
            RegistryUnavailable: the cached files are damaged.
        """
        if self.cache is None:
            return None
        if (cached := self._champions(self.cache).champion(model_name)) is None:
            return None
        number = cached.version.version
        if cached.fault:
            note = f"the cached champion {number} is damaged: {cached.fault}"
            raise RegistryUnavailable(failure.registry, failure.reason, note)
        return ServedVersion(
            cached.version,
            cached.folder,
            f"{failure.what}: using the cached champion {number} of "
            f"{cached.confirmed:%Y-%m-%d %H:%M} UTC",
        )

    def _champions(self, folder: Path) -> ChampionCache:
        return ChampionCache(folder, without_password(self.tracking_uri))

    def _refreshed(self, model_name: str, cache: ChampionCache) -> ServedVersion | None:
        """Return the champion that the registry names, from the cache where it is kept."""
        if not self._exists() and cache.champion(model_name) is not None:
            reason = "its file is gone"
            raise RegistryUnavailable(without_password(self.tracking_uri), reason)
        champion = self.champion(model_name)
        if champion is None:
            cache.forget(model_name)
            return None
        if (folder := cache.files(model_name, champion)) is None:
            with cache.scratch(model_name) as scratch:
                folder = cache.keep(
                    model_name, champion, self._download(model_name, champion, scratch)
                )
        cache.confirm(model_name, champion)
        return ServedVersion(champion, folder)

    def download(self, model_name: str, version: int) -> Path:
        """Return a local folder with a version's verified weights; read it only.

        Raises:
            ValueError: there is no such version.
            CorruptedModel: its files are not those that were registered.
        """
        for made in self.versions(model_name):
            if made.version == version:
                return self._download(model_name, made)
        raise self._unknown(model_name, version)

    def is_intact(self, model_name: str, version: int) -> bool:
        """Tell whether a version's files are those that were registered."""
        try:
            self.download(model_name, version)
        except CorruptedModel:
            return False
        return True

    def _download(
        self, model_name: str, version: RegisteredVersion, into: Path | None = None
    ) -> Path:
        """Return a version's verified weights, copied into a folder if one is given."""
        with connected(self.tracking_uri):
            import mlflow

            path = mlflow.artifacts.download_artifacts(
                f"models:/{model_name}/{version.version}", dst_path=into and str(into)
            )
        weights = Path(path) / "artifacts" / "model"
        if not weights.is_dir():
            raise CorruptedModel(model_name, version.version, "its files are gone")
        # Versions registered before there were hashes are accepted as they are.
        if (files := version.files) is not None and (fault := fault_in(weights, files)):
            raise CorruptedModel(model_name, version.version, fault)
        return weights

    def _unknown(self, model_name: str, version: int) -> ValueError:
        """Return the error that names what there is instead of an unknown version."""
        if made := self.versions(model_name):
            numbers = ", ".join(str(item.version) for item in made)
            return ValueError(f"model {model_name} has no version {version} (it has {numbers})")
        names = ", ".join(self.models()) or "none yet"
        return ValueError(f"no registered model {model_name} (registered: {names})")

    def _exists(self) -> bool:
        """Tell whether there is a store at all; a new home is no reason to load MLflow."""
        path = database(self.tracking_uri)
        try:
            return path is None or path.exists()
        except OSError:  # a folder that may not be looked into: connecting says so
            return True

    def _experiment(self, client: MlflowClient, name: str) -> str:
        """Return the id of the experiment of that name, made with an explicit artifact location."""
        from mlflow.exceptions import MlflowException

        location = None
        if database(self.tracking_uri) is not None:
            location = (self.artifact_root.absolute() / name).as_uri()
        if (found := client.get_experiment_by_name(name)) is None:
            try:
                return str(client.create_experiment(name, artifact_location=location))
            except MlflowException as error:  # another process was faster
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
                found = client.get_experiment_by_name(name)
        return str(found.experiment_id)


def _signature(inputs: Mapping[str, str]) -> Any:  # noqa: ANN401 - MLflow's own class
    """Return the signature of a model that takes these columns."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import Array

    types = dict(zip(_COLUMN_TYPES, ("string", "double", Array(DataType.double)), strict=True))
    return ModelSignature(Schema([ColSpec(types[t], name) for name, t in inputs.items()]))


def _make_model(client: MlflowClient, model_name: str) -> None:
    """Register a model's name unless it is registered."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(model_name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _all_pages(search: Callable[..., Any], filter_string: str | None = None) -> list[Any]:
    """Return every page of one of MLflow's searches."""
    page = search(filter_string)
    found = list(page)
    while page.token:
        page = search(filter_string, page_token=page.token)
        found += page
    return found


def _registered(found: Any) -> RegisteredVersion:  # noqa: ANN401 - MLflow's own record
    stamp = found.creation_timestamp
    return RegisteredVersion(
        int(found.version),
        str(found.run_id),
        dict(found.tags),
        datetime.fromtimestamp(stamp / 1000, UTC) if stamp else None,
    )


def _shortened(card: str) -> str:
    """Return as much of a card as a description holds."""
    if len(card) <= _DESCRIPTION_LENGTH:
        return card
    rest = f"\n\n… (whole in the run's artifact {CARD})\n"
    return card[: _DESCRIPTION_LENGTH - len(rest)] + rest
