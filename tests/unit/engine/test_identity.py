"""`check`: who is asking is proven before anything is read."""

from __future__ import annotations

import httpx
import pytest

from syncrun.engine.batch import run_all
from syncrun.engine.job import Options
from tests.lab import Lab

YAML = """
config: {token: {secret: true}}
auth: {type: bearer, token: "${config.token}"}
check: {request: /me, expect: id, who: login}
syncs:
  items: {request: /items, pagination: none, key: id, fields: {id: id, name: name}}
  notes: {request: /notes, pagination: none, key: id, fields: {id: id}}
"""
GOOD = {"token": "a-good-token"}
WRONG = {"token": "a-wrong-token"}


@pytest.fixture
def lab(lab: Lab) -> Lab:
    """An API that shows only what is public to those whom it does not know, as a good answer."""

    def api(request: httpx.Request) -> object:
        known = request.headers["Authorization"] == "Bearer a-good-token"
        if request.url.path == "/me":
            return {"id": 7, "login": "octocat"} if known else {"message": "hello, stranger"}
        return [{"id": number, "name": "x"} for number in range(30 if known else 6)]

    lab.write(YAML)
    lab.api = api
    return lab


def test_r34_a_good_credential_is_proven_before_the_first_page(lab: Lab) -> None:
    assert lab.run(config=GOOD).status == "ok"
    assert lab.requests == ["GET /me", "GET /items"]
    assert len(lab.live()) == 30
    assert lab.rows("SELECT url FROM syncrun.requests ORDER BY seq") == [
        ("https://api.test/me",),
        ("https://api.test/items",),
    ]


def test_r34_where_nobody_is_proven_nothing_is_read_and_nothing_deleted(lab: Lab) -> None:
    lab.run(config=GOOD)
    lab.requests.clear()
    report = lab.run(config=WRONG, accept_deletes=True)
    assert (report.status, lab.requests) == ("failed", ["GET /me"])
    assert report.message == (
        "who is asking is not proven, so nothing was read: GET https://api.test/me: expect (id) does not hold"
        ' of the answer {"message":"hello, stranger"}'
    )
    assert report.hint == "check the credentials: syncrun check acme"
    assert len(lab.live()) == 30


def test_r34_a_dry_run_proves_it_too(lab: Lab) -> None:
    report = lab.dry_run(config=WRONG).report
    assert report.status == "failed"
    assert report.message.startswith("who is asking is not proven")


def test_r34_runs_of_one_command_ask_once_a_connection(lab: Lab) -> None:
    runtime = lab._runtime()
    jobs = [lab._job(sync, name, GOOD) for name in ("acme", "other") for sync in ("items", "notes")]
    reports = run_all(jobs, Options(lock_timeout=5.0), runtime, workers=2)
    assert [report.status for report in reports] == ["ok"] * 4
    assert sorted(lab.requests) == ["GET /items"] * 2 + ["GET /me"] * 2 + ["GET /notes"] * 2


def test_r34_one_failure_is_told_by_every_run_of_the_connection(lab: Lab) -> None:
    jobs = [lab._job(sync, "acme", WRONG) for sync in ("items", "notes")]
    reports = run_all(jobs, Options(lock_timeout=5.0), lab._runtime())
    assert [report.status for report in reports] == ["failed"] * 2
    assert len({report.message for report in reports}) == 1
    assert lab.requests == ["GET /me"]


def test_r34_without_expect_any_good_answer_will_do(lab: Lab) -> None:
    lab.write(YAML.replace(", expect: id, who: login", ""))
    assert lab.run(config=GOOD).status == "ok"
    lab.api = lambda request: httpx.Response(401 if request.url.path == "/me" else 200, json=[])
    report = lab.run(config=WRONG)
    assert report.status == "failed"
    assert report.message.endswith("nothing was read: GET https://api.test/me: 401: []")


@pytest.mark.parametrize("then", ["skip", "empty"])
def test_r34_a_rule_that_takes_errors_for_answers_proves_nothing(lab: Lab, then: str) -> None:
    lab.write(YAML.replace(", expect: id, who: login", "") + f"errors: [{{status: 403, then: {then}}}]\n")
    lab.api = lambda _: httpx.Response(403, json={})
    report = lab.run(config=WRONG)
    assert (report.status, lab.requests) == ("failed", ["GET /me"])


def test_r34_a_rule_that_sees_an_error_in_a_good_answer_counts(lab: Lab) -> None:
    lab.write(
        YAML.replace(", expect: id, who: login", "")
        + 'errors: [{when: "body.ok == `false`", then: fail, message: "${body.error}"}]\n'
    )
    lab.api = lambda _: {"ok": False, "error": "invalid_auth"}
    assert lab.run(config=WRONG).message == (
        "who is asking is not proven, so nothing was read: GET https://api.test/me: 200: invalid_auth"
    )


def test_where_there_is_nothing_to_prove_nothing_is_asked(lab: Lab) -> None:
    lab.write(
        YAML.replace("check: {", "check: {when: config.token, ").replace("secret", "optional: true, secret")
    )
    lab.write(lab.file.read_text().replace('auth: {type: bearer, token: "${config.token}"}\n', ""))
    lab.api = lambda _: []
    assert lab.run(config={"token": None}).status == "ok"
    assert lab.requests == ["GET /items"]


def test_an_answer_that_is_no_json_can_be_read_otherwise(lab: Lab) -> None:
    lab.write(YAML.replace("expect: id, who: login", "decode: xml, expect: Response.Result.Arn"))
    text = "<Response><Result><Arn>arn:aws:iam::1:user/x</Arn></Result></Response>"
    lab.api = lambda request: httpx.Response(200, text=text) if request.url.path == "/me" else []
    report = lab.run(config=GOOD)
    assert report.status == "ok", report.message
