"""`syncrun init`: a project that runs at once, or a built-in connector to change."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from syncrun.cli.terminal import echo
from syncrun.config.load import shown
from syncrun.config.project_file import PROJECT_FILES
from syncrun.engine.scaffold import copied_connector, new_project, to_fill_in, write_new
from syncrun.errors import UsageError

_QUERY = "SELECT tag, published_at, downloads FROM example.releases ORDER BY published_at DESC LIMIT 5"


@click.command("init", epilog="Examples: syncrun init my-syncs; syncrun init --connector github")
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path), default=Path())
@click.option("--connector", metavar="NAME", help="Copy a built-in connector, to change it.")
def command(*, folder: Path, connector: str | None) -> int:
    """Make a project in FOLDER, the current one by default; nothing that is there is overwritten."""
    project = next((folder / name for name in PROJECT_FILES if (folder / name).exists()), None)
    if project is not None and connector is None:
        raise UsageError(
            f"{shown(project)} exists: this is a project already",
            hint="syncrun init --connector NAME adds a built-in connector to it",
        )
    if project is not None and connector is not None:
        files = copied_connector(connector)
        write_new(files, folder)
        _tell(folder, files, [f"syncrun validate   # the project now uses its own '{connector}'"])
        return 0
    files = new_project(connector)
    kept = _keep_gitignore(folder, files)
    write_new(files, folder)
    _tell(folder, files, [*kept, *_next_steps(folder, connector)])
    return 0


def _keep_gitignore(folder: Path, files: dict[str, str]) -> list[str]:
    """Leave a .gitignore that is there as it is; return what to do about it."""
    if not (folder / ".gitignore").exists():
        return []
    lines = [line for line in files.pop(".gitignore").splitlines() if not line.startswith("#")]
    return [f"add to .gitignore: {' '.join(lines)}"]


def _next_steps(folder: Path, connector: str | None) -> list[str]:
    steps = [] if folder == Path() else [f"cd {shown(folder)}"]
    if connector is None:
        return [
            *steps,
            "syncrun validate --strict",
            "syncrun run --all          # reads api.github.com; `syncrun demo` needs no network",
            f'syncrun query "{_QUERY}"',
        ]
    names = to_fill_in(connector)
    if names:
        steps.append(f"write {', '.join(names)} into syncrun.yaml")
    return [*steps, "syncrun validate", "syncrun run --all"]


def _tell(folder: Path, files: Iterable[str], steps: Iterable[str]) -> None:
    echo("wrote " + ", ".join(shown(folder / name) for name in files), err=True)
    echo("next:", err=True)
    for step in steps:
        echo(f"  {step}", err=True)
