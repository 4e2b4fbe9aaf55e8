"""Hooks: YAML and Python in, rows out; what a hook sees, what it may change, and how its failures are told."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from textwrap import dedent
from typing import Any

import httpx
import pytest

from syncrun.errors import ConfigurationError
from tests.lab import Lab

THINGS = """
    hooks: hooks/lab.py
    config: {account: {}, token: {secret: true}}
    syncs:
      things:
        request: /things
        pagination: none
        key: id
        fields: {id: id, name: name}
"""
SIGNED = """
    hooks: hooks/lab.py
    config: {token: {secret: true}}
    auth: {type: hook}
    syncs: {things: {request: {path: /things, params: {a: 1}}, pagination: none, key: id, fields: [id]}}
"""
PAGED = """
    hooks: hooks/lab.py
    syncs:
      things: {request: /things, records: items, pagination: {type: hook, into: params.after}, key: id, fields: [id]}
"""
CONFIG = {"account": "a1", "token": "hunter22-hunter22"}


def hooked(bench: Lab, yaml: str, **files: str) -> None:
    """Write the connector *yaml* and its hook files, by their names below `hooks/`."""
    (bench.folder / "hooks").mkdir(exist_ok=True)
    for name, text in files.items():
        (bench.folder / "hooks" / f"{name}.py").write_text(dedent(text), encoding="utf-8")
    bench.write(yaml)


# ── map_record ─────────────────────────────────────────────────────────────────────────────────────────


def test_map_record_changes_splits_and_drops_records_before_they_are_mapped(lab: Lab) -> None:
    hook = """
        def map_record(record, context):
            if record["kind"] == "pair":
                return [{"id": id, "name": context["config"]["account"]} for id in record["ids"]]
            if record["kind"] == "noise":
                return None
            record["name"] = record.pop("label").title()
            return record
    """
    hooked(lab, THINGS, lab=hook)
    lab.api = lambda _: [
        {"kind": "pair", "ids": [1, 2]},
        {"kind": "noise", "id": 9},
        {"kind": "one", "id": 3, "label": "ada"},
    ]
    report = lab.run(config=CONFIG)
    assert (report.status, report.records, report.changes.added) == ("ok", 3, 3)
    assert lab.live() == [{"id": 1, "name": "a1"}, {"id": 2, "name": "a1"}, {"id": 3, "name": "Ada"}]


def test_a_hook_returns_times_and_decimals_as_python_has_them(lab: Lab) -> None:
    hook = """
        from datetime import datetime, timezone
        from decimal import Decimal

        def map_record(record, context):
            return {"id": 1, "at": datetime(2024, 5, 1, tzinfo=timezone.utc), "price": Decimal("1.10")}
    """
    fields = "{id: id, price: {path: price, type: 'decimal(10,2)'}, at: {path: at, type: timestamp}}"
    hooked(lab, THINGS.replace("{id: id, name: name}", fields), lab=hook)
    lab.api = lambda _: [{}]
    assert lab.run(config=CONFIG).status == "ok"
    assert lab.rows('SELECT id, price::VARCHAR, "at"::VARCHAR FROM lab.things') == [
        (1, "1.10", "2024-05-01 00:00:00+00")
    ]


def test_r22_a_record_whose_hook_fails_is_quarantined_as_it_was_received(lab: Lab) -> None:
    hook = """
        def map_record(record, context):
            record["name"] = record["name"].upper()
            if record["id"] == 2:
                raise ValueError(f"no such name: {context['config']['token']}")
            return record
    """
    hooked(lab, THINGS, lab=hook)
    lab.api = lambda _: [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": 3, "name": None}]
    report = lab.run(config=CONFIG)
    assert (report.status, report.changes.added, report.changes.quarantined) == ("ok", 1, 2)
    assert lab.rows("SELECT reason, raw::VARCHAR FROM syncrun.quarantine ORDER BY 1") == [
        (
            "hook map_record (hooks/lab.py:3): AttributeError: 'NoneType' object has no attribute 'upper'",
            '{"id":3,"name":null}',
        ),
        ("hook map_record (hooks/lab.py:5): ValueError: no such name: ***", '{"id":2,"name":"b"}'),
    ]


def test_r22_what_is_quarantined_is_seen_and_so_is_not_deleted(lab: Lab) -> None:
    hook = "def map_record(record, context):\n    return {**record, 'name': 1 / record['n']}\n"
    hooked(lab, THINGS, lab=hook)
    lab.api = lambda _: [{"id": number, "n": 1} for number in range(4)]
    lab.run(config=CONFIG)
    lab.api = lambda _: [{"id": number, "n": number} for number in range(4)]
    report = lab.run(config=CONFIG)
    assert (report.changes.deleted, report.changes.quarantined) == (0, 1)


def test_the_record_as_it_was_received_stays_in_raw(lab: Lab) -> None:
    hook = (
        "def map_record(record, context):\n    record['tags'].clear()\n    return {**record, 'name': 'x'}\n"
    )
    hooked(lab, THINGS + "        raw: true\n", lab=hook)
    lab.api = lambda _: [{"id": 1, "tags": ["a"]}]
    lab.run(config=CONFIG)
    assert lab.rows("SELECT _raw::VARCHAR FROM lab.things__records") == [('{"id":1,"tags":["a"]}',)]


def test_a_record_that_a_hook_drops_is_not_seen_by_a_complete_read(lab: Lab) -> None:
    hook = "def map_record(record, context):\n    return record if record['name'] else None\n"
    hooked(lab, THINGS, lab=hook)
    lab.api = lambda _: [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": 3, "name": "c"}]
    lab.run(config=CONFIG)
    lab.api = lambda _: [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": 3, "name": ""}]
    assert lab.run(config=CONFIG).changes.deleted == 1


def test_map_record_sees_the_parent_that_templates_see(lab: Lab) -> None:
    yaml = """
        hooks: hooks/lab.py
        syncs:
          things:
            for_each: {values: [a, b], as: letter}
            request: /${letter}
            pagination: none
            key: id
            fields: {id: id, of: of}
    """
    hook = "def map_record(record, context):\n    return {**record, 'of': context['letter']}\n"
    hooked(lab, yaml, lab=hook)
    lab.api = lambda request: [{"id": request.url.path}]
    lab.run()
    assert lab.live() == [{"id": "/a", "of": "a"}, {"id": "/b", "of": "b"}]


# ── before_request and parse_response ──────────────────────────────────────────────────────────────────


def test_before_request_changes_what_is_sent(lab: Lab) -> None:
    hook = """
        def before_request(request, context):
            request.params["day"] = context["cursor"] or "first"
            request.params["page"] = context["page"]["number"]
            request.headers["X-Account"] = context["config"]["account"]
            request.url += "/all"
    """
    seen: list[httpx.Request] = []
    hooked(lab, THINGS, lab=hook)
    lab.api = lambda request: seen.append(request) or [{"id": 1}]
    lab.run(config=CONFIG)
    assert lab.requests == ["GET /things/all?day=first&page=1"]
    assert seen[0].headers["x-account"] == "a1"


def test_before_request_changes_requests_for_details_too(lab: Lab) -> None:
    hook = """
        def before_request(request, context):
            request.params["of"] = context.get("record", {}).get("id", "list")
    """
    hooked(lab, THINGS + '        detail: {path: "/things/${record.id}"}\n', lab=hook)
    lab.api = lambda request: [{"id": 7}] if request.url.path == "/things" else {"id": 7, "name": "x"}
    lab.run(config=CONFIG)
    assert lab.requests == ["GET /things?of=list", "GET /things/7?of=7"]
    assert lab.live() == [{"id": 7, "name": "x"}]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("request.params = ['a']", "request.params must be a dict, not list"),
        (
            "request.json, request.text = {}, 'x'",
            "only one of request.json, request.form and request.text may be set",
        ),
        ("return {'a': 1}", "it returned a Python dict; change the request that it is given"),
    ],
)
def test_a_request_that_cannot_be_sent_is_refused(lab: Lab, line: str, message: str) -> None:
    hooked(lab, THINGS, lab=f"def before_request(request, context):\n    {line}\n")
    report = lab.run(config=CONFIG)
    assert (report.status, report.message) == ("failed", f"hook before_request (hooks/lab.py): {message}")
    assert lab.requests == []


def test_r19_a_hook_that_leads_elsewhere_takes_no_credentials_along(lab: Lab) -> None:
    yaml = THINGS + '    auth: {type: bearer, token: "${config.token}"}\n'
    hook = """
        def before_request(request, context):
            request.url = "https://elsewhere.test/things"
            request.headers["X-Token"] = context["config"]["token"]
    """
    seen: list[httpx.Request] = []
    hooked(lab, yaml, lab=hook)
    lab.api = lambda request: seen.append(request) or [{"id": 1}]
    assert lab.run(config=CONFIG).status == "ok"
    assert seen[0].url.host == "elsewhere.test"
    assert CONFIG["token"] not in str(seen[0].headers.raw)


def test_r19_a_secret_in_the_query_is_not_sent_elsewhere(lab: Lab) -> None:
    hook = """
        def before_request(request, context):
            request.url = "https://elsewhere.test/?t=" + context["config"]["token"]
    """
    hooked(lab, THINGS, lab=hook)
    report = lab.run(config=CONFIG)
    assert report.message == (
        "GET https://elsewhere.test/?t=***: a secret is not sent to a server other than that of base_url"
    )
    assert lab.requests == []


def test_parse_response_takes_the_place_of_decode(lab: Lab) -> None:
    hook = """
        def parse_response(response, context):
            assert (response.status, response.headers["x-kind"]) == (200, "pairs")
            return [dict(id=int(number), name=name) for number, name in map(str.split, response.text.splitlines())]
    """
    hooked(lab, THINGS, lab=hook)
    lab.api = lambda _: httpx.Response(200, text="1 a\n2 b\n", headers={"X-Kind": "pairs"})
    lab.run(config=CONFIG)
    assert lab.live() == [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]


def test_parse_response_has_json_at_hand_and_error_rules_see_the_answer_as_it_came(lab: Lab) -> None:
    yaml = THINGS + "    errors: [{when: \"contains(body, 'busy')\", then: fail, message: it is busy}]\n"
    hook = "def parse_response(response, context):\n    return response.json()[4:]\n"
    hooked(lab, yaml, lab=hook.replace("response.json()[4:]", "__import__('json').loads(response.text[4:])"))
    lab.api = lambda _: httpx.Response(200, text="for;[{}]".replace("{}", '{"id": 1}'))
    assert lab.run(config=CONFIG).status == "ok"
    lab.api = lambda _: httpx.Response(200, text="busy")
    assert lab.run(config=CONFIG).message == "GET https://api.test/things: 200: it is busy"


def test_r07_an_answer_that_a_hook_cannot_read_fails_the_run_and_deletes_nothing(lab: Lab) -> None:
    hooked(lab, THINGS, lab="def parse_response(response, context):\n    return response.json()\n")
    lab.api = lambda _: [{"id": 1}]
    lab.run(config=CONFIG)
    lab.api = lambda _: httpx.Response(200, text="<html>")
    report = lab.run(config=CONFIG)
    assert (report.status, report.changes.deleted) == ("failed", 0)
    assert report.message == (
        "hook parse_response (hooks/lab.py:2): JSONDecodeError: Expecting value: line 1 column 1 (char 0)"
    )


def test_a_body_that_is_no_json_value_is_refused(lab: Lab) -> None:
    hooked(lab, THINGS, lab="def parse_response(response, context):\n    yield response.json()\n")
    report = lab.run(config=CONFIG)
    assert report.message == (
        "hook parse_response (hooks/lab.py): it returned a Python generator, no JSON value"
    )


# ── next_page ──────────────────────────────────────────────────────────────────────────────────────────


class Shelf:
    """Two records a page, and the number of the next one under a name of its own; can be made to fail."""

    def __init__(self, count: int = 5) -> None:
        self.count, self.broken = count, False

    def __call__(self, request: httpx.Request) -> Any:
        start = int(request.url.params.get("after", 0))
        if self.broken and start:
            return httpx.Response(403)
        items = [{"id": number} for number in range(start, min(start + 2, self.count))]
        return {"items": items, "left": self.count - start - len(items)}


NEXT = """
    def next_page(response, context):
        assert response.json() is response.body and len(response.records) <= 2
        return response.records[-1]["id"] + 1 if response.body["left"] else None
