"""Saved answers of an API, `NAME/SYNC*.json` beside the connector, and fields that find nothing in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from syncrun.config.inspection import Inspection
from syncrun.config.sync import Sync
from syncrun.errors import SyncrunError
from syncrun.expressions.fields import is_template

_MAX_BYTES = 16 * 1024 * 1024


def find_empty_fields(inspection: Inspection, name: str, sync: Sync) -> Iterator[tuple[str, str]]:
    """Yield the fields of the sync *name* that are null in every saved record, with a sample's file name.

    Nothing is yielded without samples, or when they hold no records.
    """
    specs = {field: spec for field, spec in (sync.field_specs or {}).items() if not is_template(spec.path)}
    samples = list(_find_samples(inspection, name))
    if not specs or not samples:
        return
    from syncrun.expressions.compile import compile_expression

    records = [record for path in samples for record in _records(path, sync)]
    for field, spec in specs.items():
        select = compile_expression(spec.path)
        if records and all(_select(select, record) is None for record in records):
            yield field, samples[0].name


def _find_samples(inspection: Inspection, name: str) -> Iterator[Path]:
    if inspection.path is None:
        return
    folder = inspection.path.parent / inspection.path.stem
    longer = [other for other in inspection.connector.syncs if other != name and other.startswith(name)]
    for path in sorted(folder.glob(f"{name}*.json")):
        # issue_events.json belongs to the sync issue_events, not to issue
        if not any(path.name.startswith(other) for other in longer):
            yield path


def _records(path: Path, sync: Sync) -> list[Any]:
    """Return the records in a sample, chosen as a run would; none when it has another shape."""
    from syncrun.expressions.compile import compile_expression

    if path.stat().st_size > _MAX_BYTES:
        return []
    try:
        body = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return []
    if sync.records is not None:
        body = _select(compile_expression(sync.records), body)
    elif isinstance(body, dict):
        lists = [member for member in body.values() if isinstance(member, list)]
        body = lists[0] if len(lists) == 1 else None
    records = body if isinstance(body, list) else [body] if isinstance(body, dict) else []
    if sync.explode is None:
        return records
    explode = compile_expression(sync.explode.path)
    return [
        {**record, sync.explode.name: each} for record in records for each in _select(explode, record) or ()
    ]


def _select(function: Any, value: Any) -> Any:
    try:
        return function(value)
    except SyncrunError:
        return None  # fails on this record: a run would say so
