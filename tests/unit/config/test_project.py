from __future__ import annotations

from pathlib import Path

import pytest

from syncrun.config.check_project import check_project
from syncrun.config.load import load_connector
from syncrun.config.project import Connection, Project, load_project, resolve_config
from syncrun.errors import ConfigurationError, UsageError

PROJECT = """\
database: data/store.duckdb
connections:
  acme:
    connector: github
    config: {owner: acme, token: "${env.TOKEN}"}
    metadata: {plan: gold}
    syncs: {repos: {every: 15m}, events: {enabled: false}}
environments:
  prod:
    database: /var/lib/store.duckdb
    connections: {acme: {config: {owner: acme-prod}, metadata: {tier: 1}, syncs: {repos: {enabled: false}}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "syncrun.yaml").write_text(PROJECT)
    return tmp_path


def refusal(folder: Path, text: str) -> str:
    (folder / "syncrun.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_project(folder)
    return str(caught.value).replace(f"{folder}/", "")


def test_a_project_is_loaded_with_its_connections(folder: Path) -> None:
    project = load_project(folder, environ={"TOKEN": "s3cret"})
    assert project.folder == folder
    assert project.file == folder / "syncrun.yaml"
    assert project.database_path == folder / "data" / "store.duckdb"
    connection = project.connection("acme")
    assert connection.connector == "github"
    assert connection.config == {"owner": "acme", "token": "s3cret"}
    assert connection.metadata == {"plan": "gold"}
    assert connection.syncs["repos"].every == "15m"
    assert not connection.syncs["events"].enabled


def test_an_environment_changes_what_it_names(folder: Path) -> None:
    project = load_project(folder, env="prod", environ={"TOKEN": "t"})
    assert project.environment == "prod"
    assert project.database_path == Path("/var/lib/store.duckdb")
    connection = project.connections["acme"]
    assert connection.config == {"owner": "acme-prod", "token": "t"}
    assert connection.metadata == {"plan": "gold", "tier": 1}
    assert (connection.syncs["repos"].every, connection.syncs["repos"].enabled) == ("15m", False)


def test_the_project_file_is_found_in_a_folder_above(folder: Path) -> None:
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    assert load_project(below).folder == folder
    assert load_project(folder / "syncrun.yaml").folder == folder


def test_without_a_project_file_the_folder_is_the_default_project(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TOKEN=t\n")
    project = load_project(tmp_path)
    assert project == Project.default(tmp_path, {"TOKEN": "t"})
    assert project.database_path == tmp_path / "data.duckdb"
    assert project.connections == {}


def test_an_empty_project_file_is_a_project(tmp_path: Path) -> None:
    (tmp_path / "syncrun.yaml").write_text("")
    assert load_project(tmp_path).file == tmp_path / "syncrun.yaml"


def test_the_real_environment_wins_over_the_env_file_which_is_never_written(folder: Path) -> None:
    content = "\ufeffTOKEN=from-file\nOTHER='${TOKEN} $x'\nEMPTY\n"
    (folder / ".env").write_text(content)
    assert load_project(folder).connections["acme"].config["token"] == "from-file"
    project = load_project(folder, environ={"TOKEN": "real"})
    assert project.connections["acme"].config["token"] == "real"
    assert project.dotenv == {"TOKEN": "from-file", "OTHER": "${TOKEN} $x"}
    assert (folder / ".env").read_text() == content


def test_r26_an_env_file_that_is_no_text_is_told(folder: Path) -> None:
    (folder / ".env").write_bytes(b"TOKEN=\xff\n")
    with pytest.raises(ConfigurationError) as caught:
        load_project(folder)
    assert str(caught.value) == f"{folder}/.env: cannot be read: not UTF-8 text"


def test_r23_config_values_do_not_show_in_a_project_s_text(folder: Path) -> None:
    (folder / ".env").write_text("OTHER=hush-hush\n")
    assert "s3cret" not in repr(load_project(folder, environ={"TOKEN": "s3cret"}))
    assert "hush" not in repr(load_project(folder, environ={"TOKEN": "s3cret"}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "- a\n",
            (
                "syncrun.yaml:1:1: expected a mapping, got a list\n"
                "  hint: a project file starts with connections:"
            ),
        ),
        (
            "connector: acme\nsyncs: {}\n",
            (
                "syncrun.yaml:1:1: this is the file of a connector\n"
                "  hint: a project file starts with connections:"
            ),
        ),
        (
            "conections: {}\n",
            "syncrun.yaml:1:1: unknown key 'conections'\n  hint: did you mean 'connections'?",
        ),
        ("webhooks: []\n", "syncrun.yaml:1:1: 'webhooks' is not available yet in this version of syncrun"),
        (
            "connections: {a/b: {connector: x}}\n",
            (
                "syncrun.yaml:1:15: 'a/b' is no valid name\n"
                "  hint: letters, digits, '_', '-' and '.', starting with a letter, digit or '_'"
            ),
        ),
        ("connections: {a: {}}\n", "syncrun.yaml:1:15: missing key 'connector' in 'connections.a'"),
        (
            "connections: {a: {connector: x, syncs: {b: {every: 5}}}}\n",
            "syncrun.yaml:1:52: 5 is no interval\n  hint: write such as 5m",
        ),
        (
            "connections: {a: {connector: x, config: {b: '${config.c}'}}}\n",
            (
                "syncrun.yaml:1:48: unknown name 'config'\n"
                "  hint: only ${env.NAME} can be used in a project file"
            ),
        ),
        (
            "connections: {a: {connector: x, config: {b: '${env.}'}}}\n",
            "syncrun.yaml:1:52: the expression ends too early\n    ${env.}\n          ^",
        ),
        (
            "connections: {a: {connector: x, metadata: {b: ['${env.C}']}}}\n",
            "syncrun.yaml:1:48: templates are read only in config values\n  hint: write the value itself",
        ),
        (
            "database: ${env.DB}\n",
            "syncrun.yaml:1:11: templates are read only in config values\n  hint: write the value itself",
        ),
        (
            "database: 'ducklake:postgres:x'\n",
            (
                "syncrun.yaml:1:11: only a DuckDB file can be the database in this version of syncrun\n"
                "  hint: write a file name"
            ),
        ),
        (
            "connections: {acme: {connector: x}}\nenvironments: {prod: {connections: {acne: {}}}}\n",
            "syncrun.yaml:2:37: unknown connection 'acne'\n  hint: did you mean 'acme'?",
        ),
    ],
)
def test_r26_a_wrong_project_file_has_one_message_with_its_place(
    tmp_path: Path, text: str, message: str
) -> None:
    assert refusal(tmp_path, text) == message


def test_unknown_environments_and_connections_have_the_nearest_as_hint(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_project(folder, env="prd")
    assert str(caught.value) == "unknown environment 'prd'\n  hint: did you mean 'prod'?"
    with pytest.raises(UsageError) as caught:
        load_project(folder).connection("acne")
    assert str(caught.value) == "unknown connection 'acne'\n  hint: did you mean 'acme'?"


def test_an_environment_needs_a_project_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_project(tmp_path, env="prod")
    assert (
        str(caught.value)
        == "no environment 'prod': there is no project file\n  hint: looked for syncrun.yaml"
    )


def test_a_project_is_checked_against_its_connectors(tmp_path: Path) -> None:
    (tmp_path / "connectors").mkdir()
    (tmp_path / "connectors" / "acme.yaml").write_text(
        "connector: acme\nbase_url: https://${config.host}\nconfig: {host: {}}\n"
        "syncs: {things: {request: /, key: id}}\n"
    )
    (tmp_path / "syncrun.yaml").write_text(
        "connections:\n"
        "  a: {connector: acme, config: {host: x}, syncs: {things: {every: 1h}}}\n"
        "  b: {connector: acne}\n"
        "  c: {connector: acme, config: {hosts: x}, syncs: {thing: {}}}\n"
        "environments: {prod: {connections: {a: {config: {hots: y}}}}}\n"
    )
    problems = [
        str(problem).replace(f"{tmp_path}/", "") for problem in check_project(tmp_path / "syncrun.yaml")
    ]
    assert problems == [
        "syncrun.yaml:3:18: unknown connector 'acne'\n  hint: did you mean 'acme'?",
        "syncrun.yaml:4:3: missing config value 'host'\n  hint: give it as config: {host: …}",
        "syncrun.yaml:4:33: unknown config value 'hosts'\n  hint: did you mean 'host'?",
        "syncrun.yaml:4:52: unknown sync 'thing'\n  hint: did you mean 'things'?",
        "syncrun.yaml:5:50: unknown config value 'hots'\n  hint: did you mean 'host'?",
    ]


def test_a_connection_can_be_made_without_a_file() -> None:
    assert Connection(connector="github").config == {}


CONNECTOR = load_connector(
    "connector: acme\nbase_url: https://x.example\n"
    "config:\n"
    "  owner: {env: ACME_OWNER}\n"
    "  token: {secret: true, env: ACME_TOKEN, minLength: 4}\n"
    "  size: {type: integer, default: 100, maximum: 1000}\n"
    "  fast: {type: boolean, env: ACME_FAST, optional: true}\n"
    "  tags: {type: array, items: {type: string}, optional: true}\n"
    "  keys: {type: object, properties: {a: {type: string}}, required: [a], optional: true, secret: true}\n"
    "headers: {User-Agent: '${config}'}\n"
    "syncs: {things: {request: /, key: id}}\n"
)


def config_refusal(values: dict[str, object], environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        resolve_config(CONNECTOR, values, environ or {}, where="acme")
    return [str(problem) for problem in caught.value.problems]


def test_config_comes_from_values_then_variables_then_defaults() -> None:
    environ = {"ACME_OWNER": "env-owner", "ACME_TOKEN": "env-token", "ACME_FAST": "true"}
    assert resolve_config(CONNECTOR, {"owner": "me"}, environ) == {
        "owner": "me",
        "token": "env-token",
        "size": 100,
        "fast": True,
    }


def test_text_becomes_what_the_entry_asks_for() -> None:
    values = {
        "owner": "123",
        "token": "5678",
        "size": "7",
        "fast": "false",
        "tags": '["a"]',
        "keys": '{"a": "b"}',
    }
    assert resolve_config(CONNECTOR, values, {}) == {
        "owner": "123",
        "token": "5678",
        "size": 7,
        "fast": False,
        "tags": ["a"],
        "keys": {"a": "b"},
    }


def test_every_missing_unknown_and_wrong_value_is_told_at_once() -> None:
    assert config_refusal({"ownr": "x", "size": 5000, "fast": "maybe", "tags": [1]}) == [
        "acme: unknown config value 'ownr'\n  hint: did you mean 'owner'?",
        (
            "acme: missing config value 'owner'\n"
            "  hint: set ACME_OWNER in the environment or in .env, or give it as config: {owner: …} "
            "of the connection"
        ),
        ("acme: missing config value 'token'\n  hint: set ACME_TOKEN in the environment or in .env"),
        "acme: the config value 'size' fails maximum: 1000, got 5000",
        "acme: the config value 'fast' must be true or false, got \"maybe\"",
        "acme: the config value 'tags' must be text of entry 1, got 1",
    ]


def test_a_wrong_variable_is_named() -> None:
    assert config_refusal({"owner": 5}, {"ACME_TOKEN": "abcd", "ACME_FAST": "yes"}) == [
        "acme: the config value 'owner' must be text, got 5\n  hint: put it in quotes",
        (
            "acme: the config value 'fast' must be true or false, got \"yes\"\n"
            "  hint: it comes from the environment variable ACME_FAST"
        ),
    ]


def test_r23_a_secret_is_in_no_message() -> None:
    values: dict[str, object] = {"owner": "me", "token": "s3c", "keys": {"b": "hush"}}
    assert config_refusal(values) == [
        "acme: the config value 'token' fails minLength: 4",
        "acme: the config value 'keys' lacks 'a'",
    ]


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_variable_counts_as_unset(folder: Path, value: str | None) -> None:
    environ = {} if value is None else {"TOKEN": value}
    values = load_project(folder, environ=environ).connections["acme"].config
    assert config_refusal(dict(values)) == [
        (
            "acme: the config value 'token' needs the environment variable TOKEN, which is not set\n"
            "  hint: set it, or write it into .env"
        )
    ]


def test_a_project_says_how_often_runs_commit(folder: Path) -> None:
    (folder / "syncrun.yaml").write_text("commits: {rows: 1000, every: 90s}\n")
    commits = load_project(folder).commits
    assert (commits.rows, commits.seconds) == (1000, 90.0)
    (folder / "syncrun.yaml").write_text("commits: {every: 5m}\n")
    assert (load_project(folder).commits.rows, load_project(folder).commits.seconds) == (250_000, 300.0)
    assert Project.default(folder).commits.seconds == 60.0


def test_r26_a_commit_rule_that_means_nothing_is_told_with_its_place(folder: Path) -> None:
    assert refusal(folder, "commits: {rows: 0}\n") == (
        "syncrun.yaml:1:17: expected at least 1, got the number 0"
    )
    assert refusal(folder, "commits: {every: 60}\n") == (
        "syncrun.yaml:1:18: 60 is no duration\n  hint: write a number and ms, s, m, h, d or w, such as 60s"
    )


def test_a_database_called_like_a_schema_in_it_is_warned_of(tmp_path: Path) -> None:
    file = tmp_path / "syncrun.yaml"
    file.write_text("database: pokeapi.duckdb\nconnections: {p: {connector: pokeapi}}\n", encoding="utf-8")
    (problem,) = check_project(file)
    assert str(problem).replace(f"{tmp_path}/", "") == (
        "syncrun.yaml:1:11: warning: the database is called 'pokeapi' like a schema in it, so 'pokeapi.…' is "
        "ambiguous in DuckDB\n  hint: call the file something else, such as data.duckdb"
    )


def test_r23_a_wrong_value_that_auth_uses_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(
        "connector: lab\nbase_url: https://api.test\n"
        "config: {mine: {pattern: '^k-'}, size: {type: integer}}\n"
        'auth: {type: bearer, token: "${config.mine}"}\n'
        "syncs: {items: {request: /items, key: id, fields: [id]}}\n"
    )
    with pytest.raises(ConfigurationError) as caught:
        resolve_config(load_connector(file), {"mine": "hunter22", "size": "big"}, {})
    assert [problem.message for problem in caught.value.problems] == [
        "the config value 'mine' fails pattern: \"^k-\"",
        "the config value 'size' must be a whole number, got \"big\"",
    ]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("hunter2-Xyzzy", "expected a mapping, got text"),
        ("{token: *hunter2-Xyzzy }", "this alias has no anchor before it"),
        ("{token: !hunter2-Xyzzy }", "a tag means nothing here"),
        ("{token: 'hunter2-Xyzzy${'}", "a ${ is never closed\n  hint: a literal ${ is written $${"),
        ("{tree: {token: ['hunter2-Xyzzy${']}}", "a ${ is never closed\n  hint: a literal ${ is written $${"),
    ],
)
def test_r23_a_password_that_means_something_in_yaml_or_templates_is_not_shown(
    folder: Path, config: str, message: str
) -> None:
    told = refusal(folder, f"connections:\n  acme:\n    connector: github\n    config: {config}\n")
    assert message in told
    assert "hunter2" not in told
