"""Partitions: parents, listed values, products; each with its own checkpoint and its own deletes."""

from __future__ import annotations

from typing import Any

import httpx

from tests.lab import Lab

REPOS = """
    syncs:
      repos:
        request: /repos
        pagination: none
        key: id
        fields: {id: id, name: name}
      issues:
        for_each: {sync: repos, as: repo}
        request: "/repos/${repo.name}/issues"
        pagination: none
        key: id
        fields: {id: id, repo: "${repo.name}", title: title}
"""


class Forge:
    """Repositories with issues, which can be made to fail."""

    def __init__(self) -> None:
        self.repos = ["a", "b"]
        self.issues: dict[str, list[dict[str, Any]]] = {
            "a": [{"id": 1, "title": "x"}, {"id": 2, "title": "y"}],
            "b": [{"id": 3, "title": "z"}],
        }
        self.status: dict[str, int] = {}

    def __call__(self, request: httpx.Request) -> Any:
        parts = request.url.path.strip("/").split("/")
        if len(parts) == 1:
            return [{"id": ord(name), "name": name} for name in self.repos]
        name = parts[1]
        return httpx.Response(self.status[name]) if name in self.status else self.issues[name]


def live(lab: Lab) -> list[tuple[Any, ...]]:
    return lab.rows("SELECT id, repo, title FROM lab.issues ORDER BY id")


def test_a_child_is_read_once_for_each_live_parent(lab: Lab) -> None:
    lab.write(REPOS)
    lab.api = Forge()
    lab.run("repos")
    assert lab.run("issues").changes.added == 3
    assert lab.requests[1:] == ["GET /repos/a/issues", "GET /repos/b/issues"]
    assert live(lab) == [(1, "a", "x"), (2, "a", "y"), (3, "b", "z")]


def test_r07_a_failed_partition_keeps_all_records_and_the_others_go_on(lab: Lab) -> None:
    """What is no longer in one partition may be in the one that failed."""
    lab.write(REPOS)
    forge = lab.api = Forge()
    lab.run("repos")
    lab.run("issues")
    forge.issues = {"a": [{"id": 1, "title": "new"}], "b": []}
    forge.status = {"b": 403}
    report = lab.run("issues")
    assert report.status == "incomplete"
    assert report.message == "GET https://api.test/repos/b/issues: 403"
    assert live(lab) == [(1, "a", "new"), (2, "a", "y"), (3, "b", "z")]


def test_all_partitions_failing_is_a_failed_run(lab: Lab) -> None:
    lab.write(REPOS)
    forge = lab.api = Forge()
    lab.run("repos")
    forge.status = {"a": 403, "b": 403}
    assert lab.run("issues").status == "failed"


def test_on_error_fail_stops_at_the_first_error(lab: Lab) -> None:
    lab.write(REPOS.replace("as: repo}", "as: repo, on_error: fail}"))
    forge = lab.api = Forge()
    lab.run("repos")
    forge.status = {"a": 403}
    report = lab.run("issues")
    assert (report.status, report.message) == ("failed", "GET https://api.test/repos/a/issues: 403")


def test_a_404_of_a_child_whose_parent_is_live_is_told_and_keeps_its_records(lab: Lab) -> None:
    lab.write(REPOS)
    forge = lab.api = Forge()
    lab.run("repos")
    lab.run("issues")
    forge.status = {"b": 404}
    report = lab.run("issues")
    assert (report.status, len(live(lab))) == ("incomplete", 3)
    assert report.message == "GET https://api.test/repos/b/issues: 404, although its parent is live"
    assert report.hint == (
        "the next run of repos tells whether it is gone;"
        " where 404 means that there is nothing, write errors: [{status: 404, then: empty}]"
    )
    forge.status = {}
    assert lab.run("issues").status == "ok"


def test_a_404_of_a_child_is_forgotten_when_the_parents_next_read_finds_it_gone(lab: Lab) -> None:
    lab.write(REPOS)
    forge = lab.api = Forge()
    lab.run("repos")
    lab.run("issues")
    forge.status = {"b": 404}
    forge.repos = ["a"]
    assert lab.run("issues").status == "incomplete"
    lab.run("repos")
    assert (lab.run("issues").status, {row[1] for row in live(lab)}) == ("ok", {"a"})


