from __future__ import annotations

import json
from pathlib import Path

import pytest

from syncrun.config.load import inspect, load_connector

HEAD = "connector: acme\nbase_url: https://api.acme.example\n"
SYNC = HEAD + "syncs:\n  things:\n    request: /things\n    key: id\n"
CONFIG = "config: {owner: {}, token: {secret: true}}\n"


def errors(source: str | Path) -> list[str]:
    """Return the errors of a connector file, as they are printed."""
    return [str(problem) for problem in inspect(source, file="acme.yaml")[1]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            CONFIG + SYNC.replace("/things", "/o/${config.ownr}/things"),
            ["acme.yaml:6:26: unknown config value 'ownr'\n  hint: did you mean 'owner'?"],
        ),
        (
            SYNC.replace("/things", "/o/${config.owner}"),
            ["acme.yaml:5:26: unknown config value 'owner'\n  hint: declare it under config:"],
        ),
        (
            SYNC.replace("/things", '"/o/${cursr}"'),
            ["acme.yaml:5:20: unknown name 'cursr' in a template\n  hint: did you mean 'cursor'?"],
        ),
        (
            SYNC.replace("/things", "/o/${page.nummber}/${connection.id}/${connection.metadata.plan}"),
            [
                "acme.yaml:5:24: 'page' has no 'nummber'\n  hint: did you mean 'number'?",
                "acme.yaml:5:46: 'connection' has no 'id'\n  hint: one of: metadata, name",
            ],
        ),
        (
            SYNC.replace("/things", "{path: /things, json: {q: {deep: ['${windo.start}']}}}"),
            [
                (
                    "acme.yaml:5:51: unknown name 'windo' in a template\n"
                    "  hint: one of: config, connection, cursor, now, page"
                )
            ],
        ),
        (
            SYNC.replace("/things", "/o?from=${window.start}"),
            ["acme.yaml:5:24: 'window' has a value only in requests of a sync with incremental.window"],
        ),
        (
            SYNC.replace("/things", "/o?from=${window.start}")
            + "    incremental: {cursor: at, window: 1d}\n",
            [],
        ),
        (
            SYNC + "headers: {X-From: '${cursor}', X-Page: '${page.number}'}\n",
            [
                "acme.yaml:7:22: 'cursor' has no value here\n  hint: one of: config, connection, now",
                "acme.yaml:7:43: 'page' has no value here\n  hint: one of: config, connection, now",
            ],
        ),
        (
            SYNC + "    fields: {id: id, at: '${cursor}', who: '${connection.name}', when: '${now}'}\n",
            ["acme.yaml:7:29: 'cursor' has no value here\n  hint: one of: config, connection, now"],
        ),
        (SYNC.replace("/things", "/things?at=${format_time(now(), '%Y')}") + "    deletes: none\n", []),
        (
            SYNC + "    pagination: {type: page, stop_when: '!has_more'}\n",
            [
                (
                    "acme.yaml:7:43: unknown name 'has_more'\n"
                    "  hint: stop_when sees body, cursor, headers, page, records, status: such as body.has_more"
                )
            ],
        ),
        (
            SYNC
            + '    pagination: {type: page, stop_when: "!(body.has_more) || headers.\\"x-end\\" == \'1\'"}\n',
            [],
        ),
        (
            SYNC + "    incremental: {token: next, start: '${cursor}'}\n",
            ["acme.yaml:7:42: 'cursor' has no value here\n  hint: one of: config, connection, now"],
        ),
        (
            SYNC + "    incremental: {token: next, request: {path: '/changes/${token}'}}\n",
            [
                (
                    "acme.yaml:7:60: unknown name 'token' in a template\n"
                    "  hint: one of: config, connection, cursor, now, page"
                )
            ],
        ),
    ],
)
def test_templates_use_only_names_that_have_a_value_there(text: str, expected: list[str]) -> None:
    assert errors(text) == expected


