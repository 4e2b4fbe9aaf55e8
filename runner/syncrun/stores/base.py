"""What the engine asks of a store, and the values that travel between them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from syncrun.records import Column, Model, RejectedFile, StagedFile

DEFAULT_CONNECTION = "default"
"""The connection of a connector that is run by its name."""


@dataclass(frozen=True, slots=True)
class SyncId:
    """Whose rows and progress: one sync of one connection. As text it is what `syncrun run` is given."""

    connection: str
    connector: str
    sync: str

    def __str__(self) -> str:
        unnamed = self.connection == DEFAULT_CONNECTION
        return f"{self.connector if unnamed else self.connection}/{self.sync}"

    @property
    def label(self) -> str:
        """What messages about the sync begin with: `github/issues [acme]`."""
        named = "" if self.connection == DEFAULT_CONNECTION else f" [{self.connection}]"
        return f"{self.connector}/{self.sync}{named}"


@dataclass(frozen=True, slots=True)
class Run:
    """One row of `syncrun.runs`; written with every commit, and at the end whatever happened.

    *status*: running, ok, incomplete, failed, interrupted. *counts*: records, added, updated, deleted,
    unchanged, duplicates, quarantined, pages, requests (those that are known).
    """

    id: str
    sync: SyncId
    model: str
    mode: str
    started_at: datetime
    status: str = "running"
    ended_at: datetime | None = None
    message: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunChoice:
    """Which runs are meant; what is empty does not matter."""

    connection: str = ""
    connector: str = ""
    sync: str = ""
    statuses: tuple[str, ...] = ()
    limit: int = 20


@dataclass(frozen=True, slots=True)
class LogLine:
    """A request or a message of a run: *request* holds the columns of `syncrun.requests` that are its own."""

    seq: int
    at: datetime
    level: str
    message: str = ""
    request: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Agenda:
    """What is known of when syncs ran: their newest run, when the newest began that was ok, who is paused.

    *states* says whether a sync was last paused or resumed; an empty name stands for its whole connection.
    """

    last: Mapping[SyncId, Run] = field(default_factory=dict)
    fresh: Mapping[SyncId, datetime] = field(default_factory=dict)
    states: Mapping[SyncId, bool] = field(default_factory=dict)

    def paused(self, sync: SyncId) -> bool | None:
        """Return whether *sync* is paused, None when nobody ever paused or resumed it."""
        whole = SyncId(sync.connection, sync.connector, "")
        return self.states.get(sync, self.states.get(whole))


@dataclass(frozen=True, slots=True)
class SnapshotDeletes:
    """Delete what a complete enumeration did not see (R7, R9, R10).

    *partitions*: the ids of the partitions enumerated completely (and of those that rightly vanished); None
    means the whole of the connection's model. *accept* overrides the guard.
    """

    partitions: frozenset[str] | None = None
    max_ratio: float = 0.5
    allow_empty: bool = False
    accept: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Deletes that the guard refused (R10): nothing was deleted."""

    would_delete: int
    live: int
    reason: str


@dataclass(frozen=True, slots=True)
class Commit:
    """Everything that becomes true at one instant, or not at all (R2, R12).

    *staged* and *rejected* are read in order: the last row of a key wins. *checkpoints* maps a partition id
    to the JSON text to keep, or to None to forget it. *snapshot*, when given, is the id of an open window:
    the ids of this commit are remembered in it (`syncrun.seen`) until a commit with *deletes* closes it (R8);
    without it *deletes* look at this commit's ids alone. *log* are files of the run's log (see
    `stores.run_log`), of which lines that are there already are passed over.
    *staged* and *rejected* are read in order: the last row of a key wins, or with *newest_first* the first.
    *checkpoints* maps a partition id to the JSON text to keep, or to None to forget it. *snapshot*, when
    given, is the id of an open window: the ids of this commit are remembered in it (`syncrun.seen`) until a
    commit with *deletes* closes it (R8); without it *deletes* look at this commit's ids alone.
    """

    run: Run
    model: Model
    at: datetime
    staged: Sequence[StagedFile] = ()
    rejected: Sequence[RejectedFile] = ()
    checkpoints: Mapping[str, str | None] = field(default_factory=dict)
    snapshot: str | None = None
    deletes: SnapshotDeletes | None = None
    log: Sequence[Path] = ()
    newest_first: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """What a commit did to the live records. *last_seq* is the newest position of the change feed."""

    added: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    duplicates: int = 0
    quarantined: int = 0
    last_seq: int = 0
    refused: Refusal | None = None


