"""Parents and children of a real server: Kinto's buckets, their collections, and the records of those."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import httpx
import pytest

from tests.integration.kinto_bucket import PASSWORD, USER
from tests.project_folder import ProjectFolder

ROWS = "SELECT bucket, collection, id, title FROM kinto_tree.records ORDER BY ALL"


class Tree:
    """Buckets with ids of their own, changed through the server's API."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        mark = uuid.uuid4().hex
        self.left, self.right = f"left-{mark}", f"right-{mark}"

    def put(self, bucket: str, collection: str, **titles: str) -> None:
        self._send("PUT", f"/buckets/{bucket}")
        self._send("PUT", f"/buckets/{bucket}/collections/{collection}")
        for name, title in titles.items():
            path = f"/buckets/{bucket}/collections/{collection}/records/{name}"
            self._send("PUT", path, {"data": {"title": title}})

    def delete(self, path: str) -> None:
        self._send("DELETE", path)

    def rows(self) -> list[tuple[object, ...]]:
        """Return what the server has, asked level by level."""
        found = []
        for bucket in (self.left, self.right):
            answer = self._client.get(f"/buckets/{bucket}/collections")
            for collection in answer.json()["data"] if answer.status_code == 200 else ():
                records = self._client.get(f"/buckets/{bucket}/collections/{collection['id']}/records")
                found += [(bucket, collection["id"], r["id"], r["title"]) for r in records.json()["data"]]
        return sorted(found)

    def _send(self, method: str, path: str, body: object = None) -> None:
        self._client.request(method, path, json=body).raise_for_status()


@pytest.fixture
def tree(kinto: str) -> Iterator[Tree]:
    with httpx.Client(base_url=kinto, auth=(USER, PASSWORD), trust_env=False) as client:
        tree = Tree(client)
        tree.put(tree.left, "red", a="1", b="2")
        tree.put(tree.left, "blue", a="3")
        tree.put(tree.right, "red", a="4")
        yield tree


@pytest.fixture
def project(kinto: str, tree: Tree, tmp_path: Path) -> ProjectFolder:
    project = ProjectFolder(tmp_path, env={"KINTO_USER": USER, "KINTO_PASSWORD": PASSWORD})
    copytree(Path(__file__).parent / "connectors", tmp_path / "connectors")
    config = {"url": kinto.removesuffix("/v1"), "buckets": f"{tree.left},{tree.right}"}
    project.write_project(tree={"connector": "kinto_tree", "config": config})
    return project


def test_children_are_read_below_their_parents_which_run_first(project: ProjectFolder, tree: Tree) -> None:
    outcome = project.run("tree/records")
    assert list(outcome.reports) == ["buckets", "collections", "records"]
    assert outcome.counts("records") == (4, 0, 0, 0)
    assert project.query(ROWS) == tree.rows()


def test_r15_each_collection_goes_on_from_its_own_cursor(project: ProjectFolder, tree: Tree) -> None:
    project.run("tree")
    tree.put(tree.left, "green", z="new")
    tree.put(tree.left, "red", b="changed")
    tree.delete(f"/buckets/{tree.right}/collections/red/records/a")

    outcome = project.run("tree")

    assert outcome.counts("collections") == (1, 0, 0, 3)
    assert outcome.counts("records")[:3] == (1, 1, 1)
    assert project.query(ROWS) == tree.rows()


def test_r09_a_collection_that_is_deleted_leaves_with_its_parent_s_complete_read(
    project: ProjectFolder, tree: Tree
) -> None:
    project.run("tree")
    tree.delete(f"/buckets/{tree.left}/collections/blue")

    outcome = project.run("tree")

    assert outcome.counts("collections") == (0, 0, 1, 2)
    assert outcome.counts("records")[:3] == (0, 0, 1)
    assert project.query(ROWS) == tree.rows()
