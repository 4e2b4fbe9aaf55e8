"""Models of YAML, each made ready when a file first has what it describes: a run needs few of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextvars import ContextVar
from functools import partial
from importlib import import_module
from typing import Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

_being_built: ContextVar[type[BaseModel] | None] = ContextVar("_being_built", default=None)


class YamlModel(BaseModel):
    """A mapping in a YAML file: unknown keys are errors, values never change after validation.

    Where it is part of another model its validator is built when there is first something to validate.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @classmethod
    def model_rebuild(cls, **options: Any) -> bool | None:
        """Build the validator, when it is not there yet; see `BaseModel.model_rebuild`."""
        mark = _being_built.set(cls)
        try:
            return super().model_rebuild(**options)
        finally:
            _being_built.reset(mark)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if _being_built.get() is cls:
            return handler(source)
        return _validated_by(lambda: cls, ref=f"{cls.__module__}.{cls.__qualname__}:{id(cls)}")

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(_whole(cls) if schema["type"] == "function-plain" else schema)


class Kinds:
    """The kinds of a part of YAML, told apart by its key `type`; marks the annotation of their common base.

    *places* has for each kind where in *package* its model is, such as `none.NoAuth`; it is imported when
    there is first something of that kind. The name of a kind among *bare* may stand for a mapping with no
    other key.
    """

    def __init__(self, package: str, places: Mapping[str, str], bare: Collection[str] = ()) -> None:
        self._package = package
        self._places = places
        self._bare = bare

    @property
    def names(self) -> tuple[str, ...]:
        """What `type` may be."""
        return tuple(self._places)

    def model(self, name: str) -> type[YamlModel]:
        """Return the model of the kind *name*."""
        module, _, cls = self._places[name].partition(".")
        model: type[YamlModel] = getattr(import_module(f"{self._package}.{module}"), cls)
        return model

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices = {name: _validated_by(partial(self.model, name)) for name in self._places}
        union = core_schema.tagged_union_schema(choices, discriminator="type")
        return core_schema.no_info_before_validator_function(_expand, union) if self._bare else union

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        mappings = {"oneOf": [handler(_whole(self.model(name))) for name in self._places]}
        return {"anyOf": [{"enum": list(self._bare), "type": "string"}, mappings]} if self._bare else mappings


def _expand(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


def no_entries() -> list[Any]:
    """Return an empty list: what pydantic finds out about `list` itself takes it a thousand times as long."""
    return []


def _validated_by(model: Callable[[], type[BaseModel]], *, ref: str | None = None) -> CoreSchema:
    """Return the schema of a value that *model* checks strictly, as all YAML is."""
    return core_schema.no_info_plain_validator_function(
        lambda value: model().model_validate(value, strict=True), ref=ref
    )


def _whole(model: type[BaseModel]) -> CoreSchema:
    """Return the schema of *model* as a definition, which JSON Schemas refer to."""
    model.model_rebuild()
    schema = model.__pydantic_core_schema__
    if schema["type"] == "definitions":
        return schema
    return core_schema.definitions_schema(core_schema.definition_reference_schema(schema["ref"]), [schema])
