"""`job`: exports that an API prepares in its own time, created once and read like any other pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.lab import Lab

EXPORT = """
    syncs:
      contacts:
        job:
          create: {path: /exports, json: {object: contacts}}
          keep: {id: body.id}
          poll:
            request: "/exports/${job.id}"
            done_when: "body.state == 'done'"
            failed_when: "body.state == 'failed'"
            message: "${body.reason}"
            every: 10s
            timeout: 1m
          download: "/exports/${job.id}/file"
        decode: csv
        key: id
        fields: {id: {path: id, type: integer}, name: name}
"""
PAGED = EXPORT.replace("decode: csv", "pagination: {type: page}\n        records: items").replace(
    "fields", "deletes: {snapshot: true, max_ratio: 1}\n        fields"
)


class Exporter:
    """An API whose exports are done after so many polls; *file* answers what is downloaded."""

    def __init__(self, file: Callable[[httpx.Request], Any], polls: int = 2) -> None:
        self.file, self.polls = file, polls
        self.jobs: dict[str, int] = {}
        self.created: list[Any] = []
        self.state, self.headers = "done", dict[str, str]()

    def __call__(self, request: httpx.Request) -> Any:
        path = request.url.path
        if path == "/exports":
            self.created.append(request.read().decode())
            name = f"j{len(self.created)}"
            self.jobs[name] = 0
            return {"id": name, "state": "new"}
        name = path.split("/")[2]
        if name not in self.jobs:
            return httpx.Response(404, text="no such export")
        if path.endswith("/file"):
            return self.file(request)
        self.jobs[name] += 1
        done = self.jobs[name] > self.polls
        body = {"state": self.state if done else "running", "reason": "the disk is full"}
        return httpx.Response(200, json=body, headers=self.headers)


def csv(*ids: int) -> Callable[[httpx.Request], Any]:
    text = "id,name\n" + "".join(f"{number},n{number}\n" for number in ids)
    return lambda _: httpx.Response(200, text=text, headers={"content-type": "text/csv"})


def pages(*numbers: list[int]) -> Callable[[httpx.Request], Any]:
    def answer(request: httpx.Request) -> Any:
        page = int(request.url.params["page"])
        return {"items": [{"id": n, "name": f"n{n}"} for n in (numbers[page - 1 : page] or [[]])[0]]}

    return answer


def boom(_request: httpx.Request) -> Any:
    return httpx.Response(500, text="boom")


def test_an_export_is_created_polled_and_downloaded(lab: Lab) -> None:
    lab.write(EXPORT)
    lab.api = Exporter(csv(1, 2))
    report = lab.run()
    assert (report.status, report.changes.added, report.pages) == ("ok", 2, 1)
    assert lab.requests == [
        "POST /exports",
        "GET /exports/j1",
        "GET /exports/j1",
        "GET /exports/j1",
        "GET /exports/j1/file",
    ]
    assert lab.clock.slept == [10.0, 10.0]
    assert lab.live() == [{"id": 1, "name": "n1"}, {"id": 2, "name": "n2"}]
    assert "resume" not in lab.checkpoint()


def test_what_a_later_export_does_not_have_is_deleted(lab: Lab) -> None:
    lab.write(EXPORT)
    lab.api = Exporter(csv(1, 2, 3))
    lab.run()
    lab.api = Exporter(csv(1, 3))
    report = lab.run()
    assert (report.status, report.changes.deleted, report.changes.unchanged) == ("ok", 1, 2)


def test_retry_after_says_when_to_ask_again(lab: Lab) -> None:
    lab.write(EXPORT)
    lab.api = api = Exporter(csv(1), polls=1)
    api.headers = {"Retry-After": "3"}
    assert lab.run().status == "ok"
    assert lab.clock.slept == [3.0]


def test_r07_a_failed_export_is_told_and_deletes_nothing(lab: Lab) -> None:
    lab.write(EXPORT)
    lab.api = Exporter(csv(1, 2))
    lab.run()
    lab.api = api = Exporter(csv(), polls=0)
    api.state = "failed"
    report = lab.run()
    assert (report.status, report.message, report.hint) == (
        "failed",
        "GET https://api.test/exports/j1: the export failed: the disk is full",
        "the next run asks for a new export",
    )
    assert len(lab.live()) == 2
    api.state, api.file = "done", csv(1, 2)
    assert lab.run().status == "ok"
    assert len(api.created) == 2


def test_an_export_that_takes_too_long_is_waited_for_by_the_next_run(lab: Lab) -> None:
    lab.write(EXPORT)
    lab.api = api = Exporter(csv(1), polls=7)
    report = lab.run()
    assert (report.status, report.message, report.hint) == (
        "failed",
        'GET https://api.test/exports/j1: the export was not done within 1m: {"state":"running","reason":"the disk is full"}',
        "the next run goes on waiting for it; poll.timeout gives it longer",
    )
    assert lab.checkpoint()["resume"]["job"] == {"id": "j1"}
    assert lab.run().status == "ok"
    assert (len(api.created), len(lab.live())) == (1, 1)


def test_an_export_that_the_api_has_forgotten_is_asked_for_again(lab: Lab) -> None:
    lab.write(EXPORT)
    lab.api = api = Exporter(csv(1), polls=7)
    lab.run()
    api.jobs.clear()
    api.polls = 0
    assert lab.run().status == "ok"
    assert len(api.created) == 2
    assert lab.requests[-4:] == [
        "GET /exports/j1",
        "POST /exports",
        "GET /exports/j2",
        "GET /exports/j2/file",
    ]


def test_a_download_that_stops_half_way_goes_on_with_the_same_export(lab: Lab) -> None:
    lab.write(PAGED)
    whole = pages([1, 2], [3, 4], [5])
    lab.api = api = Exporter(lambda r: boom(r) if r.url.params["page"] == "3" else whole(r), polls=0)
    assert lab.run(commit_rows=2).status == "failed"
    api.file = whole
    before = len(lab.requests)
    report = lab.run()
    assert (report.status, report.changes.added, report.changes.deleted) == ("ok", 1, 0)
    assert lab.requests[before:] == ["GET /exports/j1", "GET /exports/j1/file?page=3"]
    assert (len(api.created), len(lab.live())) == (1, 5)


def test_a_download_that_has_expired_begins_again_with_a_new_export(lab: Lab) -> None:
    lab.write(PAGED)
    whole = pages([1, 2], [3, 4])
    lab.api = api = Exporter(lambda r: boom(r) if r.url.params["page"] == "2" else whole(r), polls=0)
    lab.run()

    def expired(request: httpx.Request) -> Any:
        return httpx.Response(410) if "j1" in request.url.path else whole(request)

    api.file = expired
    report = lab.run()
    assert (report.status, len(api.created), len(lab.live())) == ("ok", 2, 4)


def test_changes_are_exported_from_the_cursor_on(lab: Lab) -> None:
    lab.write(
        EXPORT.replace("name: name}", "name: name, at: {path: at, type: timestamp}}")
        + "        incremental: {cursor: at, request: {path: /exports, json: {object: contacts, changes: '${cursor}'}}}\n"
    )
    text = "id,name,at\n1,a,2024-05-01T00:00:00Z\n"
    lab.api = api = Exporter(lambda _: httpx.Response(200, text=text), polls=0)
    assert lab.run().mode == "full"
    assert lab.run().mode == "incremental"
    changes = '{"object":"contacts","changes":"2024-05-01T00:00:00Z"}'
    assert api.created == ['{"object":"contacts"}', changes]


def test_each_window_of_time_is_an_export(lab: Lab) -> None:
    lab.write(
        EXPORT.replace("contacts}", 'contacts, from: "${window.start}"}').replace(
            "name: name}", "name: name, at: {path: at, type: timestamp}}"
        )
        + "        incremental: {cursor: at, start: '2024-05-01', window: 16d, format: '%d.%m.'}\n"
    )
    texts = {"j1": "id,name,at\n1,a,2024-05-02\n", "j2": "id,name,at\n2,b,2024-05-20\n"}

    def file(request: httpx.Request) -> Any:
        name = request.url.path.split("/")[2]
        return httpx.Response(200, text=texts[name]) if name in texts else boom(request)

    lab.api = api = Exporter(file, polls=0)
    del texts["j2"]
    assert lab.run().status == "failed"
    texts |= {"j2": "id,name,at\n2,b,2024-05-20\n", "j3": "id,name,at\n"}
    assert lab.run().status == "ok"
    assert api.created == [
        '{"object":"contacts","from":"01.05."}',
        '{"object":"contacts","from":"17.05."}',
        '{"object":"contacts","from":"01.06."}',  # what has come since the first run began
    ]
    assert len(lab.live()) == 2


def test_each_partition_has_an_export_and_one_that_fails_keeps_its_own(lab: Lab) -> None:
    lab.write(
        EXPORT.replace(
            "job:\n", "for_each: {values: [a, b], as: place, concurrency: 2}\n        job:\n"
        ).replace("object: contacts", "object: '${place}'")
        + "        retry: {attempts: 1}\n"
    )
    lab.api = api = Exporter(csv(1), polls=0)
    broken = {"b"}

    def file(request: httpx.Request) -> Any:
        number = int(request.url.path.split("/")[2][1:])
        place = "a" if '"a"' in api.created[number - 1] else "b"
        return boom(request) if place in broken else csv(1 if place == "a" else 2)(request)

    api.file = file
    assert lab.run().status == "incomplete"
    assert "resume" not in lab.checkpoint('["a"]')
    kept = lab.checkpoint('["b"]')["resume"]["job"]
    broken.clear()
    assert lab.run().status == "ok"
    assert ["a" if '"a"' in body else "b" for body in api.created].count("b") == 1, kept
    assert [record["id"] for record in lab.live()] == [1, 2]


def test_a_limited_run_leaves_no_trace_of_its_export(lab: Lab) -> None:
    lab.write(EXPORT)
    lab.api = Exporter(csv(1, 2))
    assert lab.run(limit=1).status == "ok"
    assert lab.checkpoint() == {}


def test_a_keyless_export_is_waited_for_too(lab: Lab) -> None:
    lab.write(EXPORT.replace("        key: id\n", ""))
    lab.api = api = Exporter(csv(1, 1), polls=7)
    lab.run()
    assert lab.run().status == "ok"
    assert (len(api.created), len(lab.live())) == (1, 2)


URLS = """
    allow_hosts: [{host: files.test, credentials: false}]
    syncs:
      contacts:
        job:
          create: {path: /jobs, retry_safe: true}
          keep: {url: headers.location}
          poll: {request: {url: "${job.url}"}, done_when: "status == `200`"}
          download: {urls: "body.files"}
        decode: jsonl
        key: id
        fields: {id: id}
        retry: {attempts: 1}
