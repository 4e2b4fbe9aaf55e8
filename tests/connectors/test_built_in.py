"""What holds for every connector that comes with syncrun."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncrun.config.load import find_connector, load_connector
from tests.connectors.replay import CONNECTORS

NAMES = sorted(file.stem for file in CONNECTORS.glob("*.yaml"))


def test_there_are_some() -> None:
    assert {"github", "github_repo", "pokeapi"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_built_in_connector_is_found_by_its_name_and_is_described(name: str) -> None:
    connector = load_connector(find_connector(name, []))

    assert connector.connector == name
    assert connector.title
    assert connector.description
    assert connector.docs.startswith("https://")
    assert all(entry.description for entry in connector.config.values())
    assert all(sync.key_fields and sync.every for sync in connector.syncs.values())


@pytest.mark.parametrize(
    "file", sorted(CONNECTORS.glob("*/*.*")), ids=lambda file: f"{file.parent.name}/{file.stem}"
)
def test_sample_responses_belong_to_a_sync_and_stay_small(file: Path) -> None:
    connector = load_connector(find_connector(file.parent.name, []))

    assert file.name.split(".")[0] in (*connector.syncs, "check")
    assert file.stat().st_size < 20_000
