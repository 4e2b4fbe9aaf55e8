"""`syncrun validate`: every problem of connector and project files, each with its place."""

from __future__ import annotations

from pathlib import Path

import click

from syncrun.config.load import check_files
from syncrun.errors import ExitCode


@click.command("validate", epilog="Example: syncrun validate connectors/acme.yaml --strict")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[PATH]...")
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a problem, on standard output.")
def command(*, paths: tuple[Path, ...], strict: bool, as_json: bool) -> int:
    """Check connector and project files; without PATH, the project in the current folder."""
    checked, problems = check_files(paths or (Path(),))
    if strict:
        from dataclasses import replace

        problems = [replace(problem, severity="error") for problem in problems]
    for problem in problems:
        if as_json:
            import json
            from dataclasses import asdict

            click.echo(json.dumps(asdict(problem), ensure_ascii=False))
        else:
            click.echo(str(problem), err=True)
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    if not as_json:
        told = f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}"
        files = f"{len(checked)} file{'s' * (len(checked) != 1)}"
        click.echo(f"{files} checked: {told if problems else 'no problems'}", err=True)
    return ExitCode.USAGE if errors else ExitCode.OK