def test_a_404_that_means_nothing_can_be_declared(lab: Lab) -> None:
    lab.write(
        REPOS.replace("pagination: none", "errors: [{status: 404, then: empty}]\n        pagination: none")
    )
    forge = lab.api = Forge()
    lab.run("repos")
    lab.run("issues")
    forge.status = {"b": 404}
    report = lab.run("issues")
    assert (report.status, {row[1] for row in live(lab)}) == ("ok", {"a"})


def test_r09_a_parent_that_disappears_takes_its_children(lab: Lab) -> None:
    lab.write(REPOS)
    forge = lab.api = Forge()
    forge.issues["c"] = [{"id": number, "title": "t"} for number in range(10, 13)]
    forge.repos = ["a", "b", "c"]
    lab.run("repos")
    lab.run("issues")
    forge.repos = ["a", "c"]
    lab.run("repos")
    report = lab.run("issues")
    assert (report.status, report.changes.deleted) == ("ok", 1)
    assert {row[1] for row in live(lab)} == {"a", "c"}


def test_concurrency_reads_partitions_side_by_side(lab: Lab) -> None:
    lab.write(REPOS.replace("as: repo}", "as: repo, concurrency: 4}"))
    forge = lab.api = Forge()
    forge.repos = [f"r{number}" for number in range(30)]
    forge.issues = {name: [{"id": name, "title": "t"}] for name in forge.repos}
    lab.api = lambda request: (
        [{"id": name, "name": name} for name in forge.repos]
        if request.url.path == "/repos"
        else forge(request)
    )
    lab.run("repos")
    assert lab.run("issues").changes.added == 30


VALUES = """
    config: {regions: {type: array}}
    syncs:
      shops:
        for_each: {values: "${config.regions}", as: region}
        request: {path: /shops, params: {region: "${region}"}}
        pagination: none
        key: [region, id]
        fields: {region: "${region}", id: id}
"""


def test_a_list_of_values_makes_partitions(lab: Lab) -> None:
    lab.write("connector: lab\nbase_url: https://api.test" + VALUES.replace("\n    ", "\n"))
    lab.api = lambda _: [{"id": 1}]
    lab.run(config={"regions": ["eu", "us"]})
    assert lab.requests == ["GET /shops?region=eu", "GET /shops?region=us"]
    assert lab.rows("SELECT region, id FROM lab.shops ORDER BY ALL") == [("eu", 1), ("us", 1)]


def test_r09_a_shorter_list_deletes_only_when_accepted(lab: Lab) -> None:
    lab.write("connector: lab\nbase_url: https://api.test" + VALUES.replace("\n    ", "\n"))
    lab.api = lambda _: [{"id": 1}]
    lab.run(config={"regions": ["eu", "us"]})
    report = lab.run(config={"regions": ["eu"]})
    assert (report.status, report.changes.deleted) == ("ok", 0)
    assert report.notes == ("no longer listed: 1 partition; `run --accept-deletes` deletes what they had",)
    assert lab.run(config={"regions": ["eu"]}, accept_deletes=True).changes.deleted == 1


def test_lists_multiply_and_unions_add(lab: Lab) -> None:
    lab.write("""
        syncs:
          cells:
            for_each:
              - {values: [1, 2], as: row}
              - {union: [{values: [a]}, {values: [b, a]}], as: column}
            request: "/cells/${row}/${column}"
            records: "[@]"
            pagination: none
            key: [row, column]
            fields: {row: "${row}", column: "${column}"}
    """)
    lab.api = lambda _: {}
    lab.run()
    assert lab.requests == ["GET /cells/1/a", "GET /cells/1/b", "GET /cells/2/a", "GET /cells/2/b"]


def test_batches_group_parents(lab: Lab) -> None:
    lab.write("""
        syncs:
          users:
            for_each: {values: [1, 2, 3], as: ids, batch: 2}
            request: {path: /users, params: {ids: "${ids}"}}
            pagination: none
            key: id
            fields: [id]
    """)
    lab.api = lambda request: [{"id": int(number)} for number in request.url.params.get_list("ids")]
    lab.run()
    assert lab.requests == ["GET /users?ids=1&ids=2", "GET /users?ids=3"]


def test_where_keeps_some_parents_and_else_is_for_an_empty_list(lab: Lab) -> None:
    lab.write("""
        syncs:
          items:
            for_each: {values: [], as: x, else: {values: [1, 2, 3], as: y, where: "@ > `1`"}}
            request: /items/${x}
            records: "[@]"
            pagination: none
            key: id
            fields: {id: "${x}"}
    """)
    lab.api = lambda _: {}
    lab.run()
    assert lab.requests == ["GET /items/2", "GET /items/3"]


