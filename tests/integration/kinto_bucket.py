"""Change a collection on the Kinto server through its own API, and ask what is in it."""

from __future__ import annotations

from typing import Any

import httpx

USER, PASSWORD = "ann", "pa:ss wörd"


class KintoBucket:
    """A bucket with one collection, `tasks`, and the ways to change it."""

    def __init__(self, client: httpx.Client, name: str) -> None:
        self._client, self.name = client, name
        self._send("PUT", f"/buckets/{name}")
        self._send("PUT", f"/buckets/{name}/collections/tasks")

    def put(self, **tasks: dict[str, object]) -> None:
        """Create or replace tasks, as many in a request as the server takes."""
        requests = [
            {"method": "PUT", "path": f"/v1{self._tasks}/{name}", "body": {"data": data}}
            for name, data in tasks.items()
        ]
        for start in range(0, len(requests), 25):
            answers = self._send("POST", "/batch", {"requests": requests[start : start + 25]})
            assert {answer["status"] for answer in answers["responses"]} <= {200, 201}

    def patch(self, name: str, **data: object) -> None:
        """Change some members of a task."""
        self._send("PATCH", f"{self._tasks}/{name}", {"data": data})

    def delete(self, *names: str) -> None:
        """Delete tasks; the server keeps tombstones."""
        for name in names:
            self._send("DELETE", f"{self._tasks}/{name}")

    def all(self) -> dict[str, dict[str, object]]:
        """Return what the server has, by id, asking for one task at a time."""
        answer = self._client.get(f"{self._tasks}?_fields=id&_limit=40")
        names = [record["id"] for record in answer.json()["data"]]
        while "Next-Page" in answer.headers:
            answer = self._client.get(answer.headers["Next-Page"])
            names += [record["id"] for record in answer.json()["data"]]
        return {name: self._send("GET", f"{self._tasks}/{name}")["data"] for name in names}

    def count(self) -> int:
        """Return how many tasks the server says it has."""
        return int(self._client.head(self._tasks).headers["Total-Records"])

    @property
    def _tasks(self) -> str:
        return f"/buckets/{self.name}/collections/tasks/records"

    def _send(self, method: str, path: str, body: object = None) -> Any:
        answer = self._client.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json()
