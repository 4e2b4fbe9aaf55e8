"""What a saved page state belongs to: the list that is read, and how its records are mapped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from syncrun.config.sync import FieldSpec
from syncrun.engine.job import Job
from syncrun.hooks import Hooks

_NOT_THE_LIST = {
    "description",
    "empty",
    "cut_off",
    "deletes",
    "max_quarantined",
    "merge",  # of which no place is saved
    "every",
    "cron",
    "timezone",
    "auto_start",
    "errors",
    "retry",
    "rate_limit",
    "timeout",
    "max_answer",
}

_THE_MAPPING = {
    "model",
    "records",
    "where",
    "explode",
    "json_schema",
    "decode",
    "merge",
    "on_invalid",
    "detail",
    "raw",
}


def fingerprint(job: Job, variables: Mapping[str, Any] | None, hooks: str) -> str:
    """Return the fingerprint of what *job* reads, given the values of `setup` and the digest of its *hooks*.

    Pages that were mapped in another way have to be read again. Secrets change without changing the list.
    """
    sync = {key: value for key, value in _dump(job).items() if key not in _NOT_THE_LIST}
    return _digest(job.connector.base_url, _shown(job), dict(job.metadata), variables, sync, hooks)


def mapping_fingerprint(job: Job, hooks: Hooks) -> str | None:
    """Return the fingerprint of what *job* makes of a record; None for a sync that reads all of them anyway.

    What is written in another way and means the same has the same one, and so has what is only described.
    """
    sync = job.sync
    if sync.incremental is None:
        return None
    rules = _dump(job, _THE_MAPPING, exclude_defaults=True)
    specs = {name: _meaning(spec) for name, spec in (sync.field_specs or {}).items()}
    mapped = hooks.digest if hooks.has("map_record") else ""
    flag = sync.delete_rule.flag if sync.delete_rule else None
    # constants of the connection are part of the rows only where a field names them
    written = json.dumps(specs)
    config = {name: value for name, value in _shown(job).items() if f"config.{name}" in written}
    metadata = {name: value for name, value in job.metadata.items() if f"metadata.{name}" in written}
    return _digest(rules, specs, list(sync.key_fields), flag, config, metadata, mapped)


def _dump(job: Job, members: set[str] | None = None, *, exclude_defaults: bool = False) -> dict[str, Any]:
    """Return the sync, or these *members* of it, as JSON values.

    The connector writes them, whose serializer is there already: making one for a sync takes a while.
    """
    name = job.id.sync
    written = job.connector.model_dump(
        mode="json", include={"syncs": {name: members or True}}, exclude_defaults=exclude_defaults
    )
    found: dict[str, Any] = written["syncs"][name]
    return found


def _meaning(spec: FieldSpec) -> dict[str, Any]:
    return spec.model_dump(mode="json", exclude={"description"}, exclude_defaults=True)


def _shown(job: Job) -> dict[str, Any]:
    entries = job.connector.config
    return {n: value for n, value in job.config.items() if n not in entries or not entries[n].secret}


def _digest(*parts: Any) -> str:
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
