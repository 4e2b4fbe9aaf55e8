"""Applying a project's retention: which payloads must stay, and which syncs are free to go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from syncrun.config import retention
from syncrun.config.retention import before
from syncrun.engine import locks, pending
from syncrun.engine.job import Runtime
from syncrun.engine.publishing import publish
from syncrun.engine.selection import Workspace
from syncrun.errors import LockedError, SyncrunError, UsageError
from syncrun.stores.compaction import Compaction
from syncrun.stores.duckdb import DuckDBStore
from syncrun.stores.retention import IdleSync, Pruned, Retention
from syncrun.stores.values.ids import SyncId


@dataclass(frozen=True, slots=True)
class Report:
    """What was let go, and the syncs that stay for now because a run of them is going on.

    *compaction* is None where nothing was, or would be, compacted; *trouble* says why it was not, though much
    is free.
    """

    pruned: Pruned
    busy: tuple[SyncId, ...] = ()
    compaction: Compaction | None = None
    trouble: str = ""


def prune(
    workspace: Workspace, store: DuckDBStore, now: datetime, *, dry_run: bool, compact: bool = False
) -> Report:
    """Let go what the project's retention says; raise LockedError when the database stays held.

    Then the database is compacted, when that is asked for or much of it is free.
    An idle sync is locked while it goes, for a run that has read but not committed would come back without
    the records before. What crashed runs of it have staged goes first: it is fetched again.
    """
    rule = workspace.project.retention
    idle_before = before(rule.idle_sync_after, now)
    idle = store.idle_syncs(idle_before) if idle_before else []
    runtime = Runtime(store, workspace.database, environ=workspace.environ)
    with ExitStack() as held:
        free, busy = _hold(idle, runtime, held, dry_run=dry_run)
        wanted = Retention(
            payload_before=before(rule.payload_after, now),
            whole=frozenset(_parents(workspace, store)) if rule.payload_after else frozenset(),
            idle=tuple(free),
            logs_before=before(rule.run_logs, now),
        )
        if not dry_run:
            for one in free:
                pending.discard(pending.folder_of(runtime.staging_folder, one.sync, ""))
        pruned = store.prune(wanted, now, dry_run=dry_run)
    if dry_run:
        return Report(pruned, busy, _promised(store, always=compact))
    compaction, trouble = _compact(store, always=compact)
    if pruned.anything or (compaction and compaction.given_back):
        publish(runtime, always=True)  # what is gone must not live on in the copy for readers
    return Report(pruned, busy, compaction, trouble)


def _promised(store: DuckDBStore, *, always: bool) -> Compaction | None:
    """Return what compacting would give back now, before anything else goes."""
    space = store.space()
    if space is None or not (always or space.much_is_free):
        return None
    return Compaction(space.total, space.free)


def _compact(store: DuckDBStore, *, always: bool) -> tuple[Compaction | None, str]:
    """Compact; what is in the way is only told, for the next time, where nobody has asked for it."""
    try:
        return store.compact(always=always), ""
    except SyncrunError as error:
        if always:
            raise
        return None, str(error)


def _hold(
    idle: list[IdleSync], runtime: Runtime, held: ExitStack, *, dry_run: bool
) -> tuple[list[IdleSync], tuple[SyncId, ...]]:
    free, busy = list[IdleSync](), list[SyncId]()
    for one in idle:
        if not dry_run:
            lock = locks.hold(runtime.locks_folder, one.sync, run_id="prune", timeout=0)
            try:
                held.enter_context(lock)
            except LockedError:
                busy.append(one.sync)
                continue
        free.append(one)
    return free, tuple(busy)


def _parents(workspace: Workspace, store: DuckDBStore) -> Iterator[tuple[str, str]]:
    """Yield the models, by connector, that other syncs are read for: their fields are asked for again."""
    names = {connection.connector for connection in workspace.project.connections.values()}
    names |= {run.sync.connector for run in store.last_runs()}
    for name in sorted(names):
        try:
            connector, _ = workspace.connector(name)
        except UsageError:  # there is no such connector any more, and nothing is read for it
            continue
        for sync in connector.syncs.values():
            for parent in (parent for source in sync.sources for parent in source.parents):
                yield connector.connector, connector.syncs[parent].model or parent


def asks_for_nothing(rule: retention.RetentionRule) -> bool:
    """Whether *rule* keeps everything."""
    return not (rule.payload_after or rule.idle_sync_after or rule.run_logs)
