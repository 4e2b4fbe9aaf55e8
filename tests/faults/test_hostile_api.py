"""An API that misbehaves in every way that HTTP allows, and what runs say and keep: real sockets, whole runs."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.api import Answer, Api
from tests.project_folder import Outcome, ProjectFolder

HEAD = """
connector: lab
base_url: ${config.url}
config: {url: {}}
timeout: 1s
retry: {attempts: 2, base: 1ms}
defaults: {pagination: none, key: id, fields: [id]}
syncs:
"""
ONE = [{"id": 1}]
BOMB = gzip.compress(bytes(65 << 20), 1)
NO_HTTP = "the answer is no valid HTTP"


@dataclass(frozen=True)
class Case:
    """The *answers* to `GET /{name}`, one after the other, and how the run ends: ok with rows, or *message*."""

    name: str
    answers: tuple[Answer, ...]
    message: str = ""
    requests: int = 1


def raw(text: str) -> Answer:
    return Answer(raw=text.encode())


CASES = [
    Case("plain", (Answer(json=ONE),)),
    Case("chunked", (Answer(json=ONE, chunked=True),)),
    Case("closed_after", (Answer(json=ONE, close=True),)),
    Case("gzip", (Answer(json=ONE, compress="gzip"),)),
    Case("deflate", (Answer(json=ONE, compress="deflate"),)),
    Case("br", (Answer(json=ONE, compress="br"),)),
    Case("zstd", (Answer(json=ONE, compress="zstd"),)),
    Case(
        "twice_compressed",
        (
            Answer(
                body=zlib.compress(b'[{"id": 1}]'),
                compress="gzip",
                headers={"Content-Encoding": "deflate, gzip"},
            ),
        ),
    ),
    Case("no_content_type", (Answer(body=b'[{"id": 1}]'),)),
    Case("wrong_content_type", (Answer(json=ONE, content_type="text/html"),)),
    Case("byte_order_mark", (Answer(body=b'\xef\xbb\xbf[{"id": 1}]'),)),
    Case("redirected", (Answer(redirect="/landing"),)),
    Case("reset_once", (Answer(reset=True), Answer(json=ONE)), requests=2),
    Case("reset_in_the_middle", (Answer(json=ONE, truncate=4, reset=True), Answer(json=ONE)), requests=2),
    Case("cut_once", (Answer(json=ONE, truncate=4), Answer(json=ONE)), requests=2),
    Case("cut_chunk", (Answer(json=ONE, truncate=4, chunked=True), Answer(json=ONE)), requests=2),
    Case("silent_once", (Answer(delay=5), Answer(json=ONE)), requests=2),
    Case("busy_once", (Answer(status=503, headers={"Retry-After": "0"}), Answer(json=ONE)), requests=2),
    Case("always_reset", (Answer(reset=True),), "connection reset after 2 attempts", 2),
    Case("drips", (Answer(json=ONE, drip=0.2),), "no answer within 1 s after 2 attempts", 2),
    Case("garbage", (raw("\0\1 nothing\r\n\r\n"),), f"{NO_HTTP} after 2 attempts", 2),
    Case("negative_length", (raw("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n[]"),), NO_HTTP, 2),
    Case(
        "two_lengths",
        (raw("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 2\r\n\r\n[]"),),
        NO_HTTP,
        2,
    ),
    Case(
        "bad_chunk", (raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n"),), NO_HTTP, 2
    ),
    Case("huge_header", (Answer(json=[], headers={"X-Big": "y" * 200_000}),), NO_HTTP, 2),
    Case("unheard_of", (raw("HTTP/1.1 999 Weird\r\nContent-Length: 2\r\n\r\n[]"),), "999: []"),
    Case("to_a_file", (Answer(redirect="file:///etc/passwd"),), "redirected to a URL with the scheme file"),
    Case("to_nowhere", (Answer(redirect="//[::1"),), "redirected to a place that is no valid URL"),
    Case("deep", (Answer(text="[" * 10_000 + "]" * 10_000),), "nested deeper than 1,000 levels"),
    Case(
        "bomb",
        (Answer(body=BOMB, headers={"Content-Encoding": "gzip"}),),
        "the compressed answer unpacks to more than 200 times its size",
    ),
    Case(
        "not_gzip",
        (Answer(json=ONE, headers={"Content-Encoding": "gzip"}),),
        "the compressed answer is damaged",
        2,
    ),
    Case(
        "html",
        (Answer(text="<h1>Log in</h1>", content_type="text/html"),),
        "the answer is no JSON (content type text/html); it starts with '<h1>Log in</h1>'",
    ),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, ProjectFolder, Outcome]]:
    with Api() as api:
        api.on("GET /landing", json=ONE)
        for case in CASES:
            for answer in case.answers:
                api.on(f"GET /{case.name}", answer)
        folder = ProjectFolder(tmp_path_factory.mktemp("hostile"))
        folder.write(
            "connectors/lab.yaml",
            HEAD + "".join(f"  {case.name}: {{request: /{case.name}}}\n" for case in CASES),
        )
        folder.write_project(acme={"connector": "lab", "config": {"url": api.url}})
        yield api, folder, folder.syncrun("run", "--all", "--json")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_answer_becomes_rows_or_one_clear_message(
    world: tuple[Api, ProjectFolder, Outcome], case: Case
) -> None:
    api, folder, outcome = world
    report = outcome.reports[case.name]
    told = report.get("message", "").replace(api.url, "")
    if case.message:
        assert told.startswith(f"GET /{case.name}: ")
        assert case.message in told
    else:
        assert (report["status"], told) == ("ok", "")
        assert folder.query(f"SELECT id FROM lab.{case.name}") == [(1,)]
    assert len(api.asked(f"/{case.name}")) == case.requests


def test_the_time_limit_of_a_run_ends_a_long_wait_for_the_api(tmp_path: Path) -> None:
    with Api() as api:
        api.on("GET /busy", status=503, headers={"Retry-After": "60"})
        folder = ProjectFolder(tmp_path)
        folder.write("connectors/lab.yaml", f"{HEAD}  busy: {{request: /busy}}\n")
        folder.write_project(acme={"connector": "lab", "config": {"url": api.url}})
        outcome = folder.syncrun("run", "acme/busy", "--timeout", "1", "--json")
    report = outcome.reports["busy"]
    assert report["seconds"] < 30
    assert (outcome.exit_code, report["status"], report["message"]) == (
        1,
        "failed",
        "timed out after 1 s",
    )
