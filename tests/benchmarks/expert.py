"""What an expert writes by hand for this one API: the reference that syncrun is measured by.

Pages are fetched side by side, mapped by plain code, staged as lines of JSON with a hash, and merged set by
set. It has no retries, no validation, no quarantine, no resume, no log, and knows only these tables.

    python expert.py URL DATABASE full|changes|cursor|members|small
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import httpx
import orjson

from tests.benchmarks.row import staged

PAGE, THREADS = 500, 4
COLUMNS = {
    "id": "BIGINT", "created_at": "TIMESTAMPTZ", "updated_at": "TIMESTAMPTZ", "archived": "BOOLEAN",
    "first_name": "VARCHAR", "last_name": "VARCHAR", "email": "VARCHAR", "phone": "VARCHAR",
    "job_title": "VARCHAR", "stage": "VARCHAR", "lead_score": "BIGINT", "revenue": "DOUBLE",
    "last_seen_at": "TIMESTAMPTZ", "company_id": "BIGINT", "company": "VARCHAR", "industry": "VARCHAR",
    "employees": "BIGINT", "city": "VARCHAR", "country": "VARCHAR", "latitude": "DOUBLE",
    "longitude": "DOUBLE", "owner": "VARCHAR", "tags": "JSON", "marketing": "BOOLEAN", "channel": "VARCHAR",
}  # fmt: skip
STAGED = {"part": "VARCHAR", "hash": "VARCHAR", **COLUMNS}


def side_by_side(calls: Iterable[Callable[[], Any]]) -> Iterator[Any]:
    """Yield the results in order, a few calls ahead."""
    with ThreadPoolExecutor(THREADS) as pool:
        waiting: deque[Any] = deque()
        for call in calls:
            waiting.append(pool.submit(call))
            if len(waiting) > THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class Api:
    def __init__(self, url: str) -> None:
        self.client = httpx.Client(base_url=url)

    def get(self, path: str, **params: Any) -> bytes:
        response = self.client.get(path, params=params)
        response.raise_for_status()
        return response.content

    def by_offset(self) -> Iterator[bytes]:
        first = self.get("/contacts", offset=0, limit=PAGE)
        yield first
        total = orjson.loads(first[-200:].partition(b'"total":')[2].partition(b",")[0])
        offsets = range(PAGE, total, PAGE)
        yield from side_by_side(
            lambda o=offset: self.get("/contacts", offset=o, limit=PAGE) for offset in offsets
        )  # type: ignore[misc]

    def by_cursor(self, **params: Any) -> Iterator[bytes]:
        cursor = ""
        while cursor is not None:
            page = self.get("/contacts", cursor=cursor, limit=PAGE, **params)
            yield page
            cursor = orjson.loads(page[-200:].rpartition(b'"next":')[2][:-1])


def stage(path: str, pages: Iterable[tuple[str, bytes]]) -> None:
    """Write all pages, each with the part that it is of, as lines of JSON."""
    with Path(path).open("wb", buffering=1 << 20) as out:
        for part, page in pages:
            lines = []
            for record in orjson.loads(page)["data"]:
                line = orjson.dumps(staged(record))
                digest = hashlib.md5(line, usedforsecurity=False).hexdigest()
                lines.append(b'{"part":"%s","hash":"%s",%s\n' % (part.encode(), digest.encode(), line[1:]))
            out.write(b"".join(lines))


def merge(db: duckdb.DuckDBPyConnection, table: str, path: str, *, whole: bool, scope: str = "TRUE") -> None:
    """Make the staged rows true, and delete what is missing when they are the *whole* of *scope*."""
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in STAGED.items())
    definition = ", ".join(f"{name} {kind}" for name, kind in STAGED.items())
    db.execute("BEGIN")
    db.execute(
        f"CREATE TABLE IF NOT EXISTS {table} ({definition}, changed_at TIMESTAMPTZ, deleted_at TIMESTAMPTZ)"
    )
    db.execute(
        f"CREATE OR REPLACE TEMP TABLE staged AS FROM read_json('{path}', format='newline_delimited', columns={{{columns}}})"
    )
    db.execute(
        f"CREATE OR REPLACE TEMP TABLE change AS SELECT s.rowid AS new, t.rowid AS old FROM staged s"
        f" LEFT JOIN {table} t ON t.part = s.part AND t.id = s.id"
        " WHERE t.id IS NULL OR t.hash <> s.hash OR t.deleted_at IS NOT NULL"
    )
    db.execute(f"DELETE FROM {table} WHERE rowid IN (SELECT old FROM change)")
    db.execute(
        f"INSERT INTO {table} SELECT s.*, now(), NULL FROM staged s WHERE s.rowid IN (SELECT new FROM change)"
    )
    if whole:
        db.execute(
            f"UPDATE {table} AS t SET deleted_at = now(), changed_at = now() WHERE deleted_at IS NULL AND {scope}"
            " AND NOT EXISTS (SELECT 1 FROM staged s WHERE s.id = t.id AND s.part = t.part)"
        )
    db.execute("COMMIT")


def main(url: str, database: str, mode: str) -> None:
    gc.disable()
    api, path = Api(url), f"{database}.lines"
    with duckdb.connect(database) as db:
        match mode:
            case "full":
                stage(path, (("", page) for page in api.by_offset()))
            case "cursor":
                stage(path, (("", page) for page in api.by_cursor()))
            case "changes":
                since = None
                with contextlib.suppress(duckdb.CatalogException):
                    since = db.execute("SELECT max(updated_at) FROM contacts").fetchone()[0].isoformat()  # type: ignore[index]
                stage(
                    path,
                    (("", page) for page in api.by_cursor(**({"updated_since": since} if since else {}))),
                )
            case "members":
                groups = [group["id"] for group in orjson.loads(api.get("/groups"))["data"]]
                pages = side_by_side(
                    lambda g=group: (str(g), api.get(f"/groups/{g}/contacts")) for group in groups
                )  # type: ignore[misc]
                stage(path, pages)
            case "small":
                for account in range(int(sys.argv[4])):
                    for number in range(5):
                        part = str(account)
                        stage(path, [(part, api.get(f"/small/{number}"))])
                        merge(db, f"small_{number}", path, whole=True, scope=f"part = '{part}'")
                return
        merge(db, "contacts", path, whole=mode != "changes")
        Path(path).unlink()


if __name__ == "__main__":
    main(*sys.argv[1:4])
