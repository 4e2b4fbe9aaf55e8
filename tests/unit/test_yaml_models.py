"""Models of YAML: each is made ready when a file first has what it describes."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field, ValidationError

from syncrun.yaml_models import Kinds, YamlModel


class Inner(YamlModel):
    number: int


class Outer(YamlModel):
    one: Inner | None = None
    more: dict[str, Inner] = Field(default_factory=dict)
    other: Inner | None = None


def places(value: Any) -> list[tuple[str, tuple[str | int, ...]]]:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(value, strict=True)
    return [(error["type"], error["loc"]) for error in caught.value.errors()]


def test_a_part_is_made_ready_when_there_is_one() -> None:
    assert Outer.model_validate({}, strict=True) == Outer()
    assert not Inner.__pydantic_complete__
    assert Outer.model_validate({"one": {"number": 1}}, strict=True).one == Inner(number=1)
    assert Inner.__pydantic_complete__


def test_every_problem_of_every_part_is_told_with_its_place() -> None:
    assert places({"one": {"number": "1", "nmber": 1}, "more": {"a": {}, "b": 2}}) == [
        ("int_type", ("one", "number")),
        ("extra_forbidden", ("one", "nmber")),
        ("missing", ("more", "a", "number")),
        ("model_type", ("more", "b")),
    ]


def test_the_json_schema_is_that_of_the_whole() -> None:
    schema = Outer.model_json_schema()
    assert schema["$defs"]["Inner"]["required"] == ["number"]
    assert schema["properties"]["more"]["additionalProperties"] == {"$ref": "#/$defs/Inner"}


def test_a_kind_is_imported_when_there_is_one_of_it() -> None:
    kinds = Kinds("syncrun.auth", {"basic": "basic.Basic", "none": "missing.Missing"})
    assert kinds.model("basic").__name__ == "Basic"
    with pytest.raises(ModuleNotFoundError):
        kinds.model("none")
