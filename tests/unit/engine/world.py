"""An API that changes between runs, and the kinds of syncs that read it, for the model-based test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from textwrap import indent
from typing import Any

import httpx

from tests.lab import Clock

SIZE = 2  # records a page
START = "2024-05-01T00:00:00Z"


@dataclass(frozen=True)
class Kind:
    """One way of reading: its sync in YAML, and by what hard deletes are found.

    *finds*: "each" complete run, "full" runs only, "told" by the API in any run, or "never".
    """

    name: str
    finds: str
    sync: str
    partitioned: bool = False
    cursor: bool = True
    expires: bool = False
    shifts: bool = False  # when a record goes, those on later pages move up
    by: str = "at"  # what changes are asked for since

    @property
    def yaml(self) -> str:
        return (
            "syncs:\n"
            + (PARENTS if self.partitioned else "")
            + f"  items:\n{indent(COMMON + self.sync, '    ')}"
        )


PARENTS = "  parents: {request: /parents, pagination: none, key: id, fields: [id]}\n"
COMMON = """
records: items
where: open
max_quarantined: 2
key: id
fields: {id: {path: id, type: integer}, at: {path: at, type: timestamp}, v: {path: v, type: integer}, size: {path: size, type: integer}}
"""
TOKENS = "pagination: {type: cursor, token: next, into: params.after}\n"
ITEMS, CHANGES = "request: /items\n", 'request: {path: /items, params: {since: "${cursor}"}}\n'
CHILDREN = (
    'for_each: {sync: parents}\nrequest: {path: "/parents/${parent.id}", params: {since: "${cursor}"}}\n'
)
PARALLEL = CHILDREN.replace("parents}", "parents, concurrency: 3}", 1)
WINDOWS = """
request: {path: /items, params: {from: "${window.start}", to: "${window.end}"}}
incremental: {cursor: at, start: "2024-05-01", window: 20d}
"""

KINDS = [
    Kind("snapshot", "each", ITEMS + TOKENS, cursor=False),
    Kind(
        "numbered pages",
        "each",
        f"{ITEMS}pagination: {{type: page, size: {SIZE}}}\n",
        cursor=False,
        shifts=True,
    ),
    Kind("unordered", "never", f"{CHANGES}{TOKENS}incremental: {{cursor: at}}\n"),
    Kind("ascending", "never", f"{CHANGES}{TOKENS}incremental: {{cursor: at, order: ascending}}\n"),
    Kind("versions", "never", f"{CHANGES}{TOKENS}incremental: {{cursor: v}}\n", cursor=False, by="v"),
    Kind(
        "ordered versions",
        "never",
        f"{CHANGES}{TOKENS}incremental: {{cursor: v, order: ascending}}\n",
        cursor=False,
        by="v",
    ),
    Kind(
        "numbered changes",
        "never",
        f"{CHANGES}pagination: {{type: page, size: {SIZE}}}\nincremental: {{cursor: at}}\n",
        shifts=True,
    ),
    Kind("flag", "told", f"{CHANGES}{TOKENS}incremental: {{cursor: at}}\ndeletes: {{flag: gone}}\n"),
    Kind(
        "feed",
        "told",
        f"{CHANGES}{TOKENS}incremental: {{cursor: at}}\n"
        'deletes: {request: {path: /deleted, params: {since: "${cursor}"}}, records: items}\n',
        expires=True,
    ),
    Kind(
        "dated feed",
        "told",
        f"{CHANGES}{TOKENS}incremental: {{cursor: at}}\n"
        'deletes: {request: {path: /deleted, params: {since: "${cursor}"}}, records: items, at: at}\n',
        expires=True,
    ),
    Kind(
        "token",
        "told",
        f"{CHANGES}{TOKENS}incremental: {{token: token, expired: {{status: 410}}}}\ndeletes: {{flag: gone}}\n",
        cursor=False,
        expires=True,
    ),
    Kind(
        "weekly",
        "full",
        f"{CHANGES}{TOKENS}incremental: {{cursor: at}}\ndeletes: {{snapshot: {{every: 7d}}}}\n",
    ),
    Kind(
        "client", "each", f"{ITEMS}{TOKENS}incremental: {{cursor: at, filter: client}}\ndeletes: snapshot\n"
    ),
    Kind("windows", "never", WINDOWS + TOKENS),
    Kind("windows, weekly", "full", WINDOWS + TOKENS + "deletes: {snapshot: {every: 7d}}\n"),
    Kind("children", "each", CHILDREN + TOKENS, partitioned=True, cursor=False),
    Kind(
        "children, weekly",
        "full",
        PARALLEL + TOKENS + "incremental: {cursor: at}\ndeletes: {snapshot: {every: 7d}}\n",
        partitioned=True,
    ),
]


@dataclass(frozen=True)
class Item:
    """One record as the API has it. *bad* ones cannot be mapped; those that are not *open* do not pass `where`."""

    id: int
    at: str
    v: int = 0
    open: bool = True
    bad: bool = False

    def shown(self, **more: Any) -> dict[str, Any]:
        size = "big" if self.bad else 1
        return {"id": self.id, "at": self.at, "v": self.v, "open": self.open, "size": size, **more}


class World:
    """What the API has: items by id in each place (a parent, or ""), and what is wrong with it at the moment."""

    def __init__(self, kind: Kind, clock: Clock) -> None:
        self.kind, self.clock = kind, clock
        self.places: dict[str, dict[int, Item]] = {
            place: {} for place in ("abc" if kind.partitioned else [""])
        }
        self.away: dict[str, dict[int, Item]] = {}
        self.deleted: dict[int, str] = {}
        self.graves: list[tuple[int, str]] = []  # what a list of deletions tells, also of what came back
        self.log: list[int] = []  # ids in the order of their changes
        self.oldest_token = self.version = 0
        self.nameless = self.behind = 0
        self.repeats = False
        self.heal()

    def heal(self) -> None:
        """End every fault."""
        self.asked = 0
        self.broken_at: int | None = None
        self.down: dict[str, int] = {}
        self.late = False
        self.failed: set[str] = set()
        self.at_request: dict[int, Callable[[], None]] = {}

    @property
    def now(self) -> str:
        return self._time.strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def _time(self) -> datetime:
        return self.clock.time - timedelta(seconds=self.behind)

    # ── how it changes ─────────────────────────────────────────────────────────────────────────────

    def put(self, place: str, number: int, **changes: Any) -> None:
        """Add or change an item."""
        items = self.places[place]
        self.version += 1
        items[number] = replace(items.get(number, Item(number, "")), v=self.version, at=self.now, **changes)
        self.deleted.pop(number, None)
        self.log.append(number)

    def remove(self, place: str, number: int) -> None:
        if self.places[place].pop(number, None) is not None:
            self.deleted[number] = self.now
            self.graves.append((number, self.now))
            self.log.append(number)

    # ── what it answers ────────────────────────────────────────────────────────────────────────────

    def __call__(self, request: httpx.Request) -> Any:
        answer = self._answer(request)
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(200, json=answer, headers={"date": format_datetime(self._time, usegmt=True)})

    def _answer(self, request: httpx.Request) -> Any:
        if request.url.path == "/parents":
            return [{"id": place} for place in self.places]
        self.asked += 1
        self.at_request.get(self.asked, lambda: None)()
        place = request.url.path.removeprefix("/parents/") if self.kind.partitioned else ""
        query = request.url.params
        status = self.down.get(place) if "after" in query or not self.late else None
        if self.asked == self.broken_at or status:
            self.failed.add(place)
            return httpx.Response(status or 403)
        if request.url.path == "/deleted":
            since = query.get("since", "")
            return {"items": [{"id": n, "at": at} for n, at in sorted(self.graves) if at >= since]}
        if self.kind.name == "token":
            return self._by_token(query)
        found = [item.shown() for item in self.places.get(place, {}).values()]
        if self.kind.name == "flag":
            found += [{"id": n, "at": at, "gone": True} for n, at in self.deleted.items()]
        found += [{"id": None, "at": START, "v": n, "open": True} for n in range(self.nameless)]
        if self.kind.by == "v":
            return self._page([r for r in found if r["v"] >= int(query.get("since", 0))], query)
        low, high = query.get("since", query.get("from", "")), query.get("to", "9")
        return self._page([record for record in found if low <= record["at"] < high], query)

    def _page(self, found: list[dict[str, Any]], query: httpx.QueryParams, **more: Any) -> dict[str, Any]:
        order = {"ascending": "at", "ordered versions": "v"}.get(self.kind.name, "id")
        found.sort(key=lambda record: (str(record[order]).zfill(30), record["id"] or 0, record.get("v", 0)))
        if "page" in query:
            start = (int(query["page"]) - 1) * SIZE
            return {"items": self._repeated(found[start : start + SIZE])}
        # a place in the list is what came last, so that nothing shifts when something comes or goes
        keys = [f"{str(r[order]).zfill(30)}|{r['id'] or 0:03}|{r.get('v', 0):03}" for r in found]
        after = query.get("after", "").partition("#")[0]
        rest = [record for key, record in zip(keys, found, strict=True) if key > after]
        following = sorted(key for key in keys if key > after)[SIZE - 1 : SIZE]
        has_more = len(rest) > SIZE
        suffix = f"#{more['pinned']}" if "pinned" in more else ""
        body = {"items": self._repeated(rest[:SIZE]), "next": f"{following[0]}{suffix}" if has_more else None}
        return body if has_more or "pinned" not in more else {**body, "token": f"t{more['pinned']}"}

    def _repeated(self, page: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the page, perhaps with an older version of its last record before it."""
        return [{**page[-1], "v": -1}, *page] if self.repeats and page and page[-1].get("id") else page

    def _by_token(self, query: httpx.QueryParams) -> Any:
        # a list that takes several requests is one of the moment when it began
        pinned = query.get("after", "").partition("#")[2] or len(self.log)
        since = query.get("since")
        if since is not None and int(since[1:]) < self.oldest_token:
            return httpx.Response(410)
        items = self.places[""]
        if since is None:
            return self._page([item.shown() for item in items.values()], query, pinned=pinned)
        changed = set(self.log[int(since[1:]) :])
        found = [items[n].shown() if n in items else {"id": n, "at": self.now, "gone": True} for n in changed]
        return self._page(found, query, pinned=pinned)
