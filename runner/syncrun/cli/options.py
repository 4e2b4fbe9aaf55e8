"""Options that several commands share."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from syncrun.cli.terminal import echo

_APART = "syncrun.settings"

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Seconds(click.ParamType[float]):
    """A length of time: a number of seconds, or a number with a unit such as 90s, 5m or 1h."""

    name = "seconds"

    def __init__(self, *, more_than_none: bool = False) -> None:
        self._least = math.ulp(0.0) if more_than_none else 0.0

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return *value* in seconds, 0 or more."""
        if isinstance(value, (int, float)):
            return float(value)
        from syncrun.expressions.durations import parse_duration

        text = str(value).strip()
        try:
            seconds = float(text)
        except ValueError:
            try:
                seconds = parse_duration(text).total_seconds()
            except ValueError:
                seconds = math.nan
        if not self._least <= seconds < math.inf:
            self.fail(f"{text!r} is no length of time; write seconds, or such as 90s, 5m, 1h", param, ctx)
        return seconds


class Moment(click.ParamType[datetime]):
    """A point in time: a date, a time, or a length such as 2h for two hours ago."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return *value* as an aware time."""
        if isinstance(value, datetime):
            return value
        from syncrun.expressions.moments import parse_moment

        try:
            return parse_moment(str(value), datetime.now(UTC))
        except ValueError as error:
            self.fail(str(error), param, ctx)


project_folder = click.option(
    "--project",
    "-p",
    type=click.Path(exists=True, path_type=Path),
    metavar="PATH",
    envvar="SYNCRUN_PROJECT",
    help="The project folder or its syncrun.yaml; the current folder by default.",
)
environment = click.option(
    "--env", "-e", metavar="NAME", envvar="SYNCRUN_ENV", help="The project's environment to use."
)


def _lock_timeout(others: str) -> Callable[[_Function], _Function]:
    return click.option(
        "--lock-timeout",
        type=Seconds(),
        default=300.0,
        show_default=True,
        help=f"How long to wait for {others}; 0: not at all.",
    )


database_wait = _lock_timeout("whoever has the database open")
run_wait = _lock_timeout("another run of the sync, or for whoever has the database open")


def limit_option(told: str, *, default: int | None = None) -> Callable[[_Function], _Function]:
    """Return the option `--limit`, a number of records; *told* is its help."""
    return click.option(
        "--limit",
        type=click.IntRange(min=1),
        metavar="N",
        default=default,
        show_default=default is not None,
        help=told,
    )


def show_option(default: int, told: str) -> Callable[[_Function], _Function]:
    """Return the option `--show`, how many of something to show; *told* is its help."""
    return click.option(
        "--show", type=click.IntRange(min=0), metavar="N", default=default, show_default=True, help=told
    )


def json_lines(what: str) -> Callable[[_Function], _Function]:
    """Return the option `--json` of a command that lists things, each of which is *what*."""
    told = f"One JSON object a {what}, on standard output."
    return click.option("--json", "as_json", is_flag=True, help=told)


def _read_apart(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> None:
    """Keep the values that are elsewhere, in variables or files; `--set` then has them too."""
    if texts:
        from syncrun.engine.settings import setting_of_file, setting_of_variable

        read = setting_of_file if param.name == "set_file" else setting_of_variable
        ctx.meta.setdefault(_APART, []).extend(read(text, os.environ) for text in texts)


def _together(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    del param
    return (*texts, *ctx.meta.get(_APART, ()))


def connector_set(command: _Function) -> _Function:
    """Add the options that give config values to a connector that is run by its name."""
    for option in (
        click.option(
            "--set-env",
            multiple=True,
            metavar="NAME=VARIABLE",
            expose_value=False,
            is_eager=True,
            callback=_read_apart,
            help="A config value that an environment variable has: for secrets.",
        ),
        click.option(
            "--set-file",
            multiple=True,
            metavar="NAME=PATH",
            expose_value=False,
            is_eager=True,
            callback=_read_apart,
            help="A config value that is the content of a file: for secrets and keys.",
        ),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="NAME=VALUE",
            callback=_together,
            help="A config value, for a connector that is run by its name; no secret: others can see it.",
        ),
    ):
        command = option(command)
    return command


def tell(reason: str) -> None:
    """Say on standard error what a command waits for."""
    echo(reason, err=True)
