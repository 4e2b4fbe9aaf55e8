"""The generated JSON Schemas are current, and judge files as loading them does.

Out of their reach, and so no cases here, is what a look at several parts of a file tells, or a function:
names that templates use, keys that exclude each other (`path` and `url`), fields that the key names, the
syntax of expressions, time zones, cron expressions, the range of intervals, regular expressions, JSON Schemas, hook files, and what `defaults` leave
incomplete.
One more difference is JSON Schema's own: it takes `1.0` for a whole number.
"""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from syncrun import resources
from syncrun.config.connector import Connector
from syncrun.config.load import inspect, list_connectors
from syncrun.config.project import ProjectFile
from syncrun.config.schema import SCHEMAS, connector_schema, project_schema, schema_text
from syncrun.config.yaml_file import YamlFile

CONNECTOR = Draft202012Validator(connector_schema())
PROJECT = Draft202012Validator(project_schema())

HEAD = "connector: acme\nbase_url: https://api.acme.example\n"
SYNC = HEAD + "syncs:\n  things:\n    request: /things\n    key: id\n"

ACCEPTED = [
    SYNC + "    incremental: {cursor: at, start: 2024-01-01, window: 1d, cap: 100, min_window: 1h}\n",
    HEAD + "syncs: {a: {job: {create: /e, poll: {request: /e, done_when: body.x}, download: /f}}}\n",
    HEAD
    + (
        "syncs: {a: {job: {create: {path: /e, json: {}}, keep: {id: body.id}, poll: {request: {path: /e},"
        " done_when: body.x, failed_when: body.y, message: '${body.e}', every: 5s, timeout: 1h},"
        " download: {path: /d, headers: {A: b}, urls: body.url}}}}\n"
    ),
    SYNC,
    SYNC
    + "tests:\n  - {sync: things, responses: a.json, expect: {records: 3, cursor: x, status: incomplete}}\n",
    SYNC
    + "tests:\n  - {sync: things, responses: [a.json, b.json], now: 2024-05-01, expect: {records: [{id: 1}], added: 0}}\n",
    SYNC
    + "    model: stuff\n    description: x\n    every: 15m\n    raw: true\n    history: true\n    auto_start: false\n",
    SYNC + "    every: every half hour\n",
    SYNC + "    cron: 0 6 * * 1-5\n    timezone: Europe/Berlin\n",
    SYNC + "    timeout: 5m\n",
    SYNC + "    pagination: link_header\n",
    SYNC + "    pagination: {type: page, param: p, start: 0, size_param: n, size: 50, max_pages: 3}\n",
    SYNC + "    pagination: {type: cursor, token: next, into: params.after}\n",
    SYNC + "    pagination: {type: next_url, url: links.next}\n",
    SYNC + "    pagination: null\n    fields: null\n",
    SYNC + "    fields: [id, name]\n",
    SYNC + "    fields: {id: id, at: {path: at, type: timestamp}, n: {path: n, type: 'decimal(10,2)'}}\n",
    SYNC + "    fields: {id: id, tags: {path: 'tags[].name', type: 'string[]', hash: false, mask: sha256}}\n",
    SYNC + "    deletes: none\n",
    SYNC + "    deletes: {snapshot: {every: 7d}, max_ratio: 0.3, allow_empty: true}\n",
    SYNC + "    deletes: {request: /deleted, records: items, key: id, pagination: page}\n",
    SYNC + "    deletes: {flag: deleted}\n",
    SYNC + "    incremental: {cursor: id, lookback: 5, type: integer, order: ascending}\n",
    SYNC + "    incremental: {token: next, lookback: 1h, filter: client, start: 2024-01-01}\n",
    SYNC + "    for_each: {values: [1, a], as: each, concurrency: 2}\n",
    SYNC + "    for_each: [{values: [1]}, {sync: other, as: o}]\n  other: {request: /}\n",
    SYNC + "    detail: {path: '/x/${record.id}', into: full, on_error: keep}\n",
    SYNC + "    explode: {path: calls, as: call}\n    on_invalid: 'null'\n    max_quarantined: 0.1\n",
    SYNC + "    schema: {type: object}\n    decode: jsonl\n    max_quarantined: 5\n",
    SYNC + "config: {token: {secret: true, env: TOKEN}, size: {type: integer, minimum: 1, default: 5}}\n",
    SYNC
    + "setup: {cloud_id: {request: /me, value: id}, dc: {request: {url: 'https://x/y'}, value: '[0].d'}}\n",
    SYNC + "auth: {type: none}\n",
    SYNC + "auth: {type: bearer, token: x}\n",
    SYNC + "auth: {type: api_key, in: query, name: k, key: x}\n",
    SYNC + "auth: [{when: connection.name, type: none}, {type: digest, username: x, password: y}]\n",
    SYNC + "auth: {type: session, request: {path: /login, json: {a: b}}, token: t, in: cookie, name: sid}\n",
    SYNC + "auth: {type: aws_sigv4, service: s3, region: x, access_key_id: a, secret_access_key: b}\n",
    SYNC + "auth: {type: oauth2, grant: jwt_bearer, token_url: 'https://x', assertion: {key: k}}\n",
    SYNC + "auth: {type: jwt, algorithm: HS256, key: x, claims: {iss: a, n: 1}, lifetime: 20m}\n",
    SYNC
    + "retry: {attempts: 3, base: 500ms, max_wait: 1.5h}\ntimeout: 10s\nverify: false\nallow_http: true\n",
    SYNC + "defaults: {request: {params: {a: 1}}, pagination: page}\n",
    HEAD
    + (
        "defaults: {request: {url: 'https://x.example'}, key: id}\n"
        "syncs: {a: {}, b: {pagination: {type: page}}}\n"
    ),
    HEAD
    + (
        "defaults: {pagination: {type: page}}\n"
        "syncs: {a: {request: /, pagination: {size_param: n, size: 5}}}\n"
    ),
    HEAD
    + "syncs: {a: {request: {method: POST, url: x, json: [1, {a: null}], headers: {A: 1}}, key: [a, b]}}\n",
]
REJECTED = [
    SYNC + "tests:\n  - {sync: things, responses: a.txt}\n",
    SYNC + "tests:\n  - {sync: things, responses: []}\n",
    SYNC + "tests:\n  - {sync: things, responses: a.json, expect: {records: -1}}\n",
    SYNC + "tests:\n  - {sync: things, responses: a.json, expect: {rows: 1}}\n",
    SYNC + "tests:\n  - {sync: things}\n",
    SYNC + "    every: 500ms\n",
    SYNC + "    every: now and then\n",
    SYNC + "    every: 15\n",
    SYNC + "    cron: 5\n",
    HEAD + "syncs: {a: {key: id}}\n",
    HEAD + "syncs: {a: {job: {create: /e, poll: {request: /e, done_when: body.x}}}}\n",
    HEAD + "syncs: {a: {job: {create: /e, poll: {request: /e}, download: /f}}}\n",
    HEAD
    + "syncs: {a: {job: {create: /e, keep: {}, poll: {request: /e, done_when: body.x}, download: /f}}}\n",
    SYNC + "    incremental: {cursor: at, window: 1d, cap: 0}\n",
    SYNC + "setup: {cloud_id: {request: /me}}\n",
    SYNC + "setup: {Cloud-Id: {request: /me, value: id}}\n",
    SYNC + "setup: {cloud_id: {request: /me, value: id, once: true}}\n",
    SYNC + "setup: {cloud_id: /me}\n",
    "{}",
    HEAD,
    HEAD + "syncs: {}\n",
    HEAD + "syncs: {a: null}\n",
    HEAD + "syncs: {a: {key: id}}\n",
    HEAD + "syncs: {A: {request: /}}\n",
    HEAD + "syncs: {a__history: {request: /}}\n",
    SYNC.replace("acme\n", "main\n"),
    SYNC.replace("acme\n", "Acme\n"),
    SYNC.replace("acme\n", f"{'a' * 64}\n"),
    SYNC + "bogus: 1\n",
    SYNC + "webhooks: {}\n",
    SYNC + "version: 1.0\n",
    SYNC + "verify: yes\n",
    SYNC + "timeout: 60\n",
    SYNC + "timeout: 60 seconds\n",
    SYNC + "retry: {attempts: 0}\n",
    SYNC + "retry: {attempts: '3'}\n",
    SYNC + "auth: {token: x}\n",
    SYNC + "auth: {type: bearer}\n",
    SYNC + "auth: {type: baerer, token: x}\n",
    SYNC + "auth: {type: api_key, in: body, name: k, key: x}\n",
    SYNC + "auth: bearer\n",
    SYNC + "auth: []\n",
    SYNC + "auth: [{type: none}, {type: bearer}]\n",
    SYNC + "auth: {type: oauth2, grant: magic, token_url: 'https://x'}\n",
    SYNC + "auth: {type: oauth2, grant: client_credentials}\n",
    SYNC + "auth: {type: session, request: {pth: /login}, token: t}\n",
    SYNC + "auth: {type: jwt, algorithm: none, key: x}\n",
    SYNC + "auth: {type: jwt, algorithm: HS256, key: x, lifetime: 60}\n",
    SYNC + "auth: {type: digest, username: x}\n",
    SYNC + "auth: {type: hook, function: sign}\n",
    SYNC + "hooks: hooks/acme\n",
    SYNC + "hooks: {map_record: f}\n",
    SYNC + "    hooks: [hooks/acme.py]\n",
    SYNC + "    pagination: {type: hook, url: next}\n",
    SYNC + "config: {token: {secrt: true}}\n",
    SYNC + "config: {Token: {}}\n",
    SYNC + "config: {token: {env: 'A B'}}\n",
    SYNC + "config: {token: {type: strng}}\n",
    SYNC + "    model: a__records\n",
    SYNC + "    pagination: curser\n",
    SYNC + "    pagination: {type: curser}\n",
    SYNC + "    pagination: {max_pages: 3}\n",
    SYNC + "    pagination: {type: page, bogus: 3}\n",
    SYNC + "    pagination: {type: page, max_pages: 0}\n",
    SYNC + "    pagination: [page]\n",
    SYNC + "    fields: {}\n",
    SYNC + "    fields: []\n",
    SYNC + "    fields: {_id: id}\n",
    SYNC + "    fields: [id, _Seq]\n",
    SYNC + "    fields: {id: {typ: string}}\n",
    SYNC + "    fields: {id: {path: id, type: strng}}\n",
    SYNC + "    fields: {id: {path: id, hash: no}}\n",
    SYNC + "    fields: {id: 5}\n",
    SYNC + "    deletes: sometimes\n",
    SYNC + "    deletes: {snapshot: false}\n",
    SYNC + "    deletes: {snapshot: {every: 7}}\n",
    SYNC + "    deletes: {max_ratio: 2}\n",
    SYNC + "    incremental: {cursor: id, lookback: -5}\n",
    SYNC + "    incremental: {cursor: id, order: up}\n",
    SYNC + "    incremental: {cursor: id, request: {pth: /}}\n",
    SYNC + "    explode: {path: a}\n",
    SYNC + "    explode: {path: a, as: A}\n",
    SYNC + "    decode: yaml\n",
    SYNC + "    on_invalid: null\n",
    SYNC + "    max_quarantined: -1\n",
    SYNC.replace("key: id", "key: []"),
    SYNC.replace("key: id", "key: 5"),
    SYNC.replace("key: id", "key: ''"),
    SYNC + "    history: yesterday\n",
    SYNC + "    for_each: {sync: a, bogus: 1}\n",
    SYNC + "    for_each: []\n",
    SYNC + "    for_each: {values: 5}\n",
    SYNC + "    detail: {path: 5}\n",
    SYNC + "    detail: {path: x, method: PUT}\n",
    SYNC.replace("request: /things", "request: [1]"),
    SYNC.replace("request: /things", "request: {method: get}"),
    SYNC + "defaults: {bogus: 1}\n",
    SYNC + "defaults: {request: {mehod: GET}}\n",
    SYNC + "defaults: {pagination: {type: page, sise: 1}}\n",
    SYNC + "defaults: [1]\n",
    "connector: acme\nbase_url: x://\ndefaults: {every: 1h}\nsyncs: {a: {request: /, bogus: 1}}\n",
]
PROJECTS = [
    ("{}", True),
    ("database: a.duckdb\n", True),
    ("connections: {acme-1.x: {connector: a, config: {t: '${env.T}', n: 5}, metadata: {a: [1]}}}\n", True),
    ("connections: {a: {connector: a, syncs: {b: {every: 1h, enabled: false}}}}\n", True),
    ("every: every day\nconnections: {a: {connector: a, syncs: {b: {cron: '* * * * *'}}}}\n", True),
    ("every: daily\n", False),
    ("publish: read.duckdb\nenvironments: {p: {publish: other.duckdb}}\n", True),
    ("publish: ''\n", False),
    ("encryption_key: ${env.KEY}\n", True),
    ("encryption_key: 5\n", False),
    ("retention: {payload_after: null, idle_sync_after: 90d, run_logs: 2w}\n", True),
    ("retention: {payload_after: 90}\n", False),
    ("retention: {records: 90d}\n", False),
    ("connections: {a: {connector: a}}\nenvironments: {p: {connections: {a: {config: {b: 1}}}}}\n", True),
    ("connections: {a: {}}\n", False),
    ("connections: {a/b: {connector: a}}\n", False),
    ("connections: {-a: {connector: a}}\n", False),
    ("connections: {a: {connector: a, syncs: {b: {enabled: yes}}}}\n", False),
    ("connections: {a: {connector: a, bogus: 1}}\n", False),
    ("database: ''\n", False),
    ("database: 5\n", False),
    ("webhooks: []\n", False),
    ("environments: {p: {bogus: 1}}\n", False),
]