def test_r23_a_connector_cannot_read_the_environment() -> None:
    assert errors(SYNC + "headers: {X-Home: 'at ${env.HOME}'}\n") == [
        (
            "acme.yaml:7:25: a connector cannot read environment variables\n"
            "  hint: declare the value under config: with env: NAME, and write ${config.…} here"
        )
    ]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("fields: {ident: id}", ["acme.yaml:6:10: unknown field 'id' in key\n  hint: one of: ident"]),
        ("fields: [id, name]", []),
        (
            "fields: [id, name, ID]",
            ["acme.yaml:7:24: the field 'ID' is listed twice"],
        ),
        (
            "fields: {id: id, Name: name, name: other}",
            [
                (
                    "acme.yaml:7:34: the fields 'Name' and 'name' are the same column: case "
                    "makes no difference\n"
                    "  hint: rename one of them"
                )
            ],
        ),
        (
            "fields: {id: {path: id, mask: redact}}",
            [
                (
                    "acme.yaml:6:10: the field 'id' is masked and cannot be used here\n"
                    "  hint: leave its mask out, or choose another field"
                )
            ],
        ),
        (
            "fields: {id: id, updated_at: updated}\n    incremental: {cursor: updated}",
            [
                (
                    "acme.yaml:8:27: unknown field 'updated' in incremental.cursor\n"
                    "  hint: did you mean 'updated_at'?"
                )
            ],
        ),
        ("incremental: {cursor: anything}", []),
        (
            "deletes: {key: id, records: items}",
            [
                "acme.yaml:7:15: deletes.key belongs to deletes.request, which is missing",
                "acme.yaml:7:24: deletes.records belongs to deletes.request, which is missing",
            ],
        ),
    ],
)
def test_the_parts_of_a_sync_fit_together(lines: str, expected: list[str]) -> None:
    assert errors(f"{SYNC}    {lines}\n") == expected


def test_each_field_of_a_composite_key_is_a_field_and_named_once() -> None:
    text = HEAD + "syncs: {things: {request: /, key: [a, b, a], fields: [a]}}\n"
    assert errors(text) == [
        "acme.yaml:3:39: unknown field 'b' in key\n  hint: one of: a",
        "acme.yaml:3:42: the key field 'a' is listed twice",
    ]


@pytest.mark.parametrize(
    ("second", "place"),
    [
        ("things2: {model: things, request: /, key: id}", "7:20"),
        ("b: {model: things, request: /, key: id}", "7:14"),
    ],
)
def test_two_syncs_cannot_fill_one_model(second: str, place: str) -> None:
    name = second.partition(":")[0]
    assert errors(f"{SYNC}  {second}\n") == [
        (
            f"acme.yaml:{place}: the syncs 'things' and '{name}' fill the same model 'things'\n"
            "  hint: give one of them another model:"
        )
    ]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x.example",
        "api.acme.example",
        "/v1",
        "https://",
        "https:///v1",
        "ftp://${config.owner}",
        "http://[1",
    ],
)
def test_base_url_is_an_http_address(url: str) -> None:
    text = CONFIG + SYNC.replace("https://api.acme.example", f"'{url}'")
    assert errors(text) == [
        "acme.yaml:3:11: base_url must be an address that starts with https:// or http://"
    ]


@pytest.mark.parametrize(
    "url", ["https://x.example/v1", "HTTPS://x.example", "https://${config.owner}.example", "${config.owner}"]
)
def test_base_url_may_be_a_template(url: str) -> None:
    assert errors(CONFIG + SYNC.replace("https://api.acme.example", f"'{url}'")) == []


CLEAR = (
    "acme.yaml:3:11: credentials would cross the network unencrypted: base_url is plain http\n"
    "  hint: use https://, or set allow_http: true"
)


