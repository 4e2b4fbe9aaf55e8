"""The syncs of a project and how they stand: which are due, late, failing, paused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from msgspec import Struct

from syncrun.config.schedule import Schedule, parse_interval
from syncrun.config.sync import Sync
from syncrun.engine import locks
from syncrun.engine.job import Job
from syncrun.engine.schedule import History, Standing, standing
from syncrun.engine.selection import Workspace
from syncrun.errors import ConfigurationError, Problem
from syncrun.stores.values.ids import SyncId
from syncrun.stores.values.run import Agenda

_FAILING = ("failed", "incomplete")
_FINISHED = ("ok", "incomplete")


class Entry(Struct, frozen=True):
    """One sync of one connection; *schedule* is the one that counts, wherever it is written."""

    sync: SyncId
    definition: Sync
    schedule: Schedule | None
    enabled: bool = True

    @property
    def model(self) -> str:
        """The table that the sync fills."""
        return self.definition.model or self.sync.sync

    @property
    def parents(self) -> set[SyncId]:
        """The syncs whose records this one is read for."""
        names = {name for source in self.definition.sources for name in source.parents}
        return {SyncId(self.sync.connection, self.sync.connector, name) for name in names}

    def standing(self, agenda: Agenda, now: datetime) -> Standing:
        """Return how the sync stands at *now*."""
        return standing(
            self.sync,
            self.schedule,
            history_of(self.sync, agenda),
            now,
            enabled=self.enabled,
            auto_start=self.definition.auto_start,
        )


def entries(workspace: Workspace) -> list[Entry]:
    """Return every sync of every connection; raise ConfigurationError with the problems of all connectors."""
    found, problems = list[Entry](), list[Problem]()
    project = workspace.project
    default = None if project.every is None else Schedule(every=parse_interval(project.every))
    for name, connection in project.connections.items():
        try:
            connector, _ = workspace.connector_of(name)
        except ConfigurationError as error:
            problems += error.problems
            continue
        for sync, definition in connector.syncs.items():
            override = connection.syncs.get(sync)
            own = override.schedule if override is not None else None
            identity = SyncId(name, connector.connector, sync)
            enabled = override is None or override.enabled
            found.append(Entry(identity, definition, own or definition.schedule or default, enabled))
    if problems:
        raise ConfigurationError(list(dict.fromkeys(problems)))
    return found


def history_of(sync: SyncId, agenda: Agenda) -> History:
    """Return what of *agenda* is about *sync*."""
    last = agenda.last.get(sync)
    return History(
        last.started_at if last else None,
        agenda.fresh.get(sync),
        agenda.paused(sync),
        again=last is not None and last.fresh_at is not None and last.status in _FINISHED,
    )


def is_failing(sync: SyncId, agenda: Agenda) -> bool:
    """Return whether the newest run of *sync* failed or was incomplete."""
    last = agenda.last.get(sync)
    return last is not None and last.status in _FAILING


def due(
    syncs: Sequence[Entry], standings: Mapping[SyncId, Standing], locks_folder: Path | None = None
) -> list[SyncId]:
    """Return what is due, those excepted whose run is going on (when *locks_folder* is given).

    A parent without a schedule of its own goes with the children that are due: nothing else would run it.
    """
    by_id = {entry.sync: entry for entry in syncs}
    found: dict[SyncId, None] = {}

    def add(sync: SyncId) -> None:
        for parent in sorted(by_id[sync].parents, key=str):
            if standings[parent].state == "unscheduled":
                add(parent)
        if locks_folder is None or not locks.is_held(locks_folder, sync):
            found.setdefault(sync)

    for sync, stands in standings.items():
        if stands.state == "due" and not (locks_folder and locks.is_held(locks_folder, sync)):
            add(sync)
    return list(found)


def resting(jobs: Iterable[Job], agenda: Agenda, now: datetime) -> dict[SyncId, Standing]:
    """Return those of *jobs* that only run by hand: paused ones, and those never started."""
    found = {}
    for job in jobs:
        stands = standing(job.id, None, history_of(job.id, agenda), now, auto_start=job.sync.auto_start)
        if stands.state in ("paused", "waiting"):
            found[job.id] = stands
    return found


def stale(jobs: Iterable[Job], agenda: Agenda, now: datetime, age: timedelta) -> list[Job]:
    """Return those of *jobs* that no run has read well for longer than *age*."""
    never = datetime.min.replace(tzinfo=now.tzinfo)
    return [job for job in jobs if now - agenda.fresh.get(job.id, never) > age]
