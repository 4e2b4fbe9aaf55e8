"""What is asked of a store; the values that travel are those of `stores.values`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from syncrun.errors import SyncrunError
from syncrun.shapes import Column
from syncrun.stores.values.basis import Basis
from syncrun.stores.values.commit import Changes, Commit
from syncrun.stores.values.definition import Definition
from syncrun.stores.values.feed import Feed, FeedQuery, QueryResult
from syncrun.stores.values.ids import ModelId, SyncId
from syncrun.stores.values.preview import Absent, Preview
from syncrun.stores.values.progress import Checkpoint, Saved
from syncrun.stores.values.quarantine import QuarantineCount, Quarantined
from syncrun.stores.values.run import Agenda, LogLine, Run, RunChanges, RunChoice


class Store(Protocol):
    """A place that keeps records, change by change. Every method opens, acts and closes (R3)."""

    @property
    def encrypted(self) -> bool:
        """Whether nothing of the records may rest on disk as it is."""

    def commit(self, commit: Commit) -> Changes:
        """Make *commit* true in one transaction; raise StoreError, or LockedError past the lock timeout."""

    def commit_all(self, commits: Sequence[Commit]) -> list[Changes | SyncrunError]:
        """Make each of *commits* true as `commit` does, together where that is quicker.

        Return what became of each; one that fails takes no other with it.
        """

    def preview(self, commit: Commit, *, most: int) -> Preview:
        """Return what `commit` would do now, with at most so many examples of each kind; write nothing."""

    def absent(
        self, commit: Commit, possible: Callable[[Mapping[str, Any]], bool] | None, *, most: int
    ) -> Absent:
        """Return which live records `commit` would find missing, of those whose fields are *possible*.

        Of the first *most* all fields are returned; nothing is written.
        """

    def telling(self, on_wait: Callable[[str], None]) -> Store:
        """Return the same store for somebody who wants to be told, in one sentence, what it waits for."""

    def bind(self, at: datetime) -> Basis | None:
        """Return the state of the database that a run begins with, made where there is none.

        None: what the run reads is not written to it.
        """

    def record_run(self, run: Run, log: Sequence[Path] = (), *, basis: Basis | None = None) -> None:
        """Write or replace the row of *run*, and its *log*, for runs that end without a commit.

        Raise OtherDatabaseError where the database is another one than that of *basis*.
        """

    def saved(self, sync: SyncId, model: str) -> Saved:
        """Return all that a run of *sync* needs to know before it reads, in one look."""

    def saved_all(self, syncs: Mapping[SyncId, str]) -> dict[SyncId, Saved]:
        """Return for each of *syncs*, with its model, what `saved` returns, in one look."""

    def checkpoints(self, sync: SyncId) -> dict[str, Checkpoint]:
        """Return the saved progress of each partition, by partition id."""

    def forget(self, sync: SyncId) -> None:
        """Drop all checkpoints and open snapshot windows of *sync* (`--reset`)."""

    def save_checkpoints(self, sync: SyncId, states: Mapping[str, str | None], at: datetime) -> None:
        """Replace (None: drop) the progress of partitions by hand, and close open snapshot windows."""

    def open_snapshot(self, sync: SyncId) -> str | None:
        """Return the id of the open snapshot window, if there is one."""

    def columns(self, connector: str, model: str) -> tuple[Column, ...]:
        """Return the columns that the model's table has, empty when there is no table yet."""

    def partitions(self, connector: str, model: str, connection: str) -> frozenset[str]:
        """Return the partition ids that live records belong to."""

    def deleted(self, connector: str, model: str, connection: str) -> frozenset[str]:
        """Return the ids of the records that are deleted."""

    def live(
        self, connector: str, model: str, connection: str, *, since_seq: int = 0
    ) -> Iterator[dict[str, Any]]:
        """Yield live records changed after *since_seq*, oldest first: JSON values, `_id`, `_seq`."""

    def records(self, query: FeedQuery) -> Feed:
        """Read a model's change feed; raise UsageError for a cursor that is not of it."""

    def export_records(self, query: FeedQuery, path: Path) -> str:
        """Write a model's change feed to the Parquet file *path*, and return the cursor to go on from."""

    def publish(self, under_way: Callable[[Sequence[SyncId]], bool], *, always: bool = False) -> bool:
        """Bring the copy for readers up to date where there is one, and return whether that was needed.

        That has time while *under_way* says of syncs with a part of a run in the database that a run goes on.
        """

    def find_runs(self, prefix: str) -> list[Run]:
        """Return the runs whose id begins with *prefix*, newest first."""

    def run_changes(self, run: Run) -> RunChanges:
        """Return what *run* changed, as far as it is known."""

    def last_runs(self) -> list[Run]:
        """Return the newest run of every sync of every connection."""

    def runs(self, choice: RunChoice) -> list[Run]:
        """Return the runs of *choice*, newest first."""

    def run_log(self, run_id: str) -> Iterator[LogLine]:
        """Yield the requests and messages of a run in their order; the file stays open until the last."""

    def agenda(self) -> Agenda:
        """Return what is known of when syncs ran, in one look."""

    def set_paused(self, sync: SyncId, *, paused: bool, at: datetime) -> None:
        """Pause or resume *sync*; with an empty name all syncs of its connection."""

    def count_live(self, models: Collection[tuple[str, str]]) -> dict[ModelId, int]:
        """Return how many records are live in these models, each a connector and a name, by connection."""

    def count_quarantined(self) -> dict[SyncId, QuarantineCount]:
        """Return how many records are in quarantine, by sync."""

    def count_missing(self) -> dict[ModelId, int]:
        """Return how many records wait to be missed by another complete read, by connection and model."""

    def quarantined(
        self, connection: str = "", sync: str = "", *, everything: bool = False
    ) -> list[Quarantined]:
        """Return the rejected records that nobody has reviewed, or *everything*, newest first."""

    def review_quarantined(self, connection: str, sync: str, at: datetime) -> int:
        """Mark the rejected records of a connection (or one sync of it) as reviewed; return how many."""

    def deployed(self, environment: str) -> dict[str, Definition]:
        """Return the definitions that *environment* uses, by connector; none before a first deployment."""

    def versions(self, connector: str) -> list[Definition]:
        """Return every version of *connector* that was deployed to any environment, newest first."""

    def deploy(self, environment: str, chosen: Sequence[Definition], at: datetime) -> list[Definition]:
        """Let *environment* use the definitions *chosen* from now on; return them as deployed."""

    def export(self, sql: str, path: Path, *, files: bool = False) -> None:
        """Write the rows of *sql*, which `query` would run, to the Parquet file *path*; raise StoreError."""

    def query(self, sql: str, parameters: Sequence[Any] = (), *, files: bool = False) -> QueryResult:
        """Run *sql*, one statement that reads; raise StoreError with DuckDB's message.

        It opens nothing but the database, unless *files* lets it read files of this machine.
        """
