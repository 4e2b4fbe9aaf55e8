"""The keys that YAML may have, and the computed strings in it, read off the models' annotations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from msgspec import Struct
from pydantic import BaseModel, Discriminator, Tag
from pydantic.fields import FieldInfo

from syncrun.config.base import YamlPath
from syncrun.expressions.fields import Computed, is_template
from syncrun.yaml_models import Kinds


@dataclass(frozen=True, slots=True)
class Spot:
    """What a validation error's location means: the YAML *path*, and the *owner* whose key it is.

    *annotation* is the type expected there, None when the path left the models; *in_key* tells that the key
    itself is wrong, not its value.
    """

    path: YamlPath
    owner: type[BaseModel] | None
    annotation: Any
    in_key: bool = False


class ComputedText(Struct, frozen=True):
    """A string of a YAML file that is computed: an expression, or a template."""

    path: YamlPath
    text: str
    kind: Literal["expression", "template"]


@cache
def keys_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the YAML keys of *model* with their annotations."""
    annotations = get_type_hints(model, include_extras=True)
    return {info.alias or name: annotations[name] for name, info in model.model_fields.items()}


def tags_of(annotation: Any) -> dict[str, Any]:
    """Return the members of a tagged union by tag; nothing for any other annotation."""
    inner, metadata = _unwrap(annotation)
    kinds = next((item for item in metadata if isinstance(item, Kinds)), None)
    if kinds is not None:
        return {name: kinds.model(name) for name in kinds.names}
    if get_origin(inner) not in (Union, UnionType):
        return {}
    by = next((found for item in metadata if (found := _discriminator(item)) is not None), None)
    if by is None:
        rest = [arm for arm in get_args(inner) if arm is not NoneType]
        return tags_of(rest[0]) if len(rest) == 1 else {}
    tagged: dict[str, Any] = {}
    for arm in get_args(inner):
        base, marks = _unwrap(arm)
        names = [mark.tag for mark in marks if isinstance(mark, Tag)]
        if not names and isinstance(base, type) and issubclass(base, BaseModel) and isinstance(by, str):
            names = list(get_args(_unwrap(keys_of(base)[by])[0]))
        tagged |= dict.fromkeys(names, arm)
    return tagged


def locate(model: type[BaseModel], location: tuple[str | int, ...]) -> Spot:
    """Return what *location*, as pydantic gives it for *model*, means; union tags in it are no keys."""
    annotation: Any = model
    owner: type[BaseModel] | None = None
    path: list[str | int] = []
    for index, part in enumerate(location):
        if tagged := tags_of(annotation):
            annotation = tagged.get(str(part))
            continue
        inner = _only_arm(annotation)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            owner, annotation = inner, keys_of(inner).get(str(part))
        elif get_origin(inner) is dict:
            owner, annotation = None, get_args(inner)[1]
            if location[index + 1 : index + 2] == ("[key]",):
                return Spot((*path, part), None, get_args(inner)[0], in_key=True)
        elif get_origin(inner) is list:
            owner, annotation = None, get_args(inner)[0]
        else:
            break
        path.append(part)
    return Spot(tuple(path), owner, annotation)


def find_computed(value: Any, annotation: Any = None, path: YamlPath = ()) -> Iterator[ComputedText]:
    """Yield every computed string of *value*, a validated model, with its path in YAML."""
    if value is None:
        return
    if isinstance(value, BaseModel):
        for name, key, inner in _computed_keys(type(value)):
            yield from find_computed(getattr(value, name), inner, (*path, key))
        return
    for inner, metadata in _arms(annotation):
        marker = next((item for item in metadata if isinstance(item, Computed)), None)
        if marker is not None:
            yield from _strings(value, path, marker.kind)
        elif isinstance(value, dict) and get_origin(inner) is dict:
            for key, member in value.items():
                yield from find_computed(member, get_args(inner)[1], (*path, key))
        elif isinstance(value, list) and get_origin(inner) is list:
            for index, member in enumerate(value):
                yield from find_computed(member, get_args(inner)[0], (*path, index))


@cache
def _computed_keys(model: type[BaseModel]) -> list[tuple[str, str, Any]]:
    """Return name, YAML key and annotation of what in *model* may hold computed strings."""
    keys = keys_of(model)
    fields = zip(model.model_fields, keys.items(), strict=True)
    return [(name, key, annotation) for name, (key, annotation) in fields if _may_compute(annotation)]


def _may_compute(annotation: Any) -> bool:
    return any(
        any(isinstance(item, Computed) for item in metadata)
        or (isinstance(inner, type) and issubclass(inner, BaseModel))
        or any(_may_compute(member) for member in get_args(inner))
        for inner, metadata in _arms(annotation)
    )


def _strings(value: Any, path: YamlPath, kind: str) -> Iterator[ComputedText]:
    if isinstance(value, str):
        expression = kind == "expression" or (kind == "field" and not is_template(value))
        yield ComputedText(path, value, "expression" if expression else "template")
    elif kind == "tree" and isinstance(value, dict):
        for key, member in value.items():
            yield from _strings(member, (*path, key), kind)
    elif kind == "tree" and isinstance(value, list):
        for index, member in enumerate(value):
            yield from _strings(member, (*path, index), kind)


def _arms(annotation: Any) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Yield every alternative of *annotation* with its metadata, unions opened."""
    inner, metadata = _unwrap(annotation)
    if get_origin(inner) in (Union, UnionType):
        for arm in get_args(inner):
            yield from _arms(arm)
    else:
        yield inner, metadata


def _only_arm(annotation: Any) -> Any:
    arms = [inner for inner, _ in _arms(annotation) if inner is not NoneType]
    return arms[0] if len(arms) == 1 else None


def _unwrap(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        return inner, tuple(metadata)
    return annotation, ()


def _discriminator(item: Any) -> Any:
    """Return what tells the arms of a union apart: a key's name or a function; None when *item* does not."""
    found = item.discriminator if isinstance(item, (Discriminator, FieldInfo)) else None
    return found.discriminator if isinstance(found, Discriminator) else found
