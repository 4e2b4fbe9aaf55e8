"""`deletes: {request: …, at: …}`: an API's list of deleted ids, read as a small sync of its own (R33)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
from msgspec import Struct

from syncrun.config.sync import FieldSpec, Incremental, Sync
from syncrun.engine.walk import Fetch
from syncrun.stores.values.told import Version
from syncrun.transform.mapping import Mapped


class DeletedFeed(Struct, frozen=True):
    """How the list of deletions of a partition is read; *dated* tells that it says when they happened."""

    fetch: Fetch
    sync: Sync
    dated: bool


_AT = "deleted at"  # no field of a sync has such a name
_KINDS = ("timestamp", "date", "integer")


def feed_of(sync: Sync) -> Sync | None:
    """Return the sync whose records are the keys of deleted records of *sync*; None when it has no feed.

    Its fields are the key of *sync* with the same types, so that both mean the same record (R4), and with
    `deletes.at` when it was deleted, as the cursor field of *sync* has it.
    """
    rule = sync.delete_rule
    if rule is None or rule.request is None:
        return None
    declared = sync.field_specs or {}
    paths: list[str] = [rule.key] if isinstance(rule.key, str) else rule.key or _own_paths(sync)
    fields: dict[str, Any] = {}
    for name, path in zip(sync.key_fields, paths, strict=True):
        own = declared.get(name)
        fields[name] = own.model_copy(update={"path": path}) if own else FieldSpec(path=path)
    if rule.at is not None:
        fields[_AT] = _when(sync, rule.at)
    return Sync.model_construct(
        **{
            **{
                name: field.get_default(call_default_factory=True)
                for name, field in Sync.model_fields.items()
            },
            "model": sync.model,
            "request": rule.request,
            "records": rule.records,
            "empty": sync.empty,
            "pagination": rule.pagination,
            "decode": sync.decode,
            "fields": fields,
            "key": list(sync.key_fields),
            "deletes": "none",
            "incremental": _position(sync.incremental) if rule.at is not None else None,
            "on_invalid": sync.on_invalid,
        }
    )


def version_of(sync: Sync) -> Version | None:
    """Return what `deletes.at` is compared with; None when nothing says when a record was deleted."""
    rule = sync.delete_rule
    return cursor_of(sync) if rule is not None and rule.at is not None else None


def cursor_of(sync: Sync) -> Version | None:
    """Return the column that a change moves; None where there is no such field."""
    incremental = sync.incremental
    if incremental is None or incremental.cursor is None:
        return None
    return Version(incremental.cursor, _kind(sync, incremental.cursor))


def as_told(mapped: Mapped) -> Mapped:
    """Return what a page of the list says: no records, but lines of a `stores.values.told.Told`."""
    lines = map(orjson.loads, bytes(mapped.text).splitlines())
    good = (line for line in lines if line["a"] == "U")  # the others are in quarantine
    told = [{"p": line["p"], "k": line["k"], "d": _text(line["f"].get(_AT))} for line in good]
    text = b"".join(orjson.dumps(line) + b"\n" for line in told)
    return replace(mapped, text=bytearray(), count=0, told=text, told_count=len(told))


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)


def _when(sync: Sync, path: str) -> FieldSpec:
    name = sync.incremental.cursor if sync.incremental is not None else None
    if name is None:
        return FieldSpec(path=path, required=True)
    own = (sync.field_specs or {}).get(name) or FieldSpec(path=path)
    kind: Any = _kind(sync, name)
    form = own.format if own.type == kind else None
    return FieldSpec(path=path, type=kind, format=form, timezone=own.timezone, required=True)


def _kind(sync: Sync, name: str) -> str:
    """Return the type in which the cursor field *name* is compared."""
    own = (sync.field_specs or {}).get(name)
    declared = own.type if own is not None else None
    said = sync.incremental.type if sync.incremental is not None else None
    return declared if declared in _KINDS else said or declared or "timestamp"


def _position(incremental: Incremental | None) -> Incremental | None:
    return incremental and incremental.model_copy(update={"cursor": _AT})


def _own_paths(sync: Sync) -> list[str]:
    """Return where the feed has the key when nothing is said: where the records have it."""
    declared = sync.field_specs
    if declared is None:
        return [f'"{name}"' for name in sync.key_fields]
    return [declared[name].path for name in sync.key_fields]
