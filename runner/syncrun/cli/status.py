"""`syncrun status`: how fresh every sync is, when it runs next, and whether something is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from syncrun.cli.columns import deployed_version, print_columns
from syncrun.cli.options import environment, json_lines, project_folder, tell
from syncrun.cli.terminal import echo
from syncrun.engine.agenda import Entry, entries, is_failing
from syncrun.engine.forgetting import unowned
from syncrun.engine.locks import folder_of
from syncrun.engine.outcome import quarantine_limit
from syncrun.engine.outside import utc_now
from syncrun.engine.schedule import Standing
from syncrun.engine.selection import Workspace, open_workspace
from syncrun.errors import ExitCode
from syncrun.stores.values.ids import ModelId
from syncrun.stores.values.quarantine import QuarantineCount
from syncrun.stores.values.run import Run
from syncrun.wording import counted, iso, minute

_HEAD = ("sync", "state", "last run", "fresh as of", "next run", "records", "quarantined")


@dataclass(frozen=True, slots=True)
class _Status:
    """What is known of one sync; *fresh* is when the newest run began that was ok."""

    entry: Entry
    stands: Standing
    last: Run | None
    fresh: datetime | None
    failing: bool
    live: int
    quarantine: QuarantineCount
    missing: int
    silent_until: datetime | None = None

    @property
    def problem(self) -> str:
        """What is wrong, in one sentence; empty when nothing is."""
        if self.failing and self.last is not None:
            return f"the last run is {self.last.status}: {self.last.message}"
        if self.stands.late:
            since = f"since {minute(self.fresh)}" if self.fresh else "yet"
            return f"late: no run was ok {since}"
        return self._too_many

    @property
    def _too_many(self) -> str:
        """What is wrong with the quarantine (R22)."""
        known = self.live + self.quarantine.kept
        waiting = self.quarantine.unreviewed
        if waiting <= quarantine_limit(self.entry.definition, known):
            return ""
        sync = self.entry.sync
        return f"{counted(waiting, 'record')} in quarantine to review: syncrun quarantine list {sync}"

    def to_json(self) -> dict[str, Any]:
        """Return the status as one JSON object."""
        sync, last = self.entry.sync, self.last
        return {
            "connection": sync.connection,
            "connector": sync.connector,
            "sync": sync.sync,
            "model": self.entry.model,
            "state": self.stands.state,
            "schedule": str(self.entry.schedule) if self.entry.schedule else None,
            "next_run_at": _iso(self.stands.next),
            "fresh_at": _iso(self.fresh),
            "late": self.stands.late,
            "failing": self.failing,
            "problem": self.problem or None,
            "live": self.live,
            "quarantined": self.quarantine.kept,
            "unreviewed": self.quarantine.unreviewed,
            "silent_until": _iso(self.silent_until),
            "missing": self.missing,
            "last_run": last
            and {
                "id": last.id,
                "status": last.status,
                "started_at": _iso(last.started_at),
                "ended_at": _iso(last.ended_at),
                "message": last.message,
            },
        }


@click.command("status", epilog="Examples: syncrun status; syncrun status --check || echo look at it")
@click.option(
    "--check",
    is_flag=True,
    help="Only what is late, failing or has too much in quarantine; exit with 1 if anything is.",
)
@json_lines("sync")
@environment
@project_folder
def command(*, check: bool, as_json: bool, env: str | None, project: Path | None) -> int:
    """Show how fresh every sync is, its last and next run, and how many records it has."""
    workspace = open_workspace(project, env=env)
    found = _statuses(workspace, utc_now())
    lost = unowned(workspace, workspace.store(on_wait=tell))
    wrong = [status for status in found if status.problem]
    if as_json:
        for status in found:
            deployed = deployed_version(workspace, status.entry.sync)
            echo(json.dumps({**status.to_json(), **deployed}, ensure_ascii=False))
        for owner, live in lost.items():
            named = {"connection": owner.connection, "connector": owner.connector}
            echo(json.dumps({**named, "state": "unowned", "live": live}, ensure_ascii=False))
    elif check:
        for status in wrong:
            echo(f"{status.entry.sync}: {status.problem}", err=True)
    else:
        _print(found, [deployed_version(workspace, status.entry.sync) for status in found])
        for owner, live in lost.items():
            echo(
                f"! {counted(live, 'live record')} of {owner}, which no connection of the project has:"
                f" syncrun forget {owner.connection}",
                err=True,
            )
    return ExitCode.FAILED if check and wrong else ExitCode.OK


def _statuses(workspace: Workspace, now: datetime) -> list[_Status]:
    syncs = entries(workspace)
    store = workspace.store(on_wait=tell)
    agenda = store.agenda()
    live = store.count_live({(entry.sync.connector, entry.model) for entry in syncs})
    quarantined, missing = store.count_quarantined(), store.count_missing()
    found = []
    for entry in syncs:
        sync, stands = entry.sync, entry.standing(agenda, now)
        model = ModelId(sync.connection, sync.connector, entry.model)
        resting = stands.state in ("disabled", "paused")
        found.append(
            _Status(
                entry,
                stands,
                agenda.last.get(sync),
                agenda.fresh.get(sync),
                not resting and is_failing(sync, agenda),
                live.get(model, 0),
                quarantined.get(sync, QuarantineCount()),
                missing.get(model, 0),
                _silent_until(workspace, entry, now),
            )
        )
    return found


def _print(found: Sequence[_Status], deployed: Sequence[Mapping[str, str]]) -> None:
    """Print one row a sync, with the deployed version where there are such."""
    if not found:
        echo("There are no connections yet: add them to syncrun.yaml.", err=True)
        return
    rows = [_HEAD, *(_row(status) for status in found)]
    if any(status.missing for status in found):
        counts = ["missing", *(f"{status.missing:,}" for status in found)]
        rows = [(*row, count) for row, count in zip(rows, counts, strict=True)]
    if any(deployed):
        versions = ["deployed", *(one.get("deployed", "") for one in deployed)]
        rows = [(*row, version) for row, version in zip(rows, versions, strict=True)]
    print_columns(rows)
    for status in found:
        if status.problem:
            echo(f"! {status.entry.sync}: {status.problem}", err=True)
        if status.silent_until:
            until = minute(status.silent_until)
            echo(f"{status.entry.sync}: the API says that no requests are left until {until}", err=True)


def _silent_until(workspace: Workspace, entry: Entry, now: datetime) -> datetime | None:
    """Return until when the API wants no requests for a sync; None when it takes some."""
    from syncrun.http.rate_limit import silent_until

    sync = entry.sync
    connection = f"{sync.connection}.{sync.connector}"
    names = (connection, f"{connection}.{sync.sync}")
    until = max(silent_until(folder_of(workspace.database) / f"{name}.rate") for name in names)
    return datetime.fromtimestamp(until, UTC) if until > now.timestamp() else None


def _row(status: _Status) -> tuple[str, ...]:
    last, stands = status.last, status.stands
    return (
        str(status.entry.sync),
        stands.state,
        "never" if last is None else f"{last.status}, {minute(last.ended_at or last.started_at)}",
        minute(status.fresh),
        "now" if stands.state == "due" else minute(stands.next),
        f"{status.live:,}",
        f"{status.quarantine.kept:,}",
    )


def _iso(at: datetime | None) -> str | None:
    return iso(at) if at else None
