"""Rows for readers: those of a query, and a model's change feed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from syncrun.stores.values.ids import ModelId


@dataclass(frozen=True, slots=True)
class FeedQuery:
    """What somebody wants of a model's change feed: the records in the order of their last change.

    *cursor*: only what changed after it, as text from an earlier read. *actions*: ADDED, UPDATED, DELETED;
    none means all. *ids*: keys, as `[1]` or simply `1`; None means all. *as_of*: the records that were live
    then, by time or by position, which takes a history.
    """

    model: ModelId
    cursor: str = ""
    modified_after: datetime | None = None
    actions: frozenset[str] = frozenset()
    ids: tuple[str, ...] | None = None
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
class QueryResult:
    """Column names, their DuckDB types as text, and the rows, fetched as they are asked for."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]
