"""What an edit means: which files are wrong now, and which syncs are read another way than before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syncrun.config.connector import Connector
from syncrun.config.hook_file import read_hook_file
from syncrun.config.load import check_files, connector_files
from syncrun.config.project_file import find_project_file
from syncrun.engine.selection import Workspace, open_workspace
from syncrun.errors import Problem, UsageError
from syncrun.stores.values.ids import DEFAULT_CONNECTION, SyncId

_NOT_READ = {"syncs", "version", "title", "description", "docs", "defaults"}


@dataclass(frozen=True, slots=True)
class Look:
    """The project at one moment: *files* that were checked, their *problems*, and the *syncs* to try.

    With errors there are none to try. *workspace* is the project as it is then.
    """

    files: int
    problems: tuple[Problem, ...]
    syncs: tuple[str, ...] = ()
    workspace: Workspace | None = None

    @property
    def errors(self) -> int:
        """How many of the problems are errors."""
        return sum(problem.severity == "error" for problem in self.problems)


class Workbench:
    """A project that is being worked on, in the environment *env*; *targets* are the syncs of interest."""

    def __init__(self, folder: Path | None, env: str | None, targets: Sequence[str]) -> None:
        self._path, self._env, self._targets = folder, env, tuple(targets)
        start = folder or Path()
        file = start if start.is_file() else find_project_file(start)
        self.folder = start if file is None else file.parent
        self._marks: dict[str, str] = {}

    def look(self) -> Look:
        """Return how the project is now; its syncs are those that differ from the last look without errors.

        At first these are the targets. Raise UsageError or ConfigurationError for a project that cannot be
        opened.
        """
        files, problems = check_files([self.folder])
        found = Look(len(files), tuple(problems))
        if found.errors:
            return found
        workspace = open_workspace(self._path, env=self._env)
        if workspace.deployed:
            hint = "work without --env"
            raise UsageError(f"{self._env} runs what was deployed, which no edit changes", hint=hint)
        before, self._marks = self._marks, dict(_marks(workspace))
        if not before:
            syncs = self._targets
        else:
            syncs = tuple(sync for sync, mark in self._marks.items() if before.get(sync) != mark)
            syncs = _fewest(workspace, [sync for sync in syncs if self._is_wanted(sync)], self._targets)
        return Look(found.files, found.problems, syncs, workspace)

    def _is_wanted(self, sync: str) -> bool:
        return not self._targets or any(sync == one or sync.startswith(f"{one}/") for one in self._targets)


def _marks(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Yield every sync that can be run, with what tells how it is read."""
    connections = workspace.project.connections
    for name, connection in connections.items():
        connector, file = workspace.connector_of(name)
        own = [connection.config, connection.metadata]
        yield from _marks_of(name, connector, file, own)
    used = {connection.connector for connection in connections.values()}
    for file in connector_files(workspace.folder / "connectors"):
        if file.stem not in used:
            connector, _ = workspace.connector(file.stem)
            yield from _marks_of(DEFAULT_CONNECTION, connector, file, [])


def _marks_of(
    connection: str, connector: Connector, file: Path, own: Sequence[Any]
) -> Iterator[tuple[str, str]]:
    shared = connector.model_dump(mode="json", exclude=_NOT_READ)
    for name, sync in connector.syncs.items():
        hooks = [file for file in (connector.hooks, sync.hooks) if file is not None]
        digests = [read_hook_file(hook, file.absolute().parent.parent).digest for hook in hooks]
        read = sync.model_dump(mode="json", exclude={"description"})
        mark = json.dumps([shared, read, digests, *own], sort_keys=True, default=str)
        yield str(SyncId(connection, connector.connector, name)), mark


def _fewest(workspace: Workspace, syncs: Sequence[str], targets: Sequence[str]) -> tuple[str, ...]:
    """Return *syncs* once for each connector, unless connections were named: one customer shows enough."""
    if targets:
        return tuple(syncs)
    connectors: Mapping[str, str] = {n: c.connector for n, c in workspace.project.connections.items()}
    first: dict[tuple[str, str], str] = {}
    for sync in syncs:
        connection, _, name = sync.partition("/")
        first.setdefault((connectors.get(connection, connection), name), sync)
    return tuple(first.values())
