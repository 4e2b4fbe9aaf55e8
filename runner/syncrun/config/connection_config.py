"""What a connector sees as `config`: values of the connection, variables, defaults; checked all at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from syncrun.config.base import suggest
from syncrun.config.connector import ConfigEntry, Connector
from syncrun.config.record_schema import describe_failure
from syncrun.config.secrecy import is_named_secret, secret_config
from syncrun.errors import ConfigurationError, Problem


class UnsetVariable(Struct, frozen=True):
    """Stands for a config value whose `${env.NAME}` has no value, until somebody needs it."""

    name: str


def resolve_config(
    connector: Connector,
    values: Mapping[str, Any],
    environ: Mapping[str, str],
    *,
    where: str = "",
    by_name: bool = False,
) -> dict[str, Any]:
    """Return a connection's config: from *values*, else its `env` variables, else its defaults.

    Text becomes a number, boolean, list or mapping where the entry says so. An optional entry without a value
    is left out. Raise ConfigurationError, which names the connection as *where*, with every value that is
    missing, unknown or wrong; a secret is never shown (R23). *by_name* is a connector without a connection.
    """
    problems: list[Problem] = []
    resolved: dict[str, Any] = {}
    for name in values:
        if name not in connector.config:
            hint = suggest(name, connector.config) or f"the connector {connector.connector} takes none"
            problems.append(Problem(f"unknown config value '{name}'", where, hint=hint))
    for name in connector.config:
        try:
            value = _find(name, connector, values, environ, where, by_name=by_name)
            if value is not None:
                resolved[name] = value
        except ConfigurationError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigurationError(problems)
    return resolved


def _find(
    name: str,
    connector: Connector,
    values: Mapping[str, Any],
    environ: Mapping[str, str],
    where: str,
    *,
    by_name: bool,
) -> Any:
    entry = connector.config[name]
    value = values.get(name)
    variable = None
    if isinstance(value, UnsetVariable):
        message = f"the config value '{name}' needs the environment variable {value.name}, which is not set"
        raise ConfigurationError([Problem(message, where, hint="set it, or write it into .env")])
    if value is None and entry.env and environ.get(entry.env):
        value, variable = environ[entry.env], entry.env
    if value is None:
        value = entry.default
    if value is None:
        if entry.optional:
            return None
        raise ConfigurationError(
            [Problem(f"missing config value '{name}'", where, hint=hint_of(name, entry, by_name=by_name))]
        )
    value = _typed(value, entry)
    if describe_failure(entry.value_schema, value, secret=True) is None:
        return value
    reason = describe_failure(entry.value_schema, value, secret=name in secret_config(connector))
    hint = f"it comes from the environment variable {variable}" if variable else _hint_type(value, entry)
    raise ConfigurationError([Problem(f"the config value '{name}' {reason}", where, hint=hint)])


def hint_of(name: str, entry: ConfigEntry, *, by_name: bool) -> str:
    """Return how to give a value that is missing; a secret neither in a file nor on the command line."""
    variable = entry.env or name.upper()
    if entry.secret or is_named_secret(name):
        if by_name:
            given = f"give it as --set-env {name}={variable} or --set-file {name}=PATH"
            return f"set {entry.env} in the environment or in .env, or {given}" if entry.env else given
        written = f'config: {{{name}: "${{env.{variable}}}"}}'
        given = f"write {written} into the connection, and set {variable} in the environment or in .env"
        return f"set {entry.env} in the environment or in .env" if entry.env else given
    given = f"give it as config: {{{name}: …}} of the connection"
    if by_name:
        given = f"give it as --set {name}=…"
    return f"set {entry.env} in the environment or in .env, or {given}" if entry.env else given


def _hint_type(value: Any, entry: ConfigEntry) -> str:
    number = isinstance(value, (int, float)) and entry.type == "string"
    return "put it in quotes" if number else ""


def _typed(value: Any, entry: ConfigEntry) -> Any:
    """Return *value*; text is read as JSON when the entry is of another type, and stays when it is none."""
    if not isinstance(value, str) or entry.type == "string":
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value  # the type check says what is wrong
