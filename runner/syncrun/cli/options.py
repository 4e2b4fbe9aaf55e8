"""Options that several commands share."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

import click


class Seconds(click.ParamType[float]):
    """A length of time: a number of seconds, or a number with a unit such as 90s, 5m or 1h."""

    name = "seconds"

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
        if not 0 <= seconds < math.inf:
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
connector_set = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A config value, for a connector that is run by its name.",
)


def tell(reason: str) -> None:
    """Say on standard error what a command waits for."""
    click.echo(reason, err=True)
