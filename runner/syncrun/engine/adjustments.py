"""Saved progress, shown and changed by hand (`syncrun checkpoint`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from syncrun.config.sync import Incremental, Sync
from syncrun.engine import checkpoints, locks
from syncrun.engine.checkpoints import Progress
from syncrun.engine.commits import recover
from syncrun.engine.job import Runtime
from syncrun.errors import UsageError
from syncrun.shapes import ColumnType
from syncrun.stores.values.ids import SyncId
from syncrun.stores.values.progress import Checkpoint
from syncrun.transform.invalid import Invalid
from syncrun.transform.watermark import CursorReader
from syncrun.wording import iso

_EPOCHS = ("epoch", "epoch_ms")
_SHOWN = 5  # partitions that a hint names


def describe(sync: SyncId, runtime: Runtime, partition: str | None = None) -> dict[str, Any]:
    """Return the progress of *sync* as a JSON value: all partitions, or *partition*; raise UsageError."""
    saved = _chosen(runtime.store.checkpoints(sync), partition)
    return {
        "connection": sync.connection,
        "connector": sync.connector,
        "sync": sync.sync,
        "window": runtime.store.open_snapshot(sync),
        "partitions": [_described(checkpoint) for checkpoint in saved.values()],
    }


def clear(
    sync: SyncId,
    runtime: Runtime,
    partition: str | None = None,
    *,
    lock_timeout: float,
    tell: Callable[[str], None] = lambda _note: None,
) -> int:
    """Forget the progress of *partition*, or all of it and open snapshot windows; return how much it was.

    Raise UsageError for a partition that has none, LockedError when a run of *sync* goes on for too long.
    """
    with _held(sync, runtime, "checkpoint clear", lock_timeout, tell):
        saved = _chosen(runtime.store.checkpoints(sync), partition)
        if partition is None:
            runtime.store.forget(sync)
        else:
            runtime.store.save_checkpoints(sync, {partition: None}, runtime.now())
        return len(saved)


def set_cursor(
    sync: SyncId,
    definition: Sync,
    text: str,
    runtime: Runtime,
    partition: str | None = None,
    *,
    lock_timeout: float,
    tell: Callable[[str], None] = lambda _note: None,
) -> Any:
    """Make the next run start from the cursor *text*, in *partition* or everywhere; return the cursor.

    Unfinished reads are given up, for they would go on from where they stopped. Raise UsageError for what is
    no cursor of the sync, LockedError when a run of it goes on for too long.
    """
    incremental = incremental_of(sync, definition)
    cursor = read_cursor(text, definition)
    with _held(sync, runtime, "checkpoint set", lock_timeout, tell):
        field = incremental.cursor or "token"
        stored = runtime.store.checkpoints(sync)
        saved = {
            c.partition: checkpoints.read(c.state, sync, c.partition, field=field) for c in stored.values()
        }
        named = _named(sync, definition, saved, partition)
        _compare(cursor, saved)
        states = {name: _moved(saved.get(name, Progress(field)), cursor) for name in named}
        if runtime.store.open_snapshot(sync) or (saved.get("") or Progress()).open_read:
            states = {**{name: _abandoned(progress) for name, progress in saved.items()}, **states}
        runtime.store.save_checkpoints(
            sync, {name: progress.to_text() for name, progress in states.items()}, runtime.now()
        )
    return cursor


@contextmanager
def _held(
    sync: SyncId, runtime: Runtime, who: str, lock_timeout: float, tell: Callable[[str], None]
) -> Iterator[None]:
    """Hold the lock of *sync*, with what earlier runs staged committed: its progress would come back else.

    *tell* is told what became of that.
    """
    with locks.hold(
        runtime.locks_folder,
        sync,
        run_id=who,
        timeout=lock_timeout,
        clock=runtime.clock,
        sleep=runtime.sleep,
    ):
        for note in recover(runtime.staging_folder, sync, runtime.store):
            tell(note)
        yield


def _described(saved: Checkpoint) -> dict[str, Any]:
    place = {"partition": saved.partition, "run": saved.run_id or None}
    try:
        state = json.loads(saved.state)
    except ValueError:
        state = {"unreadable": saved.state}
    return {**place, "updated_at": iso(saved.updated_at), **state}


def _chosen(saved: Mapping[str, Checkpoint], partition: str | None) -> dict[str, Checkpoint]:
    if partition is None:
        return dict(saved)
    if partition not in saved:
        raise UsageError(f"no partition {partition!r} has saved progress", hint=_known(saved))
    return {partition: saved[partition]}


def _known(saved: Mapping[str, Any]) -> str:
    names = [repr(name) for name in saved if name]
    if not names:
        return "no partition has any"
    more = f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"such as {', '.join(names[:_SHOWN])}{more}"


def _named(sync: SyncId, definition: Sync, saved: Mapping[str, Progress], partition: str | None) -> list[str]:
    """Return the partitions that are meant; without a name all that the sync has."""
    if not definition.sources:
        if partition:
            raise UsageError(f"{sync} has no partitions", hint="leave --partition out")
        return [""]
    if partition is not None:
        if partition not in saved or not partition:
            raise UsageError(f"no partition {partition!r} has saved progress", hint=_known(saved))
        return [partition]
    names = [name for name in saved if name]  # "" is about the sync as a whole
    if not names:
        raise UsageError(f"no partition of {sync} has saved progress yet", hint="run the sync first")
    return names


def incremental_of(sync: SyncId, definition: Sync) -> Incremental:
    """Return how *sync* keeps its cursor; raise UsageError for one that has none."""
    if definition.incremental is None:
        raise UsageError(f"{sync} has no cursor", hint="its connector declares no `incremental`")
    return definition.incremental


def read_cursor(text: str, definition: Sync, *, option: str = "--cursor") -> Any:
    """Return *text* in the form that cursors of the sync are kept in; raise UsageError about *option*."""
    incremental = definition.incremental
    if incremental is None or incremental.cursor is None:
        return text  # a response token is what the API says it is
    spec = (definition.field_specs or {}).get(incremental.cursor)
    declared = ColumnType.parse(spec.type) if spec is not None and spec.type else None
    reader = CursorReader(declared, incremental.type, incremental.format)
    number = incremental.format in _EPOCHS and text.strip().isdecimal()
    try:
        value = reader.read(int(text) if number else text)
    except Invalid as problem:
        raise UsageError(f"{option} {text!r}: {problem.reason}") from None
    if value is None:
        raise UsageError(f"{option} is empty", hint="`syncrun checkpoint clear` forgets the cursor")
    return value


def _compare(cursor: Any, saved: Mapping[str, Progress]) -> None:
    """Raise UsageError when *cursor* is of another kind than the saved ones, and could not follow them."""
    for progress in saved.values():
        before = progress.cursor
        if before is not None and isinstance(before, str) is not isinstance(cursor, str):
            raise UsageError(f"--cursor {cursor!r} is of another kind than the cursor so far, {before!r}")


def _moved(progress: Progress, cursor: Any) -> Progress:
    return replace(_abandoned(progress), cursor=cursor, reached=None)


def _abandoned(progress: Progress) -> Progress:
    return replace(progress, resume=None, window=None, open_read=None)
