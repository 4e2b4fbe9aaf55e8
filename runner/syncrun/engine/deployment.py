"""Deploys connectors to an environment: which versions, what they change there, and back to earlier ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from syncrun.config.base import suggest
from syncrun.config.bundle import Bundle, read_bundle, write_files
from syncrun.config.defaults import merge_defaults
from syncrun.config.load import check_files, find_connector
from syncrun.config.yaml_file import YamlFile
from syncrun.engine import connectors
from syncrun.engine.schema_changes import Change, Version, schema_changes
from syncrun.engine.selection import Workspace
from syncrun.errors import ConfigurationError, UsageError
from syncrun.stores.base import Store
from syncrun.stores.values.definition import Definition


@dataclass(frozen=True, slots=True)
class Step:
    """One connector of a plan: what is deployed now, what would be, and what that changes."""

    before: Definition | None
    after: Definition
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a deployment would do: a step for each connector that changes, and the others as they stay."""

    environment: str
    steps: tuple[Step, ...]
    unchanged: tuple[Definition, ...] = ()

    @property
    def destructive(self) -> bool:
        """Whether readers of the data would lose something."""
        return any(change.destructive for step in self.steps for change in step.changes)

    def apply(self, store: Store, at: datetime) -> list[Definition]:
        """Deploy; runs that begin later use it. Return the definitions with the time of their deployment."""
        return store.deploy(self.environment, [step.after for step in self.steps], at)


def plan(
    workspace: Workspace, store: Store, *, target: str | None = None, versions: Sequence[str] = ()
) -> Plan:
    """Return what deploying the working files to the workspace's environment would do.

    *target* is `CONNECTION/SYNC`: of its connector only that sync. *versions* are `CONNECTOR@VERSION`: only
    these connectors, in versions that were deployed before. Raise ConfigurationError with every problem of
    the files, UsageError for what cannot be deployed.
    """
    environment = workspace.project.environment
    assert environment is not None  # noqa: S101 - the caller has opened it
    deployed = store.deployed(environment)
    if versions:
        wanted = [_earlier(text, store) for text in versions]
    elif target is not None:
        _check(workspace)
        wanted = [_one_sync(target, workspace, deployed, store)]
    else:
        _check(workspace)
        wanted = list(_all(workspace, store))
    steps, unchanged = [], []
    for definition in wanted:
        before = deployed.get(definition.connector)
        if before is not None and before.digest == definition.digest:
            unchanged.append(before)
        else:
            steps.append(_step(before, definition, store))
    return Plan(environment, tuple(steps), tuple(unchanged))


def _check(workspace: Workspace) -> None:
    """Refuse files with errors: all of the project's, for they are one whole."""
    if workspace.project.file is None or not workspace.project.connections:
        raise UsageError("there are no connections to deploy", hint="add them to syncrun.yaml")
    _, problems = check_files([workspace.folder])
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise ConfigurationError(errors)


def _all(workspace: Workspace, store: Store) -> Iterator[Definition]:
    """Yield the connectors that the connections use, as they are in the working files."""
    names = dict.fromkeys(connection.connector for connection in workspace.project.connections.values())
    for name in names:
        bundle, own = _working(workspace, name)
        yield _definition(name, bundle, store, own=own)


def _working(workspace: Workspace, name: str) -> tuple[Bundle, bool]:
    """Return the connector *name* of the working files, and whether it is the project's own."""
    folder = workspace.folder / "connectors"
    path = find_connector(name, [folder])
    return read_bundle(path), path.is_relative_to(folder)


def _definition(name: str, bundle: Bundle, store: Store, *, own: bool) -> Definition:
    version = bundle.connector.version
    found = Definition(name, version, bundle.digest, bundle.name, bundle.files)
    taken = [other for other in store.versions(name) if other.version == version]
    if not taken or any(other.digest == found.digest for other in taken):
        return found
    if not own:  # it came with another syncrun: nobody here can raise its version
        return replace(found, version=f"{version}+{found.digest[:8]}")
    raise UsageError(
        f"the version {version} of {name} was deployed before with other content",
        hint=f"raise version: in {bundle.name}",
    )


