"""Which run is meant: by its id or the beginning of it, `last`, or the sync whose newest run it is."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches

from syncrun.engine.selection import Workspace
from syncrun.errors import UsageError
from syncrun.stores.base import Store
from syncrun.stores.values.ids import DEFAULT_CONNECTION
from syncrun.stores.values.run import Run, RunChoice

_SHOWN = 3  # runs that a hint names


def runs_of(workspace: Workspace, target: str, choice: RunChoice) -> RunChoice:
    """Return *choice* for runs of *target*, CONNECTION or CONNECTION/SYNC; the connector may be gone."""
    name, _, sync = target.partition("/")
    if not name or name in workspace.project.connections:
        return replace(choice, connection=name, sync=sync)
    return replace(choice, connection=DEFAULT_CONNECTION, connector=name, sync=sync)


def find_run(store: Store, name: str) -> Run:
    """Return the run that *name* means; raise UsageError when there is none, or more than one."""
    newest = store.last_runs()
    if not newest:
        raise UsageError("there are no runs yet", hint="`syncrun run` makes the first")
    if name == "last":
        return max(newest, key=lambda run: (run.started_at, run.id))
    by_sync = {str(run.sync): run for run in newest}
    if name in by_sync:
        return by_sync[name]
    if "/" in name:
        near = get_close_matches(name, list(by_sync), n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are runs of {', '.join(by_sync)}"
        raise UsageError(f"{name} has no runs", hint=hint)
    found = store.find_runs(name) if name else []
    exact = [run for run in found if run.id == name]
    if len(found) > 1 and not exact:
        shown = ", ".join(run.id for run in found[:_SHOWN])
        raise UsageError(f"{len(found)} runs begin with {name!r}", hint=f"write more of it, such as {shown}")
    if not found:
        raise UsageError(
            f"no run is called {name!r}", hint="the table syncrun.runs lists them; `last` is the newest"
        )
    return (exact or found)[0]
