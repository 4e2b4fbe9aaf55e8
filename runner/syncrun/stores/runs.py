"""Run history: one row a run, replaced as the run goes on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from syncrun.stores.migrations import stored_version
from syncrun.stores.types import UNNEST_ROWS, UNNEST_TEXTS, bind_rows, bind_texts, quote_text
from syncrun.stores.values.commit import Changes
from syncrun.stores.values.ids import SyncId
from syncrun.stores.values.run import Run, RunChoice

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CHANGES = ("added", "updated", "deleted", "unchanged", "duplicates", "quarantined")
_KILLED = "its process ended before the run did"
_END_KILLED = """
UPDATE syncrun.runs AS r SET
    status = 'interrupted',
    message = $message,
    ended_at = coalesce(
        greatest(
            (SELECT max(q.sent_at) FROM syncrun.requests AS q WHERE q.run_id = $id),
            (SELECT max(l.logged_at) FROM syncrun.logs AS l WHERE l.run_id = $id)
        ),
        r.started_at
    )
WHERE r.id = $id
"""
_FRESH_SINCE = 9  # the version of the tables that has the column fresh_at
_FILTERED_SINCE = 11  # the version that has the column filtered
_COUNTS = ("records", *_CHANGES, "pages", "requests", "filtered")
_FACTS = (
    "id",
    "connection",
    "connector",
    "sync",
    "model",
    "mode",
    "status",
    "started_at",
    "ended_at",
    "message",
    "fresh_at",
)
_KINDS = {
    **dict.fromkeys(_FACTS, "VARCHAR"),
    "started_at": "TIMESTAMPTZ",
    "ended_at": "TIMESTAMPTZ",
    "fresh_at": "TIMESTAMPTZ",
    **dict.fromkeys(_COUNTS, "BIGINT"),
    "last_commit": "VARCHAR",
}


@dataclass(frozen=True, slots=True)
class Stand:
    """Where the database stands before a commit of a run.

    *seq* is the newest position of the change feed; *known* tells whether there is a row of the run, and
    *commit* identifies the newest commit of it.
    """

    seq: int
    known: bool
    commit: str | None


def stand_of(db: DuckDBPyConnection, run: Run) -> Stand:
    """Return where the database stands for *run*."""
    sql = (
        "SELECT s.last, r.id IS NOT NULL, r.last_commit FROM syncrun.sequence AS s"
        " LEFT JOIN syncrun.runs AS r ON r.id = ?"
    )
    return Stand(*db.execute(sql, [run.id]).fetchall()[0])


def write(
    db: DuckDBPyConnection,
    run: Run,
    changes: Changes | None = None,
    commit: str | None = None,
    *,
    stand: Stand | None = None,
) -> None:
    """Write or replace the row of *run*.

    *changes* are those of the commit that the row is written with. They are added to the counts of the run,
    which was described before they were known; an ok run is incomplete when deletes were refused.
    *commit* identifies that commit; without it the one written last stays. *stand* is what `stand_of` has
    found in the same transaction. One run of a sync goes on at a
    time: an older one that still is said to be running has come to a sudden end.
    """
    stand = stand or stand_of(db, run)
    row = _row(run, changes, stand.commit if commit is None else commit)
    _end_killed(db, run)
    if stand.known:
        db.execute("DELETE FROM syncrun.runs WHERE id = ?", [run.id])
    db.execute(
        f"INSERT INTO syncrun.runs ({', '.join(row)}) VALUES ({', '.join('?' for _ in row)})",
        list(row.values()),
    )


def write_new(
    db: DuckDBPyConnection, rows: Sequence[tuple[Run, Changes, str]], running: Iterable[Run]
) -> None:
    """Do for several new runs, each with the changes of its commit and what identifies it, what `write` does.

    *running* are the runs that `find_others` has found.
    """
    for run, _, _ in rows:
        for other in running:
            if other.sync == run.sync and other.started_at < run.started_at:
                db.execute(_END_KILLED, {"id": other.id, "message": _KILLED})
    written = [_row(run, changes, commit) for run, changes, commit in rows]
    db.execute(f"INSERT INTO syncrun.runs ({', '.join(_KINDS)}) {UNNEST_ROWS}", bind_rows(written, _KINDS))


def find_others(db: DuckDBPyConnection, ids: Collection[str]) -> list[Run]:
    """Return the runs that are said to be running, and those of *ids*, of which there is a row."""
    names = ", ".join(map(quote_text, ids))
    rows = db.execute(
        f"SELECT {', '.join((*_FACTS, *_COUNTS))} FROM syncrun.runs"
        f" WHERE status = 'running' OR id IN ({names})"
    ).fetchall()
    return [_run(row) for row in rows]


def _row(run: Run, changes: Changes | None, commit: str | None) -> dict[str, object]:
    """Return the row of *run*, by column (see `write`)."""
    status, message, counts = run.status, run.message, dict(run.counts)
    if changes is not None:
        counts |= {name: counts.get(name, 0) + int(getattr(changes, name)) for name in _CHANGES}
        if changes.refused is not None and status == "ok":
            status, message = "incomplete", changes.refused.reason
    unknown = counts.keys() - set(_COUNTS)
    if unknown:
        raise ValueError(f"a run has no counts named {', '.join(sorted(unknown))}")
    sync = run.sync
    names = (run.id, sync.connection, sync.connector, sync.sync, run.model, run.mode)
    ended = (status, run.started_at, run.ended_at, message, run.fresh_at)
    return {
        **dict(zip(_FACTS, (*names, *ended), strict=True)),
        **{name: counts.get(name) for name in _COUNTS},
        "last_commit": commit,
    }


def _end_killed(db: DuckDBPyConnection, run: Run) -> None:
    """Write of the older runs of the sync that have not ended when they were last heard of."""
    killed = db.execute(
        "SELECT id FROM syncrun.runs WHERE status = 'running'"
        " AND connection = ? AND connector = ? AND sync = ? AND started_at < ?",
        [run.sync.connection, run.sync.connector, run.sync.sync, run.started_at],
    ).fetchall()
    for (identity,) in killed:
        db.execute(_END_KILLED, {"id": identity, "message": _KILLED})


def newest(db: DuckDBPyConnection) -> list[Run]:
    """Return the newest run of every sync of every connection, by connection, connector and sync."""
    rows = db.execute(
        f"SELECT {_selected(db)} FROM syncrun.runs"
        " QUALIFY row_number() OVER (PARTITION BY connection, connector, sync"
        " ORDER BY started_at DESC, id DESC) = 1"
        " ORDER BY connection, connector, sync"
    ).fetchall()
    return [_run(row) for row in rows]


def fresh(db: DuckDBPyConnection) -> dict[SyncId, datetime]:
    """Return when the read of each sync began that is the newest of those that ended well."""
    rows = db.execute(
        f"SELECT connection, connector, sync, max(coalesce({_fresh_at(db)}, started_at)) FROM syncrun.runs"
        " WHERE status = 'ok' GROUP BY ALL"
    ).fetchall()
    return {SyncId(*row[:3]): row[3] for row in rows}


def unfinished(db: DuckDBPyConnection) -> list[SyncId]:
    """Return the syncs of runs that have committed a part, and whose end is not known."""
    rows = db.execute(
        "SELECT DISTINCT connection, connector, sync FROM syncrun.runs WHERE status = 'running' ORDER BY ALL"
    ).fetchall()
    return [SyncId(*row) for row in rows]


def select(db: DuckDBPyConnection, choice: RunChoice) -> list[Run]:
    """Return the runs of *choice*, newest first."""
    facts = {"connection": choice.connection, "connector": choice.connector, "sync": choice.sync}
    given = {name: value for name, value in facts.items() if value}
    wanted = "".join(f" AND {name} = ${name}" for name in given)
    if choice.statuses:
        wanted += f" AND status IN (SELECT {UNNEST_TEXTS.replace('?', '$statuses')})"
        given["statuses"] = bind_texts(choice.statuses)
    rows = db.execute(
        f"SELECT {_selected(db)} FROM syncrun.runs WHERE TRUE{wanted}"
        " ORDER BY started_at DESC, id DESC LIMIT $limit",
        {**given, "limit": choice.limit},
    ).fetchall()
    return [_run(row) for row in rows]


def find(db: DuckDBPyConnection, prefix: str) -> list[Run]:
    """Return the runs whose id begins with *prefix*, newest first."""
    rows = db.execute(
        f"SELECT {_selected(db)} FROM syncrun.runs WHERE starts_with(id, ?)"
        " ORDER BY started_at DESC, id DESC",
        [prefix],
    ).fetchall()
    return [_run(row) for row in rows]


def _selected(db: DuckDBPyConnection) -> str:
    """Return the columns that `_run` reads; what an older version of the tables lacks is null."""
    lacking = {"fresh_at": _fresh_at(db)}
    if stored_version(db) < _FILTERED_SINCE:
        lacking["filtered"] = "NULL::BIGINT"
    return ", ".join(lacking.get(name, name) for name in (*_FACTS, *_COUNTS))


def _fresh_at(db: DuckDBPyConnection) -> str:
    return "fresh_at" if stored_version(db) >= _FRESH_SINCE else "NULL::TIMESTAMPTZ"


def _run(row: tuple[Any, ...]) -> Run:
    facts = dict(zip(_FACTS, row, strict=False))
    counts = zip(_COUNTS, row[len(_FACTS) :], strict=True)
    sync = SyncId(facts.pop("connection"), facts.pop("connector"), facts.pop("sync"))
    return Run(sync=sync, counts={name: value for name, value in counts if value is not None}, **facts)
