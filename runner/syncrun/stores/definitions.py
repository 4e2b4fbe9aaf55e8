"""Versions of connectors as they were deployed: written once, and what each environment uses."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from syncrun.stores.migrations import stored_version
from syncrun.stores.values.definition import Definition

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SINCE = 5  # the version of the engine's tables
_FACTS = "d.connector, d.version, d.digest, d.name, d.files"


def active(db: DuckDBPyConnection, environment: str) -> dict[str, Definition]:
    """Return what *environment* uses, by connector, each with the time of its deployment."""
    if stored_version(db) < _SINCE:
        return {}
    rows = db.execute(
        f"SELECT {_FACTS}, p.deployed_at FROM syncrun.deployments p"
        " JOIN syncrun.definitions d ON d.connector = p.connector AND d.digest = p.digest"
        " WHERE p.environment = ?"
        " QUALIFY row_number() OVER (PARTITION BY p.connector ORDER BY p.position DESC) = 1"
        " ORDER BY p.connector",
        [environment],
    ).fetchall()
    return {row[0]: _definition(row) for row in rows}


def versions(db: DuckDBPyConnection, connector: str) -> list[Definition]:
    """Return every version of *connector* that was deployed to any environment, newest first."""
    if stored_version(db) < _SINCE:
        return []
    rows = db.execute(
        f"SELECT {_FACTS}, d.created_at FROM syncrun.definitions d WHERE d.connector = ?"
        " ORDER BY d.created_at DESC, d.version DESC",
        [connector],
    ).fetchall()
    return [_definition(row) for row in rows]


def deploy(
    db: DuckDBPyConnection, environment: str, definitions: Iterable[Definition], at: datetime
) -> list[Definition]:
    """Let *environment* use *definitions*, which are added where they are new; return them as deployed."""
    deployed = []
    for one in definitions:
        known = {other.digest for other in versions(db, one.connector)}
        if one.digest not in known:
            files = json.dumps(dict(one.files), ensure_ascii=False)
            row: list[Any] = [one.connector, one.version, one.digest, one.name, files, at]
            db.execute("INSERT INTO syncrun.definitions VALUES (?, ?, ?, ?, ?, ?)", row)
        db.execute(
            "INSERT INTO syncrun.deployments"
            " SELECT coalesce(max(position), 0) + 1, ?, ?, ?, ? FROM syncrun.deployments",
            [environment, one.connector, one.digest, at],
        )
        deployed.append(replace(one, at=at))
    return deployed


def _definition(row: tuple[Any, ...]) -> Definition:
    connector, version, digest, name, files, at = row
    return Definition(connector, version, digest, name, json.loads(files), at)
