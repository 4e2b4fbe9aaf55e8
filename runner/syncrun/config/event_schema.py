"""The JSON Schema and the reference page of the events of `--json`, from their models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic.json_schema import models_json_schema

from syncrun.events import MODELS, SECTIONS, EventModel, RunEvent, name_of

Schema = dict[str, Any]

_INTRODUCTION = """
Commands with `--json` that do something write one JSON object a line to standard output. The last line is a
`finished` event, exactly one, whatever happens: wrong arguments, a broken file, an interruption, a defect.
Messages for people go to standard error and are no part of this.

```sh
syncrun run github_repo/releases --set owner=duckdb --set repo=duckdb --json 2>/dev/null | tail -n 1
```

```text
{"event": "finished", "exit_code": 0, "runs": 1, "ok": 1, "incomplete": 0, "failed": 0, "locked": 0, "interrupted": 0}
```

Members may be added; those named here stay. `syncrun schema events` prints the JSON Schema of an event, which
is also in `schemas/events.schema.json`.
""".strip()  # noqa: E501 - a line of output is as long as it is


def events_schema(*, exact: bool = False) -> Schema:
    """Return the JSON Schema of an event; *exact*: without room for members that later versions add."""
    _, whole = models_json_schema([(model, "validation") for model in MODELS])
    definitions = {name: _open(definition, exact=exact) for name, definition in whole["$defs"].items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An event that syncrun writes with --json",
        "description": "One line of output. The last one is a `finished` event.",
        "anyOf": [{"$ref": f"#/$defs/{model.__name__}"} for model in MODELS],
        "$defs": definitions,
    }


def event_reference(head: str) -> str:
    """Return the Markdown page of every event; *head* is its first line."""
    parts = [head, "# Events of `--json`", _INTRODUCTION]
    definitions = events_schema()["$defs"]
    for title, models in SECTIONS:
        parts.append(f"## {title}")
        if issubclass(models[0], RunEvent):
            parts += ["Every one of them has the members of the run that it is about:", _shared()]
        named = ""
        for model in models:
            if name_of(model) != named:
                named = name_of(model)
                parts.append(f"### `{named}`")
            parts += [str(model.__doc__), _table(model, definitions[model.__name__])]
    return "\n\n".join(part for part in parts if part) + "\n"


def _shared() -> str:
    return _rows(RunEvent.model_json_schema(), without=())


def _table(model: type[EventModel], definition: Mapping[str, Any]) -> str:
    common = tuple(RunEvent.model_fields) if issubclass(model, RunEvent) else ()
    return _rows(definition, without=("event", *common))


def _rows(definition: Mapping[str, Any], without: tuple[str, ...]) -> str:
    rows = ["| member | value | what |", "| --- | --- | --- |"]
    for name, entry in definition["properties"].items():
        if name not in without:
            optional = "" if name in definition["required"] else "Optional. "
            kinds = " or ".join(kind for kind in _kinds(entry) if not optional or kind != "null")
            rows.append(f"| `{name}` | {kinds} | {optional}{entry.get('description', '')} |")
    return "\n".join(rows)


def _kinds(entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a member may be, in words."""
    for choice in entry.get("anyOf", ()):
        yield from _kinds(choice)
    if "enum" in entry:
        yield from (f"`{value}`" for value in entry["enum"])
    elif entry.get("type") == "array":
        yield f"list of {' or '.join(_kinds(entry['items']))}"
    elif "$ref" in entry:
        yield "`problem`"
    elif "type" in entry:
        kind = str(entry["type"])
        yield {"string": "text", "integer": "whole number", "object": "mapping"}.get(kind, kind)


def _open(node: Any, *, exact: bool) -> Any:
    """Return *node* without generated titles and null defaults, and with room for more members."""
    if isinstance(node, list):
        return [_open(member, exact=exact) for member in node]
    if not isinstance(node, dict):
        return node
    return {
        key: {name: _open(member, exact=exact) for name, member in value.items()}
        if key == "properties"
        else _open(value, exact=exact)
        for key, value in node.items()
        if key != "title"
        and not (key == "default" and value is None)
        and (exact or key != "additionalProperties" or value is not False)
    }
