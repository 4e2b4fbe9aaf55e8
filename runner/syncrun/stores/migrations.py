"""The engine's own tables, schema `syncrun`, brought to the version that this code knows."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from syncrun.errors import StoreError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_FOLDER = Path(__file__).parent / "sql"


@cache
def _scripts() -> dict[int, Path]:
    """Return the script of each version; the file's name begins with the number."""
    return {int(path.name.partition("_")[0]): path for path in sorted(_FOLDER.glob("*.sql"))}


def stored_version(db: DuckDBPyConnection) -> int:
    """Return the version of the open database's tables, 0 when it has none; StoreError for a newer one."""
    from syncrun.stores.library import duckdb

    try:
        row = db.execute("SELECT max(version) FROM syncrun.migrations").fetchone()
    except duckdb.CatalogException:
        return 0
    version = int(row[0]) if row and row[0] is not None else 0
    newest = max(_scripts())
    if version > newest:
        raise StoreError(
            f"the database was written by a newer syncrun (version {version} of its tables; known: {newest})",
            hint="upgrade syncrun",
        )
    return version


def is_current(db: DuckDBPyConnection) -> bool:
    """Whether the open database's tables are of the newest version."""
    return stored_version(db) == max(_scripts())


def migrate(db: DuckDBPyConnection, at: datetime) -> None:
    """Bring the tables to the newest version, in a transaction; do nothing when they are."""
    version = stored_version(db)
    missing = [number for number in _scripts() if number > version]
    if not missing:
        return
    db.execute("BEGIN")
    try:
        for number in missing:
            db.execute(_scripts()[number].read_text(encoding="utf-8"))
            db.execute("INSERT INTO syncrun.migrations VALUES (?, ?)", [number, at])
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
