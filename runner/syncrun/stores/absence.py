"""Which live records a complete enumeration did not see, and whether so many may go (R7 to R10, R32)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from syncrun.stores.owners import several
from syncrun.stores.types import SQL_KINDS, UNNEST_TEXTS, bind_texts, quote
from syncrun.stores.unseen import seen_in, was_seen
from syncrun.stores.values.commit import Commit, Refusal, SnapshotDeletes
from syncrun.stores.values.window import Window
from syncrun.wording import counted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SMALL = 20  # fewer live records than this are not judged by their ratio
_MANY = 0.1  # more than this share is told even where it is allowed

# Live records in scope that nobody saw. What another run wrote after the window opened (a webhook) counts as
# seen, and so does what this window's own commits wrote.
_ABSENT = """
CREATE OR REPLACE TEMP TABLE missing AS
SELECT
    r.rowid AS row_id,
    r._id AS id,
    r._partition AS partition,
    r._seq AS old,
    {misses} + 1 AS misses,
    {since} AS since,
    {may} AS may,
    {may} AND {misses} + 1 >= $misses AS due
FROM {table} AS r{known}
WHERE {live}
    AND (r._seq <= $opened_seq AND (r._last_modified_at <= $opened_at OR r._run_id = $run){by_window})
    AND NOT EXISTS (SELECT 1 FROM temp.staged AS s WHERE s.k = r._id)
    AND NOT EXISTS (SELECT 1 FROM {seen} AS n WHERE n.snapshot = $snapshot AND n.id = r._id)
"""
_KNOWN = """
LEFT JOIN syncrun.missing AS w
    ON w.connection = r._connection AND w.connector = $connector AND w.model = $model AND w.id = r._id"""
_LIVE = """
SELECT count(*) FROM {table} AS r
WHERE r._connection = $connection AND r._action <> 'DELETED'{reach}
    AND NOT (r._action = 'ADDED' AND r._seq > $opened_seq)
"""
_TALLY = """
SELECT
    count(*),
    count(*) FILTER (WHERE may),
    count(*) FILTER (WHERE due),
    coalesce(bool_or(may AND {read}), FALSE)
FROM temp.missing
"""

# The same for several runs whose windows begin and end with their commits, which are in `temp.member`.
_ABSENT_EACH = """
CREATE OR REPLACE TEMP TABLE missing AS
SELECT
    m.n, r.rowid AS row_id, r._id AS id, r._partition AS partition, r._seq AS old, m.at_once AS due
FROM {table} AS r
JOIN temp.member AS m ON m.connection = r._connection
WHERE m.n IN ({numbers})
    AND {mine}
    AND r._action <> 'DELETED'
    AND r._seq <= $opened_seq
    AND r._last_modified_at <= m.since
    AND NOT EXISTS (SELECT 1 FROM temp.staged AS s WHERE s.k = r._id AND s.n = m.n)
