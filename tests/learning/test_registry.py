"""The registry on bad days: real MLflow stores and real damage."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from registering import bias_of, card, register, spoil, weights

from imgassets.learning import registry_connection
from imgassets.learning.registered import (
    FILES_TAG,
    CorruptedModel,
    RegistryUnavailable,
    fault_in,
    hash_files,
)
from imgassets.learning.registry import CARD, ModelRegistry
from imgassets.learning.registry_cache import ChampionCache
from imgassets.learning.versions import model_versions
from tests.servers import free_port


@pytest.fixture
def cached(registry: ModelRegistry, tmp_path: Path) -> ModelRegistry:
    """Return an empty registry over SQLite, with a cache."""
    return replace(registry, cache=tmp_path / "champions")


def database_of(registry: ModelRegistry) -> Path:
    path = registry_connection.database(registry.tracking_uri)
    assert path is not None
    return path


class TestSeveralModels:
    def test_overview_and_rows_of_the_warehouse(self, registry: ModelRegistry) -> None:
        register(registry, "weapon")
        register(registry, "blurry")
        second = register(registry, "blurry")
        register(registry, "of_other_people", tags={"team": "pricing"})
        registry.promote("blurry", second)
        assert registry.models() == ["blurry", "of_other_people", "weapon"]
        blurry = registry.overview()[0]
        assert (blurry.champion, [made.version for made in blurry.versions]) == (2, [1, 2])
        assert blurry.versions[0].created is not None

        rows = model_versions(registry)
        assert rows.select("model", "version", "is_champion").rows() == [
            ("blurry", 1, False),
            ("blurry", 2, True),
            ("weapon", 1, False),
        ]
        assert rows.select("metric", "value", "n_train", "n_test", "snapshot_id").row(0) == (
            "f1", 0.9, 8, 2, 3,
        )  # fmt: skip

    def test_new_home_has_none(self, new_registry: ModelRegistry) -> None:
        assert new_registry.models() == []
        assert new_registry.load_champion("blurry") is None
        with pytest.raises(ValueError, match=r"no registered model blurry \(registered: none yet"):
            new_registry.promote("blurry", 1)
        assert not new_registry.artifact_root.parent.exists()

    def test_promoting_what_is_not_there(self, registry: ModelRegistry) -> None:
        register(registry)
        with pytest.raises(ValueError, match=r"no registered model weapon \(registered: blurry\)"):
            registry.promote("weapon", 1)
        with pytest.raises(ValueError, match=r"blurry has no version 2 \(it has 1\)"):
            registry.promote("blurry", 2)


class TestCache:
    def test_champion_is_downloaded_once(self, cached: ModelRegistry) -> None:
        version = register(cached, bias=0.25)
        cached.promote("blurry", version)
        first = cached.load_champion("blurry")
        assert first is not None
        assert first.stale == ""
        assert bias_of(first.folder) == 0.25
        spoil(weights(cached, version))
        again = cached.load_champion("blurry")
        assert again is not None, "the registry's own files are not read again"
        assert again.folder == first.folder
        assert cached.cache is not None
        assert first.folder.is_relative_to(cached.cache)

    def test_champion_changes_and_one_before_it_is_kept(self, cached: ModelRegistry) -> None:
        folders = []
        for bias in (1.0, 2.0, 3.0):
            cached.promote("blurry", register(cached, bias=bias))
            served = cached.load_champion("blurry")
            assert served is not None
            assert bias_of(served.folder) == bias
            folders.append(served.folder)
        assert [folder.exists() for folder in folders] == [False, True, True]
        names = {path.name for path in folders[-1].parents[1].iterdir()}
        assert names == {"champion.json", folders[1].parent.name, folders[2].parent.name}

    def test_damaged_cache_is_downloaded_again(self, cached: ModelRegistry) -> None:
        cached.promote("blurry", register(cached, bias=0.25))
        first = cached.load_champion("blurry")
        assert first is not None
        spoil(first.folder / "evaluated" / "net.safetensors")
        again = cached.load_champion("blurry")
        assert again is not None
        assert again.folder == first.folder
        assert fault_in(again.folder, again.version.files or {}) == ""

    def test_registry_that_names_no_champion_is_obeyed_when_it_is_down(
        self, cached: ModelRegistry
    ) -> None:
        cached.promote("blurry", register(cached))
        assert cached.load_champion("blurry") is not None
        import mlflow

        client = mlflow.MlflowClient(cached.tracking_uri, cached.tracking_uri)
        client.delete_registered_model_alias("blurry", "champion")
        assert cached.load_champion("blurry") is None
        database_of(cached).write_bytes(b"garbage" * 1000)
        with pytest.raises(RegistryUnavailable, match="no champion of blurry is cached"):
            cached.load_champion("blurry")

    def test_another_registrys_champion_is_not_answered(self, cached: ModelRegistry) -> None:
        cached.promote("blurry", register(cached))
        assert cached.load_champion("blurry") is not None
        dead = replace(cached, tracking_uri=f"http://127.0.0.1:{free_port()}")
        with pytest.raises(RegistryUnavailable, match="no champion of blurry is cached"):
            dead.load_champion("blurry")

    def test_two_processes_keep_the_same_version(
        self, cached: ModelRegistry, tmp_path: Path
    ) -> None:
        register(cached)
        made = cached.versions("blurry")
        cache = ChampionCache(tmp_path / "shared", "registry")
        with cache.scratch("blurry") as a, cache.scratch("blurry") as b:
            for scratch in (a, b):
                shutil.copytree(cached.download("blurry", 1), scratch / "model")
            kept = [cache.keep("blurry", made[0], scratch / "model") for scratch in (a, b)]
        assert kept[0] == kept[1] == cache.files("blurry", made[0])


class TestCorruption:
    def test_hashes_are_registered(self, registry: ModelRegistry) -> None:
        register(registry)
        (made,) = registry.versions("blurry")
        assert json.loads(made.tags[FILES_TAG]) == hash_files(registry.download("blurry", 1))
        assert "evaluated/net.safetensors" in json.loads(made.tags[FILES_TAG])

    @pytest.mark.parametrize("with_cache", [True, False])
    def test_changed_file_in_the_registry(self, cached: ModelRegistry, with_cache: bool) -> None:
        registry = cached if with_cache else replace(cached, cache=None)
        register(registry, bias=1.0)
        registry.promote("blurry", register(registry, bias=2.0))
        spoil(weights(registry, 2))
        with pytest.raises(
            CorruptedModel,
            match=r"model blurry version 2 .* file net\.safetensors has SHA-256 .*"
            r"models promote blurry OLDER",
        ):
            registry.load_champion("blurry")
        assert not registry.is_intact("blurry", 2)
        assert registry.is_intact("blurry", 1)
        registry.promote("blurry", 1)  # the remedy
        served = registry.load_champion("blurry")
        assert served is not None
        assert bias_of(served.folder) == 1.0

    def test_lost_files_in_the_registry(self, cached: ModelRegistry) -> None:
        cached.promote("blurry", register(cached))
        weights(cached, 1).unlink()
        with pytest.raises(CorruptedModel, match=r"file net\.safetensors is missing"):
            cached.load_champion("blurry")
        shutil.rmtree(cached.artifact_root)
        with pytest.raises(CorruptedModel, match="its files are gone"):
            cached.load_champion("blurry")

    def test_version_from_before_the_hashes_is_accepted(self, cached: ModelRegistry) -> None:
        register(cached, bias=0.5)
        import mlflow

        client = mlflow.MlflowClient(cached.tracking_uri, cached.tracking_uri)
        client.delete_model_version_tag("blurry", "1", FILES_TAG)
        cached.promote("blurry", 1)
        served = cached.load_champion("blurry")
        assert served is not None
        assert served.version.files is None
        assert bias_of(served.folder) == 0.5


class TestDatabaseDown:
    """A SQLite store that cannot be read is a registry that is down."""

    def spoilt(self, registry: ModelRegistry, how: str) -> None:
        path = database_of(registry)
        path.unlink()
        if how == "garbage":
            path.write_bytes(np.random.default_rng(0).bytes(8192))
        elif how == "folder":
            path.mkdir()

    @pytest.mark.parametrize(
        ("how", "reason"),
        [
            ("garbage", "file is not a database"),
            ("folder", "unable to open database file"),
            ("gone", "its file is gone"),
        ],
    )
    def test_cached_champion_answers(self, cached: ModelRegistry, how: str, reason: str) -> None:
        cached.promote("blurry", register(cached, bias=0.75))
        fresh = cached.load_champion("blurry")
        self.spoilt(cached, how)
        served = cached.load_champion("blurry")
        assert served is not None
        assert served == replace(fresh, stale=served.stale)
        assert bias_of(served.folder) == 0.75
        assert served.stale.startswith(f"registry {cached.tracking_uri} did not answer ({reason})")
        assert "using the cached champion 1 of 20" in served.stale

        spoil(served.folder / "net.safetensors")
        with pytest.raises(RegistryUnavailable, match="the cached champion 1 is damaged: file"):
            cached.load_champion("blurry")

    def test_training_fails_clearly(self, cached: ModelRegistry) -> None:
        register(cached)
        self.spoilt(cached, "garbage")
        for attempt in (
            lambda: register(cached),
            lambda: cached.promote("blurry", 1),
            lambda: cached.versions("blurry"),
            lambda: cached.champion("blurry"),
            lambda: cached.models(),
            lambda: cached.download("blurry", 1),
        ):
            with pytest.raises(RegistryUnavailable, match="start or repair it, or name another"):
                attempt()

    def test_damage_inside_the_file(self, cached: ModelRegistry) -> None:
        cached.promote("blurry", register(cached))
        assert cached.load_champion("blurry") is not None
        with database_of(cached).open("r+b") as file:  # the schema's first page stays whole
            file.seek(4096)
            file.write(b"\xa5" * (database_of(cached).stat().st_size - 4096))
        served = cached.load_champion("blurry")
        assert served is not None
        assert "malformed" in served.stale

    def test_locked(self, cached: ModelRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
        cached.promote("blurry", register(cached))
        assert cached.load_champion("blurry") is not None
        monkeypatch.setattr(registry_connection, "LOCK_SECONDS", 0.1)
        with closing(sqlite3.connect(database_of(cached))) as other:
            other.execute("BEGIN EXCLUSIVE")
            served = cached.load_champion("blurry")
            assert served is not None
            assert "database is locked" in served.stale
        served = cached.load_champion("blurry")
        assert served is not None
        assert served.stale == ""


class TestCards:
    def test_card_is_kept_three_times(self, registry: ModelRegistry) -> None:
        register(registry, card=card(known_failures=["mirrors"]))
        import mlflow

        client = mlflow.MlflowClient(registry.tracking_uri, registry.tracking_uri)
        made = client.get_model_version("blurry", "1")
        text = (registry.download("blurry", 1) / CARD).read_text()
        assert "- mirrors" in text
        assert made.description == text
        assert CARD in {item.path for item in client.list_artifacts(made.run_id)}
        assert CARD in hash_files(registry.download("blurry", 1))

    def test_long_card_is_cut_in_the_description_alone(self, registry: ModelRegistry) -> None:
        register(registry, card=card(known_failures=["long " * 2000]))
        import mlflow

        client = mlflow.MlflowClient(registry.tracking_uri, registry.tracking_uri)
        described = client.get_model_version("blurry", "1").description
        assert len(described) == 5000
        assert described.endswith("(whole in the run's artifact card.md)\n")
        assert len((registry.download("blurry", 1) / CARD).read_text()) > 10_000