def errors_of(text: str) -> list[str]:
    return [error.message for error in CONNECTOR.iter_errors(YamlFile.parse(text).value)]


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_the_schema_files_are_current(name: str) -> None:
    """Where this fails: `python -m syncrun.config.schema` writes them anew."""
    path = resources.folder("schemas") / f"{name}.schema.json"
    assert path.read_text(encoding="utf-8") == schema_text(SCHEMAS[name]())


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_the_schemas_are_valid_themselves(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name]())


@pytest.mark.parametrize("text", ACCEPTED)
def test_schema_and_loading_accept_alike(text: str) -> None:
    assert [str(problem) for problem in inspect(text)[1]] == []
    assert errors_of(text) == []


@pytest.mark.parametrize("text", REJECTED)
def test_schema_and_loading_reject_alike(text: str) -> None:
    assert inspect(text)[1]
    assert errors_of(text)


@pytest.mark.parametrize(
    "text",
    [
        SYNC + "hooks: hooks/acme.py\nauth: {type: hook}\n",
        SYNC + "    hooks: hooks/acme.py\n    pagination: {type: hook, into: params.after}\n",
        SYNC + "    hooks: hooks/acme.py\n    pagination: hook\n",
    ],
)
def test_the_schema_accepts_hooks_whose_files_it_does_not_see(text: str) -> None:
    assert errors_of(text) == []


