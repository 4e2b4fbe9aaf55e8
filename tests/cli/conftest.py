"""A project whose connection `acme` reads a scripted API on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api import Api
from tests.project_folder import ProjectFolder

CONNECTOR = """
connector: store
base_url: ${config.url}
config: {url: {}}
retry: {attempts: 1}
syncs:
  items:
    request: /items
    pagination: none
    key: id
    fields: {id: {path: id, type: integer}, name: name}
  notes:
    for_each: {sync: items, as: item}
    request: /items/${item.id}/notes
    pagination: none
    key: id
    fields: {id: {path: id, type: integer}, text: text}
  events:
    request: {path: /events, params: {since: "${cursor}"}}
    pagination: {type: cursor, token: next, into: params.after}
    records: events
    key: id
    incremental: {cursor: at}
    fields: {id: {path: id, type: integer}, at: {path: at, type: timestamp}}
"""


@pytest.fixture
def api() -> Iterator[Api]:
    """Two items, one note each, and two pages of events."""
    with Api() as api:
        api.on("GET /items", json=[{"id": 1, "name": "one"}, {"id": 2, "name": "two"}])
        api.on("GET /items/1/notes", json=[{"id": 10, "text": "x"}])
        api.on("GET /items/2/notes", json=[{"id": 20, "text": "y"}])
        api.on("GET /events", json={"events": [{"id": 1, "at": "2024-05-01T10:00:00Z"}], "next": "b"})
        api.on("GET /events?after=b", json={"events": [{"id": 2, "at": "2024-05-02T10:00:00Z"}]})
        yield api


@pytest.fixture
def project(api: Api, tmp_path: Path) -> ProjectFolder:
    """A project with one connection, `acme`."""
    folder = ProjectFolder(tmp_path)
    folder.write("connectors/store.yaml", CONNECTOR)
    folder.write_project(acme={"connector": "store", "config": {"url": api.url}})
    return folder
