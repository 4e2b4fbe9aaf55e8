"""`syncrun check`: asks the API of each connection who is asking, and reads nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import click
from msgspec import Struct

from syncrun.cli.options import connector_set, environment, json_lines, project_folder, tell
from syncrun.cli.terminal import echo
from syncrun.engine.identity import Identity, ask_who
from syncrun.engine.job import Job, Runtime
from syncrun.engine.outside import Outside
from syncrun.engine.selection import Workspace, open_workspace
from syncrun.errors import ExitCode, SyncrunError, UsageError

_APART = 5.0
"""Seconds that clocks may differ before it is worth a word."""


class _Checked(Struct, frozen=True):
    """How the check of one connection ended."""

    job: Job
    status: Literal["ok", "failed", "unchecked"]
    identity: Identity = Identity()
    message: str = ""
    hint: str = ""

    @property
    def fine(self) -> bool:
        """Whether nothing is left to do: a connector that has credentials has to say how they are proven."""
        return self.status == "ok" or (self.status == "unchecked" and not self.hint)


@click.command("check", epilog="Examples: syncrun check; syncrun check acme --json")
@click.argument("targets", nargs=-1, metavar="[CONNECTION]...")
@connector_set
@json_lines("connection")
@environment
@project_folder
@click.pass_obj
def command(
    outside: Outside | None,
    *,
    targets: tuple[str, ...],
    settings: tuple[str, ...],
    as_json: bool,
    env: str | None,
    project: Path | None,
) -> int:
    """Ask the API who is asking: whether the credentials of connections are good, and whose they are.

    The request is `check` of the connector. Exits with 1 unless all that have credentials are proven.
    """
    outside = outside or Outside()
    workspace = open_workspace(project, env=env, outside=outside, on_wait=tell)
    runtime = Runtime(
        workspace.store(),
        workspace.database,
        now=outside.now,
        clock=outside.clock,
        sleep=outside.sleep,
        random=outside.random,
        transport=outside.transport,
        environ=workspace.environ,
    )
    found = [_checked(job, runtime) for job in _jobs(workspace, targets, settings)]
    for one in found:
        echo(json.dumps(_document(one), ensure_ascii=False) if as_json else _told(one))
    return ExitCode.OK if all(one.fine for one in found) else ExitCode.FAILED


def _jobs(workspace: Workspace, targets: Sequence[str], settings: Sequence[str]) -> list[Job]:
    """Return a job of each connection: all of its syncs share its credentials."""
    names = [target.partition("/")[0] for target in targets]
    if not names and not workspace.project.connections:
        raise UsageError(
            "there are no connections to check", hint="add them to syncrun.yaml, or name a connector"
        )
    jobs = workspace.jobs(names, everything=not names, settings=settings, parents=False)
    first = {(job.id.connection, job.id.connector): job for job in reversed(jobs)}
    return list(reversed(first.values()))


def _checked(job: Job, runtime: Runtime) -> _Checked:
    try:
        identity = ask_who(job, runtime, lambda _exchange: None)
    except SyncrunError as error:
        return _Checked(job, "failed", message=error.message, hint=error.hint)
    if identity is not None:
        return _Checked(job, "ok", identity)
    check = job.connector.check
    if check is None and any(getattr(auth, "type", "none") != "none" for auth in job.connector.auth_entries):
        message = "the connector has no check, so nothing proves the credentials"
        return _Checked(job, "unchecked", message=message, hint="add check: {request: /me, expect: id} to it")
    told = "the connector says `check: none`" if check == "none" else "there is nothing to prove"
    return _Checked(job, "unchecked", message=told)


def _told(one: _Checked) -> str:
    name = str(one.job.id.connection)
    if one.status != "ok":
        mark = "✗" if one.status == "failed" else "-"
        return f"{mark} {name}: {one.message}" + (f"\n  hint: {one.hint}" if one.hint else "")
    identity = one.identity
    parts = [identity.who or "the credentials are good"]
    parts += [f"scopes: {identity.scopes}"] if identity.scopes else []
    if identity.clock is not None and abs(identity.clock) > _APART:
        side = "ahead of" if identity.clock > 0 else "behind"
        parts.append(f"its clock is {abs(identity.clock):.0f} s {side} this machine's")
    return f"✓ {name}: {'; '.join(parts)}"


def _document(one: _Checked) -> dict[str, Any]:
    clock = one.identity.clock
    return {
        "connection": one.job.id.connection,
        "connector": one.job.id.connector,
        "status": one.status,
        "who": one.identity.who or None,
        "scopes": one.identity.scopes or None,
        "clock_seconds": None if clock is None else round(clock),
        "message": one.message or None,
        "hint": one.hint or None,
    }
