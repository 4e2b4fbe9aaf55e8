"""`syncrun deploy`: let an environment run the connectors as they are in the working files now."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from syncrun.cli.events import EventCommand, JsonEvents
from syncrun.cli.options import project_folder, tell
from syncrun.cli.terminal import echo
from syncrun.engine.deployment import Plan, Step, plan
from syncrun.engine.outside import utc_now
from syncrun.engine.selection import open_workspace
from syncrun.errors import UsageError


@click.command(
    "deploy",
    cls=EventCommand,
    epilog="Examples: syncrun deploy prod --dry-run; syncrun deploy prod --yes; "
    "syncrun deploy prod --version store@1.0.0",
)
@click.argument("environment", metavar="ENV")
@click.option("--sync", "target", metavar="CONNECTION/SYNC", help="Only this sync of its connector.")
@click.option(
    "--version",
    "versions",
    multiple=True,
    metavar="CONNECTOR@VERSION",
    help="Go back (or forth) to a version that was deployed before.",
)
@click.option("--allow-destructive", is_flag=True, help="Also when tables, columns or identities are lost.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@project_folder
@click.pass_obj
def command(
    events: JsonEvents | None,
    *,
    environment: str,
    target: str | None,
    versions: tuple[str, ...],
    allow_destructive: bool,
    dry_run: bool,
    yes: bool,
    project: Path | None,
) -> int:
    """Publish the connectors of all connections to ENV, after showing what that changes in its tables.

    Runs in ENV then use these versions, whatever happens to the working files.
    """
    if target is not None and versions:
        raise UsageError("--sync and --version exclude each other", hint="give one of them")
    workspace = open_workspace(project, env=environment)
    store = workspace.store(writing=not dry_run, on_wait=tell)
    found = plan(workspace, store, target=target, versions=versions)
    _show(found, events)
    if found.steps and not dry_run:
        _agree(found, allowed=allow_destructive, asked=not yes, quiet=events is not None)
        for deployed in found.apply(store, utc_now()):
            if events is None:
                echo(f"deployed {deployed.connector} {deployed.version} to {environment}", err=True)
            else:
                events.write("deployed", connector=deployed.connector, version=deployed.version)
    if events is not None:
        events.finish(0, connectors=len(found.steps), destructive=found.destructive, dry_run=dry_run)
    return 0


def _agree(found: Plan, *, allowed: bool, asked: bool, quiet: bool) -> None:
    """Raise UsageError where the plan needs another word, Abort where a person says no."""
    if found.destructive and not allowed:
        raise UsageError(
            "nothing was deployed: what is marked with ! loses something",
            hint="--allow-destructive deploys it even so",
        )
    if not asked:
        return
    if quiet or not sys.stdin.isatty():
        raise UsageError("nothing was deployed: there is nobody to ask", hint="--yes deploys without asking")
    click.confirm(f"Deploy to {found.environment}?", abort=True, err=True)


# ── what is shown ──────────────────────────────────────────────────────────────────────────────────


def _show(found: Plan, events: JsonEvents | None) -> None:
    if events is not None:
        for step in found.steps:
            events.write("plan", **_document(step))
        return
    for step in found.steps:
        before = step.before.version if step.before else "not deployed"
        echo(f"{step.after.connector}: {before} → {step.after.version}", err=True)
        for change in step.changes:
            mark = "!" if change.destructive else "+" if change.told.startswith("new ") else "~"
            echo(f"  {mark} {change.sync}: {change.told}", err=True)
        if not step.changes:
            echo("  its tables stay as they are", err=True)
    if not found.steps:
        kept = ", ".join(f"{one.connector} {one.version}" for one in found.unchanged)
        echo(f"nothing to deploy: {found.environment} has {kept}", err=True)


def _document(step: Step) -> dict[str, Any]:
    return {
        "connector": step.after.connector,
        "before": step.before.version if step.before else None,
        "after": step.after.version,
        "digest": step.after.digest,
        "changes": [asdict(change) for change in step.changes],
    }
