"""From a project folder and what was typed to the jobs that are meant."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncrun.config.base import suggest
from syncrun.config.connector import Connector
from syncrun.config.load import find_connector, shown
from syncrun.config.project import Connection, Project, load_project, read_project, resolve_config
from syncrun.config.sync import Sync
from syncrun.engine import connectors
from syncrun.engine.job import Job
from syncrun.engine.outside import Outside
from syncrun.engine.places import check_copy, check_place, key_of, state_of
from syncrun.engine.settings import setting, typed
from syncrun.errors import ConfigurationError, Problem, UsageError
from syncrun.stores.duckdb import DuckDBStore
from syncrun.stores.values.ids import DEFAULT_CONNECTION, SyncId

if TYPE_CHECKING:
    from syncrun.stores.values.definition import Definition

_PATIENCE = 300.0  # seconds that the runs of one command wait for each other's commits


@dataclass(frozen=True)
class Workspace:
    """A project as one command sees it: its connectors, connections and database.

    *lock_timeout* bounds each wait for whoever has the database open; *on_wait* is told who that is.
    """

    project: Project
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    outside: Outside = field(default_factory=Outside)
    on_wait: Callable[[str], None] | None = None
    lock_timeout: float = 300.0
    _looked: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def folder(self) -> Path:
        """The project's folder."""
        return self.project.folder

    @property
    def database(self) -> Path:
        """The database file."""
        return self.project.database_path

    def store(
        self,
        *,
        writing: bool = False,
        lock_timeout: float | None = None,
        sleep: Callable[[float], None] | None = None,
        on_wait: Callable[[str], None] | None = None,
    ) -> DuckDBStore:
        """Return the store that the project's records live in; raise UsageError where none can be."""
        check_place(self.database, writing=writing)
        if writing:
            check_copy(self.project.published_path)
        timeout = self.lock_timeout if lock_timeout is None else lock_timeout
        return DuckDBStore(
            self.database,
            lock_timeout=timeout,
            patience=max(timeout, _PATIENCE),
            clock=self.outside.clock,
            sleep=sleep or self.outside.sleep,
            on_wait=on_wait or self.on_wait,
            fault=lambda step: self.outside.fault(f"store.{step}"),
            copy=self.project.published_path,
            key=key_of(self.project),
        )

    @property
    def deployed(self) -> Mapping[str, Definition]:
        """What is deployed to the project's environment, by connector; its runs then use nothing else."""
        environment = self.project.environment
        if environment is None or not self.database.exists():
            return {}
        state = tuple(map(state_of, (self.database, self.database.with_name(f"{self.database.name}.wal"))))
        if self._looked.get("state") != state:  # a program that goes on sees the next deployment
            self._looked.update(state=state, found=self.store().deployed(environment))
        found: Mapping[str, Definition] = self._looked["found"]
        return found

    def connector(self, name: str) -> tuple[Connector, Path]:
        """Return the connector called *name*, and its file: the one deployed to the environment.

        Where nothing is deployed yet it is the project's own, else the built-in one. Raise UsageError when
        there is none.
        """
        if self.deployed:
            if name not in self.deployed:
                environment = self.project.environment
                raise UsageError(
                    f"the connector {name!r} is not deployed to {environment}",
                    hint=f"syncrun deploy {environment} deploys the connectors of all connections",
                )
            return connectors.load_deployed(self.deployed[name])
        path = find_connector(name, [self.folder / "connectors"])
        return connectors.load(path), path

    def connector_of(self, connection: str) -> tuple[Connector, Path]:
        """Return the connector of a *connection* of the project; raise ConfigurationError with the place."""
        try:
            return self.connector(self.project.connections[connection].connector)
        except UsageError as error:
            problem = Problem(error.message, hint=error.hint)
            raise ConfigurationError(
                [self._placed(problem, "connections", connection, "connector")]
            ) from None

    def jobs(
        self,
        targets: Sequence[str],
        *,
        everything: bool = False,
        settings: Sequence[str] = (),
        parents: bool = True,
    ) -> list[Job]:
        """Return what *targets* name: `CONNECTION`, `CONNECTION/SYNC`, or a connector by its name.

        With *parents* the syncs whose records the named ones need are run too, before them. Raise UsageError
        for what means nothing here, ConfigurationError with the problems of all connectors and connections.
        """
        self._check_asked(targets, everything=everything)
        if everything:
            targets = [*self.project.connections, *targets]
        values = dict(setting(text) for text in settings)
        found: dict[SyncId, Job] = {}
        problems: dict[Problem, None] = {}
        for target in targets:
            try:
                jobs = self._jobs_of(target, values, parents=parents)
            except ConfigurationError as error:
                problems |= dict.fromkeys(error.problems)
            else:
                found |= {job.id: job for job in jobs if job.id not in found}
        if problems:
            raise ConfigurationError(list(problems))
        return list(found.values())

    def sync(self, target: str) -> tuple[SyncId, Sync]:
        """Return the one sync that *target*, `CONNECTION/SYNC`, names; its config is not looked at."""
        named = self._named(target)
        if not named.wanted:
            raise UsageError(
                f"{target} names no sync", hint=f"one of: {', '.join(f'{target}/{n}' for n in named.syncs)}"
            )
        [name] = named.syncs
        connector = named.connector
        return SyncId(named.connection, connector.connector, name), connector.syncs[name]

    def job(self, target: str, settings: Sequence[str] = ()) -> Job:
        """Return the job of the one sync that *target* names; raise as `jobs` does."""
        self.sync(target)
        [job] = self.jobs([target], settings=settings, parents=False)
        return job

    def owner(self, target: str) -> SyncId:
        """Return what *target* names, CONNECTION or CONNECTION/SYNC; of a connection the sync is empty."""
        named = self._named(target)
        return SyncId(named.connection, named.connector.connector, named.syncs[0] if named.wanted else "")

    def _jobs_of(self, target: str, settings: Mapping[str, str], *, parents: bool) -> list[Job]:
        named = self._named(target)
        if settings and named.configured:
            raise UsageError(
                f"--set is for connectors that are run by name; {named.connection!r} is a connection",
                hint=f"change its config in {shown(self.project.file or self.folder)}",
            )
        connection, connector = named.settings, named.connector
        config = self._config(named, {**connection.config, **typed(connector, settings)})
        names = with_parents(connector, named.syncs) if parents else named.syncs
        folder = named.file.parent.parent
        ids = [SyncId(named.connection, connector.connector, name) for name in names]
        own = (connector, config, connection.metadata, folder, self.folder, self.project.restrict_hosts)
        return [Job(identity, *own) for identity in ids]

    def _config(self, named: _Named, values: Mapping[str, Any]) -> dict[str, Any]:
        if not named.configured:
            where = named.connector.connector
            return resolve_config(named.connector, values, self.environ, where=where, by_name=True)
        try:
            return resolve_config(named.connector, values, self.environ)
        except ConfigurationError as error:
            name = named.connection
            told = [replace(p, message=f"connection {name}: {p.message}") for p in error.problems]
            raise ConfigurationError([self._placed(p, "connections", name) for p in told]) from None

    def _placed(self, problem: Problem, *path: str) -> Problem:
        """Return *problem* with the place of *path* in the project's file."""
        if self.project.file is None:
            return problem
        yaml, _ = read_project(self.project.file)
        line, column = yaml.place(path, key=path[-1] != "connector")
        return replace(problem, file=yaml.name, line=line, column=column)

    def _named(self, target: str) -> _Named:
        """Return what *target* names: a connection of the project before a connector."""
        name, _, wanted = target.partition("/")
        settings = self.project.connections.get(name)
        if settings is None:
            default = self.project.connections.get(DEFAULT_CONNECTION)
            if default is not None and default.connector == name:
                # a connector that is run by its name is read for this connection
                settings, name = default, DEFAULT_CONNECTION
        configured = settings is not None
        if settings is None:
            settings = self._unnamed(name)
            connector, file = self.connector(name)
            name = DEFAULT_CONNECTION
        else:
            connector, file = self.connector_of(name)
        syncs = _syncs(connector, settings, wanted, target)
        return _Named(name, connector, file, settings, syncs, bool(wanted), configured)

    def _unnamed(self, name: str) -> Connection:
        try:
            find_connector(name, [self.folder / "connectors"])
        except UsageError as error:
            known = self.project.connections
            near = [hint for hint in (suggest(name, known), error.hint) if hint.startswith("did you mean")]
            all_of_them = f"one of: {', '.join(known)}; `syncrun list` names the connectors too"
            hint = near[0] if near else all_of_them if known else error.hint
            raise UsageError(f"no connection or connector is called {name!r}", hint=hint) from None
        return Connection(connector=name)

    def _check_asked(self, targets: Sequence[str], *, everything: bool) -> None:
        names = list(self.project.connections)
        if everything and not names:
            file = shown(self.project.file) if self.project.file else "syncrun.yaml"
            raise UsageError("there are no connections to run", hint=f"add them to {file}")
        if not targets and not everything:
            hint = f"name one of {', '.join(names)}, or give --all" if names else "try `syncrun run pokeapi`"
            raise UsageError("nothing to run: name a connection or CONNECTION/SYNC", hint=hint)


