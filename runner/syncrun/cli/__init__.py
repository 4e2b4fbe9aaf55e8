"""The command group, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import importlib
import os
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, NoReturn

import click

from syncrun import __version__
from syncrun.cli.completing import VARIABLE, answer
from syncrun.cli.terminal import echo
from syncrun.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from syncrun.engine.outside import Outside

# One line a command: its module is imported only when it is asked for, which keeps `syncrun --help` fast.
_COMMANDS = {
    "auth": "Sign connections in and out (OAuth), and show how they stand.",
    "check": "Ask the API who is asking: whether credentials are good.",
    "checkpoint": "Show and change the saved progress of a sync.",
    "completion": "Print the completion script of a shell.",
    "demo": "Sync a bundled API and show what happened; works offline.",
    "deploy": "Publish connector versions to an environment.",
    "dev": "Watch files: check them and dry run their syncs on every save.",
    "diff": "Show what a run added, updated and deleted.",
    "dryrun": "Fetch without writing, and show what a run would change.",
    "explain": "Show what the next run would ask for and do; sends nothing.",
    "forget": "Let go of all that is stored for a connection.",
    "init": "Make a project, or copy a built-in connector into it.",
    "list": "Show connectors, connections and syncs, with their last run.",
    "logs": "Show every request and message of a run.",
    "pause": "Let a sync run only by hand.",
    "prune": "Apply retention: let go what is old.",
    "quarantine": "Show and review records that did not fit.",
    "query": "Run read-only SQL against the database.",
    "records": "Read the change feed of a model, from a cursor on.",
    "resume": "Let a paused sync run by itself again.",
    "run": "Run syncs.",
    "runs": "Show the history of runs.",
    "schema": "Print the JSON Schema of connector or project files, or of events.",
    "status": "Show how fresh every sync is, what is due, late or failing.",
    "test": "Replay recorded answers through connectors, and compare.",
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

    def invoke(self, ctx: click.Context) -> Any:
        """Do what was asked; a reader of the output that goes away (`| head`) ends it quietly."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            from syncrun.cli.events import drop_output

            drop_output()
            return ExitCode.OK
        return result

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            raise click.exceptions.NoSuchCommand(error.command_name, None, _COMMANDS, ctx) from None


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
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # for terminals that cannot show every character
    sys.exit(int(execute(args)))


def execute(args: list[str] | None = None, outside: Outside | None = None) -> int:
    """Run the command line and return its exit code; whatever goes wrong is one message on stderr.

    *outside* is the world that runs happen in, None: the real one.
    """
    if args is None and VARIABLE in os.environ:
        answer(group, sorted(_COMMANDS), os.environ)
        return ExitCode.OK
    try:
        given = _checked(sys.argv[1:] if args is None else args)
        result: Any = group.main(given, prog_name="syncrun", standalone_mode=False, obj=outside)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last resort: one message, no traceback
        return _tell(error)
    return result if isinstance(result, int) else ExitCode.OK


def _checked(args: list[str]) -> list[str]:
    for argument in args:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise UsageError(f"the argument {argument!r} is not valid UTF-8") from None
    return args


def _tell(error: BaseException) -> int:
    from syncrun.cli.failures import failure_of

    failure = failure_of(error)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return failure.exit_code
    if isinstance(error, click.UsageError) and error.ctx is not None:
        echo(error.ctx.get_usage(), err=True)
    if failure.problems:  # they begin with their place, as editors and terminals read it
        echo(str(failure), err=True)
    elif failure.exit_code != ExitCode.INTERRUPTED:
        echo(f"error: {failure}", err=True)
    if os.environ.get("SYNCRUN_TRACEBACK"):
        from syncrun.cli.failures import trace_of

        echo(trace_of(error), err=True, nl=False)
    return failure.exit_code
