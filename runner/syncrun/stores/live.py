"""The live records of a model: one at a time, how many there are, and of which partitions."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from syncrun.stores.json_values import json_reader
from syncrun.stores.memory_folder import own_memory
from syncrun.stores.tables import described, field_columns, record_table
from syncrun.stores.types import fold, quote
from syncrun.stores.values.ids import ModelId

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CHUNK = 2_000
_IN_MEMORY = 16 << 20  # bytes that are kept without a temporary file


def read(
    db: DuckDBPyConnection,
    connector: str,
    model: str,
    connection: str,
    since_seq: int,
    *,
    encrypted: bool,
) -> Iterator[dict[str, Any]]:
    """Return the live records that the view shows, read to the end before the first is yielded.

    They are spooled, of an *encrypted* database in memory alone, so that neither much memory nor the file is
    held while the caller goes on.
    """
    table = described(db, connector, f"{model}__records")
    if not table:
        return iter(())
    stored = {fold(c.name): c for c in field_columns(table)}
    names = [name for name in described(db, connector, model) if fold(name) in stored]
    columns = "".join(f"{quote(name)}, " for name in names)
    db.execute(
        f"SELECT {columns}_id, _seq FROM {record_table(connector, model)}"
        " WHERE _connection = ? AND _action <> 'DELETED' AND _seq > ? ORDER BY _seq",
        [connection, since_seq],
    )
    readers = [
        json_reader(stored[fold(name)].type.base, is_list=stored[fold(name)].type.is_list) for name in names
    ]
    keys = [*names, "_id", "_seq"]
    spool = tempfile.SpooledTemporaryFile(  # noqa: SIM115
        max_size=_IN_MEMORY, mode="w+", encoding="utf-8", dir=str(own_memory()) if encrypted else None
    )
    try:
        while rows := db.fetchmany(_CHUNK):
            for row in rows:
                values = [
                    value if value is None or reader is None else reader(value)
                    for value, reader in zip(row, readers, strict=False)
                ]
                spool.write(json.dumps(dict(zip(keys, [*values, *row[-2:]], strict=True))) + "\n")
        spool.seek(0)
    except BaseException:
        spool.close()
        raise
    return _replay(spool)


def _replay(spool: tempfile.SpooledTemporaryFile[str]) -> Iterator[dict[str, Any]]:
    with spool:
        for line in spool:
            yield json.loads(line)


def count(db: DuckDBPyConnection, models: Collection[tuple[str, str]]) -> dict[ModelId, int]:
    """Return how many records are live in these models, each a connector and a name, by connection."""
    counts: dict[ModelId, int] = {}
    for connector, model in models:
        if described(db, connector, f"{model}__records"):
            rows = db.execute(
                f"SELECT _connection, count(*) FROM {record_table(connector, model)}"
                " WHERE _action <> 'DELETED' GROUP BY _connection"
            ).fetchall()
            counts |= {ModelId(connection, connector, model): count for connection, count in rows}
    return counts


def partitions(db: DuckDBPyConnection, connector: str, model: str, connection: str) -> frozenset[str]:
    """Return the partition ids that live records belong to."""
    if not described(db, connector, f"{model}__records"):
        return frozenset()
    rows = db.execute(
        f"SELECT DISTINCT _partition FROM {record_table(connector, model)}"
        " WHERE _connection = ? AND _action <> 'DELETED'",
        [connection],
    ).fetchall()
    return frozenset(row[0] for row in rows)


def deleted(db: DuckDBPyConnection, connector: str, model: str, connection: str) -> frozenset[str]:
    """Return the ids of the records of a model that are deleted."""
    if not described(db, connector, f"{model}__records"):
        return frozenset()
    rows = db.execute(
        f"SELECT _id FROM {record_table(connector, model)} WHERE _connection = ? AND _action = 'DELETED'",
        [connection],
    ).fetchall()
    return frozenset(row[0] for row in rows)
