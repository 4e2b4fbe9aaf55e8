from __future__ import annotations

import json
from pathlib import Path

import pytest

from syncrun.config.lints import LINTS
from syncrun.config.load import check_connector

HEAD = "connector: acme\nbase_url: https://api.acme.example\n"


def warnings(source: str | Path) -> list[str]:
    """Return the warnings about a connector file, as they are printed."""
    problems = check_connector(source, file="acme.yaml")
    assert {problem.severity for problem in problems} <= {"warning"}
    return [str(problem).replace("acme.yaml:", "").replace(" warning:", "") for problem in problems]


def sync(lines: str, *, key: str = "    key: id\n") -> str:
    return f"{HEAD}syncs:\n  things:\n{key}{lines}"


UNUSED_CURSOR = (
    "6:5: the cursor never reaches a request, so every run reads everything\n"
    '  hint: send it, as in params: {since: "${cursor}"}, or set filter: client if the API cannot filter'
)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("    incremental: {cursor: at}\n    request: /things\n", [UNUSED_CURSOR]),
        ('    incremental: {token: next}\n    request: {path: /, params: {a: "${now}"}}\n', [UNUSED_CURSOR]),
        ("    incremental: {cursor: at, filter: client}\n    request: /things\n", []),
        ('    incremental: {cursor: at}\n    request: {path: /, params: {since: "${cursor}"}}\n', []),
        ("    incremental: {cursor: at}\n    request: '/since/${cursor}'\n", []),
        ('    incremental: {cursor: at}\n    request: {path: /, json: {a: [{b: "x ${cursor}"}]}}\n', []),
        ('    incremental: {cursor: at, request: {params: {s: "${cursor}"}}}\n    request: /\n', []),
        ("    incremental: {cursor: at, window: 1d}\n    request: '/?from=${window.start}'\n", []),
    ],
)
def test_a_cursor_that_never_reaches_a_request(lines: str, expected: list[str]) -> None:
    assert warnings(sync(lines)) == expected


def test_a_cursor_in_a_template_without_incremental() -> None:
    assert warnings(sync("    request: {path: /, params: {since: 'x${cursor}'}}\n")) == [
        (
            "6:44: ${cursor} is always null here: the sync has no incremental\n"
            "  hint: add incremental: {cursor: FIELD}"
        )
    ]


def test_a_sync_without_a_key() -> None:
    assert warnings(sync("    request: /\n", key="")) == [
        (
            "4:3: the sync 'things' has no key: a record is known by its whole content, and is "
            "never updated\n"
            "  hint: add key: with the field that identifies it"
        )
    ]


UNSENT_SIZE = ["6:30: the page size 50 is never sent\n  hint: add size_param: NAME"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("    pagination: {type: page, size: 50}\n    request: /\n", UNSENT_SIZE),
        ("    pagination: {type: page, size: 50}\n    request: {path: /, params: {n: 5}}\n", UNSENT_SIZE),
        ("    pagination: {type: page, size: 50, size_param: n}\n    request: /\n", []),
        ("    pagination: {type: offset, size: 50}\n    request: {path: /, params: {n: 50}}\n", []),
        ("    pagination: {type: offset, size: 50}\n    request: /?n=50\n", []),
        ('    pagination: {type: offset, size: 50}\n    request: {path: /, json: {q: {n: "50"}}}\n', []),
        ('    pagination: {type: page, size: 50}\n    request: {path: /, params: {n: "${page.size}"}}\n', []),
        ("    pagination: {type: page}\n    request: /\n", []),
        ("    pagination: link_header\n    request: /\n", []),
    ],
)
def test_a_page_size_that_is_never_sent(lines: str, expected: list[str]) -> None:
    assert warnings(sync(lines)) == expected


IMPOSSIBLE = [
    (
        "6:5: this snapshot finds no deletes: requests carry the cursor, so no run reads everything\n"
        "  hint: write deletes: {snapshot: {every: 7d}}"
    )
]
INCREMENTAL = "    incremental: {cursor: at}\n    request: /?since=${cursor}\n"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("    deletes: snapshot\n" + INCREMENTAL, IMPOSSIBLE),
        ("    deletes: {snapshot: true}\n" + INCREMENTAL, IMPOSSIBLE),
        ("    deletes: {snapshot: {every: 7d}}\n" + INCREMENTAL, []),
        ("    deletes: none\n" + INCREMENTAL, []),
        (INCREMENTAL, []),
        ("    deletes: snapshot\n    request: /\n", []),
    ],
)
def test_a_snapshot_that_can_find_no_deletes(lines: str, expected: list[str]) -> None:
    assert warnings(sync(lines)) == expected


CLEAR = "a secret is written in clear\n  hint: "
DECLARE = 'declare it under config: with secret: true, and write "${config.NAME}" here'


