"""What a saved page state belongs to: the list that is read, and how its records are mapped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from syncrun.engine.job import Job

_NOT_THE_LIST = {
    "description",
    "deletes",
    "max_quarantined",
    "every",
    "cron",
    "timezone",
    "auto_start",
    "errors",
    "retry",
    "rate_limit",
    "timeout",
}


def fingerprint(job: Job, variables: Mapping[str, Any] | None, hooks: str) -> str:
    """Return the fingerprint of what *job* reads, given the values of `setup` and the digest of its *hooks*.

    Pages that were mapped in another way have to be read again. Secrets change without changing the list.
    """
    entries = job.connector.config
    config = {n: value for n, value in job.config.items() if n not in entries or not entries[n].secret}
    sync = job.sync.model_dump(mode="json", exclude=_NOT_THE_LIST)
    parts = (job.connector.base_url, config, dict(job.metadata), variables, sync, hooks)
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
