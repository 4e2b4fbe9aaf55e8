from __future__ import annotations

import time
from pathlib import Path

import pytest

from syncrun.config.defaults import merge_defaults
from syncrun.config.load import check_files, find_connector, list_connectors, load_connector
from syncrun.config.yaml_file import YamlFile
from syncrun.errors import ConfigurationError, UsageError

VALID = "connector: acme\nbase_url: https://api.acme.example\nsyncs: {things: {request: /, key: id}}\n"


def merged(text: str) -> dict[str, object]:
    return dict(merge_defaults(YamlFile.parse(text)).value["syncs"])


@pytest.mark.parametrize(
    ("defaults", "own", "expected"),
    [
        ("{every: 1h}", "{request: /}", {"every": "1h", "request": "/"}),
        ("{every: 1h}", "{every: 5m}", {"every": "5m"}),
        ("{every: 1h}", "{every: null}", {"every": None}),
        (
            "{request: {params: {per_page: 100, sort: a}}}",
            "{request: {path: /, params: {sort: b}}}",
            {"request": {"params": {"per_page": 100, "sort": "b"}, "path": "/"}},
        ),
        (
            "{request: {params: {per_page: 100}}}",
            "{request: /things}",
            {"request": {"params": {"per_page": 100}, "path": "/things"}},
        ),
        (
            "{request: {url: a, json: {q: 1}}}",
            "{request: {path: b, form: {}}}",
            {"request": {"path": "b", "form": {}}},
        ),
        ("{request: {path: a}}", "{request: {path: null, url: b}}", {"request": {"path": None, "url": "b"}}),
        ("{pagination: link_header}", "{key: id}", {"pagination": "link_header", "key": "id"}),
        ("{pagination: link_header}", "{pagination: none}", {"pagination": {"type": "none"}}),
        (
            "{pagination: {type: page, size: 5}}",
            "{pagination: {type: cursor, token: t}}",
            {"pagination": {"type": "cursor", "token": "t"}},
        ),
        (
            "{pagination: {type: page, size: 5}}",
            "{pagination: {size: 9}}",
            {"pagination": {"type": "page", "size": 9}},
        ),
        (
            "{pagination: {type: page, size: 5}}",
            "{pagination: page}",
            {"pagination": {"type": "page", "size": 5}},
        ),
        (
            "{incremental: {cursor: a, order: ascending}}",
            "{incremental: {token: t}}",
            {"incremental": {"order": "ascending", "token": "t"}},
        ),
        ("{fields: {a: b}}", "{fields: [c]}", {"fields": ["c"]}),
        ("{fields: {a: b}}", "{fields: {c: d}}", {"fields": {"a": "b", "c": "d"}}),
        ("{key: id}", "{key: [a, b]}", {"key": ["a", "b"]}),
    ],
)
def test_defaults_are_merged_into_a_sync(defaults: str, own: str, expected: dict[str, object]) -> None:
    assert merged(f"defaults: {defaults}\nsyncs: {{s: {own}}}\n") == {"s": expected}


def test_defaults_reach_the_loaded_syncs() -> None:
    connector = load_connector(
        VALID + "defaults: {pagination: {type: page, size: 5, size_param: n}, every: 1h}\n"
    )
    sync = connector.syncs["things"]
    assert sync.every == "1h"
    assert sync.pagination is not None
    assert sync.pagination.type == "page"


def test_shorthands_are_read_in_full() -> None:
    connector = load_connector(
        "connector: acme\nbase_url: https://api.acme.example\n"
        "syncs:\n  things: {request: /things, key: id, pagination: link_header, deletes: snapshot,"
        " fields: [id, 'a b']}\n"
    )
    sync = connector.syncs["things"]
    assert sync.request_spec.path == "/things"
    assert sync.pagination is not None
    assert sync.pagination.type == "link_header"
    assert sync.delete_rule is not None
    assert sync.delete_rule.snapshot is True
    assert {name: spec.path for name, spec in (sync.field_specs or {}).items()} == {
        "id": '"id"',
        "a b": '"a b"',
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "connectors").mkdir()
    (tmp_path / "connectors" / "acme.yaml").write_text(VALID)
    return tmp_path


def test_a_connector_is_found_in_the_first_folder_and_then_built_in(folder: Path) -> None:
    assert find_connector("acme", [folder / "connectors"]) == folder / "connectors" / "acme.yaml"
    built_in = find_connector("pokeapi", [folder / "connectors"])
    assert built_in.name == "pokeapi.yaml"
    (folder / "connectors" / "pokeapi.yml").write_text(VALID)
    assert find_connector("pokeapi", [folder / "connectors"]) == folder / "connectors" / "pokeapi.yml"


def test_r26_an_unknown_connector_has_the_nearest_name_as_hint(folder: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find_connector("acmee", [folder / "connectors"])
    assert str(caught.value) == "unknown connector 'acmee'\n  hint: did you mean 'acme'?"


@pytest.mark.parametrize("name", ["../acme", "/etc/passwd", "", "acme.yaml", "Acme"])
def test_a_connector_s_name_is_no_path(folder: Path, name: str) -> None:
    with pytest.raises(UsageError):
        find_connector(name, [folder / "connectors"])


def test_own_connectors_are_listed_with_the_built_in_ones(folder: Path) -> None:
    found = dict(list_connectors([folder / "connectors", folder / "missing"]))
    assert found["acme"] == folder / "connectors" / "acme.yaml"
    assert "github" in found


@pytest.mark.parametrize("path", sorted(dict(list_connectors([])).values()), ids=lambda path: path.stem)
def test_the_built_in_connectors_have_no_problems(path: Path) -> None:
    assert check_files([path]) == ([path], [])
    assert load_connector(path).connector == path.stem


def test_a_project_folder_is_checked_with_its_connectors(folder: Path) -> None:
    (folder / "syncrun.yaml").write_text("connections: {a: {connector: acme, config: {x: 1}}}\n")
    (folder / "connectors" / "other.yaml").write_text(VALID.replace("acme", "other", 1) + "bogus: 1\n")
    files, problems = check_files([folder])
    assert [path.name for path in files] == ["syncrun.yaml", "acme.yaml", "other.yaml"]
    assert [problem.message for problem in problems] == ["unknown config value 'x'", "unknown key 'bogus'"]


def test_a_folder_of_connectors_is_checked(folder: Path) -> None:
    assert check_files([folder]) == ([folder / "connectors" / "acme.yaml"], [])
    assert check_files([folder / "connectors"]) == ([folder / "connectors" / "acme.yaml"], [])


def test_r26_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        check_files([tmp_path])
    assert str(caught.value) == (
        f"nothing to check in '{tmp_path}'\n"
        f"  hint: name a file, or a folder with syncrun.yaml or connector files"
    )


def test_messages_name_files_from_the_current_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    path = folder / "connectors" / "acme.yaml"
    path.write_text(VALID + "bogus: 1\n")
    with pytest.raises(ConfigurationError) as caught:
        load_connector(path)
    assert str(caught.value).startswith("connectors/acme.yaml:4:1: unknown key 'bogus'")


def test_a_thousand_syncs_are_checked_in_reasonable_time() -> None:
    syncs = "".join(
        f"  s{i}: {{request: '/s/${{config.owner}}/{i}', key: id, fields: {{id: id, a: b.c, d: 'e[0]'}}}}\n"
        for i in range(1000)
    )
    text = "connector: acme\nbase_url: https://api.acme.example\nconfig: {owner: {}}\nsyncs:\n" + syncs
    start = time.perf_counter()
    assert len(load_connector(text).syncs) == 1000
    assert time.perf_counter() - start < 10