@pytest.mark.parametrize("path", sorted(dict(list_connectors([])).values()), ids=lambda path: path.stem)
def test_the_schema_accepts_the_built_in_connectors(path: Any) -> None:
    assert errors_of(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(("text", "valid"), PROJECTS)
def test_schema_and_loading_judge_projects_alike(text: str, valid: bool) -> None:
    value = YamlFile.parse(text).value
    try:
        ProjectFile.model_validate(value, strict=True)
    except ValidationError:
        assert not valid
    else:
        assert valid
    assert PROJECT.is_valid(value) == valid


# One file with nearly every key, for mutations. No key of a pair that excludes the other is in it.
FULL: dict[str, Any] = YamlFile.parse(
    HEAD
    + """\
version: 1.0.0
config: {token: {type: string, secret: true, env: TOKEN, minLength: 3}, size: {type: integer, default: 5}}
allow_hosts: [files.acme.example]
headers: {Accept: application/json}
auth: {type: api_key, in: query, name: key, key: x}
retry: {attempts: 3, base: 1s}
timeout: 10s
syncs:
  things:
    request: {method: POST, path: /things, params: {a: 1}, json: {q: [x]}, retry_safe: true}
    records: items
    where: active
    explode: {path: calls, as: call}
    fields: {id: id, at: {path: at, type: timestamp, required: true, enum: [a], min: 1, hash: false}}
    key: [id, at]
    pagination: {type: page, param: p, size_param: n, size: 50, max_pages: 3}
    incremental: {cursor: at, type: timestamp, lookback: 1h, order: ascending}
    deletes: {snapshot: {every: 7d}, max_ratio: 0.3}
    decode: json
    max_quarantined: 5
    every: 15m
  others:
    request: /others
    for_each: {sync: things, as: thing, batch: 5}
    detail: {path: x, params: {a: b}}
    fields: [id]
    key: id
    pagination: {type: link_header, rel: next}
    deletes: snapshot
"""
).value

VALUES = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        1,
        -1,
        7,
        0.5,
        "",
        "x",
        "Id",
        "GET",
        "page",
        "none",
        "1h",
        "_id",
        "json",
        [],
        ["x"],
        {},
        {"x": 1},
    ]
)
KEYS = st.sampled_from(["x", "type", "path", "size", "every", "Bad Key", "history", "token", "default"])


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [path, *(place for key, member in members for place in places(member, (*path, key)))]


