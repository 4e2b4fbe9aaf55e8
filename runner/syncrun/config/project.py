"""A project: the folder with `syncrun.yaml`, its database, connections and environments.

    database: data.duckdb
    publish: read.duckdb
    commits: {rows: 250000, every: 60s}
    retention: {payload_after: 180d, idle_sync_after: 90d, run_logs: 90d}
    connections:
      acme:
        connector: github
        config: {owner: acme, token: "${env.GITHUB_TOKEN}"}
        metadata: {plan: gold}
        syncs: {issues: {every: 15m}, commits: {enabled: false}}
    environments:
      prod: {database: /var/lib/syncrun/prod.duckdb}

The project file is looked for in the folder given and then in each folder above it, as git does.
`${env.NAME}` works in `config` values and nowhere else (R23); variables come from the environment, and then
from `.env` beside the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from syncrun.config.base import CONNECTION_NAME, Duration, Identifier, YamlModel, suggest
from syncrun.config.connection_config import UnsetVariable, resolve_config
from syncrun.config.database import check_places
from syncrun.config.load import shown
from syncrun.config.problems import describe, explain, in_order
from syncrun.config.project_file import PROJECT_FILES, find_project_file
from syncrun.config.retention import RetentionRule
from syncrun.config.schedule import Cron, Interval, Schedule, ScheduleZone, check_schedule, schedule_of
from syncrun.config.variables import render_variables
from syncrun.config.yaml_file import YamlFile
from syncrun.errors import ConfigurationError, Problem, UsageError
from syncrun.expressions.durations import parse_duration
from syncrun.expressions.fields import Template, TemplateTree

__all__ = [
    "CommitRule",
    "Connection",
    "Environment",
    "Project",
    "ProjectFile",
    "SyncOverride",
    "load_project",
    "resolve_config",
]

DATABASE = "data.duckdb"

_NO_ENVIRON: Mapping[str, str] = MappingProxyType({})

ConnectionName = Annotated[str, Field(pattern=CONNECTION_NAME, max_length=128)]
Config = dict[str, TemplateTree]


class SyncOverride(YamlModel):
    """What a connection changes about one sync."""

    every: Interval | None = None
    cron: Cron | None = None
    timezone: ScheduleZone | None = None
    enabled: bool = Field(default=True, description="false leaves it out of every run.")

    @model_validator(mode="after")
    def _one_schedule(self) -> SyncOverride:
        check_schedule(self)
        return self

    @property
    def schedule(self) -> Schedule | None:
        """When the sync runs by itself, in place of what its connector says."""
        return schedule_of(self)


class Connection(YamlModel):
    """Credentials and config of one customer or account, for one connector."""

    connector: str = Field(description="The name of a connector: of the project, else built-in.")
    config: Config = Field(
        default_factory=dict, repr=False, description="Values; ${env.NAME} reads the environment."
    )
    metadata: dict[str, Any] = Field(default_factory=dict, description="Free values, readable in templates.")
    syncs: dict[Identifier, SyncOverride] = Field(default_factory=dict)


class ConnectionOverride(YamlModel):
    """What an environment changes about a connection; mappings are merged."""

    config: Config = Field(default_factory=dict, repr=False)
    metadata: dict[str, Any] = Field(default_factory=dict)
    syncs: dict[Identifier, SyncOverride] = Field(default_factory=dict)


class Environment(YamlModel):
    """What is different where the project runs."""

    database: Annotated[str, Field(min_length=1)] | None = None
    publish: str | None = Field(
        None, min_length=1, description="Its own copy; with a database of its own there is none without it."
    )
    encryption_key: Template | None = Field(None, repr=False, description="Its own key.")
    connections: dict[ConnectionName, ConnectionOverride] = Field(default_factory=dict)


class CommitRule(YamlModel):
    """When a run makes the records it has read so far visible, before it ends."""

    rows: int = Field(250_000, ge=1, description="As soon as so many records wait.")
    every: Duration = Field("60s", description="As soon as records have waited so long.")

    @property
    def seconds(self) -> float:
        """`every` in seconds."""
        return parse_duration(self.every).total_seconds()


class ProjectFile(YamlModel):
    """A syncrun project: its database and the connections that are kept in it."""

    database: str = Field(
        DATABASE, min_length=1, description="The DuckDB file, relative to the project's folder."
    )
    publish: str | None = Field(
        None,
        min_length=1,
        description="Where a copy for readers is kept up to date after each run.",
    )
    encryption_key: Template | None = Field(
        None,
        repr=False,
        description="Encrypts the database; written ${env.NAME}, it reads the key from there.",
    )
    commits: CommitRule = Field(
        CommitRule.model_construct(), description="How often a run commits while it is reading."
    )
    every: Interval | None = Field(
        None, description="How often syncs run by themselves that have no schedule of their own."
    )
    retention: RetentionRule = Field(
        RetentionRule.model_construct(), description="How long what is no news is kept."
    )
    restrict_hosts: list[str] | None = Field(
        None, description="The only hosts that requests may go to: `api.example.com`, `*.example.com`."
    )
    connections: dict[ConnectionName, Connection] = Field(default_factory=dict)
    environments: dict[Identifier, Environment] = Field(default_factory=dict)


@dataclass(frozen=True)
class Project:
    """A project as one environment sees it; *file* is None when there is no project file.

    *config* values of the connections are rendered; *dotenv* holds the variables of `.env`.
    """

    folder: Path
    file: Path | None = None
    database: str = DATABASE
    commits: CommitRule = field(default_factory=CommitRule)
    every: str | None = None
    retention: RetentionRule = field(default_factory=RetentionRule)
    connections: Mapping[str, Connection] = field(default_factory=dict)
    environment: str | None = None
    dotenv: Mapping[str, str] = field(default_factory=dict, repr=False)
    publish: str | None = None
    encryption_key: str | UnsetVariable | None = field(default=None, repr=False)
    restrict_hosts: tuple[str, ...] | None = None

    @classmethod
    def default(cls, folder: Path, dotenv: Mapping[str, str] = _NO_ENVIRON) -> Project:
        """Return the project of a *folder* without a project file: no connections, the default database."""
        return cls(folder, dotenv=dotenv)

    @property
    def database_path(self) -> Path:
        """The database file; a relative name is relative to the project's folder."""
        return self.folder / self.database

    @property
    def published_path(self) -> Path | None:
        """The copy for readers, if there is to be one."""
        return None if self.publish is None else self.folder / self.publish

    def connection(self, name: str) -> Connection:
        """Return the connection *name*; raise UsageError, with the nearest name, when there is none."""
        if name not in self.connections:
            raise UsageError(f"unknown connection '{name}'", hint=suggest(name, self.connections))
        return self.connections[name]


