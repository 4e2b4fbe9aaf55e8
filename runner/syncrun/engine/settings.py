"""Config values as they are typed: `--set NAME=VALUE`."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from syncrun.config.connector import Connector
from syncrun.errors import UsageError


def setting(text: str) -> tuple[str, str]:
    """Return name and value of `NAME=VALUE`; raise UsageError for anything else."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"--set {text}: expected NAME=VALUE", hint="such as --set owner=acme")
    return name, value


def typed(connector: Connector, settings: Mapping[str, str]) -> dict[str, Any]:
    """Return the texts of --set as the types that the connector declares."""
    import json

    values: dict[str, Any] = {}
    for name, text in settings.items():
        entry = connector.config.get(name)
        if entry is None:
            near = get_close_matches(name, list(connector.config), n=1)
            known = ", ".join(connector.config) or "none"
            hint = f"did you mean '{near[0]}'?" if near else f"its config entries: {known}"
            raise UsageError(
                f"--set {name}: the connector {connector.connector} has no such config entry", hint=hint
            )
        values[name] = text
        if entry.type != "string":
            try:
                values[name] = json.loads(text)
            except ValueError:
                raise UsageError(f"--set {name}: expected {entry.type}, got {text!r}") from None
    return values