@dataclass(frozen=True)
class _Named:
    """What a target means. *wanted*: it names one sync; *configured*: the connection is of the project."""

    connection: str
    connector: Connector
    file: Path
    settings: Connection
    syncs: list[str]
    wanted: bool
    configured: bool


def open_workspace(
    path: Path | None,
    *,
    env: str | None = None,
    outside: Outside | None = None,
    on_wait: Callable[[str], None] | None = None,
    lock_timeout: float = 300.0,
) -> Workspace:
    """Return the workspace of the project at *path* (the current folder by default).

    *on_wait* is told whom its store waits for, for *lock_timeout* seconds each time, where nobody else is.
    """
    environ = dict(os.environ)
    project = load_project(path or Path.cwd(), env=env, environ=environ)
    return Workspace(project, {**project.dotenv, **environ}, outside or Outside(), on_wait, lock_timeout)


def _syncs(connector: Connector, connection: Connection, wanted: str, target: str) -> list[str]:
    """Return the sync that is *wanted*, all that are enabled when none is named."""
    if wanted:
        if wanted not in connector.syncs:
            from difflib import get_close_matches

            near = get_close_matches(wanted, list(connector.syncs), n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(connector.syncs)}"
            raise UsageError(
                f"{target}: the connector {connector.connector} has no sync {wanted!r}", hint=hint
            )
        return [wanted]
    disabled = {name for name, override in connection.syncs.items() if not override.enabled}
    return [name for name in connector.syncs if name not in disabled]


def with_parents(connector: Connector, names: Sequence[str]) -> list[str]:
    """Return *names* with the syncs that they need before them; validation has found cycles."""
    ordered: dict[str, None] = {}

    def add(name: str) -> None:
        for source in connector.syncs[name].sources:
            for parent in sorted(source.parents):
                add(parent)
        ordered.setdefault(name)

    for name in names:
        add(name)
    return list(ordered)
