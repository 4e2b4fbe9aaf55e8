"""A clock that a test moves, and the APIs that change and fail while a day goes by on it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import parse_qsl

import httpx

SIZE = 3  # records a page
LEAST = 6  # records that a list keeps, so that what is deleted stays below what the guard refuses (R10)
MIDNIGHT = datetime(2024, 5, 1, tzinfo=UTC)


class Time:
    """A clock that waiting moves; what is planned for a moment happens as soon as it has come."""

    def __init__(self) -> None:
        self.at = MIDNIGHT
        self._planned: list[tuple[datetime, Callable[[], None]]] = []

    def now(self) -> datetime:
        return self.at

    def clock(self) -> float:
        return self.at.timestamp()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.pass_to(self.at + timedelta(seconds=seconds))
        return event.is_set()

    def pass_to(self, moment: datetime) -> None:
        self.at = max(self.at, moment)
        for planned in [planned for planned in self._planned if planned[0] <= self.at]:
            self._planned.remove(planned)
            planned[1]()

    def plan(self, after: timedelta, act: Callable[[], None]) -> None:
        self._planned.append((self.at + after, act))


@dataclass
class Listing:
    """Records by id, as the API has them now, and what it has ever deleted."""

    time: Time
    records: dict[int, dict[str, Any]] = field(default_factory=dict)
    gone: dict[int, str] = field(default_factory=dict)
    ever_gone: set[int] = field(default_factory=set)
    version: int = 0

    def put(self, number: int) -> None:
        """Add a record, change it, or bring it back."""
        self.version += 1
        at = f"{self.time.at:%Y-%m-%dT%H:%M:%SZ}"  # whole seconds: several records share them
        self.records[number] = {"id": number, "name": f"{number} v{self.version}", "at": at}
        self.gone.pop(number, None)

    def remove(self, number: int) -> None:
        del self.records[number]
        self.gone[number] = f"{self.time.at:%Y-%m-%dT%H:%M:%SZ}"
        self.ever_gone.add(number)

    def change(self, chance: Random, *, growing: bool) -> None:
        """Let something happen; while somebody counts pages only what makes nothing move up a place."""
        act = chance.choice(("add", "update", "update") if growing else ("add", "update", "remove", "return"))
        if act == "update":
            self.put(chance.choice(sorted(self.records)))
        elif act == "return" and self.gone:
            self.put(chance.choice(sorted(self.gone)))
        elif act == "remove" and len(self.records) > LEAST:
            self.remove(chance.choice(sorted(self.records)))
        elif act == "add":
            self.put(max({*self.records, *self.gone}, default=0) + 1)

    def since(self, moment: str, *, deleted: bool = False) -> list[dict[str, Any]]:
        """Return what changed at *moment* or later, by id; with *deleted* also what is gone."""
        told = [{"id": n, "at": at, "gone": True} for n, at in self.gone.items()] if deleted else []
        found = [record for record in [*self.records.values(), *told] if record["at"] >= moment]
        return sorted(found, key=lambda record: int(record["id"]))


class Weather:
    """What goes wrong with requests, and when; *calm* ends it all."""

    def __init__(self, chance: Random) -> None:
        self._chance, self._storm = chance, 0
        self.calm = False
        self.struck: list[str] = []

    def strike(self, request: httpx.Request, *, may_be_empty: bool) -> httpx.Response | None:
        """Return what comes in place of the answer, or raise; None: nothing goes wrong."""
        if self.calm:
            return None
        if self._storm:
            self._storm -= 1
            return httpx.Response(503, text="<h1>down</h1>")
        if self._chance.random() > 0.12:
            return None
        acts = [self._error, self._busy, self._down, self._late, self._torn, self._cut, self._page, self._no]
        act = self._chance.choice([*acts, self._empty] if may_be_empty else acts)
        self.struck.append(act.__name__)
        return act(request)

    def _error(self, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(500)

    def _busy(self, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(429, headers={"Retry-After": str(self._chance.randint(1, 90))})

    def _down(self, _request: httpx.Request) -> httpx.Response:
        self._storm = self._chance.randint(2, 8)
        return httpx.Response(503)

    def _late(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("too late", request=request)

    def _torn(self, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=_Torn())

    def _cut(self, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b'{"items": [{"id": 1, "na')

    def _page(self, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, html="<html><body>Be right back</body></html>")

    def _no(self, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(403, json={"error": "not today"})

    def _empty(self, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"items": []})


class _Torn(httpx.SyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        yield b'{"items": ['
        raise httpx.ReadError("connection reset")


class Api:
    """Two shops and a CRM, by host. Whoever asks the shops has to log in, again and again."""

    def __init__(self, time: Time, chance: Random) -> None:
        self.time, self.chance, self.weather = time, chance, Weather(chance)
        self.asked: list[str] = []
        self.calm = False
        self._tokens: dict[str, str] = {}
        shop, crm = ("products", "stores", "orders"), ("contacts", "deals")
        hosts = {"acme.test": shop, "beta.test": shop, "crm.test": crm}
        self.lists = {(host, name): Listing(time) for host, names in hosts.items() for name in names}
        self.stock: dict[tuple[str, int], Listing] = {}
        for listing in self.lists.values():
            for number in range(1, LEAST + 3):
                listing.put(number)
        self._open_shops()

    def change(self, *, growing: bool = False) -> None:
        """Let something happen somewhere; *growing* while somebody may be reading."""
        named = [(name, listing) for (_, name), listing in self.lists.items()]
        named += [("stock", self.stock[key]) for key in sorted(self._open())]
        name, listing = self.chance.choice(named)
        listing.change(self.chance, growing=growing and name in ("products", "stores"))
        self._open_shops()

    def _open(self) -> set[tuple[str, int]]:
        stores = ((host, listing) for (host, name), listing in self.lists.items() if name == "stores")
        return {(host, number) for host, listing in stores for number in listing.records}

    def _open_shops(self) -> None:
        """Give each store of the shops its stock."""
        for key in sorted(self._open() - self.stock.keys()):
            listing = self.stock[key] = Listing(self.time)
            for number in range(1, 4):
                listing.put(number)

    # ── what it answers ────────────────────────────────────────────────────────────────────────────

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.time.pass_to(self.time.at + timedelta(milliseconds=300))
        host, path = request.url.host, request.url.path
        self.asked.append(f"{request.method} {host}{path}")
        query = dict(parse_qsl(request.url.query.decode()))
        places = query.keys() & {"page", "offset", "after"}
        first = (
            not places - {"page", "offset"}
            and query.get("page", "1") == "1"
            and not int(query.get("offset", 0))
        )
        whole = first and path in ("/products", "/stores", "/orders")
        struck = self.weather.strike(request, may_be_empty=whole)
        if struck is not None:
            return struck
        if not self.calm and self.chance.random() < 0.15:
            self.change(growing=True)
        if host != "crm.test":
            if path == "/login":
                self._tokens[host] = f"{host} {self.chance.random()}"
                return httpx.Response(200, json={"token": self._tokens[host]})
            if not self.calm and self.chance.random() < 0.05:
                self._tokens.pop(host, None)  # it expires
            if request.headers.get("Authorization") != f"Bearer {self._tokens.get(host)}":
                return httpx.Response(401)
        found = self._list(host, path.removeprefix("/").split("/"), query)
        if found is None:
            return httpx.Response(404)
        return httpx.Response(200, content=json.dumps(_page(found, query)))

    def _list(self, host: str, path: list[str], query: dict[str, str]) -> list[dict[str, Any]] | None:
        match path:
            case ["stores", number, "stock"]:
                key = (host, int(number))
                return self.stock[key].since("") if key in self._open() else None
            case ["deals", "deleted"]:
                gone = self.lists[host, "deals"].gone.items()
                return [{"id": n, "at": at} for n, at in sorted(gone) if at >= query.get("since", "")]
            case [name]:
                return self.lists[host, name].since(query.get("since", ""), deleted=name == "contacts")
        return None


def _page(found: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
    """Return a page of *found*: by its number, by how many come before it, or by the id before it."""
    if "page" in query or "offset" in query:
        start = (int(query["page"]) - 1) * SIZE if "page" in query else int(query["offset"])
        return {"items": found[start : start + SIZE]}
    rest = [record for record in found if record["id"] > int(query.get("after", 0))]
    more = len(rest) > SIZE
    return {"items": rest[:SIZE], "next": rest[SIZE - 1]["id"] if more else None, "more": more}
