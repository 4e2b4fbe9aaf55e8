"""R2: runs side by side that are killed while they commit together, and the runs after them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import Lab
from tests.project_folder import clean_environment

pytestmark = pytest.mark.slow

ACCOUNTS = 4
YAML = """
syncs:
  items:
    request: {path: /items, params: {since: "${cursor}"}}
    pagination: none
    key: id
    incremental: {cursor: at}
    fields: {id: {path: id, type: integer}, at: {path: at, type: integer}}
"""
# Each step has a process of its own that kills itself there, when it comes for the second time or at once.
_KILLED = """
import os, signal, sys
from pathlib import Path
from tests.faults.test_batch_kills import run_accounts

for step in sys.argv[2:]:
    child = os.fork()
    if not child:
        def fault(at, left=[2 if step == "committed" else 1]):
            left[0] -= at == step
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

        run_accounts(Path(sys.argv[1]) / step, fault)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL, step
"""
STEPS = ["sealed", "staged", "store.records", "store.state", "store.committed", "committed", "settled"]


def run_accounts(folder: Path, fault: object = lambda _step: None) -> list[tuple[str, str]]:
    """Run the syncs of several accounts side by side; return what their runs tell and what they asked for."""
    import threading
    from typing import Any, cast

    import httpx

    from syncrun.engine.batch import run_all
    from syncrun.engine.job import Job, Options, Runtime
    from syncrun.stores.duckdb import DuckDBStore
    from syncrun.stores.values.ids import SyncId

    folder.mkdir(exist_ok=True)
    lab, asked, noted = Lab(folder, YAML), list[str](), cast("Any", fault)
    together = threading.Barrier(ACCOUNTS)

    def api(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params.get("since", ""))
        together.wait(30)
        return httpx.Response(200, json=[{"id": 1, "at": 5}, {"id": 2, "at": 7}])

    store = DuckDBStore(lab.database, patience=60, fault=lambda step: noted(f"store.{step}"))
    runtime = Runtime(store, lab.database, environ={}, transport=httpx.MockTransport(api), fault=noted)
    jobs = [Job(SyncId(f"account_{n}", "lab", "items"), lab.connector, {}) for n in range(ACCOUNTS)]
    reports = run_all(jobs, Options(), runtime, workers=ACCOUNTS)
    return sorted((report.status, since) for report, since in zip(reports, asked, strict=True))


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, root = tmp_path_factory.mktemp("killed"), Path(__file__).parents[2]
    command = [sys.executable, "-c", _KILLED, str(folder), *STEPS]
    subprocess.run(command, cwd=root, env=clean_environment(), check=True)
    return folder


@pytest.mark.parametrize("step", STEPS)
def test_r02_what_all_had_staged_or_committed_is_there_once(killed: Path, step: str) -> None:
    found = run_accounts(killed / step)
    assert {status for status, _ in found} == {"ok"}
    asked = [since for _, since in found]
    if step.startswith(("store", "committed", "settled")):
        assert asked == ["7"] * ACCOUNTS  # all was staged, and is not fetched again
    assert set(asked) <= {"", "7"}
    lab = Lab(killed / step, YAML)
    rows = "SELECT _connection, id, _action FROM lab.items__records ORDER BY ALL"
    expected = [(f"account_{n}", item, "ADDED") for n in range(ACCOUNTS) for item in (1, 2)]
    assert lab.rows(rows) == expected
    positions = [seq for (seq,) in lab.rows("SELECT _seq FROM lab.items__records ORDER BY _seq")]
    assert positions == list(range(1, 2 * ACCOUNTS + 1))  # each change was told once
    assert lab.rows("FROM syncrun.sequence") == [(2 * ACCOUNTS,)]
