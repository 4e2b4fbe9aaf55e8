"""Whole runs of APIs that break off without saying so: nothing is deleted, and the exit code is 3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api import Answer, Api, Received
from tests.lab import Lab

RECORDS = [{"id": number, "name": f"n{number}"} for number in range(1, 26)]
SIZE = 10
PAGED = """
    syncs:
      items:
        request: {request}
        records: items
        pagination: {pagination}
        key: id
        fields: {{id: {{path: id, type: integer}}, name: name}}
"""
KINDS = {
    "{type: offset, param: offset, size_param: limit, size: 10, total: total}": "/items",
    "{type: page, size_param: limit, size: 10, total: total}": "/items",
    "{type: page, total_pages: pages}": "/items",
    "{type: cursor, token: next, into: params.page, has_more: more}": "/items",
    "{type: next_url, url: link}": "/items",
    "link_header": "/items",
    "{type: cursor, token: next, into: body.page}": "{method: POST, path: /items, json: {}, retry_safe: true}",
}
BLANK = {
    "an empty body": lambda: httpx.Response(200),
    "204": lambda: httpx.Response(204),
    "null": lambda: httpx.Response(200, text="null"),
    "an empty object": lambda: httpx.Response(200, json={}),
    "a message": lambda: httpx.Response(200, json={"message": "try later"}),
    "a text": lambda: httpx.Response(200, json="try later"),
    "an empty list": lambda: httpx.Response(200, json=[]),
    "null for the list": lambda: httpx.Response(200, json={"items": None}),
    "an object for the list": lambda: httpx.Response(200, json={"items": {}}),
    "a message for the list": lambda: httpx.Response(200, json={"items": {"message": "try later"}}),
}


class Pages:
    """An API with all records, whose second page is *blank* the first so many *times*."""

    def __init__(self, blank: Callable[[], httpx.Response] | None = None, times: int = 99) -> None:
        self.blank, self.times = blank, times

    def __call__(self, request: httpx.Request) -> Any:
        asked = {**dict(request.url.params), **self._body(request)}
        start = int(asked["offset"]) if "offset" in asked else SIZE * (int(asked.get("page", 1)) - 1)
        if start == SIZE and self.blank is not None and self.times:
            self.times -= 1
            return self.blank()
        return self.page(start)

    @staticmethod
    def _body(request: httpx.Request) -> dict[str, Any]:
        import json

        content = request.read()
        return json.loads(content) if content else {}

    @staticmethod
    def page(start: int) -> httpx.Response:
        number = start // SIZE + 1
        more = start + SIZE < len(RECORDS)
        body = {
            "items": RECORDS[start : start + SIZE],
            "total": len(RECORDS),
            "pages": 3,
            "next": number + 1 if more else None,
            "link": f"/items?page={number + 1}" if more else None,
            "more": more,
        }
        headers = {"Link": f'</items?page={number + 1}>; rel="next"'} if more else {}
        return httpx.Response(200, json=body, headers=headers)


@pytest.fixture(params=KINDS)
def paged(lab: Lab, request: pytest.FixtureRequest) -> Lab:
    lab.write(PAGED.format(request=KINDS[request.param], pagination=request.param))
    lab.api = Pages()
    assert lab.run().changes.added == 25
    return lab


def test_r31_a_blank_answer_in_mid_read_deletes_nothing(paged: Lab) -> None:
    for name, blank in BLANK.items():
        paged.api = Pages(blank)
        report = paged.run(full=True)
        assert (report.status, report.exit_code, report.changes.deleted) == ("incomplete", 3, 0), name
        assert "page 2 is missing: the answer has " in report.message
        assert len(paged.live()) == 25


def test_r31_a_blank_answer_is_asked_for_again_as_a_fault_is(paged: Lab) -> None:
    paged.clock.slept.clear()
    paged.api = Pages(BLANK["a message"], times=2)
    report = paged.run(full=True)
    assert (report.status, report.changes.unchanged) == ("ok", 25)
    assert report.requests == 5
    assert paged.clock.slept == [1.0, 2.0]
    told = paged.rows(
        f"SELECT attempt, status, reason FROM syncrun.requests WHERE run_id = '{report.run_id}' AND attempt > 1"
        " ORDER BY seq"
    )
    reason = "asked again: the answer has no list of records: it is an object with message"
    assert told == [(2, 200, reason), (3, 200, reason)]


@pytest.mark.parametrize("list_of", [[], None])
def test_r31_an_empty_page_before_the_total_is_reached_deletes_nothing(lab: Lab, list_of: Any) -> None:
    for kind in list(KINDS)[:3]:
        lab.write(PAGED.format(request="/items", pagination=kind))
        lab.api = Pages()
        lab.run(full=True)
        lab.api = Pages(lambda: httpx.Response(200, json={"items": list_of, "total": 25, "pages": 3}))
        report = lab.run(full=True)
        assert (report.status, report.changes.deleted, len(lab.live())) == ("incomplete", 0, 25), kind


@pytest.mark.parametrize(
    ("pagination", "says"),
    [
        ("{type: cursor, token: next, into: params.page}", {"next": None}),
        ("{type: cursor, token: next, into: params.page, has_more: more}", {"more": False}),
        ("{type: cursor, token_header: X-Next, into: params.page}", {"headers": {"X-Next": ""}}),
        ("{type: next_url, url: link}", {"link": None}),
        ("link_header", {"headers": {"Link": '</items?page=1>; rel="first"'}}),
    ],
)
def test_r31_null_is_the_empty_list_of_an_answer_that_says_how_paging_goes_on(
    lab: Lab, pagination: str, says: dict[str, Any]
) -> None:
    says = dict(says)
    headers, members = says.pop("headers", {}), says
    more = {"next": 2, "more": True, "link": "/items?page=2"}
    lead = {"Link": '</items?page=2>; rel="next"', "X-Next": "2"}

    def api(request: httpx.Request) -> httpx.Response:
        if "page" in request.url.params:
            return httpx.Response(200, json={"items": None, **members}, headers=headers)
        return httpx.Response(200, json={"items": RECORDS[:SIZE], **more}, headers=lead)

    lab.write(PAGED.format(request="/items", pagination=pagination))
    lab.api = api
    assert (lab.run().status, len(lab.live())) == ("ok", 10)
    members, headers = {}, {}
    report = lab.run(full=True)
    assert report.status == "incomplete"
    assert "page 2 is missing: the answer has null in place of the list" in report.message
    errors = """        errors: [{when: "contains(keys(body), 'items') && !(body.items)", then: empty}]\n"""
    assert errors.strip() in report.hint
    lab.write(PAGED.format(request="/items", pagination=pagination) + errors)
    assert lab.run(full=True).status == "ok"


def test_r31_an_object_is_the_only_record_of_an_answer_that_says_how_paging_goes_on(lab: Lab) -> None:
    def api(request: httpx.Request) -> Any:
        if "page" in request.url.params:
            return {"items": {"id": 11, "name": "the last"}, "next": None}
        return {"items": RECORDS[:SIZE], "next": 2}

    lab.write(PAGED.format(request="/items", pagination="{type: cursor, token: next, into: params.page}"))
    lab.api = api
    assert (lab.run().status, len(lab.live())) == ("ok", 11)


def test_r31_what_was_promised_survives_a_run_that_was_cut_short(lab: Lab) -> None:
    lab.write(PAGED.format(request="/items", pagination="{type: page, total: total}"))
    lab.api = Pages()
    lab.run()
    lab.api = Pages(lambda: httpx.Response(500))
    assert lab.run(full=True).status == "failed"
    lab.api = Pages(lambda: httpx.Response(204))
    before = len(lab.requests)
    report = lab.run(full=True)
    assert (report.status, report.changes.deleted, len(lab.live())) == ("incomplete", 0, 25)
    assert set(lab.requests[before:]) == {"GET /items?page=2"}
    assert report.message.startswith("10 of 25 records have come, but page 2 is missing")


FEED = """
    syncs:
      items:
        request: {path: /items, params: {since: "${cursor}"}}
        records: items
        pagination: none
        key: id
        fields: {id: {path: id, type: integer}, at: {path: at, type: integer}}
        incremental: {cursor: at}
        deletes: {request: {path: /deleted, params: {since: "${cursor}"}}, records: deleted, pagination: none}
