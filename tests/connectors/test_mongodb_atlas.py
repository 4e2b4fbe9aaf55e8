"""The MongoDB Atlas connector, against answers of the documented shape."""

from __future__ import annotations

from pathlib import Path

from tests.connectors.replay import Answer, Replay, counts

GROUPS = "/groups?itemsPerPage=500&pageNum=1"
CHALLENGE = {"WWW-Authenticate": 'Digest realm="MMS Public API", nonce="n0", qop="auth", algorithm=MD5'}


def atlas(folder: Path) -> Replay:
    return Replay("mongodb_atlas", folder, public_key="pubkey", private_key="prv-1234")


def projects(api: Replay) -> None:
    api.run(
        "projects",
        Answer(GROUPS, status=401, headers=CHALLENGE),
        Answer(GROUPS, "projects.1.json"),
        Answer("/groups?itemsPerPage=500&pageNum=2", "projects.2.json"),
    )


def test_pages_are_numbered_and_the_key_answers_the_challenge(tmp_path: Path) -> None:
    api = atlas(tmp_path)
    projects(api)

    assert api.column("SELECT name FROM mongodb_atlas.projects ORDER BY id") == [
        "Project 1", "Project 2", "Project 3",
    ]  # fmt: skip
    assert api.requests[1].headers["authorization"].startswith('Digest username="pubkey"')
    assert api.requests[1].headers["accept"] == "application/vnd.atlas.2024-08-05+json"


def test_clusters_of_each_project(tmp_path: Path) -> None:
    api = atlas(tmp_path)
    projects(api)
    none = {"links": [], "results": [], "totalCount": 0}
    first = "/groups/p1/clusters?itemsPerPage=500&pageNum=1"

    report = api.run(
        "clusters",
        Answer(first, status=401, headers=CHALLENGE),
        Answer(first, "clusters.1.json"),
        Answer("/groups/p2/clusters?itemsPerPage=500&pageNum=1", none),
        Answer("/groups/p3/clusters?itemsPerPage=500&pageNum=1", none),
    )

    assert counts(report) == (1, 0, 0, 0)
    assert api.rows("SELECT project, name, state, is_paused FROM mongodb_atlas.clusters") == [
        {"project": "p1", "name": "anvils", "state": "IDLE", "is_paused": False}
    ]


def test_a_refusal_is_told(tmp_path: Path) -> None:
    api = atlas(tmp_path)
    refused = {
        "error": 403,
        "errorCode": "ORG_REQUIRES_ACCESS_LIST",
        "detail": "An access list is required.",
        "reason": "Forbidden",
    }

    report = api.run(
        "projects", Answer(GROUPS, status=401, headers=CHALLENGE), Answer(GROUPS, refused, status=403)
    )

    assert (report.status, report.message) == (
        "failed",
        f"GET https://cloud.mongodb.com/api/atlas/v2{GROUPS}: 403: ORG_REQUIRES_ACCESS_LIST: An access list is required.",
    )