@pytest.mark.parametrize(
    ("host", "rest", "expected"),
    [
        ("api.acme.example", "", []),
        ("api.acme.example", "auth: {type: none}", []),
        ("api.acme.example", "auth: {type: bearer, token: '${config.token}'}", [CLEAR]),
        ("api.acme.example", "headers: {X-Key: '${config.token}'}", [CLEAR]),
        ("api.acme.example", "headers: {X-Owner: '${config.owner}'}", []),
        ("api.acme.example/${config.owner}", "auth: {type: bearer, token: '${config.token}'}", [CLEAR]),
        ("${config.owner}.example", "auth: {type: bearer, token: '${config.token}'}", []),
        ("api.acme.example", "auth: {type: bearer, token: '${config.token}'}\nallow_http: true", []),
        ("localhost:8080", "auth: {type: bearer, token: '${config.token}'}", []),
        ("127.0.0.1:8080/v1", "auth: {type: bearer, token: '${config.token}'}", []),
        ("[::1]:8080", "auth: {type: bearer, token: '${config.token}'}", []),
        ("localhost.acme.example", "auth: {type: bearer, token: '${config.token}'}", [CLEAR]),
    ],
)
def test_r25_credentials_do_not_cross_the_network_in_clear(host: str, rest: str, expected: list[str]) -> None:
    text = CONFIG + SYNC.replace("https://api.acme.example", f"'http://{host}'") + rest + "\n"
    assert errors(text) == expected


TOKEN_URL = (
    "auth: {type: oauth2, grant: client_credentials, client_id: x, client_secret: y, token_url: '%s'}\n"
)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://auth.acme.example/token", []),
        ("http://127.0.0.1:9/token", []),
        ("https://${config.owner}.example/token", []),
        ("${config.owner}", []),
        (
            "http://auth.acme.example/token",
            [
                (
                    "acme.yaml:4:92: credentials would cross the network unencrypted: "
                    "token_url is plain http\n"
                    "  hint: use https://, or set allow_http: true"
                )
            ],
        ),
        (
            "auth.acme.example/token",
            ["acme.yaml:4:92: token_url must be an address that starts with https://"],
        ),
    ],
)
def test_r25_secrets_go_to_token_endpoints_encrypted(url: str, expected: list[str]) -> None:
    head, rest = (CONFIG + SYNC).split("base_url:", 1)
    text = head + TOKEN_URL % url + "base_url:" + rest
    line = text[: text.index("auth:")].count("\n") + 1

    assert errors(text) == [message.replace("acme.yaml:4:", f"acme.yaml:{line}:") for message in expected]


def test_the_choice_of_auth_sees_the_config() -> None:
    text = (
        CONFIG + SYNC + "auth: [{when: config.tokn, type: none}, {when: cursor, type: none}, {type: none}]\n"
    )

    assert [message.split(":", 3)[3] for message in errors(text)] == [
        " unknown config value 'tokn'\n  hint: did you mean 'token'?",
        " 'cursor' has no value here\n  hint: one of: config, connection",
    ]


def test_allow_hosts_may_say_that_a_host_gets_no_credentials() -> None:
    assert errors(SYNC + "allow_hosts: [{host: '*.files.example', credentials: false}]\n") == []
    [problem] = errors(SYNC + "allow_hosts: [{host: 'https://x/y/z'}]\n")
    assert problem.startswith("acme.yaml:7:22: 'https://x/y/z' in allow_hosts is no host")


def test_allow_hosts_lists_hosts() -> None:
    assert errors(SYNC + "allow_hosts: [files.acme.example, 'https://x/y/z']\n") == [
        (
            "acme.yaml:7:35: 'https://x/y/z' in allow_hosts is no host\n"
            "  hint: write api.example.com or *.example.com"
        )
    ]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("{type: integer, default: 5, minimum: 1}", []),
        (
            "{type: integer, default: five}",
            ['acme.yaml:7:41: the default must be a whole number, got "five"'],
        ),
        ("{type: integer, default: 0, minimum: 1}", ["acme.yaml:7:41: the default fails minimum: 1, got 0"]),
        ("{enum: [a, b], default: c}", ['acme.yaml:7:40: the default must be one of "a", "b", got "c"']),
        ("{secret: true, default: 5}", ["acme.yaml:7:40: the default must be text"]),
        (
            "{type: array, items: {type: strng}}",
            ["acme.yaml:7:44: no valid JSON Schema: has a wrong value of 'type' of 'items', got \"strng\""],
        ),
    ],
)
def test_config_entries_are_json_schema_and_their_defaults_meet_it(entry: str, expected: list[str]) -> None:
    assert errors(f"{SYNC}config: {{size: {entry}}}\n") == expected


