"""Real servers for the tests, and project folders whose connections point at them."""

from __future__ import annotations

import sqlite3
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import httpx
import pytest

from tests.integration.kinto_bucket import PASSWORD, USER, KintoBucket
from tests.integration.servers import serve
from tests.integration.shop_database import create_tables
from tests.project_folder import ProjectFolder

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def datasette(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A Datasette server that gives at most 100 rows a page: its URL, and its SQLite file."""
    folder = tmp_path_factory.mktemp("datasette")
    file = folder / "shop.db"
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA journal_mode = WAL")
    database.close()
    command = [sys.executable, "-m", "datasette", "serve", str(file), "--port", "0"]
    with serve([*command, "--setting", "max_returned_rows", "100"], folder) as url:
        yield url, file


@pytest.fixture
def shop(datasette: tuple[str, Path]) -> Iterator[sqlite3.Connection]:
    """The tables behind the Datasette server, new for each test."""
    database = sqlite3.connect(datasette[1], isolation_level=None)
    create_tables(database)
    yield database
    database.close()


@pytest.fixture
def datasette_project(datasette: tuple[str, Path], shop: sqlite3.Connection, tmp_path: Path) -> ProjectFolder:
    """A project with a connection `shop` to the Datasette server."""
    project = ProjectFolder(tmp_path)
    copytree(HERE / "connectors", tmp_path / "connectors")
    project.write_project(shop={"connector": "datasette", "config": {"url": datasette[0]}})
    return project


@pytest.fixture(scope="session")
def kinto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Kinto server that gives at most 40 records a page, whatever is asked."""
    folder = tmp_path_factory.mktemp("kinto")
    # its web framework still imports pkg_resources, which warns on standard error
    command = [sys.executable, "-W", "ignore", "-m", "pyramid.scripts.pserve", str(HERE / "kinto.ini")]
    with serve(command, folder) as url:
        yield f"{url}/v1"


@pytest.fixture
def bucket(kinto: str) -> Iterator[KintoBucket]:
    """A bucket of its own for each test."""
    with httpx.Client(base_url=kinto, auth=(USER, PASSWORD), trust_env=False) as client:
        yield KintoBucket(client, f"b{uuid.uuid4().hex}")


@pytest.fixture
def kinto_project(kinto: str, bucket: KintoBucket, tmp_path: Path) -> ProjectFolder:
    """A project with a connection `team` to the bucket; user and password come from the environment."""
    project = ProjectFolder(tmp_path, env={"KINTO_USER": USER, "KINTO_PASSWORD": PASSWORD})
    copytree(HERE / "connectors", tmp_path / "connectors")
    config = {"url": kinto.removesuffix("/v1"), "bucket": bucket.name}
    project.write_project(team={"connector": "kinto", "config": config})
    return project
