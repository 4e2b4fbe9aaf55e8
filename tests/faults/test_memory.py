"""What one answer can make a run take of memory: a multiple of its size, whatever is in it."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from syncrun.decoders import decode
from syncrun.errors import ResponseError
from syncrun.http.content import MAX_BYTES
from syncrun.http.messages import Request, Response
from syncrun.http.redact import Redactor

MIB = 1 << 20
RECORD = {
    "id": 0,
    "name": "x" * 40,
    "at": "2024-05-01T10:00:00Z",
    "n": 1.5,
    "tags": ["a", "b"],
    "raw": "y" * 400,
}


def cost(file: Path, decoder: str = "json") -> tuple[int, str]:
    """Return the bytes that reading the answer in *file* takes, and how its run ends."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.memory_of", str(file), decoder],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    added, _, told = done.stdout.partition(" ")
    return int(added), told.strip()


def test_r25_an_answer_takes_less_than_six_times_its_size(tmp_path: Path) -> None:
    """As docs/reference/decoders.md says: 256 MB of it, the default bound, stay below 1.5 GB."""
    file = tmp_path / "answer.json"
    file.write_text(json.dumps([{**RECORD, "id": number} for number in range(40_000)]), encoding="utf-8")
    added, told = cost(file)
    assert told == "ok"
    assert added < 6 * file.stat().st_size


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_r25_a_few_bytes_that_unpack_to_many_are_given_up_in_time(tmp_path: Path, method: int) -> None:
    file = tmp_path / "answer.zip"
    with zipfile.ZipFile(file, "w", method) as archive, archive.open("a.json", "w") as member:
        for _ in range(200):
            member.write(bytes(MIB))
    assert file.stat().st_size < MIB / 10
    added, told = cost(file)
    assert "unpacks to more than 200 times its size" in told
    assert added < 110 * MIB


def test_r22_records_that_are_rejected_take_no_more_than_others(tmp_path: Path) -> None:
    file = tmp_path / "answer.json"
    file.write_bytes(b"[" + b"{}," * 200_000 + b"{}]")
    added, told = cost(file)
    assert told.startswith("incomplete")
    assert added < 300 * file.stat().st_size


@pytest.mark.parametrize(
    ("decoder", "text"),
    [("json", b"{},"), ("json", b"[],"), ("jsonl", b"{},"), ("csv", b"1\n"), ("xml", b"<a/>")],
)
def test_r25_more_values_than_memory_are_not_made(decoder: str, text: bytes) -> None:
    content = text * (64 * MIB // len(text))
    asked = Request("GET", "https://api.test")
    with pytest.raises(ResponseError) as caught:
        decode(decoder, Response(200, asked.url, {}, content, asked, max_bytes=MAX_BYTES // 4), Redactor(()))  # type: ignore[arg-type]
    assert "has so many values that they could take more than 512 MiB of memory" in caught.value.message