def test_a_record_schema_is_valid_and_fetches_nothing() -> None:
    assert errors(SYNC + "    schema: {type: object, properties: {a: {type: strng}}}\n") == [
        (
            "acme.yaml:7:51: no valid JSON Schema: has a wrong value of 'type' of 'a' of 'properties', got"
            ' "strng"'
        )
    ]
    assert errors(SYNC + "    schema: {$ref: 'https://x.example/schema.json'}\n") == [
        "acme.yaml:7:20: no valid JSON Schema: $ref may only point into the same schema, as in '#/$defs/name'"
    ]
    assert errors(SYNC + "    schema: {$defs: {a: {}}, properties: {$ref: {$ref: '#/$defs/a'}}}\n") == []


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project" / "connectors").mkdir(parents=True)
    (tmp_path / "project" / "schemas").mkdir()
    (tmp_path / "outside.json").write_text("{}")
    return tmp_path / "project"


def write_connector(project: Path, schema: str) -> Path:
    path = project / "connectors" / "acme.yaml"
    path.write_text(SYNC + f"    schema: {schema}\n")
    return path


def test_a_schema_file_is_read_into_the_connector(project: Path) -> None:
    (project / "schemas" / "thing.json").write_text(json.dumps({"type": "object"}))
    connector = load_connector(write_connector(project, "schemas/thing.json"))
    assert connector.syncs["things"].json_schema == {"type": "object"}


@pytest.mark.parametrize("name", ["../outside.json", "schemas/../../outside.json", "/etc/hostname"])
def test_r25_a_schema_file_cannot_leave_the_project_folder(project: Path, name: str) -> None:
    assert errors(write_connector(project, name)) == [
        f"acme.yaml:7:13: '{name}' is outside the project folder"
    ]


def test_r25_a_link_cannot_lead_out_of_the_project_folder(project: Path) -> None:
    (project / "schemas" / "link.json").symlink_to(project.parent / "outside.json")
    assert errors(write_connector(project, "schemas/link.json")) == [
        "acme.yaml:7:13: 'schemas/link.json' is outside the project folder"
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "'schemas/a.json' cannot be read: No such file or directory\n  hint: looked in {root}"),
        (
            "{",
            (
                "'schemas/a.json' is not JSON: Expecting property name enclosed in double quotes: line 1"
                " column 2 (char 1)"
            ),
        ),
        ("[]", "'schemas/a.json' is no JSON Schema: expected an object"),
        (
            '{"required": 5}',
            "'schemas/a.json' is no valid JSON Schema: must be a list of 'required', got 5",
        ),
        (
            '{"$ref": "file:///etc/passwd"}',
            (
                "'schemas/a.json' is no valid JSON Schema: $ref may only point into the same schema, as in"
                " '#/$defs/name'"
            ),
        ),
    ],
)
def test_a_schema_file_that_cannot_be_used_is_told(project: Path, content: str | None, message: str) -> None:
    if content is not None:
        (project / "schemas" / "a.json").write_text(content)
    expected = "acme.yaml:7:13: " + message.replace("{root}", str(project))
    assert errors(write_connector(project, "schemas/a.json")) == [expected]


def test_a_schema_file_needs_a_connector_file() -> None:
    assert errors(SYNC + "    schema: schemas/a.json\n") == [
        "acme.yaml:7:13: a schema file needs a connector that is a file itself\n  hint: write the schema here"
    ]


PARENTS = (
    HEAD
    + """\
syncs:
  repos: {request: /repos, key: id, fields: {id: id, name: name}}
  issues:
    key: id
    for_each: FOR_EACH
    request: REQUEST
"""
)