"""


def files(
    *broken: str, files: Any = ("https://files.test/a?s=1", "/b", "c")
) -> Callable[[httpx.Request], Any]:
    def api(request: httpx.Request) -> Any:
        url = str(request.url)
        if url == "https://api.test/jobs":
            return httpx.Response(202, headers={"Location": "https://api.test/jobs/5"})
        if url == "https://api.test/jobs/5":
            return {"files": list(files) if isinstance(files, tuple) else files}
        if url.endswith(broken):
            return httpx.Response(403)
        found = {
            "https://files.test/a?s=1": 1,
            "https://files.test/a?s=2": 1,
            "https://api.test/b": 2,
            "https://api.test/jobs/c": 3,
        }
        return httpx.Response(200, text=f'{{"id": {found[url]}}}\n')

    return api


def test_the_last_poll_names_the_files(lab: Lab) -> None:
    lab.write(URLS)
    lab.api = files()
    report = lab.run()
    assert (report.status, report.pages, report.changes.added) == ("ok", 3, 3)


def test_r19_a_file_at_a_server_that_the_connector_does_not_name_makes_the_run_incomplete(lab: Lab) -> None:
    lab.write(URLS.replace("allow_hosts: [{host: files.test, credentials: false}]", ""))
    lab.api = files()
    report = lab.run()
    assert (report.status, report.exit_code, report.changes.added) == ("incomplete", 3, 0)
    assert "not followed to https://files.test, which is neither" in report.message
    assert 'allow_hosts: [{host: "files.test", credentials: false}]' in report.hint


def test_files_that_were_read_are_not_read_again_though_their_urls_are_new(lab: Lab) -> None:
    lab.write(URLS)
    lab.api = files("/b")
    assert lab.run().status == "failed"
    lab.api = files(files=("https://files.test/a?s=2", "/b", "c"))
    before = len(lab.requests)
    assert lab.run().status == "ok"
    assert lab.requests[before:] == ["GET /jobs/5", "GET /b", "GET /jobs/c"]
    assert len(lab.live()) == 3


def test_an_export_may_have_no_files(lab: Lab) -> None:
    lab.write(URLS)
    lab.api = files(files=())
    assert lab.run().status == "ok"


@pytest.mark.parametrize(
    ("yaml", "answer", "message", "hint"),
    [
        (
            URLS,
            files(files=None),
            'job.download: GET https://api.test/jobs/5: urls (body.files) selects no URLs: {"files":null}',
            "an export without files gives an empty list, as in urls: body.url || `[]`",
        ),
        (
            URLS.replace("headers.location", "body.id"),
            files(),
            "job.create: POST https://api.test/jobs: keep.url (body.id) selects nothing: ",
            "",
        ),
        (
            URLS.replace("          keep: {url: headers.location}\n", ""),
            files(),
            "job.create: POST https://api.test/jobs: the answer is no JSON object: ",
            "say with keep: what of it polls need, such as {url: headers.location}",
        ),
    ],
)
def test_an_answer_without_what_is_needed_fails_the_run(
    lab: Lab, yaml: str, answer: Callable[[httpx.Request], Any], message: str, hint: str
) -> None:
    lab.write(yaml)
    lab.api = answer
    report = lab.run()
    assert (report.status, report.message, report.hint) == ("failed", message, hint)


def test_the_files_may_be_named_by_a_document_of_its_own(lab: Lab) -> None:
    lab.write(URLS.replace('{urls: "body.files"}', '{path: "/documents/${poll.document}", urls: body.url}'))

    def api(request: httpx.Request) -> Any:
        if request.url.path == "/jobs/5":
            return {"document": 9}
        return {"url": "/b"} if request.url.path == "/documents/9" else files()(request)

    lab.api = api
    assert lab.run().status == "ok"
    assert lab.live() == [{"id": 2}]


def test_creating_an_export_is_not_repeated_when_its_answer_is_lost(lab: Lab) -> None:
    lab.write(EXPORT)
    lab.api = lambda _: httpx.Response(502)
    report = lab.run()
    assert (report.status, lab.requests) == ("failed", ["POST /exports"])


def test_a_dry_run_reads_an_export_and_saves_nothing(lab: Lab) -> None:
    lab.write(EXPORT)
    lab.api = Exporter(csv(1, 2))
    found = lab.dry_run()
    assert (found.report.status, found.report.changes.added) == ("ok", 2)
    assert lab.checkpoint() == {}
