"""One workload, run by each contender in turn, each time from the same beginning."""

from __future__ import annotations

import shutil
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.contenders import Contender, count, environment
from tests.benchmarks.measure import Figures, measure
from tests.benchmarks.workloads import Workload


class Contest:
    """Runs *workload* with *records*; folders with what was read before are kept for later workloads.

    With *keep* the folder `run` of the last run stays.
    """

    def __init__(
        self,
        folder: Path,
        url: str,
        workload: Workload,
        records: int,
        contenders: Sequence[Contender],
        *,
        keep: bool = False,
    ) -> None:
        self._folder, self._url, self._workload, self._records = folder, url, workload, records
        self._contenders, self._keep = contenders, keep

    def run(self, repeat: int) -> dict[str, list[Figures]]:
        """Return the figures of each run by the contender's name; raise RuntimeError for a wrong result."""
        results: dict[str, list[Figures]] = {contender.name: [] for contender in self._contenders}
        prepared = {contender.name: self._prepare(contender) for contender in self._contenders}
        for _ in range(repeat):
            for contender in self._contenders:
                results[contender.name].append(self._once(contender, prepared[contender.name]))
        return results

    def _prepare(self, contender: Contender) -> Path:
        """Return a folder as it is before the workload."""
        workload = self._workload
        available = workload.available(self._records)
        folder = self._folder / f"{contender.name}-{workload.prepared}-{available}-{workload.connections}"
        if folder.is_dir():
            return folder
        folder.mkdir()
        contender.prepare(folder, self._url, workload.connections)
        if workload.prepared:
            self._control("base", available)
            command = contender.command(workload.prepared, self._url, workload.connections)
            measure(command, folder, environment())
        return folder

    def _once(self, contender: Contender, prepared: Path) -> Figures:
        workload = self._workload
        folder = self._folder / "run"
        shutil.copytree(prepared, folder)
        try:
            self._control(workload.state, workload.available(self._records), workload.latency)
            command = contender.command(workload.mode, self._url, workload.connections)
            figures, said = measure(command, folder, environment())
            if workload.mode != "help":
                self._check(contender, folder, said)
        finally:
            if not self._keep:
                shutil.rmtree(folder)
        return figures

    def _check(self, contender: Contender, folder: Path, said: str) -> None:
        live, expected = (
            count(folder, contender.live(self._workload.mode)),
            self._workload.live(self._records),
        )
        if live != expected:
            raise RuntimeError(
                f"{contender.name}, {self._workload.name}: {live} live records, not {expected}\n{said}"
            )

    def _control(self, state: str, records: int, latency: float = 0.0) -> None:
        query = f"state={state}&records={records}&latency={latency}"
        urllib.request.urlopen(f"{self._url}/control?{query}", timeout=10).close()
