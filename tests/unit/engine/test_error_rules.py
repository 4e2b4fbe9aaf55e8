"""Error rules, retries and decoders in whole runs: YAML in, rows out."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import Any

import httpx
import pytest

from tests.lab import Lab

SYNC = dedent("""
    syncs:
      items:
        request: /items
        pagination: {type: page, param: page, size: 2}
        records: items
        key: id
        fields: {id: id}
    """)


def page(*ids: int, **members: Any) -> dict[str, Any]:
    return {"items": [{"id": number} for number in ids], **members}


def graphql(request: httpx.Request) -> Any:
    return {"data": None, "errors": [{"message": "field 'x' is unknown"}]}


def test_an_error_with_status_200_fails_the_run_with_its_message(lab: Lab) -> None:
    lab.write("""errors: [{when: body.errors, then: fail, message: "${body.errors[0].message}"}]""" + SYNC)
    lab.api = graphql
    report = lab.run()
    assert (report.status, report.message, report.hint) == (
        "failed",
        "GET https://api.test/items?page=1: 200: field 'x' is unknown",
        "errors[0] takes this answer for an error",
    )


def test_the_first_rule_that_matches_counts_and_those_of_the_sync_come_first(lab: Lab) -> None:
    rules = "    errors: [{status: [404, 5xx], then: fail, message: mine}]\n"
    lab.write("errors: [{status: 4xx, then: skip}]\n" + SYNC + rules)
    lab.api = lambda _: httpx.Response(404)
    assert (lab.run().status, lab.run().message) == (
        "failed",
        "GET https://api.test/items?page=1: 404: mine",
    )
    lab.api = lambda _: httpx.Response(403)
    assert lab.run().status == "ok"


def test_an_error_that_means_no_records_is_an_empty_page(lab: Lab) -> None:
    window = {"cursor": "day", "start": "2024-05-29", "window": "1d", "format": "%Y-%m-%d"}
    lab.write(
        "errors: [{status: 404, when: \"body.error == 'no report'\", then: empty}]\n"
        "syncs: {sales: {request: {path: /sales, params: {on: '${window.start}'}}, key: day, pagination: none,"
        f" fields: {{day: {{path: day, type: date}}}}, incremental: {json.dumps(window)}}}}}"
    )
    closed = httpx.Response(404, json={"error": "no report"})
    lab.api = lambda request: (
        closed if request.url.params["on"] == "2024-05-30" else [{"day": request.url.params["on"]}]
    )
    report = lab.run()

    assert (report.status, report.message) == ("ok", "")
    assert [str(row["day"]) for row in lab.live("sales")] == ["2024-05-29", "2024-05-31", "2024-06-01"]
    lab.api = lambda _: httpx.Response(404, json={"error": "no such thing"})
    assert lab.run().status == "failed"


def test_r07_a_skipped_answer_deletes_nothing_and_the_run_is_ok(lab: Lab) -> None:
    lab.write("errors: [{status: 403, then: skip, message: not in this plan}]\n" + SYNC)
    lab.api = lambda request: page(1, 2) if request.url.params["page"] == "1" else page(3)
    lab.run()
    lab.api = lambda request: page(1, 4) if request.url.params["page"] == "1" else httpx.Response(403)
    report = lab.run()
    assert (report.status, report.changes.added, report.changes.deleted) == ("ok", 1, 0)
    assert report.notes[-1:] == ("skipped: GET https://api.test/items?page=2: 403: not in this plan",)
    assert [row["id"] for row in lab.live()] == [1, 2, 3, 4]


REPOS = """
    errors: [{status: [403, 451], then: skip}]
    syncs:
      repos: {request: /repos, pagination: none, key: id, fields: {id: id}}
      issues:
        for_each: {sync: repos, as: repo}
        request: "/repos/${repo.id}/issues"
        pagination: none
        key: id
        fields: {id: id, repo: "${repo.id}"}
"""


def test_r07_a_skipped_partition_keeps_its_records_and_the_others_lose_theirs(lab: Lab) -> None:
    lab.write(REPOS)
    answers: dict[str, Any] = {
        "/repos": [{"id": number} for number in range(6)],
        **{f"/repos/{number}/issues": [{"id": 10 * number}, {"id": 10 * number + 1}] for number in range(6)},
    }
    lab.api = lambda request: answers[request.url.path]
    lab.run("repos")
    lab.run("issues")
    answers["/repos/0/issues"] = [{"id": 0}]
    answers |= {f"/repos/{number}/issues": httpx.Response(451) for number in range(1, 6)}
    report = lab.run("issues")
    assert (report.status, report.changes.deleted, len(lab.live("issues"))) == ("ok", 1, 11)
    assert len([note for note in report.notes if note.startswith("skipped: ")]) == 4


def test_a_rule_that_fails_wins_over_what_404_means_for_a_child(lab: Lab) -> None:
    lab.write(REPOS.replace("{status: [403, 451], then: skip}", "{status: 404, then: fail}"))
    lab.api = lambda request: [{"id": 1}] if request.url.path == "/repos" else httpx.Response(404)
    lab.run("repos")
    assert lab.run("issues").status == "failed"


TOKEN = """
    errors: [{when: "body.code == 'bad_cursor'", then: reset}]
    syncs:
      items:
        request: {path: /items, params: {since: "${cursor}"}}
        pagination: none
        records: items
        key: id
        fields: {id: id}
        incremental: {token: next}
