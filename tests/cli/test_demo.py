"""`syncrun demo`: what a new user sees first."""

from __future__ import annotations

import re
from pathlib import Path

from tests.project_folder import ProjectFolder

TOLD = """
First run: everything is new.
✓ demo/customers  45 added  (0.0 s)
✓ demo/orders     119 added, 2 duplicates, 1 quarantined  (0.0 s)
  note: 1 of 122 records went into quarantine, the first: total: expected a decimal number, got text 'n/a'
✓ demo/products   12 added  (0.0 s)

The shop changes: orders come, are paid and are cancelled.

Second run: only what changed is written.
✓ demo/customers  1 added, 1 updated, 1 deleted, 43 unchanged  (0.0 s)
✓ demo/orders     3 added, 5 updated, 1 deleted, 1 unchanged  (0.0 s)
✓ demo/products   1 updated, 11 unchanged  (0.0 s)

Third run: nothing changed, nothing is written.
✓ demo/customers  45 unchanged  (0.0 s)
✓ demo/orders     8 unchanged  (0.0 s)
✓ demo/products   12 unchanged  (0.0 s)

The data is a DuckDB file. SELECT status, count(*) AS orders, sum(total) AS total FROM shop.orders GROUP BY status\
 ORDER BY status

status      orders     total
────────────────────────────
cancelled        2    253.20
open            28   3124.60
paid            62   6362.10
shipped         29   2894.70

The project is in kept: syncrun.yaml, connectors/shop.yaml, demo.duckdb. Its API ends with this command.
"""


def test_the_demo_tells_what_is_added_updated_and_deleted(tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path)
    done = project.syncrun("demo", "--keep", "kept")
    assert (done.exit_code, done.stderr) == (0, "")
    assert re.sub(r"\d+\.\d s", "0.0 s", done.stdout) == TOLD
    kept = ProjectFolder(tmp_path / "kept")
    assert kept.syncrun("validate", "--strict").stderr == "2 files checked: no problems\n"
    assert "demo/orders     shop  ok  " in kept.syncrun("list").stdout


def test_the_demo_does_not_write_into_a_folder_with_something_in_it(tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path)
    project.write("mine/file", "x")
    done = project.syncrun("demo", "--keep", "mine")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "error: mine exists and is not empty\n  hint: name a new folder\n"
    done = project.syncrun("demo", "--keep", "mine/file")
    assert done.exit_code == 2
    assert "Directory 'mine/file' is a file" in done.stderr