"""


def test_next_page_names_the_token_of_the_next_page(lab: Lab) -> None:
    hooked(lab, PAGED, lab=NEXT)
    lab.api = Shelf()
    report = lab.run()
    assert (report.status, report.pages, report.changes.added) == ("ok", 3, 5)
    assert lab.requests == ["GET /things", "GET /things?after=2", "GET /things?after=4"]


@pytest.mark.parametrize(
    ("line", "second"),
    [
        ("{'url': '?after=2'}", "GET /things?after=2"),
        ("{'url': 'https://api.test/other?after=2'}", "GET /other?after=2"),
        ("{'params': {'after': 2, 'deep': True}}", "GET /things?after=2&deep=true"),
        ("{'token': 2, 'params': {'deep': context['page']['number']}}", "GET /things?deep=1&after=2"),
    ],
)
def test_next_page_may_change_more_of_the_request(lab: Lab, line: str, second: str) -> None:
    hook = f"def next_page(response, context):\n    return {line} if response.body['left'] else {{'url': None}}\n"
    hooked(lab, PAGED, lab=hook)
    lab.api = Shelf(3)
    assert lab.run().status == "ok"
    assert lab.requests == ["GET /things", second]


def test_a_token_may_go_where_a_template_puts_it(lab: Lab) -> None:
    yaml = PAGED.replace("into: params.after", "max_pages: 9").replace(
        "request: /things", 'request: {path: /things, params: {after: "${page.token}"}}'
    )
    hooked(lab, yaml, lab=NEXT)
    lab.api = Shelf(3)
    assert lab.run().status == "ok"
    assert lab.requests == ["GET /things", "GET /things?after=2"]


def test_r17_a_hook_that_goes_round_in_circles_ends_as_incomplete(lab: Lab) -> None:
    hooked(lab, PAGED, lab="def next_page(response, context):\n    return 2\n")
    lab.api = Shelf(4)
    report = lab.run()
    assert (report.status, report.message) == ("incomplete", "page 2 names the same token that page 1 named")
    assert len(lab.requests) == 2


def test_r02_a_run_that_was_cut_short_goes_on_from_what_the_hook_returned(lab: Lab) -> None:
    hook = NEXT.replace("response.records[-1]", '{"params": {"after": response.records[-1]').replace(
        "+ 1 if", "+ 1}} if"
    )
    hooked(lab, PAGED, lab=hook)
    shelf = lab.api = Shelf()
    shelf.broken = True
    assert lab.run().status == "failed"
    assert lab.checkpoint()["resume"]["page"] == {"number": 1, "token": {"params": {"after": 2}}}
    shelf.broken = False
    assert lab.run().status == "incomplete"  # the number that the hook returned may be a position
    assert lab.requests[2:] == ["GET /things?after=2", "GET /things?after=4"]


def test_a_page_that_another_hook_led_to_is_not_gone_on_from(lab: Lab) -> None:
    hooked(lab, PAGED, lab=NEXT)
    shelf = lab.api = Shelf()
    shelf.broken = True
    lab.run()
    shelf.broken = False
    hooked(lab, PAGED, lab=NEXT + "\n    # changed\n")
    lab.run()
    assert lab.requests[2] == "GET /things"


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (
            "{1, 2}",
            "hook next_page (hooks/lab.py): it returned a Python set that JSON cannot hold, and so no checkpoint",
        ),
        ("True", "hook next_page returned true: no token, URL or changes to the request"),
        ("{'parms': {}, 'url': '/x'}", "hook next_page returned the unknown member 'parms'"),
        ("{'params': [1]}", "hook next_page returned params that is not an object"),
        ("response.body['more']", "hook next_page (hooks/lab.py:2): KeyError: 'more'"),
    ],
)
def test_what_is_no_next_page_fails_the_run(lab: Lab, result: str, message: str) -> None:
    hooked(lab, PAGED, lab=f"def next_page(response, context):\n    return {result}\n")
    lab.api = Shelf()
    report = lab.run()
    assert (report.status, report.message) == ("failed", message)


# ── authenticate ───────────────────────────────────────────────────────────────────────────────────────


def test_authenticate_signs_every_request_with_all_of_it(lab: Lab) -> None:
    hook = """
        import hashlib, hmac

        def authenticate(request, context):
            text = f"{request.method} {request.url} {request.content!r}"
            key = context["config"]["token"].encode()
            request.headers["X-Signature"] = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
            request.params["key_id"] = context["connection"]["name"]
    """
    seen: list[httpx.Request] = []
    hooked(lab, SIGNED, lab=hook)
    lab.api = lambda request: seen.append(request) or [{"id": 1}]
    lab.run(config=CONFIG)
    assert lab.requests == ["GET /things?a=1&key_id=acme"]
    text = b"GET https://api.test/things?a=1 b''"
    expected = hmac.new(CONFIG["token"].encode(), text, hashlib.sha256).hexdigest()
    assert seen[0].headers["x-signature"] == expected


def test_r20_a_refused_credential_is_renewed_once(lab: Lab) -> None:
    hook = """
        tokens = iter(["first-token-1", "second-token-2"])
        held = []

        def authenticate(request, context):
            if not held or context["refused"]:
                held[:] = [next(tokens)]
            request.headers["Authorization"] = "Bearer " + held[0]
    """
    hooked(lab, SIGNED, lab=hook)
    lab.api = lambda request: (
        [{"id": 1}] if request.headers["authorization"] == "Bearer second-token-2" else httpx.Response(401)
    )
    assert lab.run(config=CONFIG).status == "ok"
    assert len(lab.requests) == 2


def test_a_signature_that_would_be_the_same_is_not_sent_again(lab: Lab) -> None:
    hook = "def authenticate(request, context):\n    request.headers['X-Key'] = context['config']['token']\n"
    hooked(lab, SIGNED, lab=hook)
    lab.api = lambda request: httpx.Response(401, text=f"bad key {request.headers['x-key']}")
    report = lab.run(config=CONFIG)
    assert report.message == "GET https://api.test/things?a=1: 401: bad key ***"
    assert len(lab.requests) == 1


def test_r23_what_a_hook_signs_with_is_masked_from_then_on(lab: Lab) -> None:
    hook = "def authenticate(request, context):\n    request.headers['Authorization'] = 'Bearer issued-by-hook'\n"
    hooked(lab, SIGNED, lab=hook)
    lab.api = lambda request: httpx.Response(403, text="not you, issued-by-hook")
    assert lab.run(config=CONFIG).message == "GET https://api.test/things?a=1: 403: not you, ***"


# ── after_run ──────────────────────────────────────────────────────────────────────────────────────────

TELLING = """
    import json

    def after_run(summary, context):
        with open(__file__ + ".told", "w") as file:
            json.dump([summary, context["connection"]["name"]], file)
        if summary["added"] > 1:
            raise OSError("nobody listens to " + context["config"]["token"])
