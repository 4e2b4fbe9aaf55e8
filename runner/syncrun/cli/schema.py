"""`syncrun schema`: the JSON Schemas of YAML files, for editors, and of the events of `--json`."""

from __future__ import annotations

import json

import click

from syncrun.cli.terminal import echo


@click.command("schema", epilog="Example: syncrun schema connector > connector.schema.json")
@click.argument("kind", type=click.Choice(["connector", "project", "events"]), default="connector")
def command(*, kind: str) -> int:
    """Print the JSON Schema of connector (default) or project files, or of events (`--json`)."""
    from syncrun.config.schema import SCHEMAS

    echo(json.dumps(SCHEMAS[kind](), indent=2, ensure_ascii=False))
    return 0
