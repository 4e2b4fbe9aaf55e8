"""The JSON Schemas of connector and project files and of events, generated from their models.

`python -m syncrun.config.schema` writes them to the folder `schemas/`; editors check YAML with them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from syncrun import resources
from syncrun.config.connector import Connector
from syncrun.config.event_schema import events_schema
from syncrun.config.project import ProjectFile

DRAFT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

# Which rules a key keeps: only developers know their numbers.
_RULES = re.compile(r"\s\(R\d+(?:, R\d+)*\)")


def connector_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of connector files.

    With `defaults` a sync need not be complete by itself: keys may be missing in it, and in the defaults.
    """
    schema = _generate(Connector, "A syncrun connector")
    definitions = schema["$defs"]
    partial = {f"{name}Part": _partial(definition) for name, definition in definitions.items()}
    used = dict(_reachable("SyncPart", partial))
    definitions.update(used)
    part = {"$ref": "#/$defs/SyncPart"}
    defaults = schema["properties"]["defaults"]
    schema["properties"]["defaults"] = {**part, "description": defaults["description"]}
    syncs = schema["properties"]["syncs"]
    strict, syncs["additionalProperties"] = syncs["additionalProperties"], True
    schema["if"] = {"required": ["defaults"]}
    schema["then"] = {"properties": {"syncs": {"additionalProperties": part}}}
    schema["else"] = {"properties": {"syncs": {"additionalProperties": strict}}}
    return schema


def project_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of project files."""
    return _generate(ProjectFile, "A syncrun project")


SCHEMAS: Mapping[str, Callable[[], Schema]] = {
    "connector": connector_schema,
    "events": events_schema,
    "project": project_schema,
}


def schema_text(schema: Schema) -> str:
    """Return *schema* as the text of its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write_schemas(folder: Path) -> list[Path]:
    """Write every schema to *folder* and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, generate in SCHEMAS.items():
        path = folder / f"{name}.schema.json"
        path.write_text(schema_text(generate()), encoding="utf-8")
        paths.append(path)
    return paths


def _generate(model: type[BaseModel], title: str) -> Schema:
    schema = model.model_json_schema(by_alias=True, mode="validation")
    schema = _tidy(schema)
    description = schema.pop("description", "")
    return {"$schema": DRAFT, "title": title, "description": description, **schema}


def _tidy(node: Any, *, names: bool = False) -> Any:
    """Return *node* without generated titles, with the key that tells a union's arms apart required in each.

    *names* tells that the keys of *node* are names of the file's keys, not words of JSON Schema.
    """
    if isinstance(node, list):
        return [_tidy(member) for member in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {key: _tidy(member) for key, member in node.items()}
    tidy = {
        key: _tidy(member, names=key in ("properties", "$defs"))
        for key, member in node.items()
        if key not in ("title", "discriminator") and not (key == "default" and member is None)
    }
    if isinstance(tidy.get("description"), str):
        tidy["description"] = _RULES.sub("", tidy["description"])
    named = tidy.pop("patternProperties", None)
    if named:  # as pydantic means it: other names are wrong, not free
        (pattern, tidy["additionalProperties"]), *_ = named.items()
        tidy["propertyNames"] = {**tidy.get("propertyNames", {}), "pattern": pattern}
    kind = tidy.get("properties", {}).get("type", {})
    if "const" in kind and "type" not in tidy.get("required", ()):
        tidy["required"] = ["type", *tidy.get("required", ())]
    if "const" in kind:
        kind.pop("default", None)
    return tidy


def _partial(definition: Any) -> Any:
    """Return *definition* with nothing required, so that defaults can fill in the rest."""
    if isinstance(definition, list):
        return [_partial(member) for member in definition]
    if not isinstance(definition, dict):
        return definition
    partial = {}
    for key, member in definition.items():
        if key == "$ref":
            partial[key] = f"{member}Part"
        elif key == "oneOf":  # several arms can match when none has to be complete
            partial["anyOf"] = _partial(member)
        elif key != "required" or not isinstance(member, list):
            partial[key] = _partial(member)
    return partial


def _reachable(name: str, definitions: Mapping[str, Schema]) -> Iterator[tuple[str, Schema]]:
    """Yield the definition *name* and all that it refers to."""
    pending, seen = [name], set()
    while pending:
        current = pending.pop()
        if current in seen:
            continue
        seen.add(current)
        yield current, deepcopy(definitions[current])
        pending.extend(target.removeprefix("#/$defs/") for target in _targets(definitions[current]))


def _targets(node: Any) -> Iterator[str]:
    members = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    if isinstance(node, dict) and isinstance(node.get("$ref"), str):
        yield node["$ref"]
    for member in members:
        yield from _targets(member)


if __name__ == "__main__":
    write_schemas(resources.folder("schemas"))