"""


def test_after_run_is_told_what_the_last_event_of_the_run_says(lab: Lab) -> None:
    hooked(lab, THINGS, lab=TELLING)
    lab.api = lambda _: [{"id": 1}]
    report = lab.run(config=CONFIG)
    summary, connection = json.loads((lab.folder / "hooks" / "lab.py.told").read_text())
    assert connection == "acme"
    assert summary["event"] == "run_finished"
    assert (summary["sync"], summary["run"]) == ("things", report.run_id)
    assert (summary["status"], summary["added"]) == ("ok", 1)


def test_after_run_that_fails_is_a_failed_run_whose_records_stay(lab: Lab) -> None:
    hooked(lab, THINGS, lab=TELLING)
    lab.api = lambda _: [{"id": 1}, {"id": 2}]
    report = lab.run(config=CONFIG)
    assert (report.status, report.message, report.hint) == (
        "failed",
        "hook after_run (hooks/lab.py:8): OSError: nobody listens to ***",
        "what the run read is committed all the same",
    )
    assert len(lab.live()) == 2
    assert lab.rows("SELECT status, message, added FROM syncrun.runs") == [("failed", report.message, 2)]


def test_after_run_hears_of_a_failed_run_and_its_own_trouble_is_a_note(lab: Lab) -> None:
    hooked(lab, THINGS, lab="def after_run(summary, context):\n    raise RuntimeError(summary['message'])\n")
    lab.api = lambda _: httpx.Response(403)
    report = lab.run(config=CONFIG)
    assert report.message == "GET https://api.test/things: 403"
    assert report.notes == (
        "hook after_run (hooks/lab.py:2): RuntimeError: GET https://api.test/things: 403",
    )


# ── files ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_file_of_a_sync_wins_stage_by_stage(lab: Lab) -> None:
    own = "def map_record(record, context):\n    return {**record, 'name': 'of the sync'}\n"
    common = own.replace("sync", "connector") + (
        "def before_request(request, context):\n    request.params['common'] = 1\n"
    )
    hooked(lab, THINGS + "        hooks: hooks/own.py\n", lab=common, own=own)
    lab.api = lambda _: [{"id": 1}]
    lab.run(config=CONFIG)
    assert lab.requests == ["GET /things?common=1"]
    assert lab.live() == [{"id": 1, "name": "of the sync"}]


def test_r23_nothing_that_a_hook_keeps_reaches_another_connection(lab: Lab) -> None:
    hook = """
        seen = []

        def map_record(record, context):
            seen.append(context["config"]["token"])
            return {"id": record["id"], "name": ",".join(sorted(set(seen)))}
    """
    hooked(lab, THINGS, lab=hook)
    lab.api = lambda _: [{"id": 1}]
    lab.run(connection="acme", config={"token": "of-acme"})
    lab.run(connection="globex", config={"token": "of-globex"})
    assert lab.rows("SELECT _connection, name FROM lab.things ORDER BY 1") == [
        ("acme", "of-acme"),
        ("globex", "of-globex"),
    ]


def test_a_hook_cannot_change_the_config_that_templates_see(lab: Lab) -> None:
    yaml = THINGS.replace(
        "/things", '{path: /things, params: {page: "${page.number}", a: "${config.account}"}}'
    )
    hook = """
        def before_request(request, context):
            context["config"]["account"] = "other"

        def map_record(record, context):
            return {**record, "name": context["config"]["account"]}
    """
    hooked(lab, yaml, lab=hook)
    lab.api = lambda _: [{"id": 1}]
    lab.run(config=CONFIG)
    assert lab.requests == ["GET /things?page=1&a=a1"]
    assert lab.live() == [{"id": 1, "name": "a1"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "import json\nimport nowhere_to_be_found\ndef map_record(record, context): ...\n",
            "the hook file hooks/lab.py:2 cannot be loaded: ModuleNotFoundError: No module named 'nowhere_to_be_found'",
        ),
        (
            "import sys\nsys.exit(3)\ndef map_record(record, context): ...\n",
            "the hook file hooks/lab.py:2 cannot be loaded: SystemExit: 3",
        ),
        (
            "def two(function):\n    return lambda: None\n@two\ndef map_record(record, context): ...\n",
            "hook map_record (hooks/lab.py) must be a function that takes (record, context)",
        ),
    ],
)
def test_a_file_that_cannot_be_loaded_fails_the_run(lab: Lab, text: str, message: str) -> None:
    hooked(lab, THINGS, lab=text)
    report = lab.run(config=CONFIG)
    assert (report.status, report.message) == ("failed", message)
    assert lab.requests == []


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        ("SystemExit('x')", "hook authenticate (hooks/lab.py:4): SystemExit: x"),
        ("asyncio.CancelledError('x')", "hook authenticate (hooks/lab.py:4): CancelledError: x"),
        ("BaseException('x')", "hook authenticate (hooks/lab.py:4): BaseException: x"),
        ("GeneratorExit('x')", "hook authenticate (hooks/lab.py:4): GeneratorExit: x"),
    ],
)
def test_a_hook_that_raises_what_is_no_exception_fails_the_run(lab: Lab, raised: str, message: str) -> None:
    hook = f"""
        import asyncio
        def authenticate(request, context):
            raise {raised}
    """
    hooked(lab, "auth: {type: hook}\n" + dedent(THINGS), lab=hook)
    report = lab.run(config=CONFIG)
    assert (report.status, report.message) == ("failed", message)
    assert lab.rows("SELECT status FROM syncrun.runs") == [("failed",)]


def test_a_file_that_is_gone_since_it_was_checked_fails_the_run(lab: Lab) -> None:
    hooked(lab, THINGS, lab="def map_record(record, context): ...\n")
    (lab.folder / "hooks" / "lab.py").unlink()
    report = lab.run(config=CONFIG)
    assert report.message == "the hook file 'hooks/lab.py' cannot be read: No such file or directory"


def test_a_hook_may_use_dataclasses(lab: Lab) -> None:
    hook = """
        from __future__ import annotations
        from dataclasses import asdict, dataclass

        @dataclass
        class Thing:
            id: int
            name: str = "x"

        def map_record(record, context):
            return asdict(Thing(record["id"]))
    """
    hooked(lab, THINGS, lab=hook)
    lab.api = lambda _: [{"id": 1}]
    lab.run(config=CONFIG)
    assert lab.live() == [{"id": 1, "name": "x"}]


def test_r23_what_a_hook_prints_goes_to_people_without_secrets(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    hook = """
        import sys

        def map_record(record, context):
            print("record", record["id"], context["config"]["token"], sep="|", file=sys.stdout, flush=True)
    """
    hooked(lab, THINGS, lab=hook)
    lab.api = lambda _: [{"id": 1}]
    lab.run(config=CONFIG)
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "record|1|***\n")


def test_threads_that_read_partitions_sign_one_at_a_time(lab: Lab) -> None:
    yaml = SIGNED.replace("{request:", "{for_each: {values: [a, b, c, d], concurrency: 4}, request:")
    hook = """
        busy = []

        def authenticate(request, context):
            assert not busy
            busy.append(1)
            request.headers["X-Token"] = "t"
            busy.clear()
    """
    together = threading.Barrier(4, timeout=20)
    hooked(lab, yaml, lab=hook)
    lab.api = lambda _: together.wait() >= 0 and [{"id": 1}]
    assert lab.run(config=CONFIG).status == "ok"


def test_a_connector_with_a_broken_hook_file_is_not_loaded(lab: Lab) -> None:
    with pytest.raises(ConfigurationError):
        hooked(lab, THINGS, lab="def map_record(record): ...\n")


def test_values_of_setup_are_asked_for_and_seen_by_hooks(lab: Lab) -> None:
    yaml = THINGS + "    setup: {site: {request: /site, value: id}}\n"
    hook = """
        def before_request(request, context):
            request.params["site"] = context["vars"].get("site", "unknown")
    """
    hooked(lab, yaml, lab=hook)
    lab.api = lambda request: {"id": "s7"} if request.url.path == "/site" else [{"id": 1}]
    lab.run(config=CONFIG)
    assert lab.requests == ["GET /site?site=unknown", "GET /things?site=s7"]


def test_a_dry_run_calls_every_hook_but_the_one_that_is_told_of_runs(lab: Lab) -> None:
    hook = """
        def map_record(record, context):
            return [record, {**record, "id": record["id"] + 1}]

        def after_run(summary, context):
            raise AssertionError("nothing happened")
    """
    hooked(lab, THINGS.replace("{}, token: {secret: true}", "{optional: true}"), lab=hook)
    lab.api = lambda _: [{"id": 1}]
    dry = lab.dry_run()
    assert (dry.report.status, dry.preview.changes.added) == ("ok", 2)
