"""Answers that nobody thought of, through whole runs: made from good ones by harm of many kinds.

Whatever comes, there is no internal error, no secret in what the run says or keeps, a row in `syncrun.runs`, nothing
live is deleted, and another sync of the same command goes on. Seconds by default, minutes under `-m slow`.
"""

from __future__ import annotations

import gzip
import io
import json
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from syncrun.engine.batch import run_all
from syncrun.engine.job import Job, Options
from syncrun.engine.report import RunReport
from syncrun.stores.values.ids import SyncId
from tests.lab import Lab

SECRET = "s3cr3t-of-the-fuzz-suite"
SECONDS = 60  # of one run, which takes a hundredth of it; what is quadratic in an answer takes longer
RECORDS: list[dict[str, Any]] = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
PAGINATIONS = {
    "none": "none",
    "detected": None,
    "next_url": "{type: next_url, url: next}",
    "cursor": "{type: cursor, token: next, into: params.after, has_more: more}",
    "link_header": "link_header",
    "page": "{type: page, total: total}",
    "offset": "{type: offset, size: 2, total: total}",
}
DECODERS = ("json", "jsonl", "csv", "xml")
CHARSETS = (
    "utf-8", "utf-16", "utf-32", "latin-1", "windows-1252", "shift_jis", "undefined", "idna", "hz", "utf-7", "punycode",
    "rot13", "x-nobody", "", "utf-8; charset=utf-16", '"', "\u0000",
)  # fmt: skip
HEADERS = (
    "content-type", "content-encoding", "link", "retry-after", "location", "x-left", "x-reset", "date",
    "www-authenticate", "set-cookie", "etag", "content-disposition",
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 10**18, 10**400, 1e308, "", " ", "null", "http://[", "https://a..b", "//x", "?", "#", "\u0000", "\u202e",
    "9" * 5000, "-0", "1e400", [], {}, [[]], {"": {"": ""}}, "https://api.test:99999/", "file:///etc/passwd", "../../..",
    "2024-13-45T99:99:99Z", "a" * 70_000,
)  # fmt: skip
ODD_TEXTS = (
    "Infinity",
    "-Infinity",
    "NaN",
    "1e999",
    '"\\ud800"',
    "9" * 5000,
    "[" * 1200,
    '{"a":' * 1200,
    "\\",
    '"',
    "'",
    "\ufeff",
)
ODD_HEADERS = (
    "", " ", "0", "-1", "9" * 400, "1e400", "nan", "inf", "gzip", "br", "zstd", "deflate", "gzip, gzip, gzip", "gzip," * 900,
    "<" * 9000, "<a>; rel=next", "<http://[>; rel=next", '<?page=2>; rel="next', "<" + "a" * 9000 + ">; rel=next", "http://[", "//",
    "Wed, 99 Foo 9999999 99:99:99 GMT", "Digest qop=", 'Digest realm="', "Basic", "(" * 5000, "a=b;" * 2000, "\xff\xfe", "\x7f",
    "text/html; charset=undefined", "application/json; charset=", "multipart/x; boundary=" + "-" * 5000,
)  # fmt: skip


