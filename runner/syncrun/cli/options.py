"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

project_folder = click.option(
    "--project",
    "-p",
    type=click.Path(exists=True, path_type=Path),
    metavar="PATH",
    help="The project folder or its syncrun.yaml; the current folder by default.",
)
environment = click.option("--env", "-e", metavar="NAME", help="The project's environment to use.")
connector_set = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A config value, for a connector that is run by its name.",
)
