"""What is kept for how long: payloads that no longer change, syncs that no longer run, logs of old runs.

A record that is pruned loses its fields and stays a record: live or deleted, with its id, hash and position.
So nothing about it is a change, and the merge gives the fields back when they are read again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from syncrun.stores import checkpoints, missing, snapshots, states
from syncrun.stores.tables import described, field_columns, history_table, record_table
from syncrun.stores.types import fold, quote
from syncrun.stores.values.ids import SyncId
from syncrun.stores.values.run import Agenda

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_LOGS = {"runs": "started_at", "requests": "sent_at", "logs": "logged_at", "quarantine": "rejected_at"}
_OLD_RECORD = "r._pruned_at IS NULL AND r._last_modified_at < $before"
_OLD_VERSION = "r._pruned_at IS NULL AND coalesce(r._valid_to, r._valid_from) < $before"
# The newest run of each sync stays, and the newest that ended well: they tell how fresh its models are.
_OLD_RUN = """
r.started_at < $before AND EXISTS (
    SELECT 1 FROM syncrun.runs AS n
    WHERE n.connection = r.connection AND n.connector = r.connector AND n.sync = r.sync AND n.model = r.model
        AND (n.started_at, n.id) > (r.started_at, r.id)
        AND (r.status <> 'ok' OR n.status = 'ok')
)
"""
_IDLE = """
SELECT r.connection, r.connector, r.sync, max(r.started_at), list(DISTINCT r.model ORDER BY r.model)
FROM syncrun.runs AS r
GROUP BY ALL
HAVING max(r.started_at) < ?
ORDER BY 1, 2, 3
"""
_FILLED_BY_OTHERS = """
SELECT 1 FROM syncrun.runs AS r
WHERE r.connection = ? AND r.connector = ? AND r.model = ? AND r.sync NOT IN (SELECT unnest(?))
LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class IdleSync:
    """A sync that has not run for long; *models* are those that its runs have filled."""

    sync: SyncId
    last_run: datetime
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Retention:
    """What to let go: all that is older than these times; None keeps it.

    *whole* are the models, by connector, whose payloads stay: other syncs read them. *idle* are the syncs of
    which everything goes.
    """

    payload_before: datetime | None = None
    whole: frozenset[tuple[str, str]] = frozenset()
    idle: Sequence[IdleSync] = ()
    logs_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was let go: records by `connector.model`, syncs with their records, rows of the log tables."""

    payloads: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)
    idle: Mapping[SyncId, int] = field(default_factory=dict)
    logs: Mapping[str, int] = field(default_factory=dict)

    @property
    def anything(self) -> bool:
        """Whether there was anything to let go."""
        return bool(self.payloads or self.versions or self.idle or self.logs)


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of one table that go, or whose *fields* do; in *where* the table is called r."""

    table: str
    where: str
    given: Mapping[str, Any]
    fields: tuple[str, ...] | None = None
    counted: bool = True

    def count(self, db: DuckDBPyConnection) -> int:
        sql = f"SELECT count(*) FROM {self.table} AS r WHERE {self.where}"
        return int(db.execute(sql, dict(self.given)).fetchall()[0][0])

    def act(self, db: DuckDBPyConnection, at: datetime) -> None:
        if self.fields is None:
            db.execute(f"DELETE FROM {self.table} AS r WHERE {self.where}", dict(self.given))
            return
        nothing = "".join(f"{name} = NULL, " for name in self.fields)
        db.execute(
            f"UPDATE {self.table} AS r SET {nothing}_pruned_at = $at WHERE {self.where}",
            {**self.given, "at": at},
        )


def find_idle(db: DuckDBPyConnection, before: datetime) -> list[IdleSync]:
    """Return the syncs whose last run began before that time; those that are paused wait for somebody."""
    agenda = Agenda(states=states.read(db))
    rows = db.execute(_IDLE, [before]).fetchall()
    found = [IdleSync(SyncId(*row[:3]), row[3], tuple(row[4])) for row in rows]
    return [one for one in found if not agenda.paused(one.sync)]


