"""`syncrun quarantine`: the records that did not fit, and which of them somebody has looked at."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from syncrun.cli.columns import print_columns
from syncrun.cli.options import database_wait, environment, json_lines, project_folder, tell
from syncrun.cli.terminal import echo
from syncrun.engine.outside import utc_now
from syncrun.engine.selection import open_workspace
from syncrun.stores.values.quarantine import Quarantined
from syncrun.wording import counted, iso, minute

_HEAD = ("sync", "rejected", "key", "reason", "reviewed")
_SHOWN = 100


@click.group("quarantine", epilog="Example: syncrun quarantine list acme/issues")
def command() -> None:
    """Show and review records that did not fit.

    A record leaves the quarantine by itself as soon as a good version of it is read.
    """


@command.command("list", epilog="Example: syncrun quarantine list acme/issues --json")
@click.argument("target", required=False, metavar="[CONNECTION[/SYNC]]")
@click.option("--all", "everything", is_flag=True, help="Also those that were reviewed.")
@json_lines("record")
@environment
@project_folder
def list_(
    *, target: str | None, everything: bool, as_json: bool, env: str | None, project: Path | None
) -> int:
    """List the records in quarantine that nobody has reviewed yet, newest first."""
    connection, _, sync = (target or "").partition("/")
    store = open_workspace(project, env=env).store(on_wait=tell)
    found = store.quarantined(connection, sync, everything=everything)
    if as_json:
        for one in found:
            echo(json.dumps(_document(one), ensure_ascii=False))
    else:
        _print(found)
    return 0


@command.command("review", epilog="Example: syncrun quarantine review acme/issues")
@click.argument("target", metavar="CONNECTION[/SYNC]")
@database_wait
@environment
@project_folder
def review(*, target: str, lock_timeout: float, env: str | None, project: Path | None) -> int:
    """Mark records in quarantine as reviewed: `status --check` no longer fails because of them.

    They stay in syncrun.quarantine. One that is rejected again counts anew when it has changed.
    """
    connection, _, sync = target.partition("/")
    workspace = open_workspace(project, env=env, on_wait=tell, lock_timeout=lock_timeout)
    count = workspace.store(writing=True).review_quarantined(connection, sync, utc_now())
    echo(f"{target}: {counted(count, 'record')} marked as reviewed", err=True)
    return 0


def _print(found: Sequence[Quarantined]) -> None:
    if not found:
        echo("Nothing is in quarantine that was not reviewed.", err=True)
        return
    rows = [
        (str(one.sync), minute(one.rejected_at), one.key or "", one.reason, minute(one.reviewed_at))
        for one in found[:_SHOWN]
    ]
    print_columns([_HEAD, *rows])
    if len(found) > _SHOWN:
        echo(f"  and {len(found) - _SHOWN:,} more: --json lists all, with what was received")


def _document(one: Quarantined) -> dict[str, object]:
    return {
        "connection": one.sync.connection,
        "connector": one.sync.connector,
        "sync": one.sync.sync,
        "model": one.model,
        "key": one.key,
        "reason": one.reason,
        "path": one.path,
        "rejected_at": iso(one.rejected_at),
        "reviewed_at": iso(one.reviewed_at) if one.reviewed_at else None,
        "raw": one.raw,
    }
