"""Reads one answer in a whole run, and prints what it added to the memory of the process, in bytes.

python -m tests.faults.memory_of FILE [DECODER]
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from tests.lab import Lab

YAML = "syncs: {items: {request: /items, decode: %s, pagination: none, key: id}}"


def main(file: Path, decoder: str) -> None:
    content = [b'[{"id": 1}]', file.read_bytes()]
    peaks = []
    for answer in content:  # the first one imports and builds what every run does
        with TemporaryDirectory() as folder:
            lab = Lab(Path(folder), YAML % decoder, lambda _, sent=answer: httpx.Response(200, content=sent))
            report = lab.run()
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
    sys.stdout.write(f"{peaks[1] - peaks[0]} {report.status} {report.message}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), (sys.argv[2:] or ["json"])[0])
