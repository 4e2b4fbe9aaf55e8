"""Runs a command as a process, and says what the operating system charged it with."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

_MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Figures:
    """Seconds, seconds of all processors, MiB of the largest process, and MiB of the database in the end."""

    wall: float
    cpu: float
    peak: float
    database: float = 0.0


def measure(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[Figures, str]:
    """Run *command* to its end and return its figures and what it wrote; raise RuntimeError if it fails.

    A child inherits the peak of its parent: the program that calls this has to stay small.
    """
    output = folder / "output.txt"
    with output.open("wb") as out:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=dict(environment), stdout=out, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    text = output.read_text(encoding="utf-8", errors="replace")
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{text[-3000:]}")
    return Figures(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, _size(folder)), text


def medians(runs: Sequence[Figures]) -> Figures:
    """Return the median of each figure."""
    return Figures(
        median(run.wall for run in runs),
        median(run.cpu for run in runs),
        median(run.peak for run in runs),
        median(run.database for run in runs),
    )


def _size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.glob("*.duckdb*") if path.is_file()) / _MEBIBYTE