@dataclass(frozen=True)
class Answered:
    """One hostile answer."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    content: bytes

    def response(self) -> httpx.Response:
        return httpx.Response(self.status, headers=list(self.headers), stream=httpx.ByteStream(self.content))


def good_body(decoder: str, extra: dict[str, Any]) -> str:
    if decoder == "json":
        return json.dumps({"items": RECORDS, **extra})
    if decoder == "jsonl":
        return "\n".join(json.dumps({**record, **extra}) for record in RECORDS)
    if decoder == "csv":
        return "id,name\n1,a\n2,b\n"
    return "<items><item><id>1</id></item><item><id>2</id></item></items>"


def encoded(text: str, charset: str) -> bytes:
    try:
        return text.encode(charset, "surrogatepass")
    except (LookupError, ValueError):
        return text.encode("utf-8", "surrogatepass")


def zipped(content: bytes, method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("a", content)
    return file.getvalue()


PACKS: tuple[Callable[[bytes], bytes], ...] = (
    bytes,
    gzip.compress,
    zlib.compress,
    lambda content: zipped(content, zipfile.ZIP_DEFLATED),
    lambda content: zipped(content, zipfile.ZIP_BZIP2),
    lambda content: zipped(content, zipfile.ZIP_LZMA),
    lambda content: gzip.compress(gzip.compress(content)),
)


@st.composite
def harmed(draw: st.DrawFn, content: bytes) -> bytes:
    """Return *content* with bytes cut off, changed, repeated or put in."""
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 1, 2, 3]))):
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        match draw(st.sampled_from(["cut", "flip", "repeat", "insert", "drop"])):
            case "cut":
                content = content[:at]
            case "flip":
                content = content[:at] + bytes([draw(st.integers(0, 255))]) + content[at + 1 :]
            case "repeat":
                content = (
                    content[:at] + content[at : at + 40] * draw(st.sampled_from([2, 50, 2000])) + content[at:]
                )
            case "insert":
                content = content[:at] + draw(st.binary(max_size=40)) + content[at:]
            case _:
                content = content[:at] + content[at + draw(st.integers(1, 30)) :]
    return content


@st.composite
def answers(draw: st.DrawFn, decoder: str) -> Answered:
    names = ("next", "more", "total", "page", "total_pages", "offset", "id", "data", "error")
    extra = draw(st.dictionaries(st.sampled_from(names), st.sampled_from(ODD_VALUES), max_size=3))
    text = good_body(decoder, extra)
    for odd in draw(st.lists(st.sampled_from(ODD_TEXTS), max_size=2)) if draw(st.integers(0, 3)) == 0 else ():
        at = draw(st.integers(0, len(text)))
        text = text[:at] + odd + text[at + draw(st.integers(0, 3)) :]
    if draw(st.integers(0, 5)) == 0:
        text += f" {SECRET}"  # an API that repeats what it was told
    charset = draw(st.sampled_from([*["utf-8"] * 20, *CHARSETS]))
    content = draw(harmed(draw(st.sampled_from([*[bytes] * 8, *PACKS]))(encoded(text, charset))))
    headers = {"content-type": f"application/{decoder}; charset={charset}"}
    headers |= draw(st.dictionaries(st.sampled_from(HEADERS), st.sampled_from(ODD_HEADERS), max_size=3))
    status = draw(
        st.sampled_from(
            [
                *[200] * 16,
                201,
                204,
                206,
                302,
                304,
                400,
                401,
                403,
                404,
                410,
                418,
                429,
                500,
                503,
                599,
            ]
        )
    )
    pairs = tuple((name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items())
    return Answered(status, pairs, content)


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, str, list[Answered]]:
    decoder = draw(st.sampled_from([*["json"] * 4, *DECODERS]))
    pagination = draw(st.sampled_from(sorted(PAGINATIONS)))
    return decoder, pagination, draw(st.lists(answers(decoder), min_size=1, max_size=3))


def yaml_of(decoder: str, pagination: str) -> str:
    declared = PAGINATIONS[pagination]
    records = {"json": "records: items, ", "xml": "records: items.item, "}.get(decoder, "")
    way = "" if declared is None else f"pagination: {declared}, "
    return f"""
        connector: lab
        base_url: https://api.test
        config: {{token: {{secret: true}}}}
        auth: {{type: bearer, token: "${{config.token}}"}}
        retry: {{attempts: 2, base: 1ms, max_wait: 10ms}}
        rate_limit: {{remaining_header: x-left, reset_header: x-reset}}
        max_answer: 1MB
        syncs:
          items: {{request: /items, decode: {decoder}, {records}{way}key: id, raw: true, max_quarantined: 0}}
          others: {{request: /others, pagination: none, key: id, fields: [id]}}
    """


def check(case: tuple[str, str, list[Answered]]) -> None:
    decoder, pagination, hostile = case
    with TemporaryDirectory() as folder:
        lab = Lab(Path(folder), yaml_of(decoder, pagination))
        lab.proves_who_asks = False
        queue = list(hostile)

        def api(request: httpx.Request) -> Any:
            if request.url.path == "/others":
                return [{"id": 1}]
            if queue:
                return queue.pop(0).response()
            return httpx.Response(503)

        seed(lab, decoder)
        lab.api = api
        before = lab.rows("SELECT count(*) FROM lab.items")[0][0]
        began = time.monotonic()
        reports = runs(lab)
        assert time.monotonic() - began < SECONDS
        judge(lab, reports, before)


def seed(lab: Lab, decoder: str) -> None:
    """Store two records, as a good read leaves them."""
    lab.api = lambda _: httpx.Response(200, content=good_body(decoder, {}).encode())
    assert lab.run("items", config={"token": SECRET}).status in ("ok", "incomplete")


def runs(lab: Lab) -> dict[str, RunReport]:
    jobs = [
        Job(SyncId("acme", "lab", name), lab.connector, {"token": SECRET}, folder=lab.folder)
        for name in ("items", "others")
    ]
    reports = run_all(jobs, Options(lock_timeout=0.0), lab._runtime())
    return {report.sync.sync: report for report in reports}


def judge(lab: Lab, reports: dict[str, RunReport], before: int) -> None:
    items, others = reports["items"], reports["others"]
    assert items.status in ("ok", "incomplete", "failed")
    assert "internal error" not in items.message
    assert others.status == "ok"
    rows = lab.rows("SELECT sync, status FROM syncrun.runs ORDER BY started_at DESC, sync LIMIT 2")
    assert dict(rows) == {"items": items.status, "others": "ok"}
    if items.status != "ok":
        assert lab.rows("SELECT count(*) FROM lab.items")[0][0] >= before
    kept = [repr(report) for report in reports.values()] + [repr(event) for event in lab.events]
    for columns in (
        "* FROM syncrun.runs",
        "* FROM syncrun.requests",
        "* FROM syncrun.logs",
        "* FROM syncrun.checkpoints",
    ):
        kept += map(repr, lab.rows(f"SELECT {columns}"))
    kept += map(repr, lab.rows("SELECT reason, path FROM syncrun.quarantine"))
    assert SECRET not in "".join(kept)


FEW = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


@FEW
@given(case=cases())
def test_r26_no_answer_is_a_defect(case: tuple[str, str, list[Answered]]) -> None:
    check(case)


@pytest.mark.slow
@settings(FEW, max_examples=300)
@given(case=cases())
def test_r26_no_answer_of_hundreds_is_a_defect(case: tuple[str, str, list[Answered]]) -> None:
    check(case)
