"""`tests:` of a connector: saved answers of the API, and what a run has to make of them.

tests:
  - {sync: issues, responses: tests/github/issues.json, config: {owner: acme}, expect: {records: 3}}
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, NonNegativeInt, Tag

from syncrun.config.base import Identifier, YamlModel, shape_of
from syncrun.config.scalars import ModelName
from syncrun.expressions.text_forms import JSON_FILE

FileName = Annotated[str, Field(pattern=JSON_FILE)]
"""A recording, relative to the project folder."""

AnyResponses = Annotated[
    Annotated[FileName, Tag("text")] | Annotated[Annotated[list[FileName], Field(min_length=1)], Tag("list")],
    Discriminator(shape_of),
]
AnyRecords = Annotated[
    Annotated[NonNegativeInt, Tag("number")] | Annotated[list[dict[str, Any]], Tag("list")],
    Discriminator(shape_of),
]


class Expectation(YamlModel):
    """What a run has to come to; what is not named may be anything."""

    status: Literal["ok", "incomplete", "failed"] = "ok"
    records: AnyRecords | None = Field(
        None,
        description="How many records are live afterwards, or the first ones by the fields given.",
    )
    added: NonNegativeInt | None = None
    updated: NonNegativeInt | None = None
    deleted: NonNegativeInt | None = None
    unchanged: NonNegativeInt | None = None
    quarantined: NonNegativeInt | None = None
    requests: NonNegativeInt | None = Field(None, description="How many requests the sync sends.")
    cursor: Any = Field(None, description="The cursor that is saved, the greatest of all partitions.")


class Case(YamlModel):
    """One test: answers, how to run, and what to expect."""

    sync: ModelName = Field(description="The sync to run; its parents run before it, on the same answers.")
    responses: AnyResponses = Field(description="The recording; of a list, one for each of several runs.")
    config: dict[Identifier, Any] = Field(
        default_factory=dict, description="Config values; secrets without one get a placeholder."
    )
    metadata: dict[str, Any] = Field(default_factory=dict, description="The connection's metadata.")
    now: str | None = Field(None, description="What time it is, where requests or mappings depend on it.")
    cursor: str | None = Field(None, description="The saved cursor that the first run starts from.")
    expect: Expectation = Expectation.model_construct()

    @property
    def files(self) -> list[str]:
        """The recordings, one for each run."""
        return [self.responses] if isinstance(self.responses, str) else list(self.responses)