@dataclass(frozen=True, slots=True)
class RecordChange:
    """What a commit would do to one record: *action* is ADDED, UPDATED or DELETED.

    *values* are its fields as JSON values: those it would have, or the last ones of a deleted record.
    *before* are the fields of an updated record that differ, as they are stored.
    """

    action: str
    id: str
    partition: str
    values: Mapping[str, Any]
    before: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that would be quarantined: its *key* when usable, the *path* of the field, and it as JSON."""

    key: str | None
    reason: str
    path: str
    raw: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a commit would do, had it been made.

    *records* and *rejected* are the first of each kind, *repeated* the first keys that came more than once.
    *table* says in words what would change about the model's table.
    """

    changes: Changes = field(default_factory=Changes)
    records: tuple[RecordChange, ...] = ()
    rejected: tuple[Rejection, ...] = ()
    repeated: tuple[str, ...] = ()
    table: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A saved progress as stored: *state* is the JSON text given to `Commit.checkpoints`."""

    partition: str
    state: str
    run_id: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Saved:
    """What a run goes on from: progress by partition id, the open snapshot window, the table's columns.

    *paused* tells that the sync runs only by hand.
    """

    checkpoints: Mapping[str, Checkpoint] = field(default_factory=dict)
    window: str | None = None
    columns: tuple[Column, ...] = ()
    paused: bool = False


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Column names, their DuckDB types as text, and the rows, fetched as they are asked for."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class ModelId:
    """Whose records of which model; as text it is what `syncrun records` is given."""

    connection: str
    connector: str
    model: str

    def __str__(self) -> str:
        return str(SyncId(self.connection, self.connector, self.model))


@dataclass(frozen=True, slots=True)
class FeedQuery:
    """What somebody wants of a model's change feed: the records in the order of their last change.

    *cursor*: only what changed after it, as text from an earlier read. *actions*: ADDED, UPDATED, DELETED;
    none means all. *ids*: keys, as `[1]` or simply `1`. *as_of*: the records that were live then, by time or
    by position, which takes a history.
    """

    model: ModelId
    cursor: str = ""
    modified_after: datetime | None = None
    actions: frozenset[str] = frozenset()
    ids: tuple[str, ...] = ()
    limit: int | None = None
    as_of: datetime | int | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """Records with their metadata, and the *cursor* after the last of them, from which the next read goes on.

    It is past everything that was looked at: also past what a filter left out, when no limit ended the read.
    """

    result: QueryResult
    cursor: str


@dataclass(frozen=True, slots=True)
class RunChange:
    """What a run did to one record: its fields *before* and *after*, None where there are none or unknown."""

    id: str
    action: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None

    @property
    def fields(self) -> tuple[str, ...] | None:
        """The fields that changed, None when that is not known."""
        if self.before is None or self.after is None:
            return None
        return tuple(name for name, value in self.after.items() if value != self.before.get(name))


@dataclass(frozen=True, slots=True)
class RunChanges:
    """The changes of a run in their order; without *history* only those that no later run has overwritten."""

    changes: Iterator[RunChange]
    history: bool


@dataclass(frozen=True, slots=True)
class Definition:
    """A version of a connector as it was deployed: *files* are texts by name, *name* is its own file.

    *connector* is what connections call it, *digest* tells its content from any other. *at* is when it was
    deployed.
    """

    connector: str
    version: str
    digest: str
    name: str
    files: Mapping[str, str] = field(repr=False)
    at: datetime | None = None


class Store(Protocol):
    """A place that keeps records, change by change. Every method opens, acts and closes (R3)."""

    @property
    def encrypted(self) -> bool:
        """Whether nothing of the records may rest on disk as it is."""

    def commit(self, commit: Commit) -> Changes:
        """Make *commit* true in one transaction; raise StoreError, or LockedError past the lock timeout."""

    def preview(self, commit: Commit, *, most: int) -> Preview:
        """Return what `commit` would do now, with at most so many examples of each kind; write nothing."""

    def telling(self, on_wait: Callable[[str], None]) -> Store:
        """Return the same store for somebody who wants to be told, in one sentence, what it waits for."""

    def record_run(self, run: Run, log: Sequence[Path] = ()) -> None:
        """Write or replace the row of *run*, and its *log*, for runs that end without a commit."""

    def saved(self, sync: SyncId, model: str) -> Saved:
        """Return all that a run of *sync* needs to know before it reads, in one look."""

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

    def count_quarantined(self) -> dict[SyncId, int]:
        """Return how many records are in quarantine, by sync."""

    def deployed(self, environment: str) -> dict[str, Definition]:
        """Return the definitions that *environment* uses, by connector; none before a first deployment."""

    def versions(self, connector: str) -> list[Definition]:
        """Return every version of *connector* that was deployed to any environment, newest first."""

    def deploy(self, environment: str, chosen: Sequence[Definition], at: datetime) -> list[Definition]:
        """Let *environment* use the definitions *chosen* from now on; return them as deployed."""

    def export(self, sql: str, path: Path) -> None:
        """Write the rows of a read-only *sql* to the Parquet file *path*; raise StoreError."""

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> QueryResult:
        """Run a read-only *sql*; raise StoreError with DuckDB's message."""