def prune(db: DuckDBPyConnection, rule: Retention, at: datetime, *, dry_run: bool) -> Pruned:
    """Let go what *rule* says, in one transaction, and return what it was; *dry_run* writes nothing."""
    models = list(_models(db))
    taken: set[str] = set()
    idle = {one.sync: list(_records_of(db, one, rule, models, taken)) for one in rule.idle}
    payloads = {} if rule.payload_before is None else dict(_payloads(db, rule, models, history=False))
    versions = {} if rule.payload_before is None else dict(_payloads(db, rule, models, history=True))
    logs = {} if rule.logs_before is None else _logs(rule.logs_before)
    if not dry_run:
        db.execute("BEGIN")
    try:
        gone = {sync: _apply(db, parts, at, dry_run=dry_run) for sync, parts in idle.items()}
        if not dry_run:
            for sync in idle:
                _forget(db, sync)
        done = [
            {name: n for name, part in parts.items() if (n := _apply(db, [part], at, dry_run=dry_run))}
            for parts in (payloads, versions, logs)
        ]
        if not dry_run:
            db.execute("COMMIT")
    except BaseException:
        if not dry_run:
            db.execute("ROLLBACK")
        raise
    return Pruned(done[0], done[1], gone, done[2])


def _apply(db: DuckDBPyConnection, parts: Sequence[_Part], at: datetime, *, dry_run: bool) -> int:
    """Return how many rows *parts* are; unless it is a *dry_run*, let them go."""
    total = 0
    for part in parts:
        count = part.count(db)
        if count and not dry_run:
            part.act(db, at)
        total += count if part.counted else 0
    return total


def _models(db: DuckDBPyConnection) -> Iterator[tuple[str, str]]:
    """Yield the connector and the name of every model that has a table."""
    rows = db.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = current_database()"
        " AND ends_with(table_name, '__records') ORDER BY ALL"
    ).fetchall()
    for connector, table in rows:
        if "_pruned_at" in described(db, connector, table):
            yield connector, table.removesuffix("__records")


def _payloads(
    db: DuckDBPyConnection, rule: Retention, models: Sequence[tuple[str, str]], *, history: bool
) -> Iterator[tuple[str, _Part]]:
    name_of, suffix = (history_table, "history") if history else (record_table, "records")
    where = _OLD_VERSION if history else _OLD_RECORD
    for connector, model in models:
        columns = described(db, connector, f"{model}__{suffix}")
        if not columns or (connector, model) in rule.whole:
            continue
        fields = [quote(column.name) for column in field_columns(columns)]
        fields += ["_raw"] if "_raw" in columns else []
        part = _Part(name_of(connector, model), where, {"before": rule.payload_before}, tuple(fields))
        yield f"{connector}.{model}", part


def _records_of(
    db: DuckDBPyConnection,
    idle: IdleSync,
    rule: Retention,
    models: Sequence[tuple[str, str]],
    taken: set[str],
) -> Iterator[_Part]:
    """Yield what an idle sync has stored, but for models that a sync which stays fills as well.

    *taken* are the tables, of one connection each, that go with another sync.
    """
    sync = idle.sync
    mine, where = {"connection": sync.connection}, "r._connection = $connection"
    going = [o.sync.sync for o in rule.idle if replace(o.sync, sync="") == replace(sync, sync="")]
    known = {(fold(connector), fold(model)): (connector, model) for connector, model in models}
    for name in idle.models:
        model = known.get((fold(sync.connector), fold(name)))
        owner = [sync.connection, sync.connector, name, going]
        if model is None or db.execute(_FILLED_BY_OTHERS, owner).fetchall():
            continue
        table = record_table(*model)
        if f"{sync.connection} {table}" in taken:
            continue
        taken.add(f"{sync.connection} {table}")
        yield _Part(table, where, mine)
        if described(db, model[0], f"{model[1]}__history"):
            yield _Part(history_table(*model), where, mine, counted=False)


def _logs(before: datetime) -> dict[str, _Part]:
    given = {"before": before}
    conditions = {name: f"r.{column} < $before" for name, column in _LOGS.items()} | {"runs": _OLD_RUN}
    return {name: _Part(f"syncrun.{name}", where, given) for name, where in conditions.items()}


def _forget(db: DuckDBPyConnection, sync: SyncId) -> None:
    """Drop all of *sync* that is no record: progress, windows, quarantine, runs and logs, its state."""
    checkpoints.forget(db, sync)
    snapshots.forget(db, sync)
    missing.forget(db, sync)
    owner = [sync.connection, sync.connector, sync.sync]
    mine = "connection = ? AND connector = ? AND sync = ?"
    for table in ("requests", "logs"):
        db.execute(
            f"DELETE FROM syncrun.{table} WHERE run_id IN (SELECT id FROM syncrun.runs WHERE {mine})", owner
        )
    for table in ("quarantine", "runs", "states"):
        db.execute(f"DELETE FROM syncrun.{table} WHERE {mine}", owner)