@pytest.mark.parametrize(
    ("for_each", "request_path", "expected"),
    [
        ("{sync: repos, as: repo}", "/r/${repo.name}/issues", []),
        ("{sync: repos}", "/r/${parent.id}/issues", []),
        ("{values: [a, b], as: region}", "/r/${region}", []),
        ("[{sync: repos, as: repo}, {values: [a], as: region}]", "/r/${repo.id}/${region.x}", []),
        ("{sync: repos, as: repo, batch: 5}", "/r/${join(',', repo[].nmae)}", []),
        (
            "{sync: repos, as: repo}",
            "/r/${repo.nmae}",
            ["acme.yaml:8:24: the sync 'repos' has no field 'nmae'\n  hint: did you mean 'name'?"],
        ),
        (
            "{sync: repos, as: repo}",
            "/r/${parent.name}",
            [
                (
                    "acme.yaml:8:19: 'parent' has no value here\n"
                    "  hint: one of: config, connection, cursor, now, page, repo"
                )
            ],
        ),
        (
            "{sync: repo}",
            "/r/${parent.id}",
            ["acme.yaml:7:22: unknown sync 'repo'\n  hint: did you mean 'repos'?"],
        ),
        (
            "{union: [{sync: repos}, {values: '${config.x}', else: {sync: rpos}}]}",
            "/r/${parent}",
            [
                "acme.yaml:7:58: unknown config value 'x'\n  hint: declare it under config:",
                "acme.yaml:7:76: unknown sync 'rpos'\n  hint: did you mean 'repos'?",
            ],
        ),
        (
            "{sync: repos, as: config}",
            "/r/${config}",
            [
                (
                    "acme.yaml:7:33: the name 'config' is taken\n"
                    "  hint: give the parents or values another name with as:"
                )
            ],
        ),
        (
            "[{sync: repos}, {values: [a]}]",
            "/r/${parent}",
            [
                (
                    "acme.yaml:7:31: the name 'parent' is taken\n"
                    "  hint: give the parents or values another name with as:"
                )
            ],
        ),
        (
            "{sync: issues}",
            "/r/${parent.id}",
            [
                (
                    "acme.yaml:7:5: the sync 'issues' would have to run before itself\n"
                    "  hint: break the circle of for_each"
                )
            ],
        ),
        (
            "{sync: repos, bogus: 1}",
            "/r/${repo.id}",
            [
                (
                    "acme.yaml:7:29: unknown key 'bogus' in 'syncs.issues.for_each'\n"
                    "  hint: one of: as, batch, changed_only, concurrency, else, on_error, "
                    "on_leave, sync, union, values, where"
                ),
            ],
        ),
    ],
)
def test_partitions_come_from_what_exists(for_each: str, request_path: str, expected: list[str]) -> None:
    assert errors(PARENTS.replace("FOR_EACH", for_each).replace("REQUEST", request_path)) == expected


def test_a_circle_of_parents_is_told_where_it_closes() -> None:
    text = (
        HEAD + "syncs:\n"
        "  a: {request: /, for_each: {sync: b}}\n"
        "  b: {request: /, for_each: {sync: a}}\n"
        "  c: {request: /, for_each: {sync: a}}\n"
    )
    assert errors(text) == [
        (
            "acme.yaml:4:19: the sync 'a' would have to run before itself\n"
            "  hint: break the circle of for_each"
        ),
        (
            "acme.yaml:5:19: the sync 'b' would have to run before itself\n"
            "  hint: break the circle of for_each"
        ),
    ]


def test_the_record_is_seen_by_detail_alone() -> None:
    assert errors(SYNC + "    detail: {path: '/things/${record.id}'}\n    records: 'record.x'\n") == []
    assert errors(SYNC.replace("/things", "/things/${record.id}")) == [
        "acme.yaml:5:24: 'record' has no value here\n  hint: one of: config, connection, cursor, now, page"
    ]