NO_CHECK = "check: none\n"
TOKEN = "{type: bearer, token: '${config.t}'}"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("auth: {type: bearer, token: abc}\n", [f"7:29: {CLEAR}{DECLARE}"]),
        ("auth: {type: basic, username: me, password: abc}\n", [f"7:45: {CLEAR}{DECLARE}"]),
        ("auth: {type: api_key, name: X, key: abc}\n", [f"7:37: {CLEAR}{DECLARE}"]),
        ("headers: {Authorization: Bearer abc, Accept: text/plain}\n", [f"7:26: {CLEAR}{DECLARE}"]),
        (
            "config: {t: {secret: true, default: abc}}\nauth: {type: bearer, token: '${config.t}'}\n",
            [f"7:37: {CLEAR}use env: NAME"],
        ),
        ("config: {t: {secret: true}}\nauth: {type: bearer, token: '${config.t}'}\n", []),
    ],
)
def test_a_secret_written_in_clear(lines: str, expected: list[str]) -> None:
    assert warnings(sync("    request: /\n") + lines + NO_CHECK) == expected


def test_a_secret_written_in_clear_below_auth() -> None:
    oauth2 = (
        "auth: {type: oauth2, grant: client_credentials, token_url: 'https://x.test', "
        "client_id: a, client_secret: b}\n"
    )
    session = (
        "auth: {type: session, request: {path: /login, json: {user: me, password: abc}}, token: token}\n"
    )

    assert warnings(sync("    request: /\n") + oauth2 + NO_CHECK) == [f"7:107: {CLEAR}{DECLARE}"]
    assert warnings(sync("    request: /\n") + session + NO_CHECK) == [f"7:74: {CLEAR}{DECLARE}"]


@pytest.mark.parametrize(
    ("lines", "is_linted"),
    [
        ("", False),
        ("auth: {type: none}\n", False),
        (f"auth: {TOKEN}\n", True),
        (f"auth: [{{type: none, when: config.t}}, {TOKEN}]\n", True),
        (f"auth: {TOKEN}\ncheck: {{request: /me, expect: id}}\n", False),
        (f"auth: {TOKEN}\ncheck: none\n", False),
    ],
)
def test_r34_credentials_that_nothing_proves(lines: str, *, is_linted: bool) -> None:
    found = warnings(sync("    request: /\n") + "config: {t: {secret: true}}\n" + lines)
    expected = (
        "8:1: nothing proves that the credentials are good: an API may answer bad ones with fewer records\n"
        "  hint: add check: {request: /me, expect: id}, or check: none if the API has no such request"
    )
    assert [one for one in found if "never used" not in one] == ([expected] if is_linted else [])


def test_an_auth_that_is_never_chosen() -> None:
    lines = "auth:\n  - {type: none}\n  - {type: none, when: 'connection.name'}\n"

    assert warnings(sync("    request: /\n") + lines) == [
        (
            "9:5: this auth is never chosen: the entry before has no when\n"
            "  hint: give that one a when:, or put it last"
        )
    ]


def test_a_config_value_that_only_a_choice_of_auth_reads_is_used() -> None:
    lines = "config: {open: {type: boolean}}\nauth: [{when: config.open, type: none}, {type: none}]\n"

    assert warnings(sync("    request: /\n") + lines) == []


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            "config: {owner: {}, unused: {}}\nheaders: {X: '${config.owner}'}\n",
            [
                (
                    "7:21: the config value 'unused' is never used\n"
                    "  hint: use it as ${config.unused}, or remove it"
                )
            ],
        ),
        ("config: {owner: {}, other: {}}\nheaders: {X: '${sha256(to_string(config))}'}\n", []),
    ],
)
def test_a_config_value_that_nothing_uses(lines: str, expected: list[str]) -> None:
    assert warnings(sync("    request: /\n") + lines) == expected


def write(folder: Path, fields: str, rest: str = "", **samples: object) -> Path:
    path = folder / "acme.yaml"
    path.write_text(sync(f"    request: /\n    fields: {fields}\n{rest}"))
    (folder / "acme").mkdir(exist_ok=True)
    for name, content in samples.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / "acme" / f"{name}.json").write_text(text)
    return path


def test_a_field_that_selects_nothing_in_the_saved_samples(tmp_path: Path) -> None:
    path = write(tmp_path, "{id: id, owner: owner.lgin}", things=[{"id": 1, "owner": {"login": "a"}}])
    assert warnings(path) == ["7:29: the field 'owner' selects nothing in the sample things.json"]


def test_samples_are_read_as_the_sync_decodes(tmp_path: Path) -> None:
    path = write(tmp_path, "[id, nmae]", "    decode: {type: xml, lists: [item]}\n    records: items.item\n")
    sample = tmp_path / "acme" / "things.1.xml"
    sample.write_text("<items><item><id>1</id><name>a</name></item></items>")
    assert warnings(path) == ["7:18: the field 'nmae' selects nothing in the sample things.1.xml"]


def test_a_field_in_a_list_that_selects_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "[id, nmae]", things_1={"data": [{"id": 1, "name": "a"}], "total": 1})
    assert warnings(path) == ["7:18: the field 'nmae' selects nothing in the sample things_1.json"]


