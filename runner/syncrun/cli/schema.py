"""`syncrun schema`: the JSON Schema that editors complete and check YAML files with."""

from __future__ import annotations

import json

import click


@click.command("schema", epilog="Example: syncrun schema connector > connector.schema.json")
@click.argument("kind", type=click.Choice(["connector", "project"]), default="connector")
def command(*, kind: str) -> int:
    """Print the JSON Schema of connector (default) or project files."""
    from syncrun.config.schema import connector_schema, project_schema

    document = connector_schema() if kind == "connector" else project_schema()
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    return 0
