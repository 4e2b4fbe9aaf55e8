"""A run and its database belong together: nothing is committed to another one, nor to an older copy.

What a run has read stands for the records and the progress that it began with. In another database it would
delete what that run never looked for.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from syncrun.errors import OtherDatabaseError, StoreError
from syncrun.stores.types import UNNEST_ROWS, UNNEST_TEXTS, bind_rows, bind_texts, quote_text
from syncrun.stores.values.basis import Basis, Home
from syncrun.stores.values.commit import Commit

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ANOTHER = "this is another database than the one that the run began with"
OLDER = "this is an older copy of the database that the run began with"
GONE = "the database that the run began with is not there any more"
REPLACED = "the database was replaced while the run wrote to it"

_KEPT = 10_000  # commits
_TIDY_EVERY = 1_000  # commits
_LOOK = """
SELECT m.value, c.number, c.mark FROM syncrun.meta AS m
LEFT JOIN (
    SELECT number, mark FROM syncrun.commits
    WHERE number IN ({numbers}) OR number = (SELECT max(number) FROM syncrun.commits)
) AS c ON TRUE
WHERE m.name = 'identity'
"""


def basis_of(db: DuckDBPyConnection) -> Basis | None:
    """Return what the open database is; None when it was written before databases had an identity."""
    from syncrun.stores.library import duckdb

    try:
        return look(db).basis
    except duckdb.CatalogException:
        return None


def homes(db: DuckDBPyConnection, connections: Collection[str] | None = None) -> dict[str, Home]:
    """Return the project of each of *connections* (None: of all) that has one."""
    from syncrun.stores.library import duckdb

    names = None if connections is None else ", ".join(map(quote_text, connections))
    where = "" if names is None else f" WHERE connection IN ({names or 'NULL'})"
    try:
        rows = db.execute(f"SELECT connection, project, file FROM syncrun.homes{where}").fetchall()
    except duckdb.CatalogException:  # written before
        return {}
    return {row[0]: Home(row[1], row[2]) for row in rows}


@dataclass(frozen=True, slots=True)
class Look:
    """What the database is now, and the marks of some of its commits by their number."""

    basis: Basis
    marks: Mapping[int, str]

    def why_not(self, basis: Basis | None) -> str:
        """Return why nothing that relies on *basis* may be committed; empty when it may."""
        if basis is None:
            return ""
        if basis.identity != self.basis.identity:
            return ANOTHER
        behind = basis.commit > self.basis.commit
        mark = self.marks.get(basis.commit, basis.mark)  # one that is no longer kept is not asked for
        if behind or mark != basis.mark:
            return OLDER
        return ""


def look(db: DuckDBPyConnection, known: Collection[Basis | None] = ()) -> Look:
    """Look at the database, and at the commits that *known* names."""
    numbers = ", ".join({str(basis.commit) for basis in known if basis is not None})
    rows = db.execute(_LOOK.format(numbers=numbers or "NULL")).fetchall()
    if not rows:
        raise StoreError("a table of the database is empty that never is")
    marks = {int(number): str(mark) for _, number, mark in rows if number is not None}
    newest = max(marks, default=0)
    return Look(Basis(str(rows[0][0]), newest, marks.get(newest, "")), marks)


def check(db: DuckDBPyConnection, basis: Basis | None) -> Basis:
    """Return what the database is now; raise OtherDatabaseError when it is not what *basis* was, gone on."""
    found = look(db, [basis])
    why = found.why_not(basis)
    if why:
        raise other_database(_path_of(db), why)
    return found.basis


def check_identity(db: DuckDBPyConnection, basis: Basis | None) -> None:
    """Raise OtherDatabaseError when the database is neither that of *basis* nor a copy of it."""
    check(db, None if basis is None else Basis(basis.identity))


def other_database(path: Path | str, why: str) -> OtherDatabaseError:
    """Return the error of a run that finds something else at *path*: *why* is one of the above."""
    hint = "run again to go on with this one, or put the one back that was there"
    if why == GONE:
        hint = "put it back; without it the next run makes a new one and reads everything"
    return OtherDatabaseError(f"{path}: {why}", hint=hint)


def advance(db: DuckDBPyConnection, before: Basis) -> Basis:
    """Note one more commit after *before*, in its transaction, and return what the database is then."""
    after = Basis(before.identity, before.commit + 1, secrets.token_hex(8))
    db.execute("INSERT INTO syncrun.commits VALUES (?, ?)", [after.commit, after.mark])
    if after.commit % _TIDY_EVERY == 0:
        db.execute("DELETE FROM syncrun.commits WHERE number <= ?", [after.commit - _KEPT])
    return after


def why_not_home(commit: Commit, registered: Home | None) -> str:
    """Return why the connection of *commit* may not be written for its project; empty when it may.

    *registered* is the project that it is of now: meanwhile another one may have begun to write it.
    """
    if commit.home is None or registered in (None, commit.home, commit.home_before):
        return ""
    return two_projects(commit.run.sync.connection, registered)


def two_projects(connection: str, other: Home) -> str:
    """Return what is wrong when another project writes the *connection* too."""
    return (
        f"the connection {connection} in this database is that of another project, in {other.project}:"
        " two projects with a connection of the same name would delete each other's records"
    )


SETTLE = (
    "name the connection otherwise in one of the projects, or give one of them a `database` of its own;"
    " when the other project is given up: run once with --adopt"
)
"""What helps when two projects write the same connection."""


def settle_homes(db: DuckDBPyConnection, commits: Collection[Commit], registered: Mapping[str, Home]) -> None:
    """Register the project of each of *commits*, where another one, or none, is *registered*."""
    moved = {
        commit.run.sync.connection: commit.home
        for commit in commits
        if commit.home is not None and registered.get(commit.run.sync.connection) != commit.home
    }
    if not moved:
        return
    db.execute(
        f"DELETE FROM syncrun.homes WHERE connection IN (SELECT {UNNEST_TEXTS})", [bind_texts(moved.keys())]
    )
    rows = [{"connection": name, "project": h.project, "file": h.file} for name, h in moved.items()]
    kinds = dict.fromkeys(("connection", "project", "file"), "VARCHAR")
    db.execute(f"INSERT INTO syncrun.homes ({', '.join(kinds)}) {UNNEST_ROWS}", bind_rows(rows, kinds))


def _path_of(db: DuckDBPyConnection) -> str:
    sql = "SELECT path FROM duckdb_databases() WHERE database_name = current_database()"
    return str(db.execute(sql).fetchall()[0][0])