"""


@pytest.mark.parametrize("name", BLANK)
def test_r33_a_blank_list_of_deletions_moves_nothing(lab: Lab, name: str) -> None:
    lab.write(FEED)
    deleted: list[Any] = [{"id": 1}]
    lab.api = lambda request: {"items": [{"id": 1, "at": 1}, {"id": 2, "at": 2}]}
    lab.run()

    def api(request: httpx.Request) -> Any:
        if request.url.path == "/items":
            return {"items": [{"id": 3, "at": 9}]}
        return blank() if blank is not None else {"deleted": deleted}

    blank: Callable[[], httpx.Response] | None = BLANK[name]
    lab.api = api
    report = lab.run()
    assert (report.status, report.exit_code) == ("incomplete", 3)
    assert report.message.startswith("deletes.request asks for the list of deletions, but page 1 is missing")
    assert lab.checkpoint()["cursor"] == 2
    blank = None
    report = lab.run()
    assert (report.status, report.changes.deleted) == ("ok", 1)
    assert "GET /deleted?since=2" in lab.requests[-2:]


def test_an_error_rule_says_that_no_content_means_no_deletions(lab: Lab) -> None:
    lab.write(
        FEED.replace(
            "pagination: none\n        key",
            "pagination: none\n        errors: [{status: 204, then: empty}]\n        key",
        )
    )
    lab.api = lambda request: (
        {"items": [{"id": 1, "at": 1}]} if request.url.path == "/items" else httpx.Response(204)
    )
    lab.run()
    assert lab.run().status == "ok"


def test_r31_an_export_whose_second_file_is_blank_deletes_nothing(lab: Lab) -> None:
    lab.write("""
        syncs:
          items:
            job:
              create: {path: /jobs, retry_safe: true}
              poll: {request: "/jobs/${job.id}", done_when: body.done}
              download: {urls: body.files}
            decode: jsonl
            key: id
            deletes: {snapshot: true, max_ratio: 1}
    """)
    second: dict[str, str] = {"text": '{"id": 2}'}

    def api(request: httpx.Request) -> Any:
        if request.method == "POST":
            return {"id": 7}
        if request.url.path == "/jobs/7":
            return {"done": True, "files": ["/a", "/b"]}
        return httpx.Response(200, text='{"id": 1}' if request.url.path == "/a" else second["text"])

    lab.api = api
    assert lab.run().changes.added == 2
    second["text"] = ""
    report = lab.run()
    assert (report.status, report.changes.deleted) == ("incomplete", 0)
    assert report.message.startswith("the export names 2 files, but page 1 is missing")


# --- where the records are


@pytest.mark.parametrize(
    ("keys", "answer", "message"),
    [
        (
            "records: data",
            RECORDS,
            "records (data) finds nothing in the answer, which is itself a list of 25",
        ),
        (
            "records: contact",
            {"contacts": RECORDS},
            "records (contact) finds nothing in the answer, which has the lists contacts (25)",
        ),
        (
            "records: data\n        decode: csv",
            httpx.Response(200, text="id,name\n1,a\n2,b\n"),
            "records (data) finds nothing in the answer, which is itself a list of 2",
        ),
        ("records: data", {}, "records (data) finds nothing in the answer: it is {}"),
        ("description: x", {}, "the answer is {}, an object without a list of records"),
    ],
)
def test_records_that_find_nothing_fail_the_run(lab: Lab, keys: str, answer: Any, message: str) -> None:
    lab.write(f"""
    syncs:
      items:
        request: /items
        pagination: none
        {keys}
        key: id
    """)
    lab.api = lambda _: answer
    report = lab.run()
    assert (report.status, report.exit_code, report.message) == ("failed", 1, message)
    assert report.hint


def test_an_api_that_leaves_an_empty_list_out_is_declared(lab: Lab) -> None:
    lab.write("""
        syncs:
          items:
            request: /items
            records: items
            empty: absent
            pagination: none
            key: id
    """)
    lab.api = lambda _: {"kind": "list"}
    assert lab.run().status == "ok"


# --- lists that were cut off


@pytest.mark.parametrize(
    ("request_", "count", "sign"),
    [
        ("/items", 200, "200 records, which is a round number"),
        ("{path: /items, params: {limit: 24}}", 24, "24 records for limit=24"),
    ],
)
def test_r07_a_list_that_was_cut_off_without_a_sign_deletes_nothing(
    lab: Lab, request_: str, count: int, sign: str
) -> None:
    rows = [{"id": number} for number in range(230)]
    yaml = f"""
        syncs:
          items:
            request: {request_}
            key: id
            fields: [id]
    """
    lab.write(yaml)
    lab.api = lambda _: rows[: count + 5]
    lab.run()
    lab.api = lambda _: rows[:count]
    report = lab.run()
    assert (report.status, report.exit_code, report.changes.deleted) == ("incomplete", 3, 0)
    assert report.message == f"looks cut off: {sign}, and no way to the next page was found"
    assert "`pagination: none`" in report.hint
    lab.write(yaml.replace("key: id", "key: id\n            pagination: none"))
    assert lab.run().changes.deleted == 5


def test_r07_an_answer_that_says_that_it_is_a_part_deletes_nothing(lab: Lab) -> None:
    lab.write(PAGED.format(request="/items", pagination="none"))
    lab.api = lambda _: {"items": RECORDS}
    lab.run()
    lab.api = lambda _: {"items": RECORDS[:20], "incomplete_results": True}
    report = lab.run()
    assert (report.status, report.exit_code, report.changes.deleted) == ("incomplete", 3, 0)
    assert report.message == "the answer of page 1 says incomplete_results=true: it is only a part"


def test_r07_cut_off_says_in_one_key_which_answers_are_a_part(lab: Lab) -> None:
    yaml = PAGED.format(request="/items", pagination="none") + "        cut_off: body.meta.stopped\n"
    lab.write(yaml)
    lab.api = lambda _: {"items": RECORDS, "meta": {"stopped": False}}
    assert lab.run().status == "ok"
    lab.api = lambda _: {"items": RECORDS[:20], "meta": {"stopped": True}}
    report = lab.run()
    assert (report.status, report.changes.deleted) == ("incomplete", 0)
    assert report.message == "cut_off (body.meta.stopped) is true for the answer of page 1: it is only a part"


# --- a real server


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as served:
        yield served


def test_r31_a_real_server_that_hiccups_is_asked_again(tmp_path: Path, api: Api) -> None:
    from syncrun import Project

    (tmp_path / "connectors").mkdir()
    (tmp_path / "syncrun.yaml").write_text("database: data.duckdb\nconnections: {acme: {connector: shop}}\n")
    (tmp_path / "connectors" / "shop.yaml").write_text(f"""
connector: shop
base_url: {api.url}
retry: {{attempts: 3, base: 1ms}}
syncs:
  items:
    request: /items
    records: items
    pagination: {{type: cursor, token: next, into: params.page}}
    key: id
""")
    hiccups = [2]

    def second(_: Received) -> Answer:
        hiccups[0] -= 1
        return Answer(status=204) if hiccups[0] >= 0 else Answer(json={"items": [{"id": 3}]})

    api.on("GET /items", json={"items": [{"id": 1}, {"id": 2}], "next": 2}).on("GET /items?page=2", second)
    project = Project.load(tmp_path)
    [report] = project.run("acme")
    assert (report.status, report.changes.added, report.requests) == ("ok", 3, 4)
    hiccups[0] = 99
    [report] = project.run("acme")
    assert (report.status, report.changes.deleted, report.requests) == ("incomplete", 0, 4)
    assert len(api.asked("/items")) == 8
