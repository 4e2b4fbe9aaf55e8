"""`deletes: {request: …}`: an API's list of deleted ids, read as a small sync of its own."""

from __future__ import annotations

from typing import Any

from syncrun.config.sync import Deletes, FieldSpec, Sync


def feed_of(sync: Sync) -> Sync | None:
    """Return the sync whose records are the keys of deleted records of *sync*; None when it has no feed.

    Its fields are the key of *sync* with the same types, so that both mean the same record (R4).
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
    return Sync.model_construct(
        **{
            **{
                name: field.get_default(call_default_factory=True)
                for name, field in Sync.model_fields.items()
            },
            "model": sync.model,
            "request": rule.request,
            "records": rule.records,
            "pagination": rule.pagination,
            "decode": sync.decode,
            "fields": fields,
            "key": list(sync.key_fields),
            "deletes": Deletes(flag="`true`"),
            "on_invalid": sync.on_invalid,
        }
    )


def _own_paths(sync: Sync) -> list[str]:
    """Return where the feed has the key when nothing is said: where the records have it."""
    declared = sync.field_specs
    if declared is None:
        return [f'"{name}"' for name in sync.key_fields]
    return [declared[name].path for name in sync.key_fields]
