"""What a run saves of its progress: a checkpoint for each partition, and what concerns the whole sync."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from syncrun.engine.checkpoints import Progress
from syncrun.engine.reading import Reading
from syncrun.http.redact import Redactor
from syncrun.wording import iso

_TOKEN = re.compile("[A-Za-su-y]")  # a letter that no time is written with


def on_the_way(
    readings: Mapping[str, Reading], whole: Progress, window: str | None, *, windowless: bool
) -> dict[str, Progress]:
    """Return the progress of a run that goes on, perhaps as a later run, by partition.

    *window* is the unfinished complete read. A store that keeps no window of it (*windowless*) would forget
    it, so that the checkpoint of the *whole* sync has to say it.
    """
    now = {name: reading.progress(window) for name, reading in readings.items()}
    now[""] = replace(now.get("", whole), open_read=window if windowless else None)
    return now


def at_the_end(
    readings: Mapping[str, Reading], whole: Progress, read_at: datetime | None, *, unsure: bool = False
) -> dict[str, Progress]:
    """Return the progress of a run whose partitions have all ended, one way or another, by partition.

    *read_at* is when a complete read began that allows to look for what vanished. One partition that fails
    each time does not keep the others from being read incrementally. A read that is *unsure* of what it has
    passed over makes another complete one due, but not twice in a row: a sync may never be read in one go.
    """
    now = {name: reading.progress(None) for name, reading in readings.items()}
    now[""] = replace(now.get("", whole), open_read=None)
    if read_at is not None and (not readings or any(reading.done for reading in readings.values())):
        if unsure and not now[""].again:
            now[""] = replace(now[""], again=True)
        else:
            now[""] = replace(now[""], snapshot_at=iso(read_at), again=None)
    return now


def with_key(now: Mapping[str, Progress], key: str | None, *, every: bool) -> dict[str, Progress]:
    """Return *now* with the *key* by which *every* record was read; another one stays until they are."""
    before = now[""].key
    return {**now, "": replace(now[""], key=key if every or before is None else before)}


def without_secrets(now: Mapping[str, Progress], redactor: Redactor) -> dict[str, Progress]:
    """Return *now* without places to go on at that hold a secret, such as a next link that repeats a key.

    A partition that stopped there is read from its first page again, and one whose cursor or token repeats a
    secret from its beginning: that costs requests, and loses nothing.
    """
    return {name: _without_secrets(state, redactor) for name, state in now.items()}


def _without_secrets(state: Progress, redactor: Redactor) -> Progress:
    lost: dict[str, Any] = {
        name: None
        for name in ("cursor", "reached")
        if isinstance(value := getattr(state, name), str) and _TOKEN.search(value) and redactor.exposes(value)
    }
    if state.resume is not None and redactor.exposes(json.dumps(state.resume.to_json())):
        lost["resume"] = None
    return replace(state, **lost) if lost else state


def to_save(
    now: Mapping[str, Progress], saved: Mapping[str, Progress], fresh: Progress, gone: frozenset[str]
) -> dict[str, str | None]:
    """Return the texts to save; None for the partitions in *gone*, whose records went with them.

    What has not moved need not be written: a sync may have many thousand partitions.
    """
    moved = {name: state.to_text() for name, state in now.items() if state != saved.get(name, fresh)}
    return {**moved, **dict.fromkeys(gone)}
