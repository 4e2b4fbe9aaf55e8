"""From `CONNECTION/MODEL` to the records that are meant; no config is resolved: no secret is needed."""

from __future__ import annotations

import re
from datetime import datetime
from difflib import get_close_matches

from syncrun.config.connector import Connector
from syncrun.engine.selection import Workspace
from syncrun.errors import UsageError
from syncrun.expressions.moments import parse_moment
from syncrun.stores.base import Store
from syncrun.stores.change_feed import read_cursor
from syncrun.stores.values.ids import DEFAULT_CONNECTION, ModelId


def find_model(workspace: Workspace, store: Store, target: str) -> ModelId:
    """Return the model that *target* names, by its own name or that of the sync that fills it.

    Records that are there can be read without their connector. Raise UsageError for what means nothing here.
    """
    name, _, wanted = target.partition("/")
    connection, connector = _owner(workspace, name)
    if wanted and workspace.database.exists() and store.columns(connector, wanted):
        return ModelId(connection, connector, wanted)
    definition = _connector(workspace, name, connector)
    models = {sync: spec.model or sync for sync, spec in definition.syncs.items()}
    if not wanted:
        hint = f"one of: {', '.join(f'{name}/{model}' for model in dict.fromkeys(models.values()))}"
        raise UsageError(f"{target} names no model", hint=hint)
    if wanted in models.values():
        return ModelId(connection, connector, wanted)
    if wanted not in models:
        known = [*dict.fromkeys(models.values())]
        near = get_close_matches(wanted, [*known, *models], n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(known)}"
        raise UsageError(f"{target}: the connector {connector} has no model {wanted!r}", hint=hint)
    return ModelId(connection, connector, models[wanted])


def moment_or_position(text: str, model: ModelId, now: datetime) -> datetime | int:
    """Return what an `as_of` names: a time, a cursor of *model*, or a position; raise UsageError."""
    if re.fullmatch(r"\d{1,15}", text):
        return int(text)
    if re.fullmatch(r"[0-9a-f]{24}", text):
        return read_cursor(model, text)
    try:
        return parse_moment(text, now)
    except ValueError as error:
        raise UsageError(f"as of {error}", hint="a cursor of the feed does too") from None


def _owner(workspace: Workspace, name: str) -> tuple[str, str]:
    """Return the connection and the connector that *name* stands for."""
    connections = workspace.project.connections
    if name in connections:
        return name, connections[name].connector
    return DEFAULT_CONNECTION, name


def _connector(workspace: Workspace, name: str, connector: str) -> Connector:
    if name in workspace.project.connections:
        return workspace.connector_of(name)[0]
    try:
        return workspace.connector(connector)[0]
    except UsageError as error:
        near = get_close_matches(name, list(workspace.project.connections), n=1)
        hint = f"did you mean '{near[0]}'?" if near else error.hint
        raise UsageError(f"no connection or connector is called {name!r}", hint=hint) from None
