"""`syncrun validate`: every problem of connector and project files, each with its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import click

from syncrun.cli.events import EventCommand, JsonEvents
from syncrun.cli.options import environment, project_folder
from syncrun.cli.terminal import echo
from syncrun.config.load import check_files
from syncrun.config.project_file import find_project_file
from syncrun.errors import ConfigurationError, ExitCode, Problem
from syncrun.wording import counted


@click.command(
    "validate",
    cls=EventCommand,
    epilog="Examples: syncrun validate --env prod; syncrun validate connectors/acme.yaml --strict",
)
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[PATH]...")
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
@environment
@project_folder
@click.pass_obj
def command(
    events: JsonEvents | None,
    *,
    paths: tuple[Path, ...],
    strict: bool,
    env: str | None,
    project: Path | None,
) -> int:
    """Check connector and project files: those named, else the project in the current folder or above.

    With --env and no files named, also whether each connection has all its values in that environment.
    """
    checked, problems = check_files(paths or (_project(project or Path()),))
    if env is not None and not paths and not any(problem.severity == "error" for problem in problems):
        problems += _unresolved(project, env)
    if strict:
        problems = [replace(problem, severity="error") for problem in problems]
    errors = sum(problem.severity == "error" for problem in problems)
    code = ExitCode.USAGE if errors else ExitCode.OK
    if events is None:
        print_problems(problems, files=len(checked), errors=errors)
        return code
    for problem in problems:
        events.write("problem", **asdict(problem))
    events.finish(code, files=len(checked), errors=errors, warnings=len(problems) - errors)
    return code


def _unresolved(project: Path | None, env: str) -> Sequence[Problem]:
    """Return what the connections lack to be run in the environment *env*; UsageError if there is none."""
    from syncrun.engine.selection import open_workspace

    workspace = open_workspace(project, env=env)
    try:
        if workspace.project.connections:
            workspace.jobs((), everything=True)
    except ConfigurationError as error:
        return error.problems
    return ()


def _project(path: Path) -> Path:
    """Return the folder of the project at *path*, which may be its file or a folder in it."""
    if path.is_file():
        return path.parent
    file = find_project_file(path)
    return file.parent if file else path


def print_problems(problems: Sequence[Problem], *, files: int, errors: int) -> None:
    """Print each problem with its place, and how many there are in how many *files*."""
    for problem in problems:
        echo(str(problem), err=True)
    told = "no problems"
    if problems:
        told = f"{counted(errors, 'error')}, {counted(len(problems) - errors, 'warning')}"
    echo(f"{counted(files, 'file')} checked: {told}", err=True)
