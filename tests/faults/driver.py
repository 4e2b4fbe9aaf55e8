"""Runs one sync again and again in processes of its own, and ends them with SIGKILL on the way.

    python -m tests.faults.driver PLAN.json

A plan says where the connector is, what is in the database before, and at which steps each case is killed:
`[[3], [5, 2], []]` are three cases; the second dies at its fifth step, its next run dies at its second step,
and the run after that goes on to the end; where that one leaves it to the next complete read to find what
vanished, there is one. The processes are forked before anything has begun, so that
hundreds of them take seconds. Each case leaves `outcome.json` in its folder.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import duckdb
import httpcore  # noqa: F401 - what a run imports late is imported here, once for all cases

import syncrun.http.client
import syncrun.stores.merge  # noqa: F401
from syncrun.config.load import load_connector
from syncrun.engine.job import Job, Options, Runtime
from syncrun.engine.report import RunReport
from syncrun.engine.run import run_sync
from syncrun.stores.duckdb import DuckDBStore
from syncrun.stores.values.ids import SyncId

CONNECTION = "acme"
DATABASE = "data.duckdb"
MOST_RUNS = 4  # after the first
PROCESSES = 2  # at a time


_load = cache(load_connector)


class Case:
    """One folder with a database, and the runs that happen in it."""

    def __init__(self, folder: Path, plan: dict[str, Any]) -> None:
        self.folder, self.plan = folder, plan
        self.database = folder / DATABASE
        self.url = f"{plan['url']}/{folder.name}"
        connector = _load(Path(plan["connector"]))
        self.sync = SyncId(CONNECTION, connector.connector, plan["sync"])
        self.job = Job(self.sync, connector, {"url": self.url})

    def run(self, fault: Callable[[str], None], **options: Any) -> RunReport:
        """Run the sync once; *fault* is told each step of the engine, and of the store as `store.STEP`."""
        store = DuckDBStore(self.database, fault=lambda step: fault(f"store.{step}"))
        runtime = Runtime(store, self.database, environ={}, fault=fault)
        return run_sync(self.job, Options(lock_timeout=0, **{**self.plan["options"], **options}), runtime)

    def killed(self, at: int) -> bool:
        """Run in a new process that dies at its step number *at*; return whether it got so far."""
        child = os.fork()
        if not child:
            with (self.folder / "trace").open("a", buffering=1) as trace:
                self._run_until(at, lambda step: trace.write(f"{step}\n"))
        _, status = os.waitpid(child, 0)
        with urlopen(f"{self.url}/mark", timeout=10), (self.folder / "trace").open("a") as trace:
            trace.write("killed\n")
        code = os.waitstatus_to_exitcode(status)
        assert code in (0, -signal.SIGKILL), code
        return code != 0

    def run_to_the_end(self, steps: list[str]) -> RunReport:
        """Run in peace, and again as long as a run leaves something to the next one.

        Where pages are numbered, one that goes on at a page that may have moved is incomplete, and a record
        that is not seen is deleted when another read misses it too.
        """
        report = self.run(steps.append)
        for _ in range(MOST_RUNS):
            left = report.status == "incomplete" or report.changes.missing
            if not left and not any("next complete read" in note for note in report.notes):
                break
            with urlopen(f"{self.url}/mark", timeout=10):
                report = self.run(lambda _step: None)
        return report

    def _run_until(self, at: int, note: Callable[[str], object]) -> None:
        steps = 0

        def fault(step: str) -> None:
            nonlocal steps
            note(step)
            steps += 1
            if steps == at:
                os.kill(os.getpid(), signal.SIGKILL)

        code = 1
        try:
            report = self.run(fault)
            code = 0 if report.status in ("ok", "incomplete") else 2
        except BaseException:  # noqa: BLE001 - it would run the parent's cleanup
            traceback.print_exc()
        os._exit(code)

    def state(self) -> dict[str, Any]:
        """Return everything that the database holds, without times and run ids."""
        if not self.database.exists():
            return {"names": [], "checkpoints": {}}
        with duckdb.connect(str(self.database), read_only=True) as db:

            def rows(sql: str) -> list[list[Any]]:
                return [list(row) for row in db.execute(sql).fetchall()]

            checkpoints = dict(rows("SELECT partition, state FROM syncrun.checkpoints"))
            found: dict[str, Any] = {
                "names": [],
                "checkpoints": {n: json.loads(c) for n, c in checkpoints.items()},
            }
            if not rows("SELECT 1 FROM duckdb_tables() WHERE schema_name = 'lab'"):
                return found
            view = f"data.{self.sync.connector}.{self.sync.sync}"
            found["records"] = rows(f"SELECT _id, _action, _hash FROM {view}__records ORDER BY ALL")
            found["positions"] = [row[0] for row in rows(f"SELECT _seq FROM {view}__records")]
            found["names"] = [row[0] for row in rows(f"SELECT name FROM {view} ORDER BY ALL")]
            found["last_seq"] = rows("SELECT last FROM syncrun.sequence")[0][0]
            found["windows"] = rows(
                "SELECT count(*) FROM syncrun.snapshots UNION ALL SELECT count(*) FROM syncrun.seen"
            )
            found["runs"] = rows("SELECT DISTINCT status FROM syncrun.runs ORDER BY ALL")
            return found


def work(case: Case, kills: list[int]) -> None:
    """Do everything that one case is about and write its outcome."""
    base = case.plan["base"]
    case.folder.mkdir()
    if base:
        shutil.copyfile(base, case.database)
    reached = [case.killed(at) for at in kills]
    outcome: dict[str, Any] = {"reached": all(reached), "after_kill": case.state() if kills else None}
    steps: list[str] = []
    report = case.run_to_the_end(steps)
    outcome |= {"status": report.status, "message": report.message, "notes": report.notes, "steps": steps}
    outcome |= {"state": case.state(), "files": sorted(path.name for path in case.folder.iterdir())}
    trace = case.folder / "trace"
    outcome["trace"] = trace.read_text().split() if trace.exists() else []
    (case.folder / "outcome.json").write_text(json.dumps(outcome))


def main(path: Path) -> int:
    """Work through the plan at *path*; return how many cases could not be done."""
    plan = json.loads(path.read_text())
    _load(Path(plan["connector"]))  # once for all
    waiting = [(path.parent / name, kills) for name, kills in plan["cases"].items()]
    running = failed = 0
    while waiting or running:
        if waiting and running < PROCESSES:
            folder, kills = waiting.pop()
            if not os.fork():
                _work_and_exit(folder, plan, kills)
            running += 1
            continue
        _, status = os.wait()
        running -= 1
        failed += status != 0
    return failed


def _work_and_exit(folder: Path, plan: dict[str, Any], kills: list[int]) -> None:
    code = 1
    try:
        work(Case(folder, plan), kills)
        code = 0
    except BaseException:  # noqa: BLE001 - it would run the parent's cleanup
        traceback.print_exc()
    os._exit(code)


if __name__ == "__main__":
    sys.exit(min(main(Path(sys.argv[1])), 1))
