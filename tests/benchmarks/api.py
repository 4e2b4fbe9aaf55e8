"""The API that is read: a process of its own that answers from prepared bytes, so that it is never what is slow.

`python -m tests.benchmarks.api` prints its port and serves until its standard input is closed.

    /contacts?offset=…   or ?cursor=…; with updated_since= only those that are changed
    /groups, /groups/N/contacts, /small/N
    /control?state=changed&records=1000000&latency=0.05
"""

from __future__ import annotations

import asyncio
import sys
from urllib.parse import parse_qsl, urlsplit

import orjson

from tests.benchmarks import records


class Data:
    """What the API has at the moment."""

    def __init__(self) -> None:
        self.state: records.State = "base"
        self.records = 1000
        self.latency = 0.0

    def control(self, asked: dict[str, str]) -> bytes:
        """Change what the API has."""
        self.state = "changed" if asked.get("state") == "changed" else "base"
        self.records = int(asked.get("records", self.records))
        self.latency = float(asked.get("latency", 0))
        return b"{}"

    def contacts(self, asked: dict[str, str]) -> bytes:
        """Return a page of contacts, the number of all, and the cursor of the next page."""
        start = int(asked.get("cursor") or asked.get("offset") or 0)
        total, number = self.records, start // records.PAGE
        if asked.get("updated_since"):
            total = total // 100 if self.state == "changed" else 0
            inside = records.changed_page(number) if start < total else b""
        else:
            inside = records.page(number, self.state) if start < total else b""
        following = start + records.PAGE
        cursor = b'"%d"' % following if following < total else b"null"
        return b'{"data":[%s],"total":%d,"next":%s}' % (inside, total, cursor)

    def groups(self) -> bytes:
        """Return the parents, all on one page."""
        return orjson.dumps({"data": [{"id": n, "name": f"Group {n}"} for n in range(records.GROUPS)]})

    def answer(self, target: str) -> bytes:
        """Return the body for a request."""
        url = urlsplit(target)
        asked = dict(parse_qsl(url.query))
        match url.path.strip("/").split("/"):
            case ["control"]:
                return self.control(asked)
            case ["contacts"]:
                return self.contacts(asked)
            case ["groups"]:
                return self.groups()
            case ["groups", number, "contacts"] | ["small", number]:
                return b'{"data":[%s]}' % records.small_page(int(number))
        raise ValueError(f"nothing is at {target}")


class Connection(asyncio.Protocol):
    """One client; it sends a request only after it has the answer to the one before."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._received.endswith(b"\r\n\r\n"):
            return
        target = self._received.split(b" ", 2)[1].decode()
        self._received = b""
        body = self._data.answer(target)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        if self._data.latency and not target.startswith("/control"):
            loop = asyncio.get_running_loop()
            loop.call_later(self._data.latency, self._transport.writelines, (head, body))
        else:
            self._transport.writelines((head, body))


async def _serve() -> None:
    data, loop = Data(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(data), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
