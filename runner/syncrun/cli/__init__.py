"""The command group, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import importlib
import sys
from typing import Any, NoReturn

import click

from syncrun import __version__
from syncrun.errors import ExitCode, SyncrunError

# One line a command: its module is imported only when it is asked for, which keeps `syncrun --help` fast.
_COMMANDS = {
    "demo": "Sync a bundled API and show what happened; works offline.",
    "list": "Show connectors, connections and syncs, with their last run.",
    "query": "Run read-only SQL against the database.",
    "run": "Run syncs.",
    "schema": "Print the JSON Schema of connector or project files.",
    "validate": "Check connector and project files.",
}


class _Lazy(click.Group):
    """A group whose commands live in modules of the same name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"syncrun.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0], _COMMANDS, n=1)
            if near:
                raise click.UsageError(f"{error.message}\n  hint: did you mean '{near[0]}'?", ctx) from None
            raise


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "SYNCRUN"},
    epilog="A first look, offline: syncrun demo",
)
@click.version_option(__version__, message="syncrun %(version)s")
def group() -> None:
    """Keep a local, queryable copy of the data behind any HTTP API."""


def main(args: list[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code (product: exit codes)."""
    sys.exit(int(execute(args)))


def execute(args: list[str] | None = None) -> int:
    """Run the command line and return its exit code; every expected error is one message on stderr."""
    try:
        result: Any = group.main(args, prog_name="syncrun", standalone_mode=False)
    except click.exceptions.Abort:
        return ExitCode.INTERRUPTED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except SyncrunError as error:
        click.echo(f"error: {error}", err=True)
        return error.exit_code
    except BrokenPipeError:
        return _reader_gone()
    except Exception as error:  # noqa: BLE001 - the last resort: a defect still ends in one message
        return _defect(error)
    return result if isinstance(result, int) else ExitCode.OK


def _reader_gone() -> int:
    """Return quietly when whoever read our output stopped (`syncrun query … | head`)."""
    import os

    # Python would complain again when it flushes standard output at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.OK


def _defect(error: Exception) -> int:
    """Report a defect of syncrun itself; SYNCRUN_TRACEBACK=1 shows where it is."""
    import os
    import traceback

    frame = traceback.extract_tb(error.__traceback__)[-1]
    click.echo(f"internal error: {type(error).__name__} in {frame.name} (line {frame.lineno})", err=True)
    click.echo("  hint: this is a defect of syncrun; SYNCRUN_TRACEBACK=1 shows the whole trace", err=True)
    if os.environ.get("SYNCRUN_TRACEBACK"):
        traceback.print_exception(error)
    return ExitCode.FAILED
