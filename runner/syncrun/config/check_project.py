"""What must hold in a project file beyond each key: names that exist, templates where they belong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from syncrun.config.base import YamlPath, suggest
from syncrun.config.connection_config import hint_of
from syncrun.config.connector import Connector
from syncrun.config.database import place_problems
from syncrun.config.load import find_connector, load_connector
from syncrun.config.outline import find_computed
from syncrun.config.problems import in_order
from syncrun.config.project import Connection, ProjectFile, read_project
from syncrun.config.yaml_file import YamlFile
from syncrun.errors import ConfigurationError, Problem, UsageError
from syncrun.expressions.template import template_references


def check_project(path: Path) -> list[Problem]:
    """Return every problem of the project file at *path*, the names in its connections included."""
    try:
        yaml, content = read_project(path)
    except ConfigurationError as error:
        return list(error.problems)
    found = [
        *_check_connections(yaml, content, path.parent / "connectors"),
        *_check_database(yaml, content),
        *_check_places(yaml, content, path.parent),
    ]
    return in_order(found)


def _check_places(yaml: YamlFile, content: ProjectFile, folder: Path) -> Iterator[Problem]:
    yield from place_problems(yaml, folder, content.database, content.publish)
    for name, chosen in content.environments.items():
        if chosen.database is not None:
            yield from place_problems(yaml, folder, chosen.database, chosen.publish, ("environments", name))


def _check_database(yaml: YamlFile, content: ProjectFile) -> Iterator[Problem]:
    """Warn of a file whose name other clients of DuckDB could not tell from a schema in it."""
    schemas = {"syncrun", *(connection.connector for connection in content.connections.values())}
    named: list[tuple[YamlPath, str | None]] = [(("database",), content.database)]
    named += [(("environments", name, "database"), e.database) for name, e in content.environments.items()]
    for path, database in named:
        stem = Path(database).stem if database else ""
        if stem in schemas:
            message = (
                f"the database is called '{stem}' like a schema in it, so '{stem}.…' is ambiguous in DuckDB"
            )
            hint = "call the file something else, such as data.duckdb"
            yield Problem(message, yaml.name, *yaml.place(path), hint, severity="warning")


def check_names(yaml: YamlFile, content: ProjectFile) -> Iterator[Problem]:
    """Yield a problem for each name that means nothing, and each template where none is read."""
    for text in find_computed(content):
        for reference in template_references(text.text):
            if reference.root != "env":
                place = yaml.character(text.path, reference.offset)
                hint = "only ${env.NAME} can be used in a project file"
                yield Problem(f"unknown name '{reference.root}'", yaml.name, *place, hint)
    keys: list[tuple[YamlPath, str | None]] = [(("encryption_key",), content.encryption_key)]
    for name, changes in content.environments.items():
        keys.append((("environments", name, "encryption_key"), changes.encryption_key))
    for path, key in keys:
        if key is not None and not any(template_references(key)):
            hint = 'write such as "${env.SYNCRUN_DB_KEY}", and put the key into .env or the environment'
            yield Problem("a key does not belong in this file", yaml.name, *yaml.place(path), hint)
    for environment, changes in content.environments.items():
        for name in changes.connections:
            if name not in content.connections:
                place = yaml.place(("environments", environment, "connections", name), key=True)
                hint = suggest(name, content.connections)
                yield Problem(f"unknown connection '{name}'", yaml.name, *place, hint)
    for index, entry in enumerate(content.restrict_hosts or ()):
        from syncrun.http.reach import check_entry

        try:
            check_entry(entry)
        except UsageError as error:
            yield Problem(error.message, yaml.name, *yaml.place(("restrict_hosts", index)), error.hint)
    yield from _check_plain(yaml, content)


def _check_plain(yaml: YamlFile, content: ProjectFile) -> Iterator[Problem]:
    plain: list[tuple[YamlPath, Any]] = [(("database",), content.database)]
    for name, connection in content.connections.items():
        plain += [(("connections", name, key), getattr(connection, key)) for key in ("connector", "metadata")]
    plain += [
        (("environments", name, "database"), changes.database)
        for name, changes in content.environments.items()
    ]
    for path, value in plain:
        for place, text in _texts(value, path):
            if "${" in text:
                message = "templates are read only in config values"
                yield Problem(message, yaml.name, *yaml.place(place), "write the value itself")


def _texts(value: Any, path: YamlPath) -> Iterator[tuple[YamlPath, str]]:
    if isinstance(value, str):
        yield path, value
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, member in members:
        yield from _texts(member, (*path, key))


def _check_connections(yaml: YamlFile, content: ProjectFile, folder: Path) -> Iterator[Problem]:
    for name, connection in content.connections.items():
        path: YamlPath = ("connections", name)
        try:
            file = find_connector(connection.connector, [folder])
        except UsageError as error:
            yield Problem(error.message, yaml.name, *yaml.place((*path, "connector")), error.hint)
            continue
        try:
            connector = load_connector(file)
        except ConfigurationError:
            continue  # its own file says what is wrong with it
        yield from _check_connection(yaml, path, connection, connector)
        for environment, changes in content.environments.items():
            if name in changes.connections:
                below = ("environments", environment, "connections", name)
                yield from _check_connection(yaml, below, changes.connections[name], connector)


def _check_connection(
    yaml: YamlFile, path: YamlPath, connection: Any, connector: Connector
) -> Iterator[Problem]:
    """Yield what a connection, or an environment's change of one, names that its connector does not have."""
    for key, what, known in (
        ("config", "config value", connector.config),
        ("syncs", "sync", connector.syncs),
    ):
        for name in getattr(connection, key):
            if name not in known:
                place = yaml.place((*path, key, name), key=True)
                hint = suggest(name, known) or f"the connector {connector.connector} has none"
                yield Problem(f"unknown {what} '{name}'", yaml.name, *place, hint)
    if isinstance(connection, Connection):
        yield from _check_values(yaml, path, connection, connector)


def _check_values(
    yaml: YamlFile, path: YamlPath, connection: Connection, connector: Connector
) -> Iterator[Problem]:
    for name, entry in connector.config.items():
        if name not in connection.config and entry.default is None and not entry.optional and not entry.env:
            place = yaml.place(path, key=True)
            hint = hint_of(name, entry, by_name=False).removesuffix(" of the connection")
            yield Problem(f"missing config value '{name}'", yaml.name, *place, hint)