"""
_LIVE_EACH = """
SELECT r._connection, count(*) FROM {table} AS r
WHERE {mine} AND r._action <> 'DELETED' AND NOT (r._action = 'ADDED' AND r._seq > ?)
GROUP BY r._connection
"""


class Settled(Struct, frozen=True):
    """What becomes of records that were not seen: so many are deleted, so many wait, or the guard refuses.

    *note* tells of deletes that are many, though allowed; *missing* is how many of the model wait in all.
    """

    deleted: int = 0
    waiting: int = 0
    refused: Refusal | None = None
    note: str = ""
    missing: int = 0


def find_absent(
    db: DuckDBPyConnection, commit: Commit, table: str, window: Window, *, known: bool
) -> Settled:
    """Fill `temp.missing` with what *commit* did not see; return what becomes of it.

    *known* tells whether records of the model were missing before. Nothing is written: a dry run asks too.
    """
    deletes = commit.deletes or SnapshotDeletes()
    read, live = _in_scope(db, deletes), "r._connection = $connection AND r._action <> 'DELETED'"
    if deletes.partitions is not None:
        live += " AND r._partition IN (SELECT x.p FROM temp.scope AS x)"
    live += _within(deletes)
    if deletes.only is not None:
        db.execute(
            f"CREATE OR REPLACE TEMP TABLE possible AS SELECT {UNNEST_TEXTS} AS id",
            [bind_texts(deletes.only)],
        )
    sql = _ABSENT.format(
        table=table,
        seen=seen_in(db, commit),
        by_window=f" OR {was_seen(commit)}" if window.id else "",
        live=live,
        misses="coalesce(w.misses, 0)" if known else "0",
        since="w.since" if known else "CAST(NULL AS TIMESTAMPTZ)",
        known=_KNOWN if known else "",
        may="TRUE" if deletes.only is None else "r._id IN (SELECT o.id FROM temp.possible AS o)",
    )
    named = {"connector": commit.model.connector, "model": commit.model.name} if known else {}
    given = {
        "connection": commit.run.sync.connection,
        "opened_seq": window.opened_seq,
        "opened_at": window.opened_at,
        "run": commit.run.id,
        "snapshot": window.id,
        "misses": 1 if deletes.accept else deletes.misses,
    }
    if not db.execute(sql, given | named | _reach_of(deletes)).fetchall()[0][0]:
        return Settled()
    return _judge(db, commit, table, window=window, deletes=deletes, read=read)


def _within(deletes: SnapshotDeletes) -> str:
    """Return the condition, to be added to others, that a record is within reach, and so can be missing."""
    reach = deletes.reach
    if reach is None:
        return ""
    if reach.version is None:
        return " AND FALSE"
    kind, column = SQL_KINDS[reach.version.kind], quote(reach.version.column)
    return f" AND TRY_CAST(r.{column} AS {kind}) >= TRY_CAST($least AS {kind})"


def _reach_of(deletes: SnapshotDeletes) -> dict[str, str | None]:
    """Return the parameter of `_within`, if it has one."""
    reach = deletes.reach
    return {} if reach is None or reach.version is None else {"least": reach.least}


def _in_scope(db: DuckDBPyConnection, deletes: SnapshotDeletes) -> str:
    """Fill `temp.scope` with the partitions of *deletes*; return which of `p` were read, as SQL."""
    if deletes.partitions is None:
        return "TRUE"
    db.execute(
        f"CREATE OR REPLACE TEMP TABLE scope AS SELECT {UNNEST_TEXTS} AS p", [bind_texts(deletes.partitions)]
    )
    read = bind_texts(deletes.partitions - deletes.gone)
    db.execute(f"CREATE OR REPLACE TEMP TABLE enumerated AS SELECT {UNNEST_TEXTS} AS p", [read])
    return "{p} IN (SELECT x.p FROM temp.enumerated AS x)"


def _judge(
    db: DuckDBPyConnection,
    commit: Commit,
    table: str,
    *,
    window: Window,
    deletes: SnapshotDeletes,
    read: str,
) -> Settled:
    absent, possible, due, some_read = db.execute(_TALLY.format(read=read.format(p="partition"))).fetchall()[
        0
    ]
    if not possible:
        return Settled()
    # Records that this window added were not there to be lost: they make no deletion look smaller.
    given = {"connection": commit.run.sync.connection, "opened_seq": window.opened_seq}
    sql = _LIVE.format(table=table, reach=_within(deletes))
    found = int(db.execute(sql, given | _reach_of(deletes)).fetchall()[0][0])
    found -= absent - possible  # nor do those that the list does not cover
    empty = some_read and not _saw_any(db, commit, window, read)
    reason = "" if deletes.accept else refusal(deletes, possible, found, empty=empty)
    if reason:
        return Settled(refused=Refusal(possible, found, reason))
    return Settled(due, possible - due, note=_note(due, found))


def _saw_any(db: DuckDBPyConnection, commit: Commit, window: Window, read: str) -> bool:
    sql = (
        f"SELECT EXISTS (SELECT 1 FROM temp.staged AS s WHERE {read.format(p='s.p')} AND s.a <> 'T')"
        f" OR EXISTS (SELECT 1 FROM {seen_in(db, commit)} AS n"
        f" WHERE n.snapshot = ? AND {read.format(p='n.partition')})"
    )
    return bool(db.execute(sql, [window.id]).fetchall()[0][0])


def find_absent_each(
    db: DuckDBPyConnection,
    commits: Mapping[int, Commit],
    table: str,
    *,
    rows: Mapping[int, int],
    opened_seq: int,
) -> dict[int, Settled]:
    """Do for several *commits*, none of whose models has missing records, what `find_absent` does for one.

    They are of different connections, by their number in `temp.member`; *rows* is how much each has staged.
    What a guard refuses is no longer in `temp.missing`.
    """
    if not commits:
        return {}
    mine = several([commit.run.sync.connection for commit in commits.values()]).mine
    sql = _ABSENT_EACH.format(table=table, numbers=", ".join(map(str, sorted(commits))), mine=mine)
    if not db.execute(sql, {"opened_seq": opened_seq}).fetchall()[0][0]:
        return {}
    absent = dict(db.execute("SELECT m.n, count(*) FROM temp.missing AS m GROUP BY m.n").fetchall())
    live = dict(db.execute(_LIVE_EACH.format(table=table, mine=mine), [opened_seq]).fetchall())
    settled = {
        number: _judge_one(commits[number], count, live[commits[number].run.sync.connection], rows[number])
        for number, count in absent.items()
    }
    refused = [str(number) for number, one in settled.items() if one.refused is not None]
    if refused:
        db.execute(f"DELETE FROM temp.missing WHERE n IN ({', '.join(refused)})")
    return settled


def _judge_one(commit: Commit, absent: int, live: int, rows: int) -> Settled:
    deletes = commit.deletes or SnapshotDeletes()
    reason = "" if deletes.accept else refusal(deletes, absent, live, empty=not rows)
    if reason:
        return Settled(refused=Refusal(absent, live, reason))
    due = absent if deletes.at_once else 0
    return Settled(due, absent - due, note=_note(due, live))


def refusal(deletes: SnapshotDeletes, missing: int, live: int, *, empty: bool) -> str:
    """Return why the guard refuses, empty when it does not (R10)."""
    if deletes.nameless:
        bad = counted(deletes.nameless, "record")
        return (
            f"{counted(missing, 'live record')} had not been seen, but {bad} went into quarantine without a"
            " readable key and may be among them: nothing was deleted"
        )
    if empty:
        if deletes.allow_empty:
            return ""
        would = counted(missing, "live record")
        return f"the result was empty, which would delete {would}: nothing was deleted"
    if live >= SMALL and missing > deletes.max_ratio * live:
        return (
            f"{missing} of {live} live records would have been deleted, more than {deletes.max_ratio:.0%}:"
            " nothing was deleted"
        )
    return ""


def _note(deleted: int, live: int) -> str:
    """Return what to tell of deletes that are many, although they are allowed (R10)."""
    if live < SMALL or deleted <= _MANY * live:
        return ""
    return f"{deleted} of {live} live records were no longer there and were deleted: more than {_MANY:.0%}"
