"""Every answer has an end in time, and so has every run, whatever the server or a hook does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncrun.engine.aside import Aside
from syncrun.errors import Interrupted, RequestError
from syncrun.http.client import Client
from syncrun.http.messages import Request
from syncrun.http.redact import Redactor
from syncrun.http.retry import RetryPolicy
from tests.api import Answer, Api
from tests.lab import ITEMS, Lab, items
from tests.project_folder import ProjectFolder

HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = f"{HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n"


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as server:
        yield server


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("a_header_that_drips", Answer(raw=f"{HEAD}X-Long: {'y' * 4000}".encode(), drip=0.05)),
        ("answers_that_are_no_end", Answer(raw=b"HTTP/1.1 100 Continue\r\n\r\n" * 400, drip=0.002)),
        ("hints_without_end", Answer(raw=b"HTTP/1.1 103 Early Hints\r\n\r\n" * 400, drip=0.002)),
        ("trailers_that_drip", Answer(raw=f"{CHUNKED}X-Long: {'y' * 4000}".encode(), drip=0.002)),
        ("a_chunk_size_that_drips", Answer(raw=f"{CHUNKED[:-3]}2;{'y' * 4000}".encode(), drip=0.002)),
        ("content_that_drips", Answer(json=["y" * 4000], drip=0.05)),
    ],
)
def test_r20_an_answer_that_comes_bit_by_bit_has_an_end(api: Api, name: str, answer: Answer) -> None:
    api.on(f"GET /{name}", answer)
    policy = RetryPolicy(attempts=1)
    with (
        Client(base_url=api.url, redactor=Redactor(()), retry=policy, timeout=0.3) as client,
        pytest.raises(RequestError) as caught,
    ):
        client.send(Request("GET", f"{api.url}/{name}"))
    assert caught.value.message == f"GET {api.url}/{name}: no answer within 0.3 s"


def test_a_slow_answer_that_goes_on_is_read_to_its_end(api: Api) -> None:
    """Twenty times as long as `timeout`, but never slower than 1 KiB/s."""
    api.on("GET /", json=["y" * 2000], drip=0.0001)
    with Client(base_url=api.url, redactor=Redactor(()), timeout=0.05) as client:
        assert len(client.send(Request("GET", api.url)).content) > 2000


HOOK = """
import threading
from syncrun import hooks

released = threading.Event()

def map_record(record, context):
    released.wait(120)
    return record
"""
FOREVER = "connector: lab\nbase_url: ${config.url}\nconfig: {url: {}}\nhooks: hooks/lab.py\n" + "\n".join(
    line[4:] for line in ITEMS.splitlines()
)


def test_the_time_limit_of_a_run_ends_work_that_never_ends(tmp_path: Path, api: Api) -> None:
    api.on("GET /items", json=items("a", "b"))
    folder = ProjectFolder(tmp_path)
    folder.write("hooks/lab.py", HOOK)
    folder.write("connectors/lab.yaml", FOREVER)
    folder.write_project(acme={"connector": "lab", "config": {"url": api.url}})
    outcome = folder.syncrun("run", "acme/items", "--timeout", "1", "--json")
    report = outcome.reports["items"]
    assert (outcome.exit_code, report["status"], report["message"]) == (1, "failed", "timed out after 1 s")
    assert folder.query("SELECT status, message FROM syncrun.runs") == [("failed", "timed out after 1 s")]


def test_a_stop_ends_setup_that_waits_for_the_server(tmp_path: Path) -> None:
    """`setup` is asked for before there are pages: it ends as they do."""
    lab = Lab(tmp_path)
    lab.write(
        """
        connector: lab
        base_url: https://api.test
        setup: {site: {request: /site, value: id}}
        syncs:
          items: {request: "/${vars.site}", pagination: none, key: id, fields: [id]}
        """
    )
    entered, released = threading.Event(), threading.Event()

    def never(_request: object) -> list[int]:
        entered.set()
        lab.stop.set()
        released.wait(60)
        return []

    lab.api = never
    report = lab.run()
    released.set()
    assert entered.is_set()
    assert (report.status, report.message) == ("interrupted", "stopped on request; progress is saved")


def test_what_is_left_behind_changes_nothing() -> None:
    released, results = threading.Event(), list[str]()
    stopped = Interrupted("stopped")
    asked = 0

    def check() -> None:
        nonlocal asked
        asked += 1
        if asked > 1:
            raise stopped

    def work() -> str:
        released.wait(60)
        return "late"

    aside = Aside(check)
    with pytest.raises(Interrupted):
        results.append(aside.do(work))
    released.set()
    asked = -1000
    assert (results, aside.do(lambda: "next")) == ([], "next")
    aside.close()


def test_what_work_raises_is_raised() -> None:
    aside = Aside(lambda: None)
    with pytest.raises(KeyError):
        aside.do(lambda: {}["x"])
    aside.close()
