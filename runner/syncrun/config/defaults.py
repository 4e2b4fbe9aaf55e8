"""`defaults:` of a connector, merged into every sync before it is judged; each part keeps its place."""

from __future__ import annotations

from dataclasses import replace

from syncrun.config.yaml_file import YamlFile
from syncrun.config.yaml_nodes import Node

# A sync that has one key of a group does without the default for the others.
_EXCLUSIVE = {
    "request": (("path", "url"), ("json", "form", "text")),
    "incremental": (("cursor", "token"),),
}
_KINDS = ("pagination", "decode")
_SHORTHANDS = {"request": "path", "pagination": "type", "decode": "type"}


def merge_defaults(file: YamlFile) -> YamlFile:
    """Return *file* with its `defaults` under each of its `syncs`; what a sync says itself wins.

    Mappings merge key by key, all else is replaced; `pagination` of another type is replaced as a whole.
    """
    root = file.root
    defaults, syncs = root.members.get("defaults"), root.members.get("syncs")
    if defaults is None or not _is_mapping(defaults) or syncs is None or not _is_mapping(syncs):
        return file
    merged = Node(syncs.line, syncs.column, {})
    for name, sync in syncs.members.items():
        whole = _merge(defaults, sync, "sync") if _is_mapping(sync) else sync
        merged.put(str(name), whole, syncs.keys[str(name)])
    top = Node(root.line, root.column, {})
    for name, member in root.members.items():
        top.put(str(name), merged if name == "syncs" else member, root.keys[str(name)])
    return replace(file, root=top)


def _merge(base: Node, over: Node, key: str) -> Node:
    base, over = _full(base, key), _full(over, key)
    if not _is_mapping(base) or not _is_mapping(over) or (key in _KINDS and _other_type(base, over)):
        return over
    dropped = {
        name
        for group in _EXCLUSIVE.get(key, ())
        if any(_given(over, name) for name in group)
        for name in group
        if name not in over.members
    }
    result = Node(over.line, over.column, {})
    for name, member in base.members.items():
        if name not in dropped:
            own = over.members.get(name)
            place = (over if own else base).keys[str(name)]
            result.put(str(name), _merge(member, own, str(name)) if own else member, place)
    for name, member in over.members.items():
        if name not in base.members:
            result.put(str(name), member, over.keys[str(name)])
    return result


def _full(node: Node, key: str) -> Node:
    """Return the mapping that a text stands for: `request: /path`, `pagination: link_header`."""
    if key not in _SHORTHANDS or not isinstance(node.value, str):
        return node
    full = Node(node.line, node.column, {})
    full.put(_SHORTHANDS[key], node, (node.line, node.column))
    return full


def _given(node: Node, name: str) -> bool:
    return name in node.members and node.members[name].value is not None


def _other_type(base: Node, over: Node) -> bool:
    """Whether a sync names a pagination type of its own, instead of adding keys to the default."""
    return "type" in over.members and over.value["type"] != base.value.get("type")


def _is_mapping(node: Node) -> bool:
    return isinstance(node.value, dict)
