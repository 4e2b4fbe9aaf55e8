"""What another version of a connector means for its tables, sync by sync."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from syncrun.config.connector import Connector
from syncrun.config.hook_file import read_hook_file
from syncrun.config.sync import Sync
from syncrun.engine.fingerprint import fingerprint
from syncrun.engine.job import Job
from syncrun.shapes import Column, ColumnType
from syncrun.stores.types import fold
from syncrun.stores.values.ids import SyncId
from syncrun.widening import STRING, widen

Columns = Callable[[str, str], tuple[Column, ...]]
"""From a schema and a model to the columns that its table has; none when there is no table."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a deployment changes about a sync, in words; *destructive*: readers lose something."""

    sync: str
    told: str
    destructive: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """A connector in one version, and the folder that its hook files are in."""

    connector: Connector
    folder: Path


def schema_changes(old: Version | None, new: Version, columns: Columns) -> Iterator[Change]:
    """Yield what running *new* in place of *old* changes; *old* is None when nothing was deployed yet."""
    before = old.connector.syncs if old is not None else {}
    schema = new.connector.connector
    for name, sync in new.connector.syncs.items():
        earlier = before.get(name)
        stored = columns(schema, sync.model or name)
        if earlier is None and not stored:
            yield Change(name, f"new table {schema}.{sync.model or name} ({_listed(sync)})")
            continue
        yield from _table_changes(name, earlier, sync, stored)
        if old is not None and earlier is not None:
            yield from _rule_changes(name, earlier, sync)
            yield from _mapping_change(name, old, new)
    for name, sync in before.items():
        if name not in new.connector.syncs:
            told = f"the sync is removed: {schema}.{sync.model or name} stays, and is no longer filled"
            yield Change(name, told, destructive=True)


def _listed(sync: Sync) -> str:
    specs = sync.field_specs
    if specs is None:
        return "a column for every member of the records"
    return ", ".join(f"{name} {_type(sync, name) or '(by its values)'}" for name in specs)


def _type(sync: Sync, name: str) -> ColumnType | None:
    """Return the declared type of a field; None when its values decide."""
    spec = (sync.field_specs or {})[name]
    if spec.mask:
        return STRING
    return ColumnType.parse(spec.type) if spec.type else None


def _table_changes(
    name: str, earlier: Sync | None, sync: Sync, stored: tuple[Column, ...]
) -> Iterator[Change]:
    """Yield new columns, those that are no longer shown, and other types."""
    if sync.field_specs is None:
        return
    table = {fold(column.name): column.type for column in stored}
    shown = _shown(earlier, stored)
    for field in sync.field_specs:
        declared, kept = _type(sync, field), fold(field)
        had = table.get(kept) or shown.get(kept)
        if kept not in shown and kept not in table:
            yield Change(name, f"new column {field} {declared or '(type by its values)'}")
        elif declared is not None and had is not None and had != declared:
            yield _type_change(name, field, had, declared)
    now = {fold(field) for field in sync.field_specs}
    for kept in shown:
        if kept not in now:
            told = f"column {kept} is dropped from the view; its values stay in the table behind it"
            yield Change(name, told, destructive=True)


def _shown(earlier: Sync | None, stored: tuple[Column, ...]) -> dict[str, ColumnType | None]:
    """Return the columns that readers see now: those of the earlier version, else of the table."""
    if earlier is None or earlier.field_specs is None:
        return {fold(column.name): column.type for column in stored}
    return {fold(field): _type(earlier, field) for field in earlier.field_specs}


def _type_change(name: str, field: str, had: ColumnType, declared: ColumnType) -> Change:
    if widen(had, declared) == declared:
        return Change(name, f"column {field} is widened: {had} → {declared}")
    told = f"column {field} gets another type: {had} → {declared}; a run fails if a stored value does not fit"
    return Change(name, told, destructive=True)


def _rule_changes(name: str, earlier: Sync, sync: Sync) -> Iterator[Change]:
    """Yield what changes about identity, table, history and cursor."""
    if earlier.key_fields != sync.key_fields:
        keys = " → ".join(", ".join(fields) or "(none)" for fields in (earlier.key_fields, sync.key_fields))
        yield Change(name, f"the key changes: {keys}; every record becomes another one", destructive=True)
    models = [one.model or name for one in (earlier, sync)]
    if models[0] != models[1]:
        told = f"it fills another table: {models[0]} → {models[1]}; the old one is no longer filled"
        yield Change(name, told, destructive=True)
    if earlier.history and not sync.history:
        yield Change(name, "its history ends: further versions are not kept", destructive=True)
    elif sync.history and not earlier.history:
        yield Change(name, f"new table {models[1]}__history")
    cursors = [one.incremental.cursor if one.incremental else None for one in (earlier, sync)]
    if None not in cursors and cursors[0] != cursors[1]:
        yield Change(name, f"the cursor changes: {cursors[0]} → {cursors[1]}; run it with --reset")


def _mapping_change(name: str, old: Version, new: Version) -> Iterator[Change]:
    if _fingerprint(old, name) == _fingerprint(new, name):
        return
    if new.connector.syncs[name].incremental is None:
        yield Change(name, "it is read another way: the next run reads everything, as every run of it does")
    else:
        yield Change(name, "it is read another way: run it with --full to read everything again")


def _fingerprint(version: Version, name: str) -> str:
    connector = version.connector
    job = Job(SyncId("", connector.connector, name), connector, {}, folder=version.folder)
    named: Mapping[str, None] = dict.fromkeys(
        file for file in (connector.hooks, connector.syncs[name].hooks) if file is not None
    )
    hooks = "".join(read_hook_file(file, version.folder).digest for file in named)
    rest = connector.model_dump(mode="json", include={"headers", "setup"})
    return fingerprint(job, rest, hooks)
