"""Saved answers of an API, `NAME/SYNC*` beside the connector, and fields that find nothing in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from syncrun.config.inspection import Inspection
from syncrun.config.partitions import Detail
from syncrun.config.sync import Sync
from syncrun.decoders.base import UndecodableError
from syncrun.errors import SyncrunError
from syncrun.expressions.fields import is_template

_SUFFIXES = {".json", ".jsonl", ".csv", ".xml", ".txt"}
_MAX_BYTES = 16 * 1024 * 1024


def find_empty_fields(inspection: Inspection, name: str, sync: Sync) -> Iterator[tuple[str, str]]:
    """Yield the fields of the sync *name* that are null in every saved record, with a sample's file name.

    Nothing is yielded without samples, or when they hold no records.
    """
    specs = {field: spec for field, spec in (sync.field_specs or {}).items() if not is_template(spec.path)}
    samples = [path for path in inspection.samples.get(name, ()) if path.suffix in _SUFFIXES]
    if not specs or not samples:
        return
    records = [record for path in samples for record in _records(path, sync)]
    for field, spec in specs.items():
        if records and all(_select(spec.path, record) is None for record in records):
            yield field, samples[0].name


def _records(path: Path, sync: Sync) -> list[Any]:
    """Return the records in a sample, chosen as a run would; none when it has another shape."""
    if path.stat().st_size > _MAX_BYTES:
        return []
    try:
        body = sync.decode.read(path.read_bytes(), None)
    except UndecodableError:
        return []
    found = _listed(body, sync)
    if found is None and sync.detail is not None:
        found = _in_full(body, sync.detail)
    records = found if isinstance(found, list) else [found] if isinstance(found, dict) else []
    if sync.explode is None:
        return records
    elements, name = sync.explode.path, sync.explode.name
    return [{**record, name: each} for record in records for each in _select(elements, record) or ()]


def _listed(body: Any, sync: Sync) -> Any:
    if sync.records is not None:
        return _select(sync.records, body)
    if not isinstance(body, dict):
        return body
    lists = [member for member in body.values() if isinstance(member, list)]
    return lists[0] if len(lists) == 1 else None


def _in_full(body: Any, detail: Detail) -> Any:
    """Return the record in an answer to `detail`, which holds no list."""
    record = body if detail.record is None else _select(detail.record, body)
    return record if detail.into is None else {detail.into: record}


def _select(expression: str, value: Any) -> Any:
    from syncrun.expressions.compile import compile_expression

    try:
        return compile_expression(expression)(value)
    except SyncrunError:
        return None  # fails on this record: a run would say so
