"""Connections that are no longer in the project: found, and let go."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

from syncrun.engine import locks, pending
from syncrun.engine.homes import of_others
from syncrun.engine.job import Runtime
from syncrun.engine.publishing import publish
from syncrun.engine.selection import Workspace
from syncrun.errors import ConfigurationError
from syncrun.stores.duckdb import DuckDBStore
from syncrun.stores.values.forgotten import Owner
from syncrun.stores.values.ids import DEFAULT_CONNECTION


def unowned(workspace: Workspace, store: DuckDBStore) -> dict[Owner, int]:
    """Return whose rows there are though no connection of the project has them, with their live records.

    What was read for a connector by its name belongs to whoever asks for it again, and what another project
    reads into the same database belongs to that one.
    """
    owned = set()
    for name, connection in workspace.project.connections.items():
        owned.add(Owner(name, connection.connector))
        try:
            owned.add(Owner(name, workspace.connector_of(name)[0].connector))
        except ConfigurationError:
            continue  # it is told by whoever needs the connector
    found, others = store.owners(), of_others(store.homes(), workspace.folder, workspace.database)
    return {
        owner: live
        for owner, live in found.items()
        if owner not in owned and owner.connection not in {DEFAULT_CONNECTION, *others}
    }


def forget(
    owner: Owner, runtime: Runtime, store: DuckDBStore, *, dry_run: bool, lock_timeout: float
) -> Mapping[str, int]:
    """Let all go that is of *owner*: records, progress, runs, quarantine, credentials, what is staged.

    Return how many rows of each table it is. Raise LockedError while a run of it is going on.
    """
    if dry_run:
        return store.forget_owner(owner, runtime.now(), dry_run=True)
    mine = [
        run.sync
        for run in store.last_runs()
        if run.sync.connection == owner.connection and owner.connector in ("", run.sync.connector)
    ]
    with ExitStack() as held:
        for sync in mine:
            held.enter_context(locks.hold(runtime.locks_folder, sync, run_id="forget", timeout=lock_timeout))
        for sync in mine:
            pending.discard(pending.folder_of(runtime.staging_folder, sync, ""))
        gone = store.forget_owner(owner, runtime.now(), dry_run=False)
        for connector in {owner.connector} if owner.connector else {sync.connector for sync in mine}:
            runtime.credentials.forget(f"{owner.connection}/{connector}")
    if gone:
        publish(runtime, always=True)  # what is gone must not live on in the copy for readers
    return gone