def _earlier(text: str, store: Store) -> Definition:
    name, at, version = text.partition("@")
    if not at or not name or not version:
        raise UsageError(f"--version {text}: expected CONNECTOR@VERSION", hint="such as store@1.0.0")
    known = store.versions(name)
    for definition in known:
        if definition.version == version:
            return definition
    hint = suggest(version, [definition.version for definition in known])
    raise UsageError(f"{name} was never deployed as version {version}", hint=hint or "syncrun list --env")


def _step(before: Definition | None, after: Definition, store: Store) -> Step:
    old = None if before is None else _version(before)
    return Step(before, after, tuple(schema_changes(old, _version(after), store.columns)))


def _version(definition: Definition) -> Version:
    connector, path = connectors.load_deployed(definition)
    return Version(connector, path.parent.parent)


# ── one sync ───────────────────────────────────────────────────────────────────────────────────────


def _one_sync(
    target: str, workspace: Workspace, deployed: Mapping[str, Definition], store: Store
) -> Definition:
    """Return the deployed connector with one sync as it is in the working files."""
    connection, _, sync = target.partition("/")
    name = workspace.project.connection(connection).connector
    bundle, own = _working(workspace, name)
    if sync not in bundle.connector.syncs:
        hint = suggest(sync, bundle.connector.syncs)
        raise UsageError(f"--sync {target}: the connector {name} has no sync {sync!r}", hint=hint)
    base = deployed.get(name)
    if base is None:
        raise UsageError(
            f"{name} is not deployed yet, and --sync changes one sync of what is",
            hint=f"syncrun deploy {workspace.project.environment}",
        )
    if base.digest == bundle.digest:
        return base
    whole = _with_sync(base, bundle, sync, target)
    if whole is None:
        return base
    return _definition(name, whole, store, own=own)


def _mixed(version: str, bundle: Bundle, sync: str) -> str:
    """Return the version of what is deployed with one sync of another: `1.0.0+issues.1.1.0`."""
    joint = "." if "+" in version else "+"
    return f"{version}{joint}{sync}.{bundle.connector.version}"


def _with_sync(base: Definition, bundle: Bundle, sync: str, target: str) -> Bundle | None:
    """Return *base* with the *sync* of *bundle*; None when that is what it has. Raise UsageError."""
    old, new = _content(base.name, base.files), _content(bundle.name, bundle.files)
    if old["syncs"].get(sync) == new["syncs"][sync] and not _differing(base.files, bundle):
        return None
    for name in _differing(base.files, bundle):
        raise UsageError(
            f"--sync {target}: {name} has changed too, and other syncs may use it",
            hint="deploy the whole connector",
        )
    changed = {"syncs": {**old["syncs"], sync: new["syncs"][sync]}}
    mixed = {**old, "version": _mixed(base.version, bundle, sync), **changed}
    text = yaml.safe_dump(mixed, sort_keys=False, allow_unicode=True, width=110)
    files = {**bundle.files, **base.files, base.name: text}
    with TemporaryDirectory(prefix="syncrun-deploy-") as folder:
        write_files(files, Path(folder))
        try:
            return read_bundle(Path(folder, base.name))
        except ConfigurationError as error:
            reason = error.problems[0].message
            raise UsageError(
                f"--sync {target}: it does not go with the deployed version {base.version}: {reason}",
                hint="deploy the whole connector",
            ) from None


def _content(name: str, files: Mapping[str, str]) -> dict[str, Any]:
    """Return a connector file's content, with its defaults in each sync."""
    value = merge_defaults(YamlFile.parse(files[name], name)).value
    return {key: member for key, member in value.items() if key != "defaults"}


def _differing(deployed: Mapping[str, str], bundle: Bundle) -> Iterable[str]:
    """Return the files besides the connector's own that both have, with other content."""
    common = deployed.keys() & bundle.files.keys() - {bundle.name}
    return sorted(name for name in common if deployed[name] != bundle.files[name])
