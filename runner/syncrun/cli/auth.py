"""`syncrun auth`: sign a connection in through the browser or a device code, look at it, sign it out."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from syncrun.cli.options import Seconds, environment, json_lines, project_folder
from syncrun.cli.terminal import echo
from syncrun.engine.job import Job, Runtime
from syncrun.engine.selection import Workspace, open_workspace
from syncrun.engine.signin import SignInStatus, sign_in, sign_out, status
from syncrun.errors import ExitCode
from syncrun.wording import minute


@click.group("auth", epilog="Example: syncrun auth login acme")
def command() -> None:
    """Sign connections in and out (OAuth), and show how they stand."""


@command.command("login", epilog="Example: syncrun auth login acme")
@click.argument("connection")
@click.option("--no-browser", is_flag=True, help="Only print the address to open.")
@click.option(
    "--timeout",
    type=Seconds(more_than_none=True),
    default=300.0,
    show_default=True,
    help="How long to wait for the browser.",
)
@environment
@project_folder
def login(*, connection: str, no_browser: bool, timeout: float, env: str | None, project: Path | None) -> int:
    """Sign CONNECTION in: open the address that is shown, or type the code there."""
    workspace = open_workspace(project, env=env)
    browser = not no_browser and sys.stdin.isatty() and sys.stderr.isatty()

    def show(url: str, code: str) -> None:
        echo(f"Open this address to sign in:\n\n  {url}\n", err=True)
        if code:
            echo(f"and type the code {code}\n", err=True)
        if browser:
            click.launch(url)

    found = sign_in(_job(workspace, connection), _runtime(workspace), show, timeout=timeout)
    echo(f"{connection}: {_told(found)}", err=True)
    return ExitCode.OK


@command.command("status", epilog="Example: syncrun auth status --json")
@click.argument("connection", required=False)
@json_lines("connection")
@environment
@project_folder
def show_status(*, connection: str | None, as_json: bool, env: str | None, project: Path | None) -> int:
    """Show how CONNECTION stands, or every connection; never a secret."""
    workspace = open_workspace(project, env=env)
    names = [connection] if connection else list(workspace.project.connections)
    runtime = _runtime(workspace)
    for name in names:
        found = status(_job(workspace, name), runtime)
        if as_json:
            import orjson

            echo(orjson.dumps(asdict(found)).decode())
        else:
            echo(f"{name:<20} {found.kind:<26} {_told(found)}")
    return ExitCode.OK


@command.command("logout", epilog="Example: syncrun auth logout acme")
@click.argument("connection")
@environment
@project_folder
def logout(*, connection: str, env: str | None, project: Path | None) -> int:
    """Forget the token of CONNECTION, and revoke it where the connector says how."""
    workspace = open_workspace(project, env=env)
    known, failure = sign_out(_job(workspace, connection), _runtime(workspace))
    echo(f"{connection}: {'signed out' if known else 'was not signed in'}", err=True)
    if failure:
        echo(f"warning: the API was not told: {failure}", err=True)
    return ExitCode.FAILED if failure else ExitCode.OK


def _job(workspace: Workspace, connection: str) -> Job:
    """Return any job of the connection: they share its credentials."""
    jobs = workspace.jobs([connection.partition("/")[0]])
    return jobs[0]


def _runtime(workspace: Workspace) -> Runtime:
    return Runtime(workspace.store(), workspace.database, environ=workspace.environ)


def _told(found: SignInStatus) -> str:
    parts = [found.state]
    if found.expires_at is not None:
        parts.append(
            f"the token ends {minute(found.expires_at)}" + (" and is renewed" if found.renews else "")
        )
    if found.scopes:
        parts.append(f"scopes: {found.scopes}")
    return "; ".join(parts)
