"""What a query may be: one statement that reads.

DuckDB's own parser says what it is. The instance that runs it is sealed besides (see `instances.Seal`): it
has the database read-only, no other file, no extension, and settings that nobody changes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from syncrun.errors import StoreError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, Statement

_READING = (
    "SELECT",
    "WITH",
    "FROM",
    "VALUES",
    "TABLE",
    "SHOW",
    "DESCRIBE",
    "DESC",
    "SUMMARIZE",
    "PIVOT",
    "PIVOT_WIDER",
    "UNPIVOT",
    "PIVOT_LONGER",
    "(",
)
_PRAGMAS = frozenset(
    {
        "collations",
        "database_list",
        "database_size",
        "functions",
        "metadata_info",
        "platform",
        "show",
        "show_databases",
        "show_tables",
        "show_tables_expanded",
        "storage_info",
        "table_info",
        "user_agent",
        "version",
    }
)
# functions that a SELECT can call all the same: they write logs, or run SQL that was not looked at
_REFUSED = frozenset(
    {
        "checkpoint",
        "disable_logging",
        "disable_profiling",
        "enable_logging",
        "enable_profiling",
        "force_checkpoint",
        "json_execute_serialized_sql",
        "query",
        "truncate_duckdb_logs",
        "write_log",
    }
)
CHANGE = "change the database with another DuckDB client, in a schema that no connector has"
"""What helps who wants to write."""

_HINT = "a query begins with SELECT, WITH, FROM, VALUES, EXPLAIN, DESCRIBE, SHOW, SUMMARIZE or PRAGMA"
_WORD = re.compile(r'"((?:[^"]|"")*)"|\w+|\S')


@dataclass(frozen=True, slots=True)
class _Token:
    """A word or sign of a statement, and where it begins, in bytes."""

    text: str
    offset: int

    @property
    def keyword(self) -> str:
        """It as a keyword is compared."""
        return self.text.upper()


def read_statements(db: DuckDBPyConnection, sql: str) -> list[Statement]:
    """Return what DuckDB runs for *sql*, the last of which gives the rows; raise StoreError or duckdb.Error.

    That is one statement, but for pivots, for which some versions first make a type.
    """
    statements = db.extract_statements(sql)
    tokens = _tokens(sql)
    if not statements or not tokens:
        raise StoreError("the SQL is empty", hint="such as SHOW ALL TABLES")
    count = _count(statements)
    if count > 1:
        raise StoreError(f"a query is one statement, and this is {count}", hint="run them one by one")
    _check(db, sql, tokens, statements)
    for token, following in pairwise(tokens):
        if following.text == "(" and token.text.lower() in _REFUSED:
            raise StoreError(
                f"queries are read-only: they may not call {token.text.lower()}",
                hint="write the SQL itself" if token.text.lower() == "query" else CHANGE,
            )
    return statements


def _check(db: DuckDBPyConnection, sql: str, tokens: list[_Token], statements: list[Statement]) -> None:
    """Raise StoreError for a statement that does more than read."""
    first = tokens[0].keyword
    if first == "EXPLAIN":  # with ANALYZE it runs what it explains
        read_statements(db, _explained(sql, tokens))
    elif first == "PRAGMA":
        name = tokens[1].text.lower() if len(tokens) > 1 else ""
        if name not in _PRAGMAS or any(token.text == "=" for token in tokens[2:3]):
            known = ", ".join(sorted(_PRAGMAS))
            raise StoreError(
                f"queries are read-only, and PRAGMA {name} does not just read", hint=f"these do: {known}"
            )
    elif first not in _READING or not _reads(statements[-1]):
        raise StoreError(f"queries are read-only, and {first} does not just read", hint=f"{_HINT}; {CHANGE}")


def _reads(statement: Statement) -> bool:
    """Whether DuckDB takes it for a SELECT, or for a pivot, which is several."""
    return _kind(statement) in ("SELECT", "MULTI")


def _kind(statement: Statement) -> str:
    return str(statement.type).rpartition(".")[2]


def _count(statements: list[Statement]) -> int:
    """Return how many statements were written; those that DuckDB adds to a pivot have no text."""
    written = sum(1 for statement in statements if statement.query.strip())
    pivots = sum(1 for s in statements if not s.query.strip() and _kind(s) not in ("CREATE", "CREATE_FUNC"))
    return written + pivots


def _explained(sql: str, tokens: list[_Token]) -> str:
    """Return the statement that is explained, without EXPLAIN, ANALYZE and options."""
    rest = tokens[1:]
    if rest and rest[0].keyword == "ANALYZE":
        rest = rest[1:]
    if rest and rest[0].text == "(" and len(rest) > 1 and rest[1].keyword in ("ANALYZE", "FORMAT"):
        end = next((n for n, token in enumerate(rest) if token.text == ")"), len(rest))
        rest = rest[end + 1 :]
    return sql.encode()[rest[0].offset :].decode() if rest else ""


def _tokens(sql: str) -> list[_Token]:
    """Return the words and signs of *sql*; comments are none."""
    import duckdb

    content = sql.encode()
    found = [(offset, kind) for offset, kind in duckdb.tokenize(sql) if kind != duckdb.token_type.comment]
    tokens = []
    for (offset, _), (end, _) in pairwise([*found, (len(content), None)]):
        match = _WORD.match(content[offset:end].decode(errors="replace"))
        if match:
            tokens.append(_Token(match[1].replace('""', '"') if match[1] is not None else match[0], offset))
    return tokens
