"""`python -m tests.benchmarks [W1 …] [--records N] [--repeat K]`: run workloads and print the table."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.contenders import Contender, Dlt, Expert, Syncrun, environment, has_dlt
from tests.benchmarks.contest import Contest
from tests.benchmarks.measure import Figures, medians
from tests.benchmarks.workloads import WORKLOADS, Workload

_HEAD = "| workload | who | records/s | wall s | CPU s | records per CPU s | peak MiB | database MiB | CPU, expert = 1 |"


def main(args: Sequence[str] | None = None) -> None:
    """Run what is asked for."""
    given = _arguments(args)
    chosen = [w for w in WORKLOADS if w.name in given.workloads or not given.workloads]
    contenders = _contenders(given)
    with serving() as url, tempfile.TemporaryDirectory(prefix="syncrun-benchmarks-") as folder:
        _tell(_HEAD)
        _tell("| --- " * (_HEAD.count("|") - 1) + "|")
        for workload in chosen:
            able = [c for c in contenders if workload.mode in c.modes]
            contest = Contest(Path(folder), url, workload, given.records, able)
            results = contest.run(given.repeat)
            for name, runs in results.items():
                _tell(_row(workload, given.records, name, runs, results.get("expert")))
    floor = _floor(given.records)
    _tell(
        f"\norjson.loads of the bytes of W1 alone: {floor:.2f} CPU s, {given.records / floor:,.0f} records/s"
    )


def _arguments(args: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    names = [workload.name for workload in WORKLOADS]
    parser.add_argument("workloads", nargs="*", metavar="W1", help=f"any of {', '.join(names)}; absent: all")
    parser.add_argument(
        "--records", type=int, default=100_000, help="records of W1, W2, W6; a multiple of 1,000"
    )
    parser.add_argument("--repeat", type=int, default=3, help="runs of each, in turn; medians are printed")
    parser.add_argument("--dlt", metavar="PYTHON", help="the Python of an environment that has dlt")
    parser.add_argument("--only", metavar="NAME", action="append", help="syncrun, expert or dlt")
    given = parser.parse_args(args)
    unknown = set(given.workloads) - set(names)
    if unknown or given.records % 1000 or given.records <= 0:
        parser.error(
            f"no such workload: {', '.join(sorted(unknown))}" if unknown else "--records: a multiple of 1,000"
        )
    return given


def _contenders(given: argparse.Namespace) -> list[Contender]:
    contenders: list[Contender] = [Syncrun(), Expert()]
    if given.dlt and has_dlt(given.dlt):
        contenders.append(Dlt(given.dlt))
    else:
        _tell("dlt is left out: --dlt names no Python that has it\n")
    return [c for c in contenders if not given.only or c.name in given.only]


@contextmanager
def serving() -> Iterator[str]:
    """Serve the API in a process of its own, and give its address."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.api"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()


def _floor(count: int) -> float:
    command = [sys.executable, "-m", "tests.benchmarks.floor", str(count)]
    return float(
        subprocess.run(command, env=environment(), capture_output=True, text=True, check=True).stdout
    )


def _row(workload: Workload, count: int, name: str, runs: list[Figures], expert: list[Figures] | None) -> str:
    figures, read = medians(runs), workload.read(count)
    ratio = f"{medians(runs).cpu / medians(expert).cpu:.2f}" if expert else "-"
    cells = (
        f"{workload.name} {workload.title}",
        name,
        f"{read / figures.wall:,.0f}",
        f"{figures.wall:.2f}",
        f"{figures.cpu:.2f}",
        f"{read / figures.cpu:,.0f}",
        f"{figures.peak:.0f}",
        f"{figures.database:.1f}",
        ratio,
    )
    return f"| {' | '.join(cells)} |"


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