def load_project(path: Path, *, env: str | None = None, environ: Mapping[str, str] = _NO_ENVIRON) -> Project:
    """Return the project of *path*, its file or a folder in or below it, as environment *env* sees it.

    Without a project file it is the default project of the folder. *environ* wins over `.env`. Raise
    ConfigurationError with every problem of the file, UsageError for an unknown *env*.
    """
    file = path if path.is_file() else find_project_file(path)
    if file is None:
        if env is not None:
            raise UsageError(
                f"no environment '{env}': there is no project file", hint=f"looked for {PROJECT_FILES[0]}"
            )
        return Project.default(path, read_dotenv(path))
    yaml, content = read_project(file)
    if env is not None and env not in content.environments:
        hint = suggest(env, content.environments) or f"{shown(file)} has no environments"
        raise UsageError(f"unknown environment '{env}'", hint=hint)
    chosen = content.environments[env] if env is not None else Environment()
    dotenv = read_dotenv(file.parent)
    variables = {**dotenv, **environ}
    connections = {
        name: _resolve(_override(connection, chosen.connections.get(name)), variables)
        for name, connection in content.connections.items()
    }
    database = chosen.database or content.database
    publish = chosen.publish or (None if chosen.database else content.publish)
    check_places(yaml, file.parent, database, publish)
    rules = (content.commits, content.every, content.retention)
    key = chosen.encryption_key or content.encryption_key
    key = None if key is None else render_variables(key, variables)
    hosts = None if content.restrict_hosts is None else tuple(content.restrict_hosts)
    return Project(file.parent, file, database, *rules, connections, env, dotenv, publish, key, hosts)


def read_project(path: Path) -> tuple[YamlFile, ProjectFile]:
    """Return the project file at *path*; raise ConfigurationError with every problem."""
    from syncrun.config.check_project import check_names

    yaml = YamlFile.read(path, shown(path))
    is_connector = isinstance(yaml.value, dict) and {"connector", "syncs"} <= yaml.value.keys()
    if is_connector or (yaml.value is not None and not isinstance(yaml.value, dict)):
        message = f"expected a mapping, got {describe(yaml.value)}"
        message = "this is the file of a connector" if is_connector else message
        hint = "a project file starts with connections:"
        raise ConfigurationError(
            [*yaml.problems, Problem(message, yaml.name, yaml.root.line, yaml.root.column, hint)]
        )
    problems = list(yaml.problems)
    try:
        content = ProjectFile.model_validate(yaml.value or {}, strict=True)
    except ValidationError as error:
        raise ConfigurationError(in_order([*problems, *explain(error, yaml, ProjectFile)])) from None
    problems += check_names(yaml, content)
    if problems:
        raise ConfigurationError(in_order(problems))
    return yaml, content


def read_dotenv(folder: Path) -> dict[str, str]:
    """Return the variables in `.env` of *folder*, which is never written; none when there is no such file."""
    path = folder / ".env"
    if not path.is_file():
        return {}
    from dotenv import dotenv_values

    try:
        values = dotenv_values(path, interpolate=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigurationError([Problem(f"cannot be read: {reason}", shown(path))]) from None
    return {name: value for name, value in values.items() if value is not None}


def _override(connection: Connection, over: ConnectionOverride | None) -> Connection:
    if over is None:
        return connection
    merged = {
        "config": {**connection.config, **over.config},
        "metadata": {**connection.metadata, **over.metadata},
        "syncs": {
            **connection.syncs,
            **{n: _merge(connection.syncs.get(n), sync) for n, sync in over.syncs.items()},
        },
    }
    return connection.model_copy(update=merged)


def _merge(base: SyncOverride | None, over: SyncOverride) -> SyncOverride:
    """Return *base* with what *over* sets; a schedule takes the place of any other."""
    if base is None:
        return over
    changes = {name: getattr(over, name) for name in over.model_fields_set}
    if over.schedule is not None:
        changes = {"every": None, "cron": None, "timezone": None, **changes}
    return base.model_copy(update=changes)


def _resolve(connection: Connection, variables: Mapping[str, str]) -> Connection:
    config = {name: render_variables(value, variables) for name, value in connection.config.items()}
    return connection.model_copy(update={"config": config})
