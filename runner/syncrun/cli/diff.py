"""`syncrun diff`: what a run added, updated and deleted, field by field where there is a history."""

from __future__ import annotations

import json
from pathlib import Path

import click

from syncrun.cli import changes, counts
from syncrun.cli.options import environment, json_lines, project_folder, tell
from syncrun.cli.terminal import echo
from syncrun.engine.run_names import find_run
from syncrun.engine.selection import open_workspace
from syncrun.stores.values.run import Run, RunChange
from syncrun.wording import counted


@click.command("diff", epilog="Examples: syncrun diff last; syncrun diff acme/issues --json")
@click.argument("run", metavar="RUN")
@json_lines("change")
@environment
@project_folder
def command(*, run: str, as_json: bool, env: str | None, project: Path | None) -> int:
    """Show what RUN changed: an id or the beginning of it, `last`, or CONNECTION/SYNC for its newest run."""
    store = open_workspace(project, env=env).store(on_wait=tell)
    found = find_run(store, run)
    changed = counts.told({name: found.counts.get(name, 0) for name in ("added", "updated", "deleted")})
    echo(f"{found.sync}, run {found.id}: {changed or 'nothing changed'}", err=True)
    known = 0
    told = store.run_changes(found)
    for change in told.changes:
        known += 1
        echo(_document(change) if as_json else _line(change))
    _tell_missing(found, known, history=told.history)
    return 0


def _tell_missing(run: Run, known: int, *, history: bool) -> None:
    """Say what cannot be shown."""
    total = sum(run.counts.get(name, 0) for name in ("added", "updated", "deleted"))
    if known < total:
        reason = "the history began later" if history else "later runs changed those records again"
        echo(f"no longer known: {total - known:,} of {counted(total, 'change')}; {reason}", err=True)
    if not history and known:
        echo("what was before is not known: `history: true` in the sync keeps every version", err=True)


def _document(change: RunChange) -> str:
    members = {"action": change.action, "id": change.id, "fields": change.fields}
    return json.dumps({**members, "before": change.before, "after": change.after}, ensure_ascii=False)


def _line(change: RunChange) -> str:
    before, after = change.before, change.after
    if before is None or after is None:
        return changes.whole(change.action, change.id, after or before or {})
    fields = change.fields or ()
    return changes.changed(change.id, ((name, before.get(name), after[name]) for name in fields))