@pytest.mark.parametrize(
    "samples",
    [
        {"things_1": [{"id": 1}], "things_2": [{"id": 2, "name": "b"}]},
        {"things": []},
        {"things": "{broken"},
        {"other": [{"id": 1}]},
        {},
    ],
)
def test_a_field_is_fine_when_some_sample_has_it_or_none_tells(
    tmp_path: Path, samples: dict[str, object]
) -> None:
    assert warnings(write(tmp_path, "[id, name]", **samples)) == []


def test_samples_are_read_as_a_run_would_read_them(tmp_path: Path) -> None:
    rest = "    records: data.rows\n    explode: {path: calls, as: call}\n"
    body = {"data": {"rows": [{"id": 1, "calls": [{"at": 5}]}]}}
    path = write(
        tmp_path, "{id: id, at: call.at, gone: call.gone, who: '${connection.name}'}", rest, things=body
    )
    assert warnings(path) == ["7:41: the field 'gone' selects nothing in the sample things.json"]


def test_a_sample_without_a_list_is_the_full_form_that_detail_fetches(tmp_path: Path) -> None:
    rest = "    records: rows\n    detail: {path: '/things/${record.id}', record: data}\n"
    full = {"data": {"id": 1, "name": "a"}}
    path = write(tmp_path, "[id, name, gone]", rest, things_1={"rows": [{"id": 1}]}, things_2=full)
    assert warnings(path) == ["7:24: the field 'gone' selects nothing in the sample things_1.json"]


def test_the_samples_of_a_sync_with_a_longer_name_are_its_own(tmp_path: Path) -> None:
    rest = "  things_log: {request: /log, key: id, fields: [id]}\n"
    path = write(tmp_path, "[id, name]", rest, things_log_1=[{"id": 1}])
    assert warnings(path) == []


def test_a_file_with_errors_has_no_warnings_beside_them() -> None:
    problems = check_connector(sync("    request: /\n", key="") + "bogus: 1\n", file="acme.yaml")
    assert [problem.severity for problem in problems] == ["error"]


def test_a_value_of_setup_that_nothing_reads() -> None:
    setup = "setup: {site: {request: /sites, value: id}}\n"
    expected = ["7:9: the value 'site' of setup is never used\n  hint: use it as ${vars.site}, or remove it"]
    assert warnings(sync("    request: /\n") + setup) == expected
    assert warnings(sync("    request: /${vars.site}\n") + setup) == []


GUARDED = "    incremental: {cursor: at}\n    request: /?since=${cursor}\n    deletes: {%s}\n"
NO_EFFECT = (
    "8:15: deletes.%s has no effect: no run of this sync looks for missing records\n"
    "  hint: add snapshot: {every: 7d} to deletes"
)


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        ("max_ratio: 0.1", "max_ratio"),
        ("allow_empty: true", "allow_empty"),
        ("misses: 2", "misses"),
        ("misses: 2, snapshot: {every: 7d}", ""),
    ],
)
def test_a_guard_without_a_rule(rule: str, key: str) -> None:
    assert warnings(sync(GUARDED % rule)) == ([NO_EFFECT % key] if key else [])
    assert warnings(sync(f"    request: /\n    deletes: {{{rule}}}\n".replace("{every: 7d}", "true"))) == []


UNDATED = (
    "8:15: every run reads this whole list of deletions, which does not say when they happened:"
    " a record that was made again would be deleted\n"
    '  hint: add at: FIELD to deletes, the time of the deletion, or send params: {since: "${cursor}"}'
)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("request: /deleted, key: id", [UNDATED]),
        ("request: {path: /deleted, params: {limit: 9}}, key: id", [UNDATED]),
        ("request: /deleted, key: id, at: deleted_at", []),
        ("request: '/deleted?since=${cursor}', key: id", []),
        ('request: {path: /deleted, params: {since: "${cursor}"}}, key: id', []),
    ],
)
def test_r33_a_list_of_deletions_that_may_name_records_that_were_made_again(
    rule: str, expected: list[str]
) -> None:
    fields = "    fields: {id: id, at: {path: at, type: timestamp}}\n"
    assert warnings(sync(GUARDED % rule + fields)) == expected


def test_r33_a_list_of_deletions_beside_complete_reads_needs_no_time() -> None:
    assert warnings(sync("    request: /\n    deletes: {request: /deleted, key: id}\n")) == []


@pytest.mark.parametrize(
    ("keys", "is_linted"),
    [
        ("cap: 100", True),
        ("order: descending, cap: 100", True),
        ("order: ascending, cap: 100", False),
        ("window: 1d, cap: 100", False),
    ],
)
def test_a_search_that_cannot_go_on_after_its_last_record(keys: str, *, is_linted: bool) -> None:
    column = keys.index("cap") + 31
    expected = (
        f"6:{column}: a search that gives 100 records ends the run incomplete:"
        " without an order the next search cannot go on from its last record\n"
        "  hint: sort the request by at, and add order: ascending to incremental"
    )
    lines = f"    incremental: {{cursor: at, {keys}}}\n    request: /?since=${{cursor}}\n"
    assert warnings(sync(lines)) == ([expected] if is_linted else [])


def test_every_lint_is_tested_here() -> None:
    assert len(LINTS) == 16  # that of hooks: test_hook_files.py, that of two names: cli/test_validate.py
