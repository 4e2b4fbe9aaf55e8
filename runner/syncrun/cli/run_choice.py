"""What `syncrun run` is to run: what was named, everything, or what is due or stale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from msgspec import Struct

from syncrun.engine import agenda, idle
from syncrun.engine.job import Job
from syncrun.engine.locks import folder_of
from syncrun.engine.selection import Workspace
from syncrun.errors import UsageError
from syncrun.stores.values.run import Agenda
from syncrun.wording import iso

_LONGEST_IDLE = timedelta(days=1)
_NO_SCHEDULE = "nothing is due: no sync has a schedule; give it such as every: 1h"
_REASONS = {"paused": "it is paused", "waiting": "its first run is by hand (auto_start: false)"}


class Choice(Struct, frozen=True):
    """What the command line says; *if_stale* is in seconds."""

    targets: Sequence[str]
    everything: bool
    due: bool
    if_stale: float | None
    settings: Sequence[str]
    parents: bool
    memory: idle.Memory

    def jobs(self, workspace: Workspace, now: datetime, tell: Callable[[str], None]) -> list[Job]:
        """Return the jobs that are meant; *tell* is told what is left out, and why nothing is left."""
        if self.due:
            return self._due(workspace, now, tell)
        jobs = workspace.jobs(
            self.targets, everything=self.everything, settings=self.settings, parents=self.parents
        )
        if not self.everything and self.if_stale is None:
            return jobs
        known = _look(workspace, tell)
        if self.everything:
            resting = agenda.resting(jobs, known, now)
            for sync, stands in resting.items():
                tell(f"{sync.label} is left out: {_REASONS[stands.state]}")
            jobs = [job for job in jobs if job.id not in resting]
        if self.if_stale is not None:
            jobs = agenda.stale(jobs, known, now, timedelta(seconds=self.if_stale))
            if not jobs:
                tell("nothing is stale")
        return jobs

    def _due(self, workspace: Workspace, now: datetime, tell: Callable[[str], None]) -> list[Job]:
        if self.targets or self.everything or self.if_stale is not None:
            raise UsageError("--due goes with no names, --all or --if-stale", hint="it looks at every sync")
        paths = _deciding(workspace)
        before = idle.state_of(paths)
        known, syncs = _look(workspace, tell), agenda.entries(workspace)
        standings = {entry.sync: entry.standing(known, now) for entry in syncs}
        chosen = agenda.due(syncs, standings, folder_of(workspace.database))
        if chosen:
            return workspace.jobs([str(sync) for sync in chosen], parents=False)
        upcoming = [(stands.next, str(sync)) for sync, stands in standings.items() if stands.next]
        at, sync = min(upcoming, default=(now + _LONGEST_IDLE, ""))
        told = f"nothing is due; next is {sync} at {iso(at.replace(microsecond=0))}" if sync else _NO_SCHEDULE
        tell(told)
        if at > now:  # else a run of it goes on
            self.memory.keep(paths, before, told, now, min(at, now + _LONGEST_IDLE))
        return []


def _deciding(workspace: Workspace) -> list[Path]:
    """Return the files that decide what is due."""
    project, database = workspace.project, workspace.database
    wal = database.with_name(f"{database.name}.wal")
    deployed = workspace.deployed  # by the database, which is looked at anyway
    files = set[Path]() if deployed else {workspace.connector_of(n)[1] for n in project.connections}
    own = [project.file] if project.file is not None else []
    return [*own, workspace.folder / "connectors", *sorted(files), database, wal]


def _look(workspace: Workspace, tell: Callable[[str], None]) -> Agenda:
    return workspace.store(on_wait=tell).agenda() if workspace.database.exists() else Agenda()
