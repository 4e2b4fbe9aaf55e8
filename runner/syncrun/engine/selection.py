"""From a project folder and what was typed to the jobs that are meant."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from syncrun.config.connector import Connector
from syncrun.config.load import find_connector, load_connector
from syncrun.config.project import Connection, Project, load_project, resolve_config
from syncrun.engine.job import Job
from syncrun.errors import UsageError
from syncrun.stores.base import SyncId
from syncrun.stores.duckdb import DuckDBStore

DEFAULT_CONNECTION = "default"


@dataclass(frozen=True)
class Workspace:
    """A project as one command sees it: its connectors, connections and database."""

    project: Project
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def folder(self) -> Path:
        """The project's folder."""
        return self.project.folder

    @property
    def database(self) -> Path:
        """The database file."""
        return self.project.database_path

    def store(self, *, lock_timeout: float = 300.0) -> DuckDBStore:
        """Return the store that the project's records live in."""
        return DuckDBStore(self.database, lock_timeout=lock_timeout)

    def connector(self, name: str) -> tuple[Connector, Path]:
        """Return the connector called *name*, the project's own before a built-in one, and its file."""
        path = find_connector(name, [self.folder / "connectors"])
        return _load(path), path

    def jobs(
        self,
        targets: Sequence[str],
        *,
        everything: bool = False,
        settings: Sequence[str] = (),
        parents: bool = True,
    ) -> list[Job]:
        """Return what *targets* name: `CONNECTION`, `CONNECTION/SYNC`, or a connector by its name.

        With *parents* the syncs whose records the named ones need are run too, before them.
        """
        if not targets and not everything:
            self._refuse_nothing()
        if everything:
            targets = [*self.project.connections, *targets]
        values = dict(_setting(text) for text in settings)
        found: dict[SyncId, Job] = {}
        for target in targets:
            for job in self._jobs_of(target, values, parents=parents):
                found.setdefault(job.id, job)
        return list(found.values())

    def _jobs_of(self, target: str, settings: Mapping[str, str], *, parents: bool) -> Iterator[Job]:
        name, _, sync = target.partition("/")
        connection = self.project.connections.get(name)
        if connection is None:
            connection, name = self._unnamed(name), DEFAULT_CONNECTION
        elif settings:
            raise UsageError(
                f"--set is for connectors that are run by name; {name!r} is a connection of the project",
                hint=f"change its config in {self.project.file}",
            )
        connector, path = self.connector(connection.connector)
        values = {**connection.config, **_typed(connector, settings)}
        config = resolve_config(connector, values, self.environ, where=name)
        names = self._syncs(connector, connection, sync, target)
        for sync_name in _with_parents(connector, names) if parents else names:
            identity = SyncId(name, connector.connector, sync_name)
            yield Job(identity, connector, config, connection.metadata, path.parent.parent)

    def _unnamed(self, name: str) -> Connection:
        try:
            find_connector(name, [self.folder / "connectors"])
        except UsageError as error:
            near = get_close_matches(name, list(self.project.connections), n=1)
            hint = f"did you mean '{near[0]}'?" if near else error.hint
            raise UsageError(f"no connection or connector is called {name!r}", hint=hint) from None
        return Connection(connector=name)

    def _syncs(self, connector: Connector, connection: Connection, wanted: str, target: str) -> list[str]:
        if wanted:
            if wanted not in connector.syncs:
                near = get_close_matches(wanted, list(connector.syncs), n=1)
                hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(connector.syncs)}"
                raise UsageError(
                    f"{target}: the connector {connector.connector} has no sync {wanted!r}", hint=hint
                )
            return [wanted]
        disabled = {name for name, override in connection.syncs.items() if not override.enabled}
        return [name for name in connector.syncs if name not in disabled]

    def _refuse_nothing(self) -> None:
        names = list(self.project.connections)
        hint = f"name one of {', '.join(names)}, or give --all" if names else "try `syncrun run pokeapi`"
        raise UsageError("nothing to run: name a connection or CONNECTION/SYNC", hint=hint)


def open_workspace(path: Path | None, *, env: str | None = None) -> Workspace:
    """Return the workspace of the project at *path* (the current folder by default)."""
    environ = dict(os.environ)
    project = load_project(path or Path.cwd(), env=env, environ=environ)
    return Workspace(project, {**project.dotenv, **environ})


def _with_parents(connector: Connector, names: Sequence[str]) -> list[str]:
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


@cache
def _load(path: Path) -> Connector:
    return load_connector(path)


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"--set {text}: expected NAME=VALUE", hint="such as --set owner=acme")
    return name, value


def _typed(connector: Connector, settings: Mapping[str, str]) -> dict[str, Any]:
    """Return the texts of --set as the types that the connector declares."""
    import json

    values: dict[str, Any] = {}
    for name, text in settings.items():
        entry = connector.config.get(name)
        if entry is None:
            near = get_close_matches(name, list(connector.config), n=1)
            known = ", ".join(connector.config) or "none"
            hint = f"did you mean '{near[0]}'?" if near else f"its config entries: {known}"
            raise UsageError(
                f"--set {name}: the connector {connector.connector} has no such config entry", hint=hint
            )
        values[name] = text
        if entry.type != "string":
            try:
                values[name] = json.loads(text)
            except ValueError:
                raise UsageError(f"--set {name}: expected {entry.type}, got {text!r}") from None
    return values