@st.composite
def mutations(draw: st.DrawFn) -> Any:
    document = copy.deepcopy(FULL)
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(places(document)[1:]))
        *outer, last = path
        holder = document
        for part in outer:
            holder = holder[part]
        action = draw(st.sampled_from(["replace", "remove", "add"]))
        if action == "add" and isinstance(holder[last], dict):
            holder[last][draw(KEYS)] = copy.deepcopy(draw(VALUES))
        elif action == "remove" and isinstance(holder, dict):
            del holder[last]
        else:
            holder[last] = copy.deepcopy(draw(VALUES))
    return document


# What JSON Schema cannot say: these come from functions, not from the shape of a value.
BEYOND = {"value_error", "expression"}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutations())
def test_schema_and_models_judge_mutated_files_alike(document: Any) -> None:
    found = [error.message for error in CONNECTOR.iter_errors(document)]
    kinds = validation_kinds(document)
    assert bool(found) == bool(kinds) or (not found and kinds <= BEYOND), (found, kinds)


def validation_kinds(document: Any) -> set[str]:
    try:
        Connector.model_validate(document, strict=True)
    except ValidationError as error:
        return {detail["type"] for detail in error.errors(include_url=False)}
    return set()


def test_no_schema_has_the_numbers_of_rules_that_only_developers_know() -> None:
    for generate in SCHEMAS.values():
        assert re.findall(r"\bR\d+\b", schema_text(generate())) == []