"""


def test_r16_a_rule_resets_a_cursor_that_the_api_no_longer_knows(lab: Lab) -> None:
    lab.write(TOKEN)
    lab.api = lambda _: page(1, 2, next="t1")
    lab.run()

    def forgetful(request: httpx.Request) -> Any:
        if "since" in request.url.params:
            return httpx.Response(400, json={"code": "bad_cursor"})
        return page(2, 3, next="t2")

    lab.api = forgetful
    report = lab.run()
    assert (report.status, report.mode, report.changes.added) == ("ok", "full", 1)
    assert lab.checkpoint()["cursor"] == "t2"
    assert [row["id"] for row in lab.live()] == [1, 2, 3]


def test_a_reset_of_a_complete_read_is_an_error(lab: Lab) -> None:
    lab.write(TOKEN)
    lab.api = lambda _: httpx.Response(400, json={"code": "bad_cursor"})
    report = lab.run()
    assert (report.status, report.message) == (
        "failed",
        'GET https://api.test/items: 400: {"code":"bad_cursor"}',
    )


def test_r20_the_wait_may_stand_in_a_header_or_in_the_body(lab: Lab) -> None:
    lab.write(
        "retry: {wait_header: X-Reset-After, wait_body: 'error.retry_in', max_wait: 1m}\n"
        + SYNC
        + "    retry: {attempts: 3}\n"
    )
    answers: list[Any] = [
        httpx.Response(429, headers={"X-Reset-After": "5"}, json={"error": {"retry_in": 9}}),
        httpx.Response(503, text="<html>busy</html>", headers={"X-Reset-After": "90"}),
        page(1),
    ]
    lab.api = lambda _: answers.pop(0) if answers else page()
    assert lab.run().status == "ok"
    assert lab.clock.slept == [9.0, 60.0]
    lab.api = lambda _: httpx.Response(503)
    assert lab.run().message == "GET https://api.test/items?page=1: 503 after 3 attempts"


def test_a_rule_that_cannot_be_evaluated_does_not_hide_the_answer(lab: Lab) -> None:
    lab.write("""errors: [{when: "contains(body.message, 'x')", then: skip}]\n""" + SYNC)
    lab.api = lambda _: httpx.Response(400, text="<html>no")
    assert lab.run().message == "GET https://api.test/items?page=1: 400: <html>no"
    lab.api = lambda _: page(1)
    assert lab.run().message == (
        "errors[0]: cannot evaluate contains(body.message, 'x'): "
        "argument 1 of contains() must be an array or a string, not null"
    )


def test_a_rule_renews_a_session_that_the_api_ends_in_the_middle(lab: Lab) -> None:
    login = "{path: /login, json: {user: me}}"
    lab.write(
        f"auth: {{type: session, request: {login}, token: token}}\n"
        "errors: [{when: body.expired, then: refresh_auth}]\n" + SYNC
    )
    logins: list[str] = []

    def api(request: httpx.Request) -> Any:
        if request.url.path == "/login":
            logins.append(f"secret-{len(logins)}")
            return {"token": logins[-1]}
        if request.url.params["page"] == "2" and request.headers["authorization"] == "Bearer secret-0":
            return {"expired": True}
        return page(1, 2) if request.url.params["page"] == "1" else page(3)

    lab.api = api
    assert (lab.run().status, len(lab.live()), logins) == ("ok", 3, ["secret-0", "secret-1"])


def test_headers_are_in_reach_of_rules(lab: Lab) -> None:
    rule = """{when: "headers.\\"x-plan\\" == 'free'", then: fail, message: "plan ${headers.\\"x-plan\\"}"}"""
    lab.write(f"errors:\n- {rule}\n" + SYNC)
    lab.api = lambda _: httpx.Response(200, json=page(1), headers={"X-Plan": "free"})
    assert lab.run().message == "GET https://api.test/items?page=1: 200: plan free"


def test_r07_a_skipped_detail_makes_the_run_incomplete(lab: Lab) -> None:
    lab.write(
        "errors: [{status: 403, then: skip}]\n"
        + SYNC.replace("pagination: {type: page, param: page, size: 2}", "pagination: none")
        + '    detail: {path: "/items/${record.id}"}\n'
    )

    def api(request: httpx.Request) -> Any:
        if request.url.path == "/items":
            return page(1, 2)
        number = int(request.url.path[-1])
        return httpx.Response(403) if number == 2 else {"id": number}

    lab.api = api
    report = lab.run()
    assert (report.status, report.message) == ("incomplete", "GET https://api.test/items/2: 403")
    assert [row["id"] for row in lab.live()] == [1]


# --- Decoders


def test_a_csv_export_becomes_typed_rows(lab: Lab) -> None:
    lab.write(
        """
        syncs:
          sales:
            request: /export
            decode: {type: csv, null_values: ["", "n/a"]}
            pagination: none
            key: id
            fields:
              id: {path: id, type: integer}
              price: {path: price, type: number}
              paid: {path: paid, type: boolean}
              at: {path: '"Sold at"', type: date}
        """
    )
    text = "id;price;paid;Sold at\n1;2.50;true;2024-05-01\n2;n/a;;\n"
    lab.api = lambda _: httpx.Response(200, text=text, headers={"Content-Type": "text/csv"})
    assert lab.run().status == "ok"
    rows = [(row["id"], row["price"], row["paid"], str(row["at"])) for row in lab.live()]
    assert rows == [(1, 2.5, True, "2024-05-01"), (2, None, None, "None")]


def test_xml_records_are_selected_and_errors_in_xml_are_judged(lab: Lab) -> None:
    lab.write(
        """
        errors:
          - {when: "body.Error.Code == 'SlowDown'", then: retry}
        syncs:
          objects:
            request: /bucket
            decode: {type: xml, lists: [Contents]}
            pagination: none
            records: ListBucketResult.Contents
            key: key
            fields: {key: Key, size: {path: Size, type: integer}}
        """
    )
    answers = [
        httpx.Response(400, text="<Error><Code>SlowDown</Code></Error>"),
        httpx.Response(
            200, text="<ListBucketResult><Contents><Key>a</Key><Size>7</Size></Contents></ListBucketResult>"
        ),
    ]
    lab.api = lambda _: answers.pop(0)
    assert (lab.run().status, lab.live()[0]["key"], lab.live()[0]["size"]) == ("ok", "a", 7)


# --- Rate limits


def test_a_rate_limit_spaces_the_requests_of_a_run(lab: Lab) -> None:
    lab.write("rate_limit: {requests: 2, per: 1m, concurrency: 1}\n" + SYNC)
    times: list[float] = []

    def api(request: httpx.Request) -> Any:
        times.append(lab.clock.time.timestamp())
        number = int(request.url.params["page"])
        return page(number) if number == 4 else page(number, 100 + number)

    lab.api = api
    assert (lab.run().status, len(times)) == ("ok", 4)
    assert all(later - earlier >= 60 for earlier, later in zip(times, times[2:], strict=False))
    assert times[1] - times[0] < 30
    assert [path.name for path in lab.database.with_name("lab.duckdb.locks").glob("*.rate")] == [
        "acme.lab.rate"
    ]


def test_a_run_waits_until_the_api_has_requests_left(lab: Lab) -> None:
    lab.write("rate_limit: {remaining_header: X-Left, reset_header: X-Reset}\n" + SYNC)
    last = {"X-Left": "0", "X-Reset": str(int(lab.clock.time.timestamp()) + 240)}
    lab.api = lambda request: (
        httpx.Response(200, json=page(1, 2), headers=last) if request.url.params["page"] == "1" else page(3)
    )
    assert lab.run().status == "ok"
    assert sum(lab.clock.slept) == pytest.approx(240, abs=20)


def test_a_rule_that_only_warns_is_noted_and_the_answer_is_used(lab: Lab) -> None:
    lab.write("""errors: [{when: body.warning, then: warn, message: "${body.warning}"}]""" + SYNC)
    lab.api = lambda request: (
        page(1, 2, warning="some rows are hidden") if request.url.params["page"] == "1" else page(3)
    )
    report = lab.run()
    told = "warning: GET https://api.test/items?page=1: some rows are hidden"
    assert (report.status, report.changes.added, report.notes) == ("ok", 3, (told,))
    assert lab.dry_run().report.notes[0] == told
    assert lab.rows("SELECT reason FROM syncrun.requests WHERE reason <> ''") == [("errors[0]: warn",)]


def test_a_rule_that_only_warns_hides_no_other_and_says_nothing_of_errors(lab: Lab) -> None:
    rules = "errors: [{when: body, then: warn, message: odd}, {when: body.error, then: fail, message: bad}]"
    lab.write(rules + SYNC)
    lab.api = lambda _: {"items": [], "error": 1}
    assert lab.run().message == "GET https://api.test/items?page=1: 200: bad"
    lab.api = lambda _: httpx.Response(404, json={"x": 1})
    report = lab.run()
    assert (report.status, report.notes) == ("failed", ())
