"""The demo shop's HTTP API, on a loopback port that the system chooses.

It has the habits of real APIs: pages shorter than asked for, a record that two pages share, a total that is
no number, tombstones for those who ask for changes.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from functools import cached_property, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from syncrun.demo.shop import Record, Shop

_LARGEST_PAGE = 20


class DemoApi:
    """The running API; use it with `with`."""

    def __init__(self) -> None:
        self._shop = Shop()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), partial(_Handler, self._answer))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where the API listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @cached_property
    def connector(self) -> str:
        """The text of the connector file for this API."""
        return Path(__file__).with_name("shop.yaml").read_text(encoding="utf-8")

    def mutate(self) -> None:
        """Let a day pass: records are added, changed and deleted."""
        with self._lock:
            self._shop.pass_day()

    def _answer(self, target: str) -> tuple[int, Any]:
        """Return status and body for a GET of *target*, a path with its query."""
        parts = urlsplit(target)
        answer = _ROUTES.get(parts.path)
        if answer is None:
            return 404, {"error": f"there is nothing at {parts.path}", "paths": sorted(_ROUTES)}
        try:
            with self._lock:
                return 200, answer(self._shop, dict(parse_qsl(parts.query)))
        except ValueError as error:
            return 400, {"error": str(error)}


def _customers(shop: Shop, query: dict[str, str]) -> Any:
    """Return those after a customer, and after whom to go on: nobody slips past who reads that way."""
    size, after = _page_size(query.get("per_page")), int(query.get("after", 0))
    rest = [customer for number, customer in sorted(shop.customers.items()) if number > after]
    following = rest[size - 1]["id"] if len(rest) > size else None
    return {"customers": rest[:size], "next": following}


def _orders(shop: Shop, query: dict[str, str]) -> Any:
    """Return a page with a link to the next one; tombstones only together with `updated_since`."""
    start, since = int(query.get("start", 0)), query.get("updated_since")
    size = int(query.get("limit", 50))
    listed = [order for order in shop.orders.values() if _is_listed(order, since)]
    # every page but the first begins with the last record of the one before it
    page = listed[max(start - 1, 0) : start + size]
    following = {**query, "start": start + size}
    link = f"/orders?{urlencode(following)}" if start + size < len(listed) else None
    return {"data": page, "links": {"next": link}}


def _products(shop: Shop, query: dict[str, str]) -> Any:
    """Return everything at once, as a bare list."""
    del query
    return list(shop.products.values())


def _is_listed(order: Record, since: str | None) -> bool:
    if since is None:
        return not order.get("deleted")
    return bool(order["updated_at"] >= since)


def _page_size(asked: str | None) -> int:
    return min(max(int(asked or _LARGEST_PAGE), 1), _LARGEST_PAGE)


_ROUTES: dict[str, Callable[[Shop, dict[str, str]], Any]] = {
    "/customers": _customers,
    "/orders": _orders,
    "/products": _products,
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together

    def __init__(self, answer: Callable[[str], tuple[int, Any]], *args: Any) -> None:
        self._answer_target = answer
        super().__init__(*args)

    def do_GET(self) -> None:
        status, document = self._answer_target(self.path)
        body = json.dumps(document, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is inherited
        """Say nothing: the demo tells its own story."""