INCREMENTAL = REPOS.replace(
    'request: "/repos/${repo.name}/issues"',
    'request: {path: "/repos/${repo.name}/issues", params: {since: "${cursor}"}}\n'
    "        incremental: {cursor: at}",
).replace("title: title", "title: title, at: {path: at, type: integer}")


def test_r15_each_partition_has_its_own_cursor(lab: Lab) -> None:
    lab.write(INCREMENTAL)
    forge = lab.api = Forge()
    forge.issues = {"a": [{"id": 1, "at": 5}], "b": [{"id": 2, "at": 9}], "c": [{"id": 3, "at": 1}]}
    lab.run("repos")
    lab.run("issues")
    forge.repos = ["a", "b", "c"]
    lab.run("repos")
    lab.requests.clear()
    lab.run("issues")
    assert lab.requests == [
        "GET /repos/a/issues?since=5",
        "GET /repos/b/issues?since=9",
        "GET /repos/c/issues",
    ]


def test_changed_only_reads_the_children_of_parents_that_changed(lab: Lab) -> None:
    lab.write(
        REPOS.replace("as: repo}", "as: repo, changed_only: true}").replace("name: name", "name: name, v: v")
    )
    forge = Forge()
    versions = {"a": 1, "b": 1}

    def api(request: httpx.Request) -> Any:
        if request.url.path == "/repos":
            return [{"id": name, "name": name, "v": version} for name, version in versions.items()]
        return forge(request)

    lab.api = api
    lab.run("repos")
    lab.run("issues")
    versions["b"] = 2
    lab.run("repos")
    lab.requests.clear()
    report = lab.run("issues")
    assert (report.status, lab.requests) == ("ok", ["GET /repos/b/issues"])
    assert len(live(lab)) == 3


def test_detail_fetches_the_full_form_of_each_record(lab: Lab) -> None:
    lab.write("""
        syncs:
          items:
            request: /items
            pagination: none
            detail: {path: "/items/${record.id}", concurrency: 2}
            key: id
            fields: {id: id, text: text}
    """)
    lab.api = lambda request: (
        [{"id": 1}, {"id": 2}]
        if request.url.path == "/items"
        else {"id": int(request.url.path[-1]), "text": request.url.path}
    )
    lab.run()
    assert lab.live() == [{"id": 1, "text": "/items/1"}, {"id": 2, "text": "/items/2"}]


def test_r07_a_skipped_detail_is_not_taken_for_deleted(lab: Lab) -> None:
    lab.write("""
        syncs:
          items:
            request: /items
            pagination: none
            detail: {path: "/items/${record.id}", on_error: skip}
            key: id
            fields: {id: id, text: text}
    """)
    broken: set[str] = set()

    def api(request: httpx.Request) -> Any:
        if request.url.path == "/items":
            return [{"id": 1}, {"id": 2}]
        return (
            httpx.Response(404)
            if request.url.path in broken
            else {"id": int(request.url.path[-1]), "text": "t"}
        )

    lab.api = api
    lab.run()
    broken.add("/items/2")
    report = lab.run()
    assert (report.status, report.message) == ("incomplete", "GET https://api.test/items/2: 404")
    assert len(lab.live()) == 2
    broken.clear()
    assert lab.run().status == "ok"


def test_r09_a_parent_that_disappears_takes_the_children_of_an_incremental_sync_too(lab: Lab) -> None:
    lab.write(
        INCREMENTAL.replace(
            "incremental: {cursor: at}", "incremental: {cursor: at}\n        deletes: {flag: gone}"
        )
    )
    forge = lab.api = Forge()
    forge.issues = {"a": [{"id": 1, "at": 5}], "b": [{"id": 2, "at": 9}, {"id": 3, "at": 9}]}
    lab.run("repos")
    lab.run("issues")
    forge.repos = ["a"]
    lab.run("repos", accept_deletes=True)
    report = lab.run("issues")
    assert (report.status, report.mode, report.changes.deleted) == ("ok", "incremental", 2)
    assert lab.rows("SELECT id FROM lab.issues") == [(1,)]
    assert lab.run("issues").changes.deleted == 0
